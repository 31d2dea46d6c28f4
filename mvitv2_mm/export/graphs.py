"""What goes into a file: from pixels of uint8 to what the network knows, without data samples."""
from dataclasses import dataclass
from typing import Dict, List, Optional, Sequence, Tuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..backbones import MViTv2
from ..checkpoints.model_source import OpenedModel
from ..checkpoints.preprocessing import describe_preprocessing
from ..errors import UsageError


@dataclass
class Graph:
    """A module to export and the sizes that it takes.

    Attributes:
        module (nn.Module): Takes RGB pixels of uint8, (B, H, W, 3) or (B, T, H, W, 3).
        outputs (list[str]): Names of what it gives.
        shape (tuple[int]): An input that it takes, with a batch of 2, or of 1 for a detector.
        open_axes (dict[int, str]): Axes of the input whose size is left open, and their names.
    """
    module: nn.Module
    outputs: List[str]
    shape: Tuple[int, ...]
    open_axes: Dict[int, str]


class Pixels(nn.Module):
    """Pixels as the network wants them: its order of colours, normalised, padded.

    Args:
        mean (Sequence[float], optional): Of each channel; None leaves the pixels as they are.
        std (Sequence[float], optional): Of each channel.
        is_bgr (bool): The order of the network.
        divisor (int): Both sides are padded with zeros, after the normalisation, to a multiple of
            this number.
    """

    def __init__(self, mean: Optional[Sequence[float]], std: Optional[Sequence[float]],
                 is_bgr: bool, divisor: int) -> None:
        super().__init__()
        self.is_bgr, self.divisor = is_bgr, divisor
        self.register_buffer('mean', None if mean is None else torch.tensor(mean))
        self.register_buffer('std', None if std is None else torch.tensor(std))

    def forward(self, pixels: Tensor) -> Tensor:
        """(B, H, W, 3) or (B, T, H, W, 3) of uint8 -> (B, 3, H, W) or (B, 3, T, H, W)."""
        x = pixels.float()
        if self.is_bgr:
            x = x.flip(-1)
        if self.mean is not None:
            x = (x - self.mean) / self.std
        last = x.dim() - 1
        x = x.permute(0, last, *range(1, last))
        if self.divisor > 1:
            # of positive numbers: ONNX rounds quotients towards zero
            height, width = ((n + self.divisor - 1) // self.divisor * self.divisor - n
                             for n in x.shape[-2:])
            x = F.pad(x, (0, width, 0, height))
        return x


class Classifier(nn.Module):
    """Pixels -> logits of a classifier or recognizer, one view of a clip at a time."""

    def __init__(self, pixels: nn.Module, model: nn.Module) -> None:
        super().__init__()
        self.pixels, self.backbone = pixels, model.backbone
        self.neck = getattr(model, 'neck', None)
        self.head = model.cls_head if hasattr(model, 'cls_head') else model.head

    def forward(self, pixels: Tensor) -> Tensor:
        """(B, (T, ), H, W, 3) of uint8 -> (B, classes)."""
        feats = self.backbone(self.pixels(pixels))
        return self.head(feats if self.neck is None else self.neck(feats))


class Maps(nn.Module):
    """Pixels -> what the backbone gives: one tensor for each scale, or two with a class token."""

    def __init__(self, pixels: nn.Module, model: nn.Module) -> None:
        super().__init__()
        self.pixels, self.backbone = pixels, model.backbone

    def forward(self, pixels: Tensor) -> Tuple[Tensor, ...]:
        """(B, (T, ), H, W, 3) of uint8 -> tensors (B, C, *grid) and (B, C)."""
        outputs = self.backbone(self.pixels(pixels))
        return tuple(
            part for out in outputs for part in (out if isinstance(out, (list, tuple)) else [out]))


def make_graph(opened: OpenedModel, model: nn.Module, maps: bool, fixed_size: bool) -> Graph:
    """What of a model is exported.

    Args:
        opened (OpenedModel): What is known of the model.
        model (nn.Module): The model, built.
        maps (bool): Its backbone alone.
        fixed_size (bool): Inputs have the height and width that the backbone is built for.

    Raises:
        UsageError: If it is of a kind that is not exported.
    """
    if opened.task == 'action_detection' or not isinstance(model.backbone, MViTv2):
        raise UsageError(f'{opened.name} cannot be exported: files are written of classifiers, '
                         'recognizers and detectors of objects with an MViTv2')
    found = describe_preprocessing(opened.cfg, opened.task)
    preprocessor = opened.cfg.model.data_preprocessor
    is_detector = opened.task == 'detection'
    pixels = Pixels(found['mean'], found['std'], found['colour_order'] == 'BGR',
                    preprocessor.get('pad_size_divisor', 1))
    if maps:
        module = Maps(pixels, model)
        outputs = _names_of_maps(model.backbone)
    elif is_detector:
        from .detector import OUTPUTS, make_detector
        module = make_detector(pixels, model, opened.name)
        outputs = OUTPUTS[:3 + model.roi_head.with_mask]
    else:
        module, outputs = Classifier(pixels, model), ['logits']
    size = model.backbone.input_size
    axes = {} if is_detector and not maps else {0: 'batch'}
    if not fixed_size and model.backbone.pos_embed is None:  # else positions fit one size
        axes.update({len(size) - 1: 'height', len(size): 'width'})
    return Graph(module.eval(), outputs, (2 if 0 in axes else 1, *size, 3), axes)


def _names_of_maps(backbone: MViTv2) -> List[str]:
    names = []
    for scale in backbone.out_scales:
        names += [f'map{scale}'] if backbone.out_type != 'cls_token' else []
        names += [f'cls_token{scale}'] if 'cls_token' in backbone.out_type else []
    return names
