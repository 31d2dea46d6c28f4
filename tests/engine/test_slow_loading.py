"""A training says once when it waits for its data."""
import logging
import os
import re
import threading
from time import perf_counter
from types import SimpleNamespace
from unittest import mock

import pytest
from mmcv.transforms import BaseTransform
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.registry import TRANSFORMS
from small_training import make_config
from torch.utils.data import get_worker_info

from mvitv2_mm.engine import slow_loading
from mvitv2_mm.engine.training import prepare_runner, train

pytestmark = pytest.mark.usefixtures('fast')
# of trainings without workers, however busy the machine is
clock = SimpleNamespace(now=0.)


@TRANSFORMS.register_module()
class TakeTime(BaseTransform):
    """As a decoder that needs so many seconds for a picture; without ``time.sleep``, see `fast`."""

    def __init__(self, seconds):
        self.seconds = seconds

    def transform(self, results):
        if get_worker_info():
            threading.Event().wait(self.seconds)
        clock.now += self.seconds
        return results


class Compute(Hook):
    """A network that needs 20 ms for a step; checkpoints and validations may take longer."""

    def __init__(self, aside):
        self.aside = aside

    def after_train_iter(self, runner, *args, **kwargs):
        clock.now += 0.02

    def before_val(self, runner):
        clock.now += self.aside

    def before_save_checkpoint(self, runner, checkpoint):
        clock.now += self.aside


def said(data, work_dir, seconds, workers, cores=64, aside=0.):
    cfg = make_config(data, 'iterations', workers)
    dataset = cfg.train_dataloader.dataset
    dataset.pipeline.insert(1, dict(type='mmengine.TakeTime', seconds=seconds))
    cfg.merge_from_dict(
        dict(
            work_dir=str(work_dir),
            launcher='none',
            train_dataloader=dict(sampler=dict(type='InfiniteSampler')),
            train_cfg=dict(max_iters=16, val_interval=5),
            default_hooks=dict(logger=dict(interval=1000), checkpoint=dict(interval=5))))
    runner = prepare_runner(Config(cfg.to_dict()))
    runner.register_hook(Compute(aside))
    lines, now = [], perf_counter if workers else lambda: clock.now
    with mock.patch.object(logging.Logger, 'warning',
                           lambda self, text, *args: lines.append(str(text))), \
            mock.patch.multiple(slow_loading, _STEPS=8, perf_counter=now), \
            mock.patch.object(os, 'sched_getaffinity', lambda process: range(cores)):
        train(runner)
    return [line for line in lines if line.startswith('loading holds the network back')]


def test_a_slow_data_set_is_said_once_with_the_share_and_the_remedy(data, tmp_path):
    """Two pictures of 0.1 s for each step of the network; as many workers hide the wait."""
    line, = said(data, tmp_path, seconds=0.1, workers=0)
    assert '91 % of the time of 8 steps' in line and 'num_workers=11 (now 0, on 64' in line


def test_nothing_is_said_of_a_fast_one_nor_of_validations_and_checkpoints(data, tmp_path):
    assert said(data, tmp_path, seconds=0.002, workers=0, aside=100.) == []
    assert said(data, tmp_path / 'again', seconds=0.003, workers=0) != []


@pytest.mark.parametrize('workers, cores, remedy', [
    (1, 64, r'num_workers=\d+ \(now 1, on 64'),
    (1, 1, 'Its 1 data workers already have no more than 1 processor cores'),
])
def test_workers_that_are_too_few(data, tmp_path, workers, cores, remedy):
    line, = said(data, tmp_path, seconds=0.2, workers=workers, cores=cores)
    assert re.search(remedy, line)
