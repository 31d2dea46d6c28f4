"""Compare what an exported file gives with what the model gives for the same inputs."""
import copy
from typing import Any, Dict, List, Optional, Sequence, Tuple

import torch
from mmengine.dataset import pseudo_collate
from torch import Tensor, nn
from torchvision.ops import box_iou

from ..models.exported import ExportedModel, to_pixels
from .graphs import Graph

TOLERANCE = 1e-4  # of the largest output
# of detectors: which objects count, how well boxes, masks and scores fit, and how many have to
OBJECTS, OVERLAP, MASK_OVERLAP, SCORE, SHARE = 0.3, 0.99, 0.95, 1e-3, 0.995
CORNERS = 0.1  # pixels; a box at the border of a picture may have no area, and so no overlap


class Parity:
    """Compares a file with its model, one batch after the other.

    Args:
        model (nn.Module): The model.
        exported (ExportedModel): The file, behind the same interface.
        task (str): 'image', 'detection' or 'video'.
        maps (bool): The file holds the backbone alone.

    Attributes:
        rows (list[dict]): For each batch 'kind', 'inputs' (their shape), 'difference' and
            'agreement', the share of answers that are the same.
    """

    def __init__(self, model: nn.Module, exported: ExportedModel, task: str, maps: bool) -> None:
        self.model, self.exported, self.task, self.maps = model, exported, task, maps
        self.rows: List[Dict[str, Any]] = []

    def __call__(self, kind: str, samples: Sequence[dict]) -> None:
        """Compare a batch.

        Args:
            kind (str): What the inputs are, for the certificate and for errors.
            samples (Sequence[dict]): 'inputs' and 'data_samples', as the pipeline packs them.

        Raises:
            ValueError: If the file gives something else than the model.
        """
        data = pseudo_collate(list(samples))
        with torch.no_grad():
            if self.task == 'detection' and not self.maps:
                compare = self._compare_best if kind == 'black' else self._compare_objects
                difference, agreement = compare(data)
                limit = SCORE
            else:
                difference, agreement = self._compare_tensors(data)
                limit = TOLERANCE
        shape = [len(samples), *samples[0]['inputs'].shape]
        self.rows.append(dict(kind=kind, inputs=shape, difference=difference, agreement=agreement))
        if not difference <= limit or agreement < SHARE:  # NaN is no agreement
            raise ValueError(
                f'the file is not kept: for {kind} inputs of {" x ".join(map(str, shape))} it '
                f'differs from the model by {difference:.1e} (allowed: {limit:.0e}), and '
                f'{agreement:.1%} of its answers are the same')

    def _compare_tensors(self, data: dict) -> Tuple[float, float]:
        """Largest difference as a share of the largest output, and the share of equal answers."""
        pixels = to_pixels(self.exported.data_preprocessor(copy.deepcopy(data), False)['inputs'])
        found = self.exported.run(pixels)
        wanted = self._tensors(self.model.data_preprocessor(copy.deepcopy(data), False)['inputs'])
        scales = [tensor.abs().max() for tensor in wanted]
        pairs = list(zip(found, wanted, scales, strict=True))
        difference = max(float((a - b).abs().max() / scale) for a, b, scale in pairs)
        if self.maps:
            return difference, 1.
        (found, wanted, scale), = pairs
        answers = wanted.gather(1, found.argmax(1, keepdim=True))[:, 0]
        # the best, or one that is as good
        same = answers >= wanted.amax(1) - TOLERANCE * scale
        return difference, float(same.float().mean())

    def _tensors(self, inputs: Tensor) -> List[Tensor]:
        if self.maps:
            outputs = self.model.backbone(inputs.flatten(0, 1) if inputs.dim() == 6 else inputs)
            return [
                part for out in outputs
                for part in (out if isinstance(out, (list, tuple)) else [out])
            ]
        if self.task == 'video':
            return [self.model.extract_feat(inputs, stage='head')[0]]
        return [self.model(inputs, mode='tensor')]

    def _compare_best(self, data: dict) -> Tuple[float, float]:
        """Difference of the best scores, and whether both find something or nothing.

        In a picture of one colour many boxes are equal, and which of them is taken is chance.
        """
        found, wanted = (
            network.test_step(copy.deepcopy(data))[0].pred_instances.scores
            for network in (self.exported, self.model))
        best = [float(scores.max()) if len(scores) else 0. for scores in (found, wanted)]
        return abs(best[0] - best[1]), float((len(found) > 0) == (len(wanted) > 0))

    def _compare_objects(self, data: dict) -> Tuple[float, float]:
        """Largest difference of scores, and the share of objects that both find."""
        found, wanted = ([
            sample.pred_instances for sample in network.test_step(copy.deepcopy(data))
        ] for network in (self.exported, self.model))
        pairs = [
            pair for a, b in zip(found, wanted) for pair in (_match(a, b), _match(b, a)) if pair
        ]
        if not pairs:  # no objects in either
            return 0., 1.
        same, gaps = (torch.cat(parts) for parts in zip(*pairs))
        return float(gaps.max()), float(same.float().mean())


def _match(objects: Any, others: Any) -> Optional[Tuple[Tensor, Tensor]]:
    """For each object that counts, whether it is among others, and by how much its score differs.

    None if there are no objects.
    """
    counts = objects.scores >= OBJECTS
    objects = objects[counts] if counts.any() else objects
    if not len(objects):
        return None
    if not len(others):
        return torch.zeros(len(objects)), torch.ones(len(objects))
    fits = box_iou(objects.bboxes, others.bboxes) > OVERLAP
    fits |= torch.cdist(objects.bboxes, others.bboxes, p=torch.inf) < CORNERS
    fits &= objects.labels[:, None] == others.labels
    gaps = (objects.scores[:, None] - others.scores).abs().masked_fill(~fits, torch.inf)
    gap, best = gaps.min(1)
    same = gap <= SCORE
    if 'masks' in objects:
        masks, theirs = objects.masks, others.masks[best]
        wrong, size = (masks != theirs).sum((1, 2)), (masks | theirs).sum((1, 2))
        same &= wrong <= ((1 - MASK_OVERLAP) * size).clamp(min=1)
    return same, gap.masked_fill(~same, 0)  # what has no partner has no difference to it


def random_batches(graph: Graph, task: str, maps: bool) -> List[Tuple[str, List[dict]]]:
    """Batches of the sizes that a file has to take: (kind, samples).

    One and three inputs of the usual size and, where the file leaves height and width open, of
    others: not square, and odd. A detector also gets a black picture.
    """
    *_, height, width, _ = graph.shape
    sizes = [(height, width)]
    if 'height' in graph.open_axes.values():
        sizes += [(height, width + width // 2 // 32 * 32 + 32), (height + 1, width - 5)]
    batches = (1, 3) if 0 in graph.open_axes else (1, )
    frames = graph.shape[1:-3]
    generator = torch.Generator().manual_seed(0)

    def samples(number: int, size: Tuple[int, int], high: int = 256) -> List[dict]:
        shape = (1, 3, *frames, *size) if frames else (3, *size)
        return [
            dict(
                inputs=torch.randint(high, shape, dtype=torch.uint8, generator=generator),
                data_samples=_sample(size) if task == 'detection' and not maps else None)
            for _ in range(number)
        ]

    found = [('random', samples(number, size)) for size in sizes for number in batches]
    return found + ([('black', samples(1, sizes[0], 1))] if task == 'detection' else [])


def _sample(size: Tuple[int, int]) -> Any:
    from mmdet.structures import DetDataSample
    return DetDataSample(metainfo=dict(img_shape=size, ori_shape=size, scale_factor=(1., 1.)))
