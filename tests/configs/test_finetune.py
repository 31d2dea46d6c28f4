"""Own data on one GPU: its place is all that a config needs to be told."""
import json

import av
import harness
import numpy as np
import pytest
import synthetic_data
from mmengine.config import Config
from mmengine.optim import AmpOptimWrapper, OptimWrapper
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from small_detectors import shrink

from mvitv2_mm.config_files import load_config
from mvitv2_mm.engine.own_classes import fit_classes
from mvitv2_mm.registry import DATASETS

FOLDER = harness.CONFIGS / 'finetune'


def adapt(name, data_root):
    """A config as ``--cfg-options data_root=...`` and the start of a run make it."""
    cfg = load_config(str(FOLDER / f'{name}.py'), dict(data_root=data_root))
    fit_classes(cfg)
    return cfg


def classes_of(cfg):
    """The classes of the three datasets, which agree."""
    loaders = (cfg.train_dataloader, cfg.val_dataloader, cfg.test_dataloader)
    first, *others = [loader.dataset.metainfo.classes for loader in loaders]
    assert all(other == first for other in others)
    return first


@pytest.fixture
def steps(monkeypatch):
    """Collects the iterations after which the optimizer steps."""
    monkeypatch.setattr(Runner, '_log_env', lambda *args: None)  # takes seconds
    done = []
    update = OptimWrapper.step

    def step(self, **kwargs):
        done.append(self._inner_count - 1)
        update(self, **kwargs)

    for wrapper in (OptimWrapper, AmpOptimWrapper):
        monkeypatch.setattr(wrapper, 'step', step)
    return done


def train(cfg, work_dir, **changes):
    for loader in (cfg.train_dataloader, cfg.val_dataloader):
        loader.update(num_workers=0, persistent_workers=False)
    cfg.merge_from_dict(dict(work_dir=str(work_dir), log_level='ERROR', load_from=None, **changes))
    runner = Runner.from_cfg(cfg)
    runner.train()
    return runner


def test_own_pictures(tmp_path, steps):
    data = synthetic_data.make_folders(tmp_path / 'data', classes=3, images_per_class=7)
    cfg = adapt('images', data)
    assert classes_of(cfg) == ['class0', 'class1', 'class2']
    assert cfg.model.head.num_classes == cfg.model.data_preprocessor.num_classes == 3
    # as many for each step as the learning rate is for
    schedule = Config.fromfile(FOLDER.parent / '_base_/schedules/imagenet_adamw_30e.py')
    batch = cfg.train_dataloader.batch_size * cfg.optim_wrapper.accumulative_counts
    assert batch == schedule.auto_scale_lr.base_batch_size
    assert cfg.optim_wrapper.optimizer.lr == schedule.optim_wrapper.optimizer.lr

    cfg.model.backbone.update(arch=harness.SMALL, init_cfg=None)
    cfg.model.head.in_channels = 64
    cfg.train_dataloader.batch_size = cfg.val_dataloader.batch_size = 4
    cfg.param_scheduler = None
    runner = train(cfg, tmp_path / 'work_dir', train_cfg=dict(max_epochs=1))
    # 21 pictures are 5 batches: a step after the fourth, and after the last
    assert steps == [3, 4]
    assert 'val/accuracy/top1' in runner.message_hub.log_scalars


def own_objects(folder):
    """COCO-style data as someone would write it."""
    root = folder / 'data'
    synthetic_data.make_coco(root)
    for split in ('train', 'val'):
        content = json.loads((root / f'annotations/instances_{split}2017.json').read_text())
        for image in content['images']:
            image['file_name'] = f'{split}2017/{image["file_name"]}'
        (root / f'{split}.json').write_text(json.dumps(content))
    return str(root)


def test_own_objects(tmp_path, steps):
    cfg = adapt('objects', own_objects(tmp_path))
    assert classes_of(cfg) == ['person', 'car']
    schedule = Config.fromfile(FOLDER.parent / '_base_/schedules/coco_adamw_3x.py')
    batch = cfg.train_dataloader.batch_size * cfg.optim_wrapper.accumulative_counts
    assert batch * 4 == schedule.auto_scale_lr.base_batch_size
    assert cfg.optim_wrapper.optimizer.lr * 4 == schedule.optim_wrapper.optimizer.lr

    cfg = shrink(cfg, tmp_path)
    heads = cfg.model.roi_head
    assert heads.bbox_head.num_classes == heads.mask_head.num_classes == 2
    runner = train(cfg, tmp_path / 'work_dir', train_cfg=dict(max_epochs=1))
    assert steps == [1]  # both pictures
    assert 'val/coco/segm_mAP' in runner.message_hub.log_scalars


def own_clips(folder):
    """One folder of video files per class."""
    files = folder / 'files'
    synthetic_data.make_clips(files, clips=4)
    root = folder / 'data'
    for split in ('train', 'val'):
        for line in (files / f'{split}.txt').read_text().splitlines():
            name, label = line.split()
            target = root / split / ('left', 'right')[int(label)] / name
            target.parent.mkdir(parents=True, exist_ok=True)
            (files / name).rename(target)
    return root


