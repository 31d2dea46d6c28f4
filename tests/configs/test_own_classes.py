"""Configs for own data, whose classes are open, as code that knows nothing of ours reads them."""
import harness
import pytest
import synthetic_data
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from mmpretrain.registry import MODELS

import mvitv2_mm  # noqa: F401

CONFIG = f"""
_base_ = '{harness.CONFIGS}/finetune/images.py'
data_root = '%s'
model = dict(backbone=dict(input_size=32, init_cfg=None))
train_dataloader = dict(dataset=dict(data_root=data_root))
"""


def write_config(folder, data, more=''):
    path = folder / 'own.py'
    path.write_text(CONFIG % data + more)
    return str(path)


def test_a_model_can_be_built(tmp_path):
    data = synthetic_data.make_folders(tmp_path / 'data', classes=3, images_per_class=1)
    cfg = Config.fromfile(write_config(tmp_path, data))
    assert cfg.val_dataloader.dataset.metainfo.classes == ['class0', 'class1', 'class2']
    init_default_scope('mmpretrain')
    cfg.model.backbone.arch, cfg.model.head.in_channels = harness.SMALL, 64
    assert MODELS.build(cfg.model).head.fc.out_features == 3


def test_names_that_the_config_states(tmp_path):
    data = synthetic_data.make_folders(tmp_path / 'data', classes=3, images_per_class=1)
    (tmp_path / 'data/list.txt').write_text('class0/0.jpg b\n')
    cfg = Config.fromfile(
        write_config(
            tmp_path, data, "train_dataloader['dataset'].update(ann_file='list.txt', "
            "metainfo=dict(classes=['a', 'b']))\n"))
    assert cfg.model.head.num_classes == 2
    assert cfg.val_dataloader.dataset.metainfo.classes == ['a', 'b']


def test_data_that_is_not_there_is_named_when_a_run_starts(tmp_path):
    cfg = Config.fromfile(write_config(tmp_path, tmp_path / 'nowhere'))
    assert cfg.model.head.num_classes is None
    with pytest.raises(FileNotFoundError, match='nowhere" does not exist; put the data there'):
        Runner.from_cfg(cfg)
