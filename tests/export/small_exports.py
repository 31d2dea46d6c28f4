"""The models of the quickstart, cut down to what can be exported in seconds, and their files."""
from importlib import import_module
from pathlib import Path
from typing import Callable, NamedTuple

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import MODELS, init_default_scope
from quick_models import MAKERS, ROOT

from mvitv2_mm.checkpoints.model_folder import write_model_folder
from mvitv2_mm.commands.frame import run_command
from mvitv2_mm.config_files import load_config

ARCH = dict(embed_dims=8, num_layers=2, num_heads=1, downscale_indices=[1])
CLASSES = dict(image=10, detection=10, cascade=10, video=8)


class Small(NamedTuple):
    """A model folder with random weights, pictures or clips for it, and its exported file."""
    folder: str
    files: list
    exported: Path


def shrink(kind: str, cfg: Config) -> None:
    """Two blocks; a detector has two maps."""
    model = cfg.model
    model.backbone.arch = ARCH
    if kind in ('image', 'video'):
        model['head' if kind == 'image' else 'cls_head'].in_channels = 16
        return
    model.backbone.out_scales = (0, 1)
    model.neck.update(in_channels=[8, 16], num_outs=2)
    model.rpn_head.anchor_generator.strides = [4, 8]
    roi = model.roi_head
    for extractor in (roi.bbox_roi_extractor, roi.mask_roi_extractor):
        extractor.update(featmap_strides=[4, 8], finest_scale=24)
    if kind == 'cascade':
        roi.update(type='mvitv2_mm.CascadeRoIHead', num_stages=2, stage_loss_weights=[1, 1])
        norm = dict(type='SyncBN')  # as those of full size
        head = dict(
            roi.bbox_head, type='Shared4Conv1FCBBoxHead', conv_out_channels=8, norm_cfg=norm)
        roi.bbox_head = [dict(head, reg_class_agnostic=False) for _ in range(2)]
        roi.mask_head.update(class_agnostic=False, norm_cfg=norm)
        model.train_cfg.rcnn = [model.train_cfg.rcnn] * 2
        cfg.custom_imports.imports.append('mvitv2_mm.models.mmdet.cascade_roi_head')
        import_module(cfg.custom_imports.imports[-1])


def write_small(kind: str, root: Path) -> list:
    task = 'detection' if kind == 'cascade' else kind
    files = MAKERS[task](root / 'data')
    cfg = load_config(
        str(ROOT / 'configs' / 'quickstart' / f'{task}.py'), dict(data_root=f'{root}/data/'))
    shrink(kind, cfg)
    init_default_scope(cfg.default_scope)
    torch.manual_seed(0)
    model = MODELS.build(cfg.model)
    for name, value in model.named_parameters():  # such that answers differ
        if value.dim() > 1:
            torch.nn.init.normal_(value, std=(1.5 / value[0].numel())**0.5)
    word = 'class' if kind == 'image' else ''
    classes = [f'{word}{number}' for number in range(CLASSES[kind])]
    write_model_folder(root / 'model', cfg, model.state_dict(), task, classes)
    return files


@pytest.fixture(scope='session')
def small(tmp_path_factory) -> Callable[[str], Small]:
    """Function that makes the model of a kind, and exports it, once."""
    made = {}

    def make(kind: str) -> Small:
        if kind not in made:
            root = tmp_path_factory.mktemp(kind)
            files, path = write_small(kind, root), root / 'small.onnx'
            arguments = [root / 'model', '--out', path, '--data', files[0]]
            assert run_command('export', list(map(str, arguments))) == 0
            made[kind] = Small(str(root / 'model'), files, path)
        return made[kind]

    return make
