"""Repairs of ``FSDPStrategy``; what they do in two processes is in tests/engine."""
from types import SimpleNamespace

import pytest
import torch
from mmengine._strategy import DDPStrategy, FSDPStrategy
from torch.nn.utils import clip_grad_norm_, clip_grad_value_

from mvitv2_mm.compat import cpu_sharding, fsdp_clip_grad

METHODS = ('prepare', 'build_optim_wrapper', 'optim_state_dict', 'load_optim_state_dict',
           'load_model_state_dict', '_wrap_model')


@pytest.mark.parametrize('method', METHODS)
def test_only_fsdp_is_repaired(method):
    assert hasattr(getattr(FSDPStrategy, method), '__wrapped__')
    assert not hasattr(getattr(DDPStrategy, method), '__wrapped__')


@pytest.mark.parametrize('device, moved', [('cpu', False), ('cuda', True)])
def test_state_dicts_are_moved_from_accelerators_only(device, moved, monkeypatch):
    monkeypatch.setattr(cpu_sharding, 'get_device', lambda: device)
    strategy = FSDPStrategy.__new__(FSDPStrategy)
    strategy._init_state_dict_cfg('full')
    assert strategy.state_dict_config.offload_to_cpu == moved
    assert strategy.optim_state_dict_config.offload_to_cpu == moved


@pytest.mark.parametrize('device, wanted', [('cpu', torch.device('cpu')), ('cuda', 1)])
def test_the_device_of_an_accelerator_is_kept(device, wanted, monkeypatch):
    monkeypatch.setattr(cpu_sharding, 'get_device', lambda: device)
    seen = []
    wrapper = type('Wrapper', (), dict(__init__=lambda self, **kwargs: seen.append(kwargs)))
    cpu_sharding._repair_wrapper(SimpleNamespace(MMFullyShardedDataParallel=wrapper))
    wrapper(device_id=1)
    assert seen == [dict(device_id=wanted)]


def test_clipping_by_value_is_left_alone():
    prepare = dict(prepare=lambda self: 'components')
    strategy = type('Strategy', (), prepare)
    fsdp_clip_grad._repair(SimpleNamespace(FSDPStrategy=strategy))
    strategy = strategy()
    assert strategy.prepare() == 'components'  # without an optimizer, as for a test
    strategy.model = SimpleNamespace(clip_grad_norm_=lambda max_norm: 10 * max_norm)
    for function in (clip_grad_value_, clip_grad_norm_):
        strategy.optim_wrapper = SimpleNamespace(clip_func=function)
        strategy.prepare()
        assert (strategy.optim_wrapper.clip_func is function) == (function is clip_grad_value_)
    assert strategy.optim_wrapper.clip_func([], max_norm=2) == 20
