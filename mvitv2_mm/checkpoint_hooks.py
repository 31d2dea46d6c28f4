"""Let every way into an OpenMMLab model take every MViTv2 checkpoint, unconverted.

``init_cfg=dict(type='Pretrained', ...)``, ``load_from``, ``tools/test.py``, ``load_checkpoint`` and
the inferencers all read through mmengine's ``CheckpointLoader`` and write through its
``load_state_dict``. The readers of local files and URLs are registered anew, by mmengine's own
means; ``load_state_dict`` is wrapped, and does nothing new for models without an MViTv2. So is the
loading of ``FSDPStrategy``, which goes straight to torch.
"""
from copy import deepcopy
from functools import wraps
from importlib import import_module
from types import ModuleType
from typing import Any, Callable

from torch import nn

from .compat.import_hooks import after_import


def _adapters() -> ModuleType:
    # Imported on first use: when mmengine's module is extended, mmcv may be half imported.
    return import_module('mvitv2_mm.checkpoints.adapters')


def load_from_local(filename: str, map_location: Any = None) -> Any:
    """Read a file, or a published model by its name."""
    return _adapters().read_for_mmengine(filename, map_location)


def load_from_http(filename: str, map_location: Any = None) -> Any:
    """Read a URL, downloaded once into torch's cache."""
    return _adapters().read_for_mmengine(filename, map_location)


def _adapt_first(load_state_dict: Callable) -> Callable:

    @wraps(load_state_dict)
    def load_any_state_dict(module, state_dict, strict=False, logger=None):
        state_dict = _adapters().adapt_state_dict(module, state_dict)
        return load_state_dict(module, state_dict, strict, logger)

    return load_any_state_dict


def _extend(checkpoint: ModuleType) -> None:

    def load_with_prefix(prefix, filename, map_location=None):
        content = checkpoint._load_checkpoint(filename, map_location=map_location)
        return _adapters().select_prefix(content, prefix, filename)

    register = checkpoint.CheckpointLoader.register_scheme
    register(prefixes='', loader=load_from_local, force=True)
    register(prefixes=('http://', 'https://'), loader=load_from_http, force=True)
    checkpoint.load_state_dict = _adapt_first(checkpoint.load_state_dict)
    checkpoint._load_checkpoint_with_prefix = load_with_prefix


def _shapes_of(model: nn.Module) -> nn.Module:
    """A copy of a model whose parameters have shapes, but no memory of their own."""
    return deepcopy(
        model,
        {id(p): nn.Parameter(p.new_zeros(()).expand(p.shape), False)
         for p in model.parameters()})


def _extend_sharding(module: ModuleType) -> None:
    """FSDP cuts the parameters up, so weights are fitted to a copy from before."""
    strategy = module.FSDPStrategy
    wrap_model, load = strategy._wrap_model, strategy.load_model_state_dict

    @wraps(wrap_model)
    def remember_shapes(self, model):
        self.shapes = _shapes_of(model)
        return wrap_model(self, model)

    @wraps(load)
    def load_any(self, state_dict, **kwargs):
        load(self, _adapters().adapt_state_dict(self.shapes, state_dict), **kwargs)

    strategy._wrap_model = remember_shapes
    strategy.load_model_state_dict = load_any


def install() -> None:
    """Extend mmengine's modules, now or when they are imported. To be called once."""
    after_import('mmengine.runner.checkpoint', _extend)
    after_import('mmengine._strategy.fsdp', _extend_sharding)
