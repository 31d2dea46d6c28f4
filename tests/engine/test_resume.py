"""A killed and resumed training with random augmentation equals an uninterrupted one."""
import time
from pathlib import Path
from unittest import mock

import pytest
import synthetic_data
import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.runner import Runner

RUNTIME = Path(__file__).parents[2] / 'configs/_base_/default_runtime_classification.py'
ARCH = dict(embed_dims=8, num_layers=3, num_heads=1, downscale_indices=(1, 2))

MODEL = dict(
    type='ImageClassifier',
    data_preprocessor=dict(num_classes=2, mean=[127.5] * 3, std=[60.] * 3, to_rgb=True),
    backbone=dict(
        type='mvitv2_mm.MViTv2',
        arch=ARCH,
        input_size=32,
        drop_path_rate=0.5,
        out_type='avg_featmap'),
    head=dict(type='LinearClsHead', num_classes=2, in_channels=32),
    train_cfg=dict(augments=dict(type='mvitv2_mm.models.ImageBatchAugment', erase_prob=0.5)))
AUGMENTS = [
    dict(type='RandomResizedCrop', scale=32),
    dict(type='RandomFlip', prob=0.5),
    dict(type='mvitv2_mm.ImageRandAugment', magnitude=9, num_ops=2),
]
# batches per epoch, the iteration at which training dies, the last checkpoint before
EPOCH_LENGTH, KILLED, SAVED = 4, 5, 4
LOOPS = {
    'epochs': dict(by_epoch=True, max_epochs=2, val_interval=1),
    'iterations': dict(by_epoch=False, max_iters=6, val_interval=2),
}


class Kill(Hook):

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        if runner.iter == KILLED:
            raise KeyboardInterrupt


@pytest.fixture(scope='module')
def data(tmp_path_factory):
    return synthetic_data.make_folders(tmp_path_factory.mktemp('folders') / 'images')


@pytest.fixture(autouse=True)
def _fast():
    """The log of the environment and the pause between two epochs take most of the time."""
    with mock.patch('mmengine.runner.Runner._log_env'), \
            mock.patch('mmengine.config.config.FormatCode', lambda text, **kwargs: (text, True)), \
            mock.patch('mmengine.runner.loops.time.sleep'):
        yield


def loader(data, split, augments, **kwargs):
    pipeline = [dict(type='LoadImageFromFile'), *augments, dict(type='PackInputs')]
    return dict(
        batch_size=2,
        sampler=dict(type='DefaultSampler', shuffle=split == 'train'),
        dataset=dict(type='CustomDataset', data_root=data, data_prefix=split, pipeline=pipeline),
        **kwargs)


@pytest.fixture(params=[('epochs', 0), ('epochs', 2), ('iterations', 0), ('iterations', 2)])
def cfg(request, data):
    loop, num_workers = request.param
    by_epoch = loop == 'epochs'
    workers = dict(num_workers=num_workers)
    if num_workers and by_epoch:
        workers.update(worker_init_fn=dict(type='mvitv2_mm.seed_worker'))
    cfg = Config.fromfile(RUNTIME)
    cfg.merge_from_dict(
        dict(
            model=MODEL,
            train_dataloader=loader(data, 'train', AUGMENTS, **workers),
            val_dataloader=loader(data, 'val', [], num_workers=0),
            val_evaluator=dict(type='Accuracy', topk=1),
            train_cfg=LOOPS[loop],
            val_cfg=dict(),
            optim_wrapper=dict(optimizer=dict(type='AdamW', lr=1e-3)),
            param_scheduler=dict(type='CosineAnnealingLR', end=10, by_epoch=False),
            default_hooks=dict(
                logger=dict(interval=1),
                checkpoint=dict(by_epoch=by_epoch, interval=1 if by_epoch else SAVED)),
            log_processor=dict(by_epoch=by_epoch),
            log_level='ERROR'))
    return cfg


def train(cfg, work_dir, **changes):
    """State of the model and the optimizer at the end."""
    cfg = Config(cfg.to_dict())
    cfg.work_dir = str(work_dir)
    cfg.merge_from_dict({'experiment_name': str(time.time_ns()), **changes})
    runner = Runner.from_cfg(cfg)
    assert len(runner.train_dataloader) == EPOCH_LENGTH
    try:
        runner.train()
    finally:
        # workers that die with the garbage of a runner take 5 s each
        vars(runner.train_loop).pop('dataloader_iterator', None)
    return runner.model.state_dict(), runner.optim_wrapper.state_dict()['state']


def train_killed_and_resumed(cfg, work_dir):
    with pytest.raises(KeyboardInterrupt):
        train(cfg, work_dir, custom_hooks=[dict(type=Kill)])
    saved = torch.load((work_dir / 'last_checkpoint').read_text(), weights_only=True)
    assert saved['meta']['iter'] == SAVED
    return train(cfg, work_dir, resume=True)


def equal(first, second):
    weights, state = first
    other_weights, other_state = second
    assert weights.keys() == other_weights.keys() and state.keys() == other_state.keys()
    return all(torch.equal(weights[k], other_weights[k]) for k in weights) and all(
        torch.equal(state[k]['exp_avg'], other_state[k]['exp_avg']) for k in state)


def test_resumed_equals_uninterrupted(cfg, tmp_path):
    expected = train(cfg, tmp_path / 'whole')
    assert equal(train_killed_and_resumed(cfg, tmp_path / 'parts'), expected)


@pytest.mark.parametrize('cfg', [('epochs', 0), ('iterations', 0)], indirect=True)
def test_without_the_hook_they_differ(cfg, tmp_path):
    """Control: random numbers matter in this training."""
    cfg.default_hooks.pop('iteration_seed')
    expected = train(cfg, tmp_path / 'whole')
    assert not equal(train_killed_and_resumed(cfg, tmp_path / 'parts'), expected)
    assert equal(train(cfg, tmp_path / 'again'), expected)
