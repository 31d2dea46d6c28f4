"""Whether two detectors find the same objects, where it is not rounding that decides."""
import copy
from typing import Any, Tuple

import torch
from torch import Tensor, nn

# which objects count, and how well corners (pixels), scores and masks (IoU) of two have to fit
OBJECTS, CORNERS, SCORE, MASKS = 0.3, 0.1, 1e-3, 0.95
ROUNDING, TRIES = 2.**-22, 16  # by how much of themselves weights change, and how often
NEAR = 10  # times what has to fit, where an object moves with rounding errors


class SameObjects:
    """Compares the objects that a model and a file find in a picture.

    A detector ranks, and cuts at thresholds: the best proposals, boxes that overlap, scores. Two
    numbers that differ by a rounding error only may fall on both sides of a cut, and so another
    object is found by a program that adds in another order. Such objects are known by the model
    itself, which loses or finds them when its weights change by rounding errors. An object that
    the model finds each time has to be in the file, and where the file finds one the model must
    find it at least once, or nearly.

    Masks that both give as probabilities of 8 bits are compared as such, cut by no threshold.

    Args:
        model (nn.Module): Detector of mmdet.
        exported (nn.Module): The file, behind the same interface.
    """

    def __init__(self, model: nn.Module, exported: nn.Module) -> None:
        self.model, self.exported = model, exported

    def __call__(self, data: dict) -> Tuple[float, float, float]:
        """Compare the objects in one picture.

        Args:
            data (dict): 'inputs' and 'data_samples' of a batch of one.

        Returns:
            tuple[float, float, float]: The largest difference of scores of the same object; the
            share of objects that both find; and the share that only one of them finds, because
            rounding decides.
        """
        found, wanted = _objects(self.exported, data), _objects(self.model, data)
        (is_known, gaps), (is_found, more) = match(found, wanted), match(wanted, found)
        same = torch.cat([is_known, is_found])
        if not len(same):
            return 0., 1., 0.
        allowed = same.clone()
        generator = torch.Generator().manual_seed(0)
        for _ in range(TRIES):
            if allowed.all():
                break
            other = _objects(_rounded(self.model, generator), data)
            allowed |= torch.cat([match(found, other, NEAR)[0], ~match(wanted, other)[0]])
        difference = float(torch.cat([gaps, more]).max())
        shares = (float(part.double().mean()) for part in (same, allowed & ~same))
        return (difference, *shares)

    def best(self, data: dict) -> Tuple[float, float]:
        """Difference of the best scores, and whether both find something or nothing.

        In a picture of one colour many boxes are equal, and which of them is taken is chance.
        """
        found, wanted = (_objects(network, data).scores for network in (self.exported, self.model))
        best = [float(scores.max()) if len(scores) else 0. for scores in (found, wanted)]
        return abs(best[0] - best[1]), float((len(found) > 0) == (len(wanted) > 0))


def _objects(network: nn.Module, data: dict) -> Any:
    return network.test_step(copy.deepcopy(data))[0].pred_instances


def _rounded(model: nn.Module, generator: torch.Generator) -> nn.Module:
    """A model whose weights differ by rounding errors."""
    other = copy.deepcopy(model)
    for param in other.parameters():
        param.data.mul_(1 + ROUNDING * torch.randn(param.shape, generator=generator))
    return other


def match(objects: Any, others: Any, slack: float = 1.) -> Tuple[Tensor, Tensor]:
    """For each object that counts, whether it is among others, and by how much its score differs.

    What has no partner has no difference to it. ``slack`` is how many times larger the differences
    of both may be. Those with a good score count, or all if there are none.
    """
    counts = objects.scores >= OBJECTS
    objects = objects[counts] if counts.any() else objects
    if not len(objects) or not len(others):
        return torch.zeros(len(objects), dtype=torch.bool), torch.zeros(len(objects))
    fits = torch.cdist(objects.bboxes, others.bboxes, p=torch.inf) <= slack * CORNERS
    fits &= objects.labels[:, None] == others.labels
    gap, best = (objects.scores[:, None] - others.scores).abs().masked_fill(~fits, torch.inf).min(1)
    same = gap <= slack * SCORE
    if 'masks' in objects:
        both = objects.masks, others.masks[best]
        least, most = (pick(*both).sum((1, 2)) for pick in (torch.minimum, torch.maximum))
        same &= least >= (1 - slack * (1 - MASKS)) * most
    return same, gap.masked_fill(~same, 0)
