"""``mvitv2_mm.FSDPStrategy``; what it does in two processes is in test_sharded_training.py."""
import inspect
from types import SimpleNamespace

import pytest
import torch
from mmengine._strategy import FSDPStrategy as MMEngineFSDPStrategy
from mmengine.registry import STRATEGIES
from torch.nn.utils import clip_grad_norm_, clip_grad_value_

from mvitv2_mm.engine import fsdp_strategy


def test_mmengines_strategies_are_left_alone():
    assert issubclass(STRATEGIES.get('mvitv2_mm.FSDPStrategy'), MMEngineFSDPStrategy)
    assert STRATEGIES.get('FSDPStrategy') is MMEngineFSDPStrategy
    for method in filter(inspect.isfunction, vars(MMEngineFSDPStrategy).values()):
        assert method.__module__ == 'mmengine._strategy.fsdp'


@pytest.fixture
def strategy():
    return fsdp_strategy.FSDPStrategy.__new__(fsdp_strategy.FSDPStrategy)


@pytest.mark.parametrize('device, moved', [('cpu', False), ('cuda', True)])
def test_state_dicts_are_moved_from_accelerators_only(strategy, device, moved, monkeypatch):
    monkeypatch.setattr(fsdp_strategy, 'get_device', lambda: device)
    strategy._init_state_dict_cfg('full')
    assert strategy.state_dict_config.offload_to_cpu == moved
    assert strategy.optim_state_dict_config.offload_to_cpu == moved


@pytest.mark.parametrize('device, wanted', [('cpu', dict(type='W', device_id=torch.device('cpu'))),
                                            ('cuda', dict(type='W'))])
def test_the_device_of_an_accelerator_is_kept(strategy, device, wanted, monkeypatch):
    monkeypatch.setattr(fsdp_strategy, 'get_device', lambda: device)
    seen = []
    monkeypatch.setattr(MMEngineFSDPStrategy, '_wrap_model',
                        lambda self, model: seen.append(self.model_wrapper))
    strategy.model_wrapper = dict(type='W')
    strategy._wrap_model(torch.nn.Linear(1, 1))
    assert seen == [wanted]


def test_clipping_by_value_is_left_alone(strategy, monkeypatch):
    monkeypatch.setattr(MMEngineFSDPStrategy, 'prepare', lambda self, model, **kwargs: 'components')
    assert strategy.prepare(None) == 'components'  # without an optimizer, as for a test
    strategy.model = SimpleNamespace(clip_grad_norm_=lambda max_norm: 10 * max_norm)
    for function in (clip_grad_value_, clip_grad_norm_):
        strategy.optim_wrapper = SimpleNamespace(clip_func=function)
        strategy.prepare(None)
        assert (strategy.optim_wrapper.clip_func is function) == (function is clip_grad_value_)
    assert strategy.optim_wrapper.clip_func([], max_norm=2) == 20


def test_the_scale_of_the_loss_is_saved_with_the_pieces(strategy, monkeypatch):
    pieces = dict(state='pieces', param_groups='groups')
    monkeypatch.setattr(MMEngineFSDPStrategy, 'optim_state_dict', lambda self: pieces)
    whole = dict(state='all', param_groups='all', loss_scaler=dict(scale=8.))
    strategy.optim_wrapper = SimpleNamespace(state_dict=lambda: whole)
    assert strategy.optim_state_dict() == dict(pieces, loss_scaler=dict(scale=8.))


@pytest.mark.parametrize('kind, sharded', [('mvitv2_mm.AmpOptimWrapper', True),
                                           ('OptimWrapper', False)])
def test_the_scaler_of_mixed_precision_is_sharded(strategy, kind, sharded, monkeypatch):
    built = []
    monkeypatch.setattr(MMEngineFSDPStrategy, 'prepare', lambda self, model, **kwargs: None)
    monkeypatch.setattr(MMEngineFSDPStrategy, 'build_model', lambda self, model: model)
    monkeypatch.setattr(MMEngineFSDPStrategy, 'build_optim_wrapper',
                        lambda self, cfg, model: built.append(cfg))
    strategy.prepare(None, optim_wrapper=dict(type=kind))
    assert built[0].get('use_fsdp', False) == sharded
