"""Samples that cannot be read are replaced in training and wrong in a test."""
import os
from types import SimpleNamespace

import pytest
import synthetic_data
import torch
from mmengine.hooks import Hook
from mmengine.registry import DATASETS, init_default_scope
from mmengine.runner import Runner
from mmengine.structures import InstanceData
from small_training import make_config, train
from torch import distributed
from torch import multiprocessing as processes

from mvitv2_mm.datasets.mmdet.coco_dataset import LVISV1Dataset
from mvitv2_mm.engine.unreadable import UnreadableHook

pytestmark = pytest.mark.usefixtures('fast')


@pytest.fixture
def images(tmp_path):
    """Eight pictures of two classes, of which two in training and one in validation are broken."""
    root = tmp_path / 'images'
    synthetic_data.make_folders(root)
    (root / 'train/class0/0_0.png').write_bytes(b'no picture')
    picture = root / 'train/class1/1_0.png'
    picture.write_bytes(picture.read_bytes()[:-40])  # its end is lost
    (root / 'val/class0/0_0.png').unlink()
    (root / 'val/class0/0_0.png').mkdir()
    (root / 'val/list.txt').write_text('class0/0_0.png 0\nclass0/0_1.png 0\nclass1/1_0.png 1\n')
    return root


def config(root):
    cfg = make_config(str(root), 'epochs', 0)
    for name in ('train', 'val'):
        loader = cfg[f'{name}_dataloader']
        loader.dataset.type = 'mvitv2_mm.ImageDataset'
        loader.dataset.pipeline[0].type = 'mvitv2_mm.LoadImage'
    cfg.val_dataloader.dataset.ann_file = 'val/list.txt'
    return cfg


def test_pictures(images, tmp_path, capfd):
    cfg, seen = config(images), {}
    cfg.log_level = 'WARNING'

    class Truth(Hook):
        """The model knows all labels, also that of the picture that it cannot see."""

        def before_val(self, runner):
            runner.model.test_step = runner.model.val_step = self.predict

        def predict(self, batch):
            for sample in batch['data_samples']:
                sample.set_pred_score(torch.eye(2)[sample.gt_label[0]])
            return batch['data_samples']

        def after_val_epoch(self, runner, metrics):
            seen.update(metrics)

    hook = Truth()
    hook.priority = 'LOWEST'
    train(cfg, tmp_path / 'work', [hook])
    assert seen['accuracy/top1'] == pytest.approx(200 / 3)
    assert seen['unreadable'] == 1
    log = capfd.readouterr()
    for text in ('0_0.png', '1_0.png: ', '1 samples cannot be read and count as wrong'):
        assert text in log.out + log.err


def validate(rank, cfg, store, results):
    distributed.init_process_group('gloo', init_method=f'file://{store}', rank=rank, world_size=2)
    os.chdir(cfg.work_dir)  # for what processes exchange
    results.put(Runner.from_cfg(cfg).val())


def test_what_fills_up_the_last_batch_counts_once(images, tmp_path):
    """Of three pictures, two processes see two each: the first one twice."""
    cfg = config(images)
    cfg.merge_from_dict({'work_dir': str(tmp_path), 'default_hooks.checkpoint.save_best': None})
    results = processes.get_context('fork').SimpleQueue()
    processes.start_processes(
        validate, (cfg, tmp_path / 'store', results), nprocs=2, start_method='fork')
    assert [results.get()['unreadable'] for _ in range(2)] == [1, 1]


def test_boxes(tmp_path):
    root = tmp_path / 'coco'
    synthetic_data.make_coco(root)
    (root / 'val2017/000000000001.jpg').write_bytes(b'')
    init_default_scope('mmdet')
    pipeline = [
        dict(type='LoadImageFromFile'),
        dict(type='LoadAnnotations', with_bbox=True),
        dict(type='PackDetInputs', meta_keys=('img_id', 'ori_shape'))
    ]
    dataset = DATASETS.build(
        dict(
            type='mvitv2_mm.CocoDataset',
            data_root=str(root),
            ann_file='annotations/instances_val2017.json',
            data_prefix=dict(img='val2017'),
            metainfo=dict(classes=('person', 'car')),
            test_mode=True,
            pipeline=pipeline))
    bad, good = (dataset[i]['data_samples'] for i in range(2))
    assert bad.ori_shape == good.ori_shape == (60, 80)
    assert bad.get('unreadable') and not good.get('unreadable')
    assert len(bad.gt_instances) == len(good.gt_instances)
    seen = []
    for sample in (bad, good):
        sample.pred_instances = InstanceData(scores=torch.ones(3))

    class Loop:
        dataloader = SimpleNamespace(dataset=dataset)
        evaluator = type(
            'Evaluator', (),
            dict(process=lambda self, data_samples, data_batch: seen.extend(data_samples)))()

    hook = UnreadableHook()
    hook._watch(Loop)
    Loop.evaluator.process(data_samples=[bad, good])
    assert [len(sample.pred_instances) for sample in seen] == [0, 3]


def test_pictures_of_lvis(tmp_path):
    init_default_scope('mmdet')
    root = synthetic_data.make_lvis(tmp_path, LVISV1Dataset.METAINFO['classes'])
    (tmp_path / 'train2017/000000000001.jpg').write_bytes(b'no picture')
    dataset = LVISV1Dataset(
        data_root=root,
        ann_file='annotations/lvis_v1_train.json',
        data_prefix=dict(img=''),
        pipeline=[dict(type='mvitv2_mm.LoadImage')])
    assert [dataset[i]['img_id'] for i in range(2)] == [2, 2]
