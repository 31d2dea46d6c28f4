"""Clip gradients of FSDP by their norm over all processes.

Symptom:
    Under ``FSDPStrategy`` with ``clip_grad=dict(max_norm=...)`` the logged
    ``grad_norm`` is too small, and the processes scale their pieces of the
    same gradient by different factors.
Cause:
    ``OptimWrapper`` takes the norm of what its process holds.
Repair:
    FSDP's own ``clip_grad_norm_`` takes its place.
Inert:
    For every other strategy, and for clipping by value.
"""
import functools
from types import ModuleType

from torch.nn.utils import clip_grad_norm_

from .import_hooks import after_import


def _repair(module: ModuleType) -> None:
    strategy = module.FSDPStrategy
    prepare = strategy.prepare

    @functools.wraps(prepare)
    def clip_all_pieces(self, *args, **kwargs):
        components = prepare(self, *args, **kwargs)
        wrapper = getattr(self, 'optim_wrapper', None)
        if getattr(wrapper, 'clip_func', None) is clip_grad_norm_:
            wrapper.clip_func = lambda params, **limits: self.model.clip_grad_norm_(**limits)
        return components

    strategy.prepare = clip_all_pieces


def apply() -> None:
    after_import('mmengine._strategy.fsdp', _repair)
