"""Give the heads of mmdet float32 under bfloat16 autocast.

Symptom:
    ``expected Float but found BFloat16`` from nms and RoIAlign.
Cause:
    Losses, box decoding and the compiled ops were written for float32 and float16. Besides, RoIs
    are cast to the type of the features, and bfloat16 cannot hold a pixel position above 256
    exactly.
Repair:
    bfloat16 becomes float32 where a head hands its predictions over, and before RoI features are
    cut.
Inert:
    In float32 and float16, and where the predictions are float32 already.
"""
import functools
from types import ModuleType
from typing import Callable

import torch

from ..versions import Window

WINDOWS = (Window('mmdet', '3.3', '3.4', tested='3.3.0'), )


def to_float32(value):
    """Cast bfloat16 tensors in nested lists and tuples."""
    if isinstance(value, torch.Tensor):
        return value.float() if value.dtype == torch.bfloat16 else value
    if type(value) in (list, tuple):
        return type(value)(to_float32(item) for item in value)
    return value


def float32_output(forward: Callable) -> Callable:

    @functools.wraps(forward)
    def wrapper(*args, **kwargs):
        return to_float32(forward(*args, **kwargs))

    return wrapper


def float32_input(method: Callable) -> Callable:
    """Let a method receive bfloat16 arguments in float32."""

    @functools.wraps(method)
    def wrapper(*args, **kwargs):
        kwargs = {key: to_float32(value) for key, value in kwargs.items()}
        return method(*to_float32(args), **kwargs)

    return wrapper


# module below mmdet.models: class, and what its forward gets
_FORWARDS = {
    'dense_heads.anchor_head': ('AnchorHead', float32_output),
    'roi_heads.bbox_heads.bbox_head': ('BBoxHead', float32_output),
    'roi_heads.bbox_heads.convfc_bbox_head': ('ConvFCBBoxHead', float32_output),
    'roi_heads.mask_heads.fcn_mask_head': ('FCNMaskHead', float32_output),
    'roi_heads.roi_extractors.single_level_roi_extractor': ('SingleRoIExtractor', float32_input),
}


def _repair(module: ModuleType) -> None:
    name, decorator = _FORWARDS[module.__name__.removeprefix('mmdet.models.')]
    owner = getattr(module, name)
    owner.forward = decorator(owner.forward)


HOOKS = {f'mmdet.models.{name}': _repair for name in _FORWARDS}
