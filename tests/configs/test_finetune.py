"""Own data on one GPU: one changed line of a config is enough."""
import re

import harness
import pytest
import synthetic_data
import torch
from mmengine.config import Config
from mmengine.runner import Runner

from mvitv2_mm.engine.data_check import check_data

FOLDER = harness.CONFIGS / 'finetune'
CHANGE = re.compile(r"^data_root = '.*'  # the line to change$", re.M)


def adapt(name, data_root, folder):
    """A copy of a config with the one line changed; it stays beside the folders it refers to."""
    text, count = CHANGE.subn(f'data_root = {data_root!r}', (FOLDER / f'{name}.py').read_text())
    assert count == 1
    path = folder / f'{name}.py'
    path.write_text(text.replace("'../", f"'{FOLDER.parent}/"))
    return Config.fromfile(path)


def test_own_pictures(tmp_path, monkeypatch):
    data = synthetic_data.make_folders(tmp_path / 'data', classes=3, images_per_class=7)
    cfg = adapt('images', data, tmp_path)
    assert cfg.classes == ['class0', 'class1', 'class2']
    assert cfg.model.head.num_classes == cfg.model.data_preprocessor.num_classes == 3
    steps_of = cfg.train_dataloader.batch_size * cfg.optim_wrapper.accumulative_counts
    assert steps_of == Config.fromfile(
        FOLDER / '../_base_/schedules/imagenet_adamw_30e.py').auto_scale_lr.base_batch_size

    cfg.model.backbone.update(arch=harness.SMALL, init_cfg=None)
    cfg.model.head.in_channels = 64
    for loader in (cfg.train_dataloader, cfg.val_dataloader):
        loader.update(batch_size=4, num_workers=0, persistent_workers=False)
    cfg.merge_from_dict(dict(train_cfg=dict(max_epochs=1), log_level='ERROR'))
    cfg.param_scheduler = None
    cfg.work_dir = str(tmp_path / 'work_dir')
    monkeypatch.setattr(Runner, '_log_env', lambda *args: None)  # takes seconds
    runner = Runner.from_cfg(cfg)
    steps = []
    monkeypatch.setattr(torch.optim.AdamW, 'step', lambda self, *args: steps.append(runner.iter))
    runner.train()
    # 21 pictures are 5 batches: a step after the fourth, and after the last
    assert steps == [3, 4]
    assert 'val/accuracy/top1' in runner.message_hub.log_scalars


def test_missing_pictures_are_named(tmp_path):
    cfg = adapt('images', str(tmp_path / 'nowhere'), tmp_path)
    with pytest.raises(FileNotFoundError, match='nowhere" does not exist; put the data there'):
        check_data(cfg, ['train'])
