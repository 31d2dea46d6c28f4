"""Evaluation on LVIS: the alias that numpy dropped is back where it is used, and only there."""
import contextlib
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from mvitv2_mm.compat.lvis import numpy_float
from mvitv2_mm.compat.versions import NotNeeded

lvis = pytest.importorskip('lvis')


def module_with(accumulate):
    module = ModuleType('fake_lvis_eval')
    module.np = np
    module.LVISEval = SimpleNamespace(accumulate=accumulate)
    return module


def test_evaluation_sees_the_alias():
    assert not hasattr(np, 'float')  # numpy itself stays as it is
    assert lvis.eval.np.float is float
    assert lvis.eval.np.zeros is np.zeros


def test_inert_without_the_alias():
    for accumulate, repaired in ((lambda x: x.astype(np.float), True), (lambda x: x, False)):
        module = module_with(accumulate)
        with contextlib.nullcontext() if repaired else pytest.raises(NotNeeded):
            numpy_float._repair(module)
        assert (module.np is not np) == repaired
