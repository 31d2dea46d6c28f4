"""Trainings of a small classifier, sharded if run by torchrun: ``sharded_training.py FOLDER``."""
import sys
from pathlib import Path

import torch
import torch.nn.functional as F
from mmengine.config import Config
from mmengine.dist import all_reduce, get_rank
from mmengine.model import BaseModel
from mmengine.registry import DATASETS, MODELS
from torch.distributed.fsdp import FullyShardedDataParallel
from torch.utils.data import Dataset

from mvitv2_mm import MViTv2
from mvitv2_mm.engine.launch import build_runner

ROOT = Path(__file__).parents[2]
ARCH = dict(embed_dims=8, num_layers=4, num_heads=1, downscale_indices=(1, 2, 3))


@MODELS.register_module()
class SmallClassifier(BaseModel):

    def __init__(self, with_cp=False):
        super().__init__()
        self.backbone = MViTv2(ARCH, 32, out_type='avg_featmap', with_cp=with_cp)
        self.head = torch.nn.Linear(64, 4)

    def forward(self, inputs, label, mode):
        scores = self.head(self.backbone(torch.stack(inputs))[0])
        return dict(loss=F.cross_entropy(scores, torch.tensor(label, device=scores.device)))


@DATASETS.register_module()
class EightImages(Dataset):

    def __len__(self):
        return 8

    def __getitem__(self, index):
        generator = torch.Generator().manual_seed(index)
        return dict(inputs=torch.randn(3, 32, 32, generator=generator), label=index % 4)


def config(work_dir, launcher, batch_size, **changes):
    """Two epochs of two iterations over eight samples."""
    cfg = Config.fromfile(ROOT / 'configs' / '_base_' / 'fsdp.py')
    cfg.merge_from_dict(
        dict(
            model=dict(type='SmallClassifier'),
            default_scope=None,
            work_dir=str(work_dir),
            experiment_name=Path(work_dir).name,
            launcher=launcher,
            env_cfg=dict(dist_cfg=dict(backend='nccl')),
            train_cfg=dict(by_epoch=True, max_epochs=2),
            optim_wrapper=dict(
                type='OptimWrapper',
                optimizer=dict(type='AdamW', lr=1e-3, weight_decay=0.5),
                paramwise_cfg=dict(flat_decay_mult=0., custom_keys={'attn.qkv': dict(lr_mult=.5)}),
                clip_grad=dict(max_norm=1.)),
            param_scheduler=dict(type='LinearLR', start_factor=0.5, by_epoch=False, end=4),
            randomness=dict(seed=0),
            train_dataloader=dict(
                dataset=dict(type='EightImages'),
                batch_size=batch_size,
                sampler=dict(type='DefaultSampler', shuffle=False)),
            log_level='ERROR'))
    cfg.merge_from_dict(changes)
    return cfg


def train(work_dir, launcher='none', batch_size=4, **changes):
    """Train; returns the global loss of every iteration and what the optimizer works on."""
    runner = build_runner(config(work_dir, launcher, batch_size, **changes))
    runner.train()
    scalars = runner.message_hub.log_scalars
    losses = torch.tensor(scalars['train/loss'].data[0])
    all_reduce(losses, op='mean')
    groups = runner.optim_wrapper.optimizer.param_groups
    return dict(
        losses=losses,
        grad_norms=torch.tensor(scalars['train/grad_norm'].data[0]),
        settings=[(group['lr'], group['weight_decay']) for group in groups],
        held=sum(p.numel() for group in groups for p in group['params']),
        units=len(FullyShardedDataParallel.fsdp_modules(runner.model)))


def resume(work_dir):
    return {'resume': True, 'load_from': f'{work_dir}/epoch_1.pth'}


def main(folder):
    amp = {'optim_wrapper.type': 'mvitv2_mm.AmpOptimWrapper', 'optim_wrapper.dtype': 'bfloat16'}
    cases = dict(
        plain={},
        resumed=resume(f'{folder}/plain'),
        resumed_from_one_process=resume(f'{folder}/single'),
        recomputed={'model.with_cp': (0, 2)},
        accumulated={'optim_wrapper.accumulative_counts': 2},
        amp=amp,
        amp_resumed=amp | resume(f'{folder}/amp'),
        other_weights={
            'load_from': f'{folder}/backbone.pth',
            'optim_wrapper.optimizer.lr': 0.
        })
    results = {
        name: train(f'{folder}/{name}', 'pytorch', 2, **changes)
        for name, changes in cases.items()
    }
    torch.save(results, f'{folder}/rank{get_rank()}.pth')


if __name__ == '__main__':
    main(sys.argv[1])
