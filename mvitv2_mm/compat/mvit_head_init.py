"""Let mmaction2's ``MViTHead`` start from its own initialisation.

Symptom:
    None; the classifier of a video MViT starts from PyTorch's default weights
    instead of a normal distribution of ``init_std`` and biases of 0.02, and
    ``init_scale`` scales those.
Cause:
    ``init_weights`` hands parameters to helpers that expect a module and skip
    everything else.
Repair:
    Hand over the layer.
Inert:
    Where the biases come out as they should.
"""
import functools
from types import ModuleType

from torch import nn

from .import_hooks import after_import

_BIAS = 0.02


def _repair(module: ModuleType) -> None:
    init_weights = module.MViTHead.init_weights

    @functools.wraps(init_weights)
    def wrapper(self) -> None:
        init_weights(self)
        if (self.fc_cls.bias == _BIAS * self.init_scale).all():
            return
        nn.init.trunc_normal_(self.fc_cls.weight, std=self.init_std)
        nn.init.constant_(self.fc_cls.bias, _BIAS)
        self.fc_cls.weight.data.mul_(self.init_scale)
        self.fc_cls.bias.data.mul_(self.init_scale)

    module.MViTHead.init_weights = wrapper


def apply() -> None:
    after_import('mmaction.models.heads.mvit_head', _repair)
