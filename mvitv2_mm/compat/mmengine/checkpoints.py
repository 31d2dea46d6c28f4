"""Let every way into an OpenMMLab model take every MViTv2 checkpoint, unconverted.

Symptom:
    ``load_from``, ``init_cfg=dict(type='Pretrained', ...)``, ``test`` and the inferencers
    load nothing from MViTv2 weights of other code bases, and tables of another size stop them.
Cause:
    All read through mmengine's ``CheckpointLoader`` and write through its ``load_state_dict``,
    which know torch files and equal names and shapes only.
Repair:
    The readers of local files and URLs are registered anew, by mmengine's own means;
    ``load_state_dict`` and the choice of a prefix are wrapped.
Inert:
    For files and models without an MViTv2: what mmengine cannot read stays its error.
"""
from functools import wraps
from importlib import import_module
from types import ModuleType
from typing import Any

from ..versions import Window

WINDOWS = (Window('mmengine', '0.10.7', '0.12', tested='0.10.7'), )


def _adapters() -> ModuleType:
    # Imported on first use: when mmengine's module is extended, mmcv may be half imported.
    return import_module('mvitv2_mm.checkpoints.adapters')


def _extend(checkpoint: ModuleType) -> None:
    read_as_mmengine = checkpoint.load_from_local
    load_state_dict = checkpoint.load_state_dict

    def load_from_local(filename: str, map_location: Any = None) -> Any:
        """Read a file, or a published model by its name."""
        return _adapters().read_for_mmengine(filename, map_location, read_as_mmengine)

    def load_from_http(filename: str, map_location: Any = None) -> Any:
        """Read a URL, downloaded once into torch's cache."""
        return _adapters().read_for_mmengine(filename, map_location, read_as_mmengine)

    @wraps(load_state_dict)
    def load_any_state_dict(module, state_dict, strict=False, logger=None):
        state_dict = _adapters().adapt_state_dict(module, state_dict)
        return load_state_dict(module, state_dict, strict, logger)

    @wraps(checkpoint._load_checkpoint_with_prefix)
    def load_with_prefix(prefix, filename, map_location=None):
        content = checkpoint._load_checkpoint(filename, map_location=map_location)
        return _adapters().select_prefix(content, prefix, filename)

    register = checkpoint.CheckpointLoader.register_scheme
    register(prefixes='', loader=load_from_local, force=True)
    register(prefixes=('http://', 'https://'), loader=load_from_http, force=True)
    checkpoint.load_state_dict = load_any_state_dict
    checkpoint._load_checkpoint_with_prefix = load_with_prefix


HOOKS = {'mmengine.runner.checkpoint': _extend}
