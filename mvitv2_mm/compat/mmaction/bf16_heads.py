"""Give the heads of mmaction2 float32 under bfloat16 autocast.

Symptom:
    ``Got unsupported ScalarType BFloat16`` from ``.numpy()`` in recognition heads.
Cause:
    Losses and metrics were written for float32 and float16.
Repair:
    bfloat16 scores become float32 before losses and predictions are made of them.
Inert:
    In float32 and float16.
"""
from types import ModuleType

from ..mmdet.bf16_heads import float32_input
from ..versions import Window

WINDOWS = (Window('mmaction2', '1.2', '1.3', tested='1.2.0'), )


def _repair(module: ModuleType) -> None:
    head = module.BaseHead
    loss, predict = float32_input(head.loss_by_feat), float32_input(head.predict_by_feat)
    head.loss_by_feat, head.predict_by_feat = loss, predict


HOOKS = {'mmaction.models.heads.base': _repair}
