"""Runners that the tools build."""
import pytest
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.model import BaseModel
from mmengine.registry import FUNCTIONS, MODELS, Registry

from mvitv2_mm.compat import switch
from mvitv2_mm.engine.launch import build_runner

HOST = Registry('function', parent=FUNCTIONS, scope='collate_test')


@HOST.register_module()
def collate_in_host(batch, times=1):
    return pseudo_collate(batch * times)


@MODELS.register_module()
class NoModel(BaseModel):

    def forward(self, *args, **kwargs):
        raise NotImplementedError


def runner_of(work_dir, runner_type, **collate):
    loader = dict(
        dataset=[1, 2],
        batch_size=2,
        sampler=dict(type='DefaultSampler', shuffle=False),
        collate_fn=collate)
    return build_runner(
        Config(
            dict(
                runner_type=runner_type,
                launcher='none',
                env_cfg=dict(dist_cfg=dict(backend='gloo')),
                model=dict(type='NoModel'),
                work_dir=str(work_dir),
                experiment_name=work_dir.name,
                log_level='ERROR',
                train_cfg=dict(by_epoch=True, max_epochs=1),
                optim_wrapper=dict(optimizer=dict(type='SGD', lr=1.)),
                train_dataloader=loader)))


@pytest.mark.parametrize('name, scope', [('collate_in_host', 'collate_test'),
                                         ('collate_test.collate_in_host', 'mmengine')])
@pytest.mark.parametrize('runner_type', ['Runner', 'FlexibleRunner'])
def test_collate_fn_of_an_inherited_config(runner_type, name, scope, tmp_path):
    runner = runner_of(tmp_path, runner_type, type=name, times=2, _scope_=scope)
    loader = runner.build_dataloader(runner._train_dataloader)
    assert list(next(iter(loader))) == [1, 2, 1, 2]


def test_collate_fn_without_a_mark_is_left_alone(tmp_path):
    runner = runner_of(tmp_path, 'Runner', type='default_collate')
    loader = runner.build_dataloader(runner._train_dataloader)
    assert next(iter(loader)).tolist() == [1, 2]


@pytest.mark.parametrize('runner_type', ['Runner', 'FlexibleRunner'])
def test_runners_of_one_name_share_nothing(runner_type, tmp_path):
    """Names end with the second, and here none passes."""
    runners = [
        runner_of(tmp_path / folder / 'same', runner_type, type='default_collate')
        for folder in 'abc'
    ]
    for part in ('message_hub', 'visualizer', 'logger'):
        assert len({id(getattr(runner, part)) for runner in runners}) == 3
    for runner, folder in zip(runners, 'abc'):
        backend, = runner.visualizer._vis_backends.values()
        assert str(tmp_path / folder) in backend._save_dir


@pytest.mark.parametrize('launcher, wanted', [('none', False), ('pytorch', True)])
def test_distributed_runs_switch_their_repair_on(launcher, wanted, monkeypatch):
    names = []
    monkeypatch.setattr(switch, 'switch_on', lambda *found: names.extend(found))
    with pytest.raises(KeyError, match='no_such_runner'):
        build_runner(Config(dict(runner_type='no_such_runner', launcher=launcher)))
    assert ('mmengine.cpu_distributed' in names) == wanted
