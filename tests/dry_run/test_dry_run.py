"""A look at a training before it begins, on small data, in the process of the tests."""
import json
import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import synthetic_data
import torch
from mmdet.structures.mask import BitmapMasks, PolygonMasks
from mmengine.config import Config
from mmengine.structures import BaseDataElement, InstanceData
from torch.utils.data import DataLoader

from mvitv2_mm.commands.frame import run_command
from mvitv2_mm.drawing import PALETTE
from mvitv2_mm.dry_run import batches, measure, read_dry_run, summarize
from mvitv2_mm.dry_run.job import dry_run
from mvitv2_mm.dry_run.largest import Boxes, largest_batch
from mvitv2_mm.engine.training import prepare_config

QUICKSTART = Path(__file__).parents[2] / 'configs' / 'quickstart'
IMAGE = '''
_base_ = {base!r}
data_root = {data!r}
classes = ['a cat', 'a dog']
model = dict(
    data_preprocessor=dict(num_classes=2),
    backbone=dict(input_size=32, frozen_stages=0),
    head=dict(num_classes=2),
    train_cfg=dict(augments=dict(type='mvitv2_mm.models.ImageBatchAugment')))
pipeline = [dict(type='mvitv2_mm.LoadImage'), dict(type='PackInputs')]
train_dataloader = dict(
    batch_size=4,
    sampler=dict(_delete_=True, type='RepeatAugSampler', num_repeats=2),
    dataset=dict(data_root=data_root, pipeline=pipeline))
val_dataloader = dict(batch_size=3, dataset=dict(data_root=data_root, pipeline=pipeline))
test_dataloader = val_dataloader
train_cfg = dict(max_epochs=8, val_interval=3)
optim_wrapper = dict(accumulative_counts=2, paramwise_cfg=dict(norm_decay_mult=0.))
auto_scale_lr = dict(base_batch_size=16)
custom_hooks = [dict(type='EMAHook', ema_type='MomentumAnnealingEMA', momentum=0.3, gamma=2,
                     begin_epoch=2)]
default_hooks = dict(logger=dict(interval=1))
'''