def test_own_clips(tmp_path, steps):
    root = own_clips(tmp_path)
    cfg = adapt('clips', str(root))
    assert classes_of(cfg) == ['left', 'right']
    assert cfg.model.cls_head.num_classes == cfg.model.data_preprocessor.blending.num_classes == 2
    schedule = Config.fromfile(FOLDER.parent / '_base_/schedules/kinetics_adamw_30e.py')
    batch = cfg.train_dataloader.batch_size * cfg.optim_wrapper.accumulative_counts
    assert batch == schedule.auto_scale_lr.base_batch_size
    assert cfg.optim_wrapper.optimizer.lr == schedule.optim_wrapper.optimizer.lr

    cfg.model.backbone.update(arch=harness.SMALL, input_size=(16, 64, 64), init_cfg=None)
    cfg.model.cls_head.in_channels = 64
    cfg.param_scheduler = None
    runner = train(cfg, tmp_path / 'work_dir', train_cfg=dict(max_epochs=1))
    assert steps == [0]  # 4 clips are one batch
    assert 'val/acc/top1' in runner.message_hub.log_scalars
    labels = [runner.train_dataloader.dataset.get_data_info(i)['label'] for i in range(4)]
    assert labels == [0, 0, 1, 1]


def test_a_class_without_clips_is_named(tmp_path):
    root = own_clips(tmp_path)
    (root / 'train/empty').mkdir()
    cfg = adapt('clips', str(root))
    cfg.train_dataloader.dataset.pipeline = []
    with pytest.raises(ValueError, match='train/empty holds no video file.* class "empty"'):
        DATASETS.build(cfg.train_dataloader.dataset)


def own_actions(folder):
    """Two videos of 6 s at 12 frames per second; people do the action of the half they are in."""
    root = folder / 'data'
    (root / 'videos').mkdir(parents=True)
    for name in ('shop.mp4', 'street.avi'):
        with av.open(str(root / 'videos' / name), 'w') as file:
            stream = file.add_stream('libx264', rate=12)
            stream.width, stream.height, stream.pix_fmt = 96, 64, 'yuv420p'
            for i in range(72):
                frame = np.full((64, 96, 3), 3 * i, np.uint8)
                file.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format='rgb24')))
            file.mux(stream.encode())
    for split, seconds in (('train', (1, 2, 3)), ('val', (4, 5))):
        (root / f'{split}.csv').write_text(''.join(
            f'{video},{second},0.{x},0.2,0.{x + 3},0.8,{action},0\n' for video in ('shop', 'street')
            for second in seconds for x, action in ((1, 1), (6, 3))))
    return str(root)


def test_own_actions(tmp_path, steps):
    cfg = adapt('actions', own_actions(tmp_path))
    assert cfg.train_dataloader.dataset.num_actions == cfg.model.roi_head.bbox_head.num_classes == 3
    schedule = Config.fromfile(FOLDER.parent / '_base_/schedules/ava_sgd_30e.py')
    batch = cfg.train_dataloader.batch_size * cfg.optim_wrapper.accumulative_counts
    assert batch * 8 == schedule.auto_scale_lr.base_batch_size
    assert cfg.optim_wrapper.optimizer.lr * 8 == schedule.optim_wrapper.optimizer.lr

    init_default_scope(cfg.default_scope)
    dataset = DATASETS.build(cfg.train_dataloader.dataset)
    assert [dataset.get_data_info(i)['img_key'] for i in range(6)
            ] == [f'{video},000{second}' for video in ('shop', 'street') for second in (1, 2, 3)]
    # the middle frame shows the second that is annotated
    for i, second in enumerate((1, 2, 3, 1, 2, 3)):
        clip = dataset[i]['inputs']
        assert clip[0, 8].float().mean() == pytest.approx(36 * second, abs=2)
    cfg.model.backbone.update(arch=harness.SMALL, input_size=(16, 64, 64), init_cfg=None)
    cfg.model.roi_head.bbox_head.in_channels = 64
    cfg.param_scheduler = None
    runner = train(cfg, tmp_path / 'work_dir', train_cfg=dict(max_epochs=1, val_interval=1))
    assert steps == [0]  # of six key frames, the last two do not fill a batch
    assert len(runner.val_dataloader.dataset) == 4
    scalars = runner.message_hub.log_scalars
    assert 'val/mAP/overall' in scalars and 'val/mAP/person_movement' not in scalars


def test_a_second_outside_of_its_video_is_named(tmp_path):
    root = own_actions(tmp_path)
    with open(f'{root}/val.csv', 'a') as file:
        file.write('shop,6,0.1,0.2,0.4,0.8,1,0\n')
    cfg = adapt('actions', root)
    init_default_scope(cfg.default_scope)
    DATASETS.build(cfg.train_dataloader.dataset)
    with pytest.raises(
            ValueError, match='second 6 is outside of the video shop, .* 0 to 6; set "f'):
        DATASETS.build(cfg.val_dataloader.dataset)


@pytest.mark.parametrize('name', ['images', 'objects', 'clips', 'actions'])
def test_missing_data_is_named(name, tmp_path):
    with pytest.raises(FileNotFoundError, match='nowhere" does not exist; put the data there'):
        adapt(name, str(tmp_path / 'nowhere'))


def test_a_number_of_classes_that_is_said_stays(tmp_path):
    data = synthetic_data.make_folders(tmp_path / 'data', classes=3, images_per_class=1)
    options = dict(data_root=str(data), num_classes=5)
    cfg = load_config(str(FOLDER / 'images.py'), options)
    fit_classes(cfg)
    assert cfg.model.head.num_classes == 5 and 'metainfo' not in cfg.train_dataloader.dataset
