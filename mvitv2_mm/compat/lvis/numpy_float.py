"""Let the LVIS API evaluate on current numpy.

Symptom:
    ``AttributeError: module 'numpy' has no attribute 'float'`` at the end of a test on LVIS.
Cause:
    lvis 0.5.3, the last release, uses an alias that numpy 1.24 removed.
Repair:
    Its evaluation module sees numpy with that alias.
Inert:
    Where numpy has the alias, and for evaluations that do not use it.
"""
from types import ModuleType

import numpy as np

from ..versions import NotNeeded, Window

WINDOWS = (Window('lvis', '0.5', '0.6', tested='0.5.3'), )


class _NumpyWithFloat:
    float = float

    def __getattr__(self, name: str):
        return getattr(np, name)


def _repair(module: ModuleType) -> None:
    if 'float' not in module.LVISEval.accumulate.__code__.co_names or hasattr(np, 'float'):
        raise NotNeeded('the alias is not used, or numpy has it')
    module.np = _NumpyWithFloat()


HOOKS = {'lvis.eval': _repair}
