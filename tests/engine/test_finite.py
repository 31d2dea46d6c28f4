"""Losses and gradients that are no numbers, and gradients that jump."""
import logging
from pathlib import Path
from unittest import mock

import pytest
import torch
from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from small_training import equal, make_config, train

from mvitv2_mm.engine.finite import FiniteLossHook, NotFiniteError
from mvitv2_mm.engine.training import prepare_config

CONFIGS = Path(__file__).parents[2] / 'configs'
pytestmark = pytest.mark.usefixtures('fast')


class SpoilPixel(Hook):
    """One pixel of a batch is NaN."""

    def __init__(self, *iterations):
        self.iterations = iterations

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        if runner.iter in self.iterations:
            picture = data_batch['inputs'][0] = data_batch['inputs'][0].float()
            picture[0, 3, 3] = float('nan')


class ScaleGradient(Hook):
    """Multiplies the gradient of the head in one iteration."""

    def __init__(self, iteration, factor):
        self.iteration, self.factor = iteration, factor

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        if runner.iter == 0:
            weight = runner.model.head.fc.weight
            weight.register_hook(lambda gradient: gradient *
                                 (self.factor if runner.iter == self.iteration else 1))


class Weights(Hook):
    """The weights after each iteration."""

    def __init__(self):
        self.after = []

    def after_train_iter(self, runner, *args, **kwargs):
        self.after.append(runner.model.head.fc.weight.detach().clone())


@pytest.fixture
def warnings():
    lines = []
    with mock.patch.object(logging.Logger, 'warning', lambda self, text, *args: lines.append(text)):
        yield lines


def config(data, clips=False, **finite):
    cfg = make_config(data, 'epochs', 0)
    cfg.default_hooks.finite.update(finite)
    if clips:
        cfg.optim_wrapper.clip_grad = dict(max_norm=1.)
    return cfg


@pytest.mark.parametrize('clips', [False, True])
@pytest.mark.parametrize('spoil', [SpoilPixel(1, 2, 5), ScaleGradient(1, float('inf'))])
def test_skip_takes_no_step(data, tmp_path, clips, spoil, warnings):
    weights = Weights()
    state, _ = train(config(data, clips, on_nan='skip'), tmp_path, [weights, spoil])
    assert all(value.isfinite().all() for value in state.values())
    unmoved = [i for i in range(1, 8) if torch.equal(weights.after[i], weights.after[i - 1])]
    assert unmoved == list(getattr(spoil, 'iterations', [1]))
    said = [line for line in warnings if 'the step is not taken' in line]
    assert len(said) == min(len(unmoved), 2)  # the first and the second
    assert 'iteration 2 (learning rate' in said[0] and '.png' in said[0]
    assert f'{len(unmoved)} steps were skipped' in warnings[-1]


def test_skip_changes_nothing_where_all_is_well(data, tmp_path):
    assert equal(
        train(config(data, on_nan='skip'), tmp_path / 'a'), train(config(data), tmp_path / 'b'))


def test_too_many_in_a_row_end_the_training(data, tmp_path):
    cfg = config(data, on_nan='skip')
    with mock.patch('mvitv2_mm.engine.finite._MAX_IN_ROW', 2), \
            pytest.raises(NotFiniteError, match='iteration 6 .* The 3 steps up to it were not'):
        train(cfg, tmp_path, [SpoilPixel(1, 3, 4, 5)])


def test_a_gradient_that_is_no_number_stops_in_its_step(data, tmp_path):
    with pytest.raises(NotFiniteError, match='gradient is no number, .* iteration 3 .*norm'):
        train(config(data, clips=True), tmp_path, [ScaleGradient(2, float('nan'))])


def test_the_mode_is_checked():
    cfg = prepare_config(str(CONFIGS / 'quickstart/image.py'), on_nan='skip')
    assert HOOKS.build(cfg.default_hooks.finite).skips
    with pytest.raises(ValueError, match='on_nan should be "stop" or "skip", but is "go on"'):
        FiniteLossHook('go on')


@pytest.mark.parametrize('clips, factor, iteration', [(True, 1e3, 25), (True, 2., 25),
                                                      (True, 1e3, 5), (False, 1e3, 25)])
def test_a_jump_of_the_gradient_is_said(data, tmp_path, clips, factor, iteration, warnings):
    cfg = config(data, clips)
    cfg.train_cfg.update(max_epochs=7, val_begin=9)
    train(cfg, tmp_path, [ScaleGradient(iteration, factor)])
    said = [line for line in warnings if 'norm of the gradient' in line]
    expected = clips and factor > 10 and iteration > 20
    assert len(said) == expected
    assert not expected or 'iteration 26' in said[0] and 'times the median' in said[0]
