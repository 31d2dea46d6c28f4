"""The network in hosts beyond the three: a step of training and a test, where there are any."""
import json

import cv2
import harness
import numpy as np
import pytest
import synthetic_data
from mmengine.model import revert_sync_batchnorm
from mmengine.registry import MODELS
from small_detectors import shrink_images

SEGMENTER = 'upernet_mvitv2-tiny_8xb2-160k_ade20k-512px'
POSER = 'td-hm_mvitv2-tiny_8xb32-210e_coco-256x192'
SIZE = (96, 80)


def make_ade(root):
    """ADE20K: pictures, and maps of the 150 classes, where 0 is no class."""
    for split in ('training', 'validation'):
        for kind in ('images', 'annotations'):
            (root / kind / split).mkdir(parents=True)
        for i in range(2):
            cv2.imwrite(str(root / f'images/{split}/{i}.jpg'), synthetic_data.make_image(i, SIZE))
            labels = np.zeros(SIZE, np.uint8)
            labels[10:], labels[50:] = 1, 150
            cv2.imwrite(str(root / f'annotations/{split}/{i}.png'), labels)


def make_keypoints(root):
    """COCO: a person with 17 key points in every picture."""
    (root / 'annotations').mkdir(parents=True)
    points = [[20 + 2 * i, 10 + 4 * i, 2] for i in range(17)]
    person = dict(
        category_id=1,
        bbox=[10, 5, 60, 80],
        area=4800,
        iscrowd=0,
        num_keypoints=17,
        keypoints=sum(points, []))
    names = [f'point {i}' for i in range(17)]
    for split in ('train2017', 'val2017'):
        (root / split).mkdir()
        for i in range(2):
            cv2.imwrite(str(root / split / f'{i}.jpg'), synthetic_data.make_image(i, SIZE))
        content = dict(
            images=[dict(id=i, file_name=f'{i}.jpg', height=96, width=80) for i in range(2)],
            annotations=[dict(person, id=i, image_id=i) for i in range(2)],
            categories=[dict(id=1, name='person', keypoints=names, skeleton=[])])
        (root / f'annotations/person_keypoints_{split}.json').write_text(json.dumps(content))


def build(cfg):
    """The model with a narrow backbone, as a Runner builds it for one process."""
    cfg.model.backbone.update(arch=harness.SMALL, init_cfg=None, drop_path_rate=0.)
    model = revert_sync_batchnorm(MODELS.build(cfg.model))
    model.init_weights()
    return model


def check_step(cfg, model, root):
    """Every parameter learns from a batch."""
    cfg.train_dataloader.dataset.data_root = str(root)
    batch = harness.first_batch(cfg.train_dataloader, batch_size=2)
    loss, unchanged = harness.train_step(cfg, model, batch)
    assert 0 < loss < 20 and not unchanged


def test_upernet_of_mmsegmentation(tmp_path):
    datasets = pytest.importorskip('mmseg.datasets')
    make_ade(tmp_path)
    cfg = harness.load('other_hosts', SEGMENTER)
    for loader in (cfg.train_dataloader, cfg.test_dataloader):
        shrink_images(loader.dataset.pipeline)
    cfg.model.data_preprocessor.size = (32, 32)
    cfg.model.decode_head.update(in_channels=[8, 16, 32, 64], channels=8)
    cfg.model.auxiliary_head.update(in_channels=32, channels=8)
    model = build(cfg)
    check_step(cfg, model, tmp_path)
    model.dataset_meta = datasets.ADE20KDataset.METAINFO
    cfg.test_dataloader.dataset.data_root = str(tmp_path)
    batch = harness.first_batch(cfg.test_dataloader)
    assert model.eval().test_step(batch)[0].pred_sem_seg.data.shape == (1, *SIZE)
    assert 0 <= harness.test_step(cfg, model, batch)['mIoU'] <= 100


def test_heatmaps_of_mmpose(tmp_path):
    datasets = pytest.importorskip('mmpose.datasets')
    make_keypoints(tmp_path)
    cfg = harness.load('other_hosts', POSER)
    cfg.model.head.update(in_channels=64, deconv_out_channels=(8, 8, 8))
    model = build(cfg)
    check_step(cfg, model, tmp_path)
    dataset = cfg.test_dataloader.dataset
    dataset.update(data_root=str(tmp_path), bbox_file='')  # boxes of the annotations
    cfg.test_evaluator.ann_file = f'{tmp_path}/annotations/person_keypoints_val2017.json'
    model.dataset_meta = datasets.build_dataset(dataset).metainfo
    batch = harness.first_batch(cfg.test_dataloader, batch_size=2)
    points = model.eval().test_step(batch)[0].pred_instances.keypoints
    assert points.shape == (1, 17, 2) and np.isfinite(points).all()
    assert 'coco/AP' in harness.test_step(cfg, model, batch)
