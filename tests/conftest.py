"""Shared by all tests: repairs applied, fixed seeds, one thread, host state left as found."""
import random

import numpy as np
import pytest
import torch
from mmengine.logging import MMLogger
from mmengine.registry import DefaultScope

import mvitv2_mm.repairs  # noqa: F401, before a test imports a host library

torch.set_num_threads(1)


def pytest_collection_modifyitems(items):
    if torch.cuda.is_available():
        return
    for item in items:
        if item.get_closest_marker('gpu'):
            item.add_marker(pytest.mark.skip(reason='needs a CUDA device'))


@pytest.fixture(autouse=True)
def _seed():
    random.seed(0)
    np.random.seed(0)
    torch.manual_seed(0)


@pytest.fixture(scope='module', autouse=True)
def _nothing_of_other_files():
    """Fixtures that serve several tests build Runners too; scopes and logs end with a file."""
    DefaultScope._instance_dict.clear()
    MMLogger._instance_dict.clear()


@pytest.fixture(autouse=True)
def _default_scope():
    """A test that builds a Runner must not change the scope of the next one."""
    instances = DefaultScope._instance_dict.copy()
    yield
    DefaultScope._instance_dict.clear()
    DefaultScope._instance_dict.update(instances)
