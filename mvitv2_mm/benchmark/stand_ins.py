"""What the network needs of mmengine and mmcv, for machines that have neither.

For measuring only: nothing is registered, initialised from a config, or logged.
"""
import sys
from types import ModuleType
from typing import Any, Callable, Tuple

from torch import nn


class _Module(nn.Module):
    """mmengine's BaseModule, with the weights that PyTorch starts with."""

    def __init__(self, init_cfg: Any = None) -> None:
        super().__init__()


class _Registry:
    """A registry that remembers nothing."""

    def register_module(self, *args, **kwargs) -> Callable:
        return lambda cls: cls


def _build_norm_layer(cfg: dict, num_features: int) -> Tuple[str, nn.Module]:
    return 'ln', nn.LayerNorm(num_features, eps=cfg['eps'])


def _ignore(*args, **kwargs) -> None:
    """Does nothing."""


_MODULES = {
    'mmengine': {},
    'mmengine.logging': dict(print_log=_ignore),
    'mmengine.model': dict(BaseModule=_Module),
    'mmengine.model.weight_init':
    dict(trunc_normal_=nn.init.trunc_normal_, update_init_info=_ignore),
    'mmcv': {},
    'mmcv.cnn': dict(build_norm_layer=_build_norm_layer),
    # it takes any arguments; where nothing is dropped both are the same
    'mmcv.cnn.bricks': dict(DropPath=nn.Identity),
    'mvitv2_mm.registry': dict(MODELS=_Registry()),
}


def put_in_place() -> None:
    """Let imports of mmengine and mmcv in this process find the stand-ins."""
    for name, members in _MODULES.items():
        module = sys.modules[name] = ModuleType(name, 'A stand-in.')
        vars(module).update(members)
        parent, _, child = name.rpartition('.')
        if parent:
            setattr(sys.modules[parent], child, module)
