"""Checkpoints of MMEngine load with ``weights_only=True``, and nothing else slips through."""
import os
import pickle

import numpy as np
import pytest
import torch
from mmengine.evaluator import BaseMetric, Evaluator
from mmengine.logging import HistoryBuffer, MessageHub
from mmengine.model import BaseModel
from mmengine.runner import Runner

from mvitv2_mm.compat.mmengine import torch_load


class Pickled:
    """Pickles as a call of any function."""

    def __init__(self, function, *args):
        self.call = function, args

    def __reduce__(self):
        return self.call


@pytest.fixture
def checkpoint(tmp_path):
    """A file with the parts of a checkpoint that MMEngine writes on every save."""
    hub = MessageHub('test_torch_load')
    for value in (1., np.float32(2.), np.float64(3.), torch.tensor(4.)):
        hub.update_scalar('train/loss', value)
    hub.update_info('iter', np.int64(7))
    hub.update_info('done', np.bool_(True))
    path = str(tmp_path / 'epoch_1.pth')
    content = dict(
        meta=dict(epoch=1), state_dict=dict(w=torch.ones(2)), message_hub=hub.state_dict())
    torch.save(content, path)
    return path


def test_message_hub_loads_with_weights_only(checkpoint):
    loaded = torch.load(checkpoint, weights_only=True)
    buffer = loaded['message_hub']['log_scalars']['train/loss']
    assert isinstance(buffer, HistoryBuffer)
    assert buffer.mean() == 2.5  # the statistics methods came through the restricted getattr
    assert buffer.current() == 4.
    assert loaded['message_hub']['runtime_info']['iter'] == 7


def test_negative_control_without_the_allow_list(checkpoint):
    allowed = torch.serialization.get_safe_globals()
    torch.serialization.clear_safe_globals()
    try:
        with pytest.raises(pickle.UnpicklingError, match='Weights only load failed'):
            torch.load(checkpoint, weights_only=True)
    finally:
        torch.serialization.add_safe_globals(allowed)


@pytest.mark.parametrize(
    'content', [
        Pickled(os.system, 'true'),
        Pickled(eval, '1'),
        Pickled(getattr, HistoryBuffer, '__init__'),
        Pickled(getattr, np.ndarray, 'tofile'),
        Pickled(getattr, Pickled(getattr, HistoryBuffer, 'mean'), '__globals__'),
    ],
    ids=['system', 'eval', 'dunder', 'other-class', 'chain'])
def test_hostile_files_are_refused(content, tmp_path):
    path = str(tmp_path / 'hostile.pth')
    torch.save(dict(state_dict=content), path)
    with pytest.raises((pickle.UnpicklingError, RuntimeError)):
        torch.load(path, weights_only=True)


def test_allow_list_is_known_to_torch_under_the_pickled_names():
    names = {f'{f.__module__}.{f.__qualname__}' for f in torch_load.safe_globals()}
    assert {'builtins.getattr', 'numpy.core.multiarray.scalar',
            'numpy._core.multiarray.scalar'} <= names


class Model(BaseModel):
    """One weight, one loss."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(1))

    def forward(self, inputs, mode):
        if mode == 'predict':
            return [1.] * len(inputs)
        return dict(loss=(self.weight * torch.stack(inputs)).pow(2).mean())


class Score(BaseMetric):
    """A metric that is a NumPy scalar, as those of the hosts are."""

    def process(self, data_batch, data_samples):
        self.results.extend(data_samples)

    def compute_metrics(self, results):
        return dict(score=np.float64(np.mean(results)))


def test_runner_resumes_its_own_checkpoint(tmp_path, monkeypatch):
    """Last and best checkpoint, with EMA weights, a schedule, and metrics in the message hub."""
    loaded = []
    load = torch.load

    def load_weights_only(*args, **kwargs):
        loaded.append(args[0])
        return load(*args, **dict(kwargs, weights_only=True))

    monkeypatch.setattr(torch, 'load', load_weights_only)
    loader = dict(
        dataset=[dict(inputs=torch.ones(1))] * 4,
        batch_size=2,
        sampler=dict(type='DefaultSampler', shuffle=False))
    for epochs in (1, 2):
        runner = Runner(
            Model(),
            str(tmp_path),
            train_dataloader=loader,
            val_dataloader=loader,
            val_evaluator=Evaluator(Score(prefix='')),
            val_cfg=dict(),
            train_cfg=dict(by_epoch=True, max_epochs=epochs),
            optim_wrapper=dict(optimizer=dict(type='AdamW', lr=.01), clip_grad=dict(max_norm=1)),
            param_scheduler=dict(type='CosineAnnealingLR', T_max=2),
            default_hooks=dict(
                checkpoint=dict(type='CheckpointHook', save_best='score', rule='greater')),
            custom_hooks=[dict(type='EMAHook')],
            resume=epochs > 1,
            log_level='ERROR',
            experiment_name=f'resume{epochs}')
        runner.train()
    assert runner.epoch == 2 and [path.rsplit('/')[-1] for path in loaded] == ['epoch_1.pth']
    best = torch.load(str(tmp_path / 'best_score_epoch_1.pth'))
    assert {'message_hub', 'state_dict', 'ema_state_dict'} <= set(best)
