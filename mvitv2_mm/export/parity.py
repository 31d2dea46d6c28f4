"""Compare what an exported file gives with what the model gives for the same inputs."""
import copy
from typing import Any, Dict, List, Sequence, Tuple

import torch
from mmengine.dataset import pseudo_collate
from torch import Tensor, nn

from ..models.exported import ExportedModel, to_pixels
from .graphs import Graph
from .same_objects import SCORE, SameObjects

TOLERANCE = 1e-4  # of the largest output
SHARE = 0.99  # of the answers are the same, or decided by rounding


class Parity:
    """Compares a file with its model, one batch after the other.

    Args:
        model (nn.Module): The model.
        exported (ExportedModel): The file, behind the same interface.
        task (str): 'image', 'detection' or 'video'.
        maps (bool): The file holds the backbone alone.

    Attributes:
        rows (list[dict]): For each batch 'kind', 'inputs' (their shape), 'difference' and
            'agreement', the share of answers that are the same. Of objects also 'rounding', the
            share that differs because rounding decides; see :class:`SameObjects`.
    """

    def __init__(self, model: nn.Module, exported: ExportedModel, task: str, maps: bool) -> None:
        self.model, self.exported, self.maps, self.task = model, exported, maps, task
        self.objects = SameObjects(model, exported)
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
        shape = [len(samples), *samples[0]['inputs'].shape]
        with torch.no_grad():
            if self.maps or self.task != 'detection':
                found, limit = self._compare_tensors(data), TOLERANCE
            elif kind == 'black':
                found, limit = self.objects.best(data), SCORE
            else:
                found, limit = self.objects(data), SCORE
        names = 'difference', 'agreement', 'rounding'
        self.rows.append(dict(kind=kind, inputs=shape, **dict(zip(names, found))))
        difference, *shares = found
        others = 1 - sum(shares)
        if not difference <= limit or others > 1 - SHARE + 1e-9:  # NaN is no agreement
            raise ValueError(
                f'the file is not kept: for {kind} inputs of {" x ".join(map(str, shape))} it '
                f'differs from the model by {difference:.1e} (allowed: {limit:.0e}), and '
                f'{others:.1%} of its answers are others')

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
