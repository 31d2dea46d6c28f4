"""A training of a small classifier in which random numbers matter."""
import time
from pathlib import Path

import torch
from mmengine.config import Config
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
# batches per epoch, and the last iteration that the interrupted trainings save
EPOCH_LENGTH, SAVED = 4, 4
LOOPS = {
    'epochs': dict(by_epoch=True, max_epochs=2, val_interval=1),
    'iterations': dict(by_epoch=False, max_iters=6, val_interval=2),
}


def loader(data, split, augments, **kwargs):
    pipeline = [dict(type='LoadImageFromFile'), *augments, dict(type='PackInputs')]
    return dict(
        batch_size=2,
        sampler=dict(type='DefaultSampler', shuffle=split == 'train'),
        dataset=dict(type='CustomDataset', data_root=data, data_prefix=split, pipeline=pipeline),
        **kwargs)


def make_config(data, loop, num_workers):
    """Config of a training that counts 'epochs' or 'iterations'."""
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


def train(cfg, work_dir, hooks=(), **changes):
    """Train with additional hooks; returns the state of the model and of the optimizer."""
    cfg = Config(cfg.to_dict())
    cfg.work_dir = str(work_dir)
    cfg.merge_from_dict({'experiment_name': str(time.time_ns()), **changes})
    runner = Runner.from_cfg(cfg)
    if cfg.train_dataloader.batch_size == 2:
        assert len(runner.train_dataloader) == EPOCH_LENGTH
    for hook in hooks:
        runner.register_hook(hook)
    try:
        runner.train()
    finally:
        # workers that die with the garbage of a runner take 5 s each
        vars(runner.train_loop).pop('dataloader_iterator', None)
    return runner.model.state_dict(), runner.optim_wrapper.state_dict()['state']


def equal(first, second):
    weights, state = first
    other_weights, other_state = second
    assert weights.keys() == other_weights.keys() and state.keys() == other_state.keys()
    return all(torch.equal(weights[k], other_weights[k]) for k in weights) and all(
        torch.equal(state[k]['exp_avg'], other_state[k]['exp_avg']) for k in state)
