"""Let ``AmpOptimWrapper`` train on the CPU, in bfloat16.

Symptom:
    ``AssertionError: AmpOptimizerWrapper is only available training on gpu``.
Cause:
    A hard assertion; the rest of the class works on the CPU: autocast uses
    bfloat16 there, and the loss scaler, which bfloat16 does not need,
    disables itself.
Repair:
    Without any accelerator the assertion is met during construction.
Inert:
    Wherever an accelerator is available, and where the assertion is gone.
"""
import functools
import warnings
from types import ModuleType
from unittest import mock

from mmengine.device import get_device

from .import_hooks import after_import


def _repair(module: ModuleType) -> None:
    init = module.AmpOptimWrapper.__init__

    @functools.wraps(init)
    def wrapper(self, *args, **kwargs):
        if get_device() != 'cpu':
            return init(self, *args, **kwargs)
        with mock.patch.object(module, 'is_cuda_available', lambda: True, create=True), \
                warnings.catch_warnings():
            warnings.filterwarnings('ignore', '.*GradScaler')
            init(self, *args, **kwargs)

    module.AmpOptimWrapper.__init__ = wrapper


def apply() -> None:
    after_import('mmengine.optim.optimizer.amp_optimizer_wrapper', _repair)
