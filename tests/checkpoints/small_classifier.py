"""A classifier that is built in a moment, and its config."""
from typing import Optional

import torch
from mmengine.config import Config
from mmengine.registry import MODELS, init_default_scope
from torch import nn

TEXT = '''
default_scope = 'mmpretrain'
custom_imports = dict(imports=['mvitv2_mm.datasets.mmpretrain.image_dataset'])
load_from = {load_from!r}
model = dict(
    type='ImageClassifier',
    data_preprocessor=dict(mean=[1., 2., 3.], std=[4., 5., 6.], to_rgb=True),
    backbone=dict(
        type='mvitv2_mm.MViTv2', input_size=32, out_type='avg_featmap',
        init_cfg=dict(type='Pretrained', checkpoint={checkpoint!r}, prefix='backbone.'),
        arch=dict(embed_dims=8, num_layers=4, num_heads=1, downscale_indices=[1, 2, 3])),
    head=dict(type='LinearClsHead', num_classes=3, in_channels=64))
pipeline = [
    dict(type='mvitv2_mm.LoadImage'),
    dict(type='ResizeEdge', scale=36, edge='short', backend='pillow', interpolation='bicubic'),
    dict(type='CenterCrop', crop_size=32),
    dict(type='PackInputs')]
test_dataloader = dict(
    batch_size=2, sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='mvitv2_mm.ImageDataset', data_root='data', data_prefix='val',
        metainfo=dict(classes=('cat', 'dog', 'fox')), pipeline=pipeline))
test_cfg = dict()
test_evaluator = dict(type='Accuracy')
'''
CLASSES = ('cat', 'dog', 'fox')


def config(checkpoint: str = 'mvitv2-tiny_in1k', load_from: Optional[str] = None) -> Config:
    """A whole config; ``checkpoint`` and ``load_from`` are what its training started from."""
    return Config.fromstring(TEXT.format(checkpoint=checkpoint, load_from=load_from), '.py')


def build(cfg: Config) -> nn.Module:
    """The model with random weights, in eval mode."""
    init_default_scope(cfg.default_scope)
    return MODELS.build(cfg.model).eval()


def predict(model: nn.Module) -> torch.Tensor:
    """Logits of a picture that is always the same."""
    picture = torch.linspace(0, 255, 3 * 32 * 32).reshape(1, 3, 32, 32)
    with torch.no_grad():
        return model(picture, mode='tensor')[0]
