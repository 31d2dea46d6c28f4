"""A training says once when it waits for its data."""
import logging
import os
import re
import threading
from unittest import mock

import pytest
from mmcv.transforms import BaseTransform
from mmengine.config import Config
from mmengine.registry import TRANSFORMS
from small_training import make_config

from mvitv2_mm.engine import slow_loading
from mvitv2_mm.engine.training import prepare_runner, train

pytestmark = pytest.mark.usefixtures('fast')


@TRANSFORMS.register_module()
class TakeTime(BaseTransform):
    """As a decoder that needs so many seconds for a picture; without ``time.sleep``, see `fast`."""

    def __init__(self, seconds):
        self.seconds = seconds

    def transform(self, results):
        threading.Event().wait(self.seconds)
        return results


def said(data, work_dir, seconds, workers, cores=64):
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
    lines = []
    with mock.patch.object(logging.Logger, 'warning',
                           lambda self, text, *args: lines.append(str(text))), \
            mock.patch.object(slow_loading, '_STEPS', 8), \
            mock.patch.object(os, 'sched_getaffinity', lambda process: range(cores)):
        train(prepare_runner(Config(cfg.to_dict())))
    return [line for line in lines if line.startswith('loading holds the network back')]


def test_a_slow_data_set_is_said_once_with_the_share_and_the_remedy(data, tmp_path):
    line, = said(data, tmp_path, seconds=0.1, workers=0)
    share, wanted = map(int, re.search(r'(\d+) % of.*num_workers=(\d+) \(now 0', line).groups())
    # two pictures of 20 ms for each step of a small network; as many workers hide the wait
    assert 50 < share < 100 and wanted == -(-share // (100 - share))


def test_nothing_is_said_of_a_fast_one_nor_of_validations_and_checkpoints(data, tmp_path):
    assert said(data, tmp_path, seconds=0., workers=0) == []


@pytest.mark.parametrize('workers, cores, remedy', [
    (1, 64, r'num_workers=\d+ \(now 1, on 64'),
    (1, 1, 'Its 1 data workers already have no more than 1 processor cores'),
])
def test_workers_that_are_too_few(data, tmp_path, workers, cores, remedy):
    line, = said(data, tmp_path, seconds=0.1, workers=workers, cores=cores)
    assert re.search(remedy, line)