@pytest.fixture(scope='module', autouse=True)
def _quick():
    """Two passes are measured."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(measure, '_SECONDS', 0.)
        yield


def write_config(folder, text, task, data):
    path = folder / f'{task}.py'
    path.write_text(text.format(base=str(QUICKSTART / f'{task}.py'), data=data))
    return str(path)


@pytest.fixture(scope='module')
def image(tmp_path_factory):
    """Config, work dir and result of a dry run of a classifier."""
    folder = tmp_path_factory.mktemp('image')
    data = synthetic_data.make_folders(folder / 'data')
    for label in range(2):  # in the place of the same file names
        for i in range(4):
            path = folder / f'data/val/class{label}/{label}_{i}.png'
            cv2.imwrite(str(path), 255 - cv2.imread(str(path)))
    config = write_config(folder, IMAGE, 'image', data)
    cfg = prepare_config(config, work_dir=str(folder / 'work_dir'))
    return config, folder / 'work_dir', dry_run(cfg, with_overfit=True)


def test_the_plan(image):
    plan = image[2]['plan']
    assert (plan['epochs'], plan['passes'], plan['total_passes']) == (8, 2, 16)
    assert (plan['steps'], plan['samples_per_pass'], plan['samples_per_step']) == (8, 4, 8)
    assert (plan['train_samples'], plan['val_samples'], plan['val_passes']) == (8, 8, 3)
    assert plan['validations'] == 3  # after epochs 3, 6 and 8
    assert '8 samples for training, 1 in 2 of them in an epoch, 2 times' in summarize(image[2])[1]


def test_the_estimate_is_kept_for_the_report(image):
    config, work_dir, found = image
    assert read_dry_run(work_dir) == json.loads(json.dumps(found))
    assert read_dry_run(work_dir.parent) is None
    measured, estimate = found['measured'], found['estimate']
    assert estimate['train_seconds'] == pytest.approx(16 * measured['pass_seconds'] +
                                                      8 * measured['step_seconds'])
    assert estimate['val_seconds'] == pytest.approx(9 * measured['val_seconds'] +
                                                    3 * measured['metric_seconds'])
    assert found['plan']['checkpoints'] == 8
    assert estimate['save_seconds'] == pytest.approx(8 * measured['save_seconds'])
    assert measured['save_seconds'] > 0
    assert 2**27 < estimate['peak_bytes'] < 2**36


def test_parameters_that_are_frozen(image):
    backbone, head = image[2]['parameters']
    assert backbone['part'] == 'backbone' and backbone['frozen'] == 24 * (3 * 49 + 1)
    assert head == dict(part='head', trained=2 * 96 + 2, frozen=0)


def test_averaged_weights(image):
    curves = image[2]['curves']
    for done, share in zip(curves['iterations'], curves['ema']):
        steps = done - 2 * 2
        wanted = max(0.3, 2 / (2 + steps)) if steps > 0 else 1
        assert share == pytest.approx(wanted)


def test_groups_of_parameters(image):
    first, second = image[2]['curves']['groups']
    assert {first['weight_decay'][0], second['weight_decay'][-1]} == {0., 0.05}
    total = sum(row['trained'] for row in image[2]['parameters'])
    assert first['parameters'] + second['parameters'] == total


def test_findings(image):
    """Fewer samples than the learning rate is for, in a step too; nothing else is wrong."""
    finding, = image[2]['findings']
    assert finding[
        'kind'] == 'learning_rate' and '--auto-scale-lr, which makes it 0.0005' in finding['text']


def test_one_batch_is_learnt_by_heart(image):
    result = image[2]['overfit']
    assert result['suspect'] == '' and result['losses'][-1] <= result['losses'][0] / 2


def test_pictures_can_be_read(image):
    assert [Path(path).name
            for path in image[2]['pictures']] == ['curves.png', 'batch_1.png', 'batch_2.png']
    for path in image[2]['pictures']:
        assert cv2.imread(path).std() > 10


def losses_of(work_dir):
    path, = work_dir.glob('*/vis_data/scalars.json')
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    return [(row['loss'], row['lr']) for row in rows if 'loss' in row]


def run(*words):
    """In a process of its own: memory is that of a process. Sums of other threads differ."""
    env = dict(os.environ, OMP_NUM_THREADS='1')
    result = subprocess.run([sys.executable, *words], capture_output=True, text=True, env=env)
    assert result.returncode == 0, result.stderr


QUICK_DRY_RUN = '''
import sys
import mvitv2_mm.repairs
from mvitv2_mm.dry_run import measure
from mvitv2_mm.dry_run.job import dry_run
from mvitv2_mm.engine.training import prepare_config
measure._SECONDS = 0.
dry_run(prepare_config(sys.argv[1], work_dir=sys.argv[2]))
'''


def test_a_run_is_the_same_with_and_without_a_dry_run(image, tmp_path):
    config, work_dir, found = image
    assert os.listdir(work_dir) == ['dry_run']
    for folder in (work_dir, tmp_path):
        run('-m', 'mvitv2_mm', 'train', config, '--work-dir', str(folder))
    losses = losses_of(work_dir)
    assert len(losses) == 16 and losses == losses_of(tmp_path)
    # and the rates that the dry run foresaw are those of the run
    rates = [rate for _, rate in losses]
    np.testing.assert_allclose(found['curves']['groups'][0]['lr'], rates, rtol=1e-6)
    cost = json.loads(next(work_dir.glob('*/run.json')).read_text())
    run('-c', QUICK_DRY_RUN, config, str(tmp_path))
    estimate = read_dry_run(tmp_path)['estimate']
    assert cost['peak_bytes'] == pytest.approx(estimate['peak_bytes'], rel=0.3)


COCO = '''
_base_ = {base!r}
data_root = {data!r}
metainfo = dict(classes=('person', 'car'))
model = dict(roi_head=dict(bbox_head=dict(num_classes=2), mask_head=dict(num_classes=2)))
pipeline = [dict(type='LoadImageFromFile'),
            dict(type='LoadAnnotations', with_bbox=True, with_mask=True, poly2mask=True),
            dict(type='Resize', scale=(128, 128), keep_ratio=True),
            dict(type='RandomCrop', crop_size=(24, 24), allow_negative_crop=True),
            dict(type='PackDetInputs')]
train_dataloader = dict(batch_size=2, dataset=dict(
    data_root=data_root, ann_file='annotations/instances_train2017.json', metainfo=metainfo,
    data_prefix=dict(img='train2017/'), pipeline=pipeline))
val_dataloader = dict(batch_size=2, dataset=dict(
    data_root=data_root, ann_file='annotations/instances_val2017.json', metainfo=metainfo,
    data_prefix=dict(img='val2017/')))
test_dataloader = val_dataloader
val_evaluator = dict(ann_file=data_root + '/annotations/instances_val2017.json')
test_evaluator = val_evaluator
train_cfg = dict(max_epochs=2)
'''


def test_boxes_lost_and_files_in_both_splits(tmp_path, capsys):
    data = synthetic_data.make_coco(tmp_path / 'data', images=4)
    config = write_config(tmp_path, COCO, 'detection', data)
    assert run_command('train', [config, '--dry-run', '--work-dir', str(tmp_path / 'out')]) == 1
    found = read_dry_run(tmp_path / 'out')
    assert found['boxes']['before'] == 2 * found['boxes']['pictures'] == 8
    assert found['boxes']['after'] <= 4
    assert {finding['kind'] for finding in found['findings']} == {'boxes', 'splits'}
    text = capsys.readouterr().out
    assert '4 of 4 files of the validation have the content of files in the training' in text
    assert 'the augmentation loses' in text and 'batch_1.png' in text


CLIPS = '''
_base_ = {base!r}
data_root = {data!r}
model = dict(cls_head=dict(num_classes=2))
train_dataloader = dict(batch_size=1, dataset=dict(
    data_root=data_root, ann_file='train.txt', data_prefix=dict(video='')))
val_dataloader = dict(batch_size=2, dataset=dict(
    data_root=data_root, ann_file='train.txt', data_prefix=dict(video='')))
test_dataloader = val_dataloader
train_cfg = dict(max_epochs=2)
'''


def test_clips_repeats_and_a_rate_that_is_too_low(tmp_path):
    data = synthetic_data.make_clips(tmp_path / 'data', frames=32)
    config = write_config(tmp_path, CLIPS, 'video', data)
    cfg = prepare_config(config, {'optim_wrapper.optimizer.lr': 1e-6}, str(tmp_path / 'out'))
    found = dry_run(cfg, with_overfit=True)
    assert (found['plan']['repeats'], found['plan']['samples_per_pass']) == (2, 2)
    kinds = {finding['kind']: finding['text'] for finding in found['findings']}
    assert '2 of 2 files of the validation are in the training data' in kinds['splits']
    assert 'the learning rate 1e-06 is too low' in kinds['overfit']


def test_pixels_come_back():
    look = batches.Look(torch.tensor([1., 2, 3]), torch.tensor([4., 5, 6]), False, None, 1)
    pixels = np.random.default_rng(0).integers(0, 256, (2, 5, 7, 3), dtype=np.uint8)
    bgr = torch.tensor(pixels[..., ::-1].copy()).movedim(-1, 1)
    inputs = (bgr - look.mean.view(3, 1, 1)) / look.std.view(3, 1, 1)
    np.testing.assert_array_equal(batches.to_pixels(inputs, look), pixels)
    clips = torch.stack([inputs, inputs], dim=2)[:, None]  # (B, 1, C, T, H, W)
    np.testing.assert_array_equal(batches.to_pixels(clips, look)[:, 1], pixels)


def test_mixed_labels_are_named():
    look = batches.Look(torch.zeros(3), torch.ones(3), True, ('cat', 'dog', 'cow'), 1)
    assert batches.describe(dict(gt_score=torch.tensor([0.3, 0., 0.7])),
                            look) == ('cow 0.70 + cat 0.30')
    assert batches.describe(dict(gt_label=torch.tensor([1])), look) == 'dog'
    assert batches.describe(dict(gt_label=torch.tensor([1., 0, 1])), look) == 'cow, cat'
    assert batches.describe(dict(gt_label=torch.tensor([7])), look) == '7'


def shown(tmp_path, look=batches.Look(torch.zeros(3), torch.ones(3), True, None, 1), **objects):
    """The sheet of a black picture with objects, in RGB."""
    sample = BaseDataElement(gt_instances=InstanceData(**objects))
    path = tmp_path / 'sheet.png'
    batches.draw_batch(batches.Batch(torch.zeros(1, 3, 64, 64), [sample], 1), look, 'title', path)
    return sample, look, cv2.imread(str(path))[..., ::-1]


@pytest.mark.parametrize('masks', [
    BitmapMasks(np.pad(np.ones((1, 40, 40), np.uint8), ((0, 0), (12, 12), (12, 12))), 64, 64),
    PolygonMasks([[np.array([12., 12, 52, 12, 52, 52, 12, 52])]], 64, 64)
])
def test_masks_of_both_kinds_are_drawn(masks, tmp_path):
    box, label = torch.tensor([[12., 12, 52, 52]]), torch.tensor([0])
    *_, drawn = shown(tmp_path, bboxes=box, labels=label, masks=masks)
    tint = np.round(0.45 * np.array(PALETTE[0]))
    inside = (np.abs(drawn - tint) <= 2).all(-1).sum()
    assert inside > 0.5 * (40 / 64 * 340)**2  # the box and the name hide some


def test_people_are_counted_and_told_apart(tmp_path):
    actions = torch.zeros(2, 80)
    actions[:, 11] = 1.
    boxes = torch.tensor([[0., 10, 25, 60], [35., 10, 60, 60]])
    sample, look, drawn = shown(tmp_path, bboxes=boxes, labels=actions)
    assert batches.describe(sample, look) == '2 people'
    assert all((drawn == color).all(-1).sum() > 100 for color in PALETTE[:2])


@pytest.mark.parametrize(
    'option', ['--resume', '--launcher=slurm', '--cfg-options=runner_type=FlexibleRunner'])
def test_what_a_dry_run_is_not(option, image, capsys):
    assert run_command('train', [image[0], '--dry-run', option]) == 2
    assert '--dry-run' in capsys.readouterr().err


def test_the_memory_is_too_small(image, monkeypatch, tmp_path):

    def fail(runner, boxes):
        raise torch.OutOfMemoryError('CUDA out of memory. Tried to allocate 1 GiB.')

    monkeypatch.setattr('mvitv2_mm.dry_run.job.measure', fail)
    found = dry_run(prepare_config(image[0], work_dir=str(tmp_path)))
    assert found['estimate'] is None and found['measured'] is None
    assert 'Take smaller batches' in found['findings'][0]['text']
    assert Config(read_dry_run(tmp_path)).plan.epochs == 8


class Samples(list):
    """A dataset, whose annotations have two objects more than are left, and one that is ignored."""

    def get_data_info(self, index):
        count = len(self[index]['data_samples'].gt_instances) + 2
        return dict(img_id=index, instances=[{}] * count + [dict(ignore_flag=1)])


def test_the_largest_batch_and_lost_boxes():
    """The tallest, the widest and the fullest picture are in the batch; objects of all count."""
    sizes = [(10, 10, 1), (40, 10, 1), (10, 50, 0), (20, 20, 1), (10, 10, 9)]
    samples = Samples()
    for img_id, (height, width, count) in enumerate(sizes):
        known = dict(gt_instances=InstanceData(b=[0] * count), img_id=img_id)
        samples.append(
            dict(inputs=torch.zeros(3, height, width), data_samples=BaseDataElement(**known)))
    boxes = Boxes()
    found = largest_batch(DataLoader(samples, batch_size=3, collate_fn=list), boxes)
    assert {tuple(one['inputs'].shape[1:]) for one in found} == {(40, 10), (10, 50), (10, 10)}
    assert max(len(one['data_samples'].gt_instances) for one in found) == 9
    assert boxes == Boxes(pictures=5, before=22, after=12)
    samples[0]['data_samples'].img_id = 7  # another picture, as the crop left nothing of this one
    boxes = Boxes()
    found, = largest_batch(DataLoader(samples, batch_size=1, collate_fn=list), boxes)
    assert found['inputs'].shape == (3, 10, 50) and boxes.pictures == 4
    alike = DataLoader([dict(inputs=0, data_samples={})], batch_size=1)
    assert largest_batch(alike, boxes) is None and boxes.pictures == 4
