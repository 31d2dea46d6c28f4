"""Give the heads of mmdet and mmaction2 float32 under bfloat16 autocast.

Symptom:
    ``expected Float but found BFloat16`` from nms and RoIAlign, ``Got
    unsupported ScalarType BFloat16`` from ``.numpy()`` in recognition heads.
Cause:
    Losses, box decoding, metrics and the compiled ops were written for
    float32 and float16. Besides, RoIs are cast to the type of the features,
    and bfloat16 cannot hold a pixel position above 256 exactly.
Repair:
    bfloat16 becomes float32 where a head hands its predictions over, and
    before RoI features are cut.
Inert:
    In float32 and float16, and where the predictions are float32 already.
"""
import functools
from types import ModuleType

import torch

from .import_hooks import after_import

_MMDET = 'mmdet.models'
# module, class, method whose results turn float32
_OUTPUTS = (
    (f'{_MMDET}.dense_heads.anchor_head', 'AnchorHead', 'forward'),
    (f'{_MMDET}.roi_heads.bbox_heads.bbox_head', 'BBoxHead', 'forward'),
    (f'{_MMDET}.roi_heads.bbox_heads.convfc_bbox_head', 'ConvFCBBoxHead', 'forward'),
    (f'{_MMDET}.roi_heads.mask_heads.fcn_mask_head', 'FCNMaskHead', 'forward'),
)
# module, class, method whose arguments turn float32
_INPUTS = (
    (f'{_MMDET}.roi_heads.roi_extractors.single_level_roi_extractor', 'SingleRoIExtractor',
     'forward'),
    ('mmaction.models.heads.base', 'BaseHead', 'loss_by_feat'),
    ('mmaction.models.heads.base', 'BaseHead', 'predict_by_feat'),
)


def _to_float32(value):
    """Cast bfloat16 tensors in nested lists and tuples."""
    if isinstance(value, torch.Tensor):
        return value.float() if value.dtype == torch.bfloat16 else value
    if type(value) in (list, tuple):
        return type(value)(_to_float32(item) for item in value)
    return value


def _float32_output(method):

    @functools.wraps(method)
    def wrapper(*args, **kwargs):
        return _to_float32(method(*args, **kwargs))

    return wrapper


def _float32_input(method):

    @functools.wraps(method)
    def wrapper(self, *args, **kwargs):
        kwargs = {key: _to_float32(value) for key, value in kwargs.items()}
        return method(self, *_to_float32(args), **kwargs)

    return wrapper


def _decorate(class_name: str, method: str, decorator):

    def callback(module: ModuleType) -> None:
        owner = getattr(module, class_name)
        setattr(owner, method, decorator(getattr(owner, method)))

    return callback


def apply() -> None:
    for targets, decorator in ((_OUTPUTS, _float32_output), (_INPUTS, _float32_input)):
        for module, class_name, method in targets:
            after_import(module, _decorate(class_name, method, decorator))
