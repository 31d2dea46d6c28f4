"""One small config per task, and the commands as functions, run in the process of the tests."""
import json
import random
import socket
import tempfile
from functools import partial
from pathlib import Path
from typing import Callable, Dict
from unittest import mock

import in_process
import pytest
import synthetic_data

from mvitv2_mm.engine import training

ROOT = Path(__file__).parents[2]
ARCH = dict(embed_dims=8, num_layers=4, num_heads=1, downscale_indices=(1, 2, 3))

RUNTIME = '''
train_cfg = dict(by_epoch=True, max_epochs=2, val_interval=1)
val_cfg = dict()
test_cfg = dict()
optim_wrapper = dict(
    type='OptimWrapper', optimizer=dict(type='AdamW', lr=1e-3), clip_grad=dict(max_norm=1.))
param_scheduler = dict(
    type='CosineAnnealingLR', eta_min_ratio=0.1, convert_to_iter_based=True)
default_hooks = dict(logger=dict(interval=1), checkpoint=dict(interval=1))

def loader(dataset, sampler='DefaultSampler', shuffle=False):
    return dict(batch_size=2, num_workers=0, dataset=dataset,
                sampler=dict(type=sampler, shuffle=shuffle))
'''

IMAGE = '''
_base_ = {base!r}
{runtime}
model = dict(
    type='ImageClassifier',
    data_preprocessor=dict(mean=[127.5] * 3, std=[60.] * 3, to_rgb=True),
    backbone=dict(type='mvitv2_mm.MViTv2', arch={arch}, input_size=32, out_type='avg_featmap'),
    head=dict(type='LinearClsHead', num_classes=2, in_channels=64))
pipeline = [dict(type='LoadImageFromFile'), dict(type='RandomFlip', prob=0.),
            dict(type='PackInputs')]
def folder(name):
    return dict(type='CustomDataset', data_root={data!r}, data_prefix=name, pipeline=pipeline)
train_dataloader = loader(folder('train'), shuffle=True)
val_dataloader = test_dataloader = loader(folder('val'))
val_evaluator = test_evaluator = dict(type='Accuracy', topk=(1, ))
auto_scale_lr = dict(base_batch_size=16)
tta_model = dict(type='AverageClsScoreTTA')
tta_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='TestTimeAug',
         transforms=[[dict(type='RandomFlip', prob=p) for p in (0., 1.)],
                     [dict(type='PackInputs')]])]
'''

DETECTION = '''
_base_ = [{base!r}, 'mmdet::_base_/models/mask-rcnn_r50_fpn.py']
{runtime}
model = dict(
    backbone=dict(_delete_=True, type='mvitv2_mm.MViTv2', arch={arch}, input_size=64,
                  out_scales=(0, 1, 2, 3), window_size=8),
    neck=dict(in_channels=[8, 16, 32, 64], out_channels=8),
    rpn_head=dict(in_channels=8, feat_channels=8),
    roi_head=dict(
        bbox_roi_extractor=dict(out_channels=8),
        bbox_head=dict(in_channels=8, fc_out_channels=16, num_classes=2),
        mask_roi_extractor=dict(out_channels=8),
        mask_head=dict(num_convs=1, in_channels=8, conv_out_channels=8, num_classes=2)),
    # no random choice of samples
    train_cfg=dict(rpn=dict(sampler=dict(num=10**5)), rcnn=dict(sampler=dict(num=10**5))),
    test_cfg=dict(rpn=dict(max_per_img=20), rcnn=dict(score_thr=0., max_per_img=5)))
load = [dict(type='LoadImageFromFile'), dict(type='Resize', scale=(64, 48), keep_ratio=True)]
annotations = dict(type='LoadAnnotations', with_bbox=True, with_mask=True)
pack = dict(type='PackDetInputs',
            meta_keys=('img_id', 'img_path', 'ori_shape', 'img_shape', 'scale_factor'))
def coco(split, pipeline, **kwargs):
    return dict(type='CocoDataset', data_root={data!r}, data_prefix=dict(img=split),
                ann_file='annotations/instances_' + split + '.json',
                metainfo=dict(classes=('person', 'car')), pipeline=pipeline, **kwargs)
train_dataloader = loader(coco('train2017', [load[0], annotations, load[1], pack]),
                          'InfiniteSampler', shuffle=True)
val_dataloader = test_dataloader = loader(coco('val2017', [*load, pack], test_mode=True))
val_evaluator = test_evaluator = dict(
    type='CocoMetric', ann_file={data!r} + '/annotations/instances_val2017.json',
    metric=['bbox', 'segm'])
train_cfg = dict(type='IterBasedTrainLoop', max_iters=4, val_interval=2)
param_scheduler = dict(type='CosineAnnealingLR', eta_min_ratio=0.1, by_epoch=False)
default_hooks = dict(logger=dict(interval=1), checkpoint=dict(interval=2))
'''

VIDEO = '''
_base_ = {base!r}
{runtime}
model = dict(
    type='Recognizer3D',
    data_preprocessor=dict(type='ActionDataPreprocessor', mean=[114.75] * 3, std=[57.375] * 3,
                           format_shape='NCTHW'),
    backbone=dict(type='mvitv2_mm.MViTv2', arch={arch}, input_size=(4, 32, 32)),
    cls_head=dict(type='MViTHead', num_classes=2, in_channels=64, dropout_ratio=0.,
                  average_clips='prob'))
pipeline = [
    dict(type='DecordInit'), dict(type='SampleFrames', clip_len=4, frame_interval=3, num_clips=1),
    dict(type='DecordDecode'), dict(type='FormatShape', input_format='NCTHW'),
    dict(type='PackActionInputs')]
def clips(split, **kwargs):
    return dict(type='VideoDataset', ann_file={data!r} + '/' + split + '.txt',
                data_prefix=dict(video={data!r}), pipeline=pipeline, **kwargs)
train_dataloader = loader(clips('train'), shuffle=True)
val_dataloader = test_dataloader = loader(clips('val', test_mode=True))
val_evaluator = test_evaluator = dict(type='AccMetric')
'''

TASKS = {
    'image': (IMAGE, synthetic_data.make_folders, 'classification'),
    'detection': (DETECTION, synthetic_data.make_coco, 'detection'),
    'video': (VIDEO, synthetic_data.make_clips, 'recognition'),
}


def metrics_of(command: str, argv: list) -> dict:
    """Run a command that has ``--out-metrics``; the metrics."""
    with tempfile.TemporaryDirectory() as folder:
        out = f'{folder}/metrics.json'
        if '--out-metrics' in argv:
            out = argv[argv.index('--out-metrics') + 1]
        in_process.run(command, [*argv, '--out-metrics', out])
        return json.loads(Path(out).read_text())


@pytest.fixture(scope='session', autouse=True)
def _unformatted_configs():
    """Formatting the config takes half a second per checkpoint."""
    with mock.patch('mmengine.config.config.FormatCode', lambda text, **kwargs: (text, True)):
        yield


@pytest.fixture(scope='session')
def train() -> Callable:
    """Train with the arguments of the command; the Runner afterwards."""

    def run(argv: list):
        runners = []

        def build_runner(cfg, build=training.build_runner):
            runners.append(build(cfg))
            return runners[-1]

        with mock.patch.object(training, 'build_runner', build_runner):
            in_process.run('train', argv)
        return runners[0]

    return run


@pytest.fixture(scope='session')
def test() -> Callable:
    return partial(metrics_of, 'test')


@pytest.fixture(scope='session')
def eval_metric() -> Callable:
    return partial(metrics_of, 'eval-metric')


@pytest.fixture(scope='session')
def configs(tmp_path_factory) -> Dict[str, str]:
    """Paths of the three small configs, whose data exists."""
    folder, paths = tmp_path_factory.mktemp('configs'), {}
    for task, (template, make_data, host) in TASKS.items():
        base = str(ROOT / 'configs' / '_base_' / f'default_runtime_{host}.py')
        data = make_data(folder / f'{task}_data')
        path = folder / f'{task}.py'
        path.write_text(template.format(base=base, arch=ARCH, data=data, runtime=RUNTIME))
        paths[task] = str(path)
    return paths


@pytest.fixture(scope='session')
def checkpoints(configs, train, tmp_path_factory) -> Dict[str, str]:
    """Paths of a checkpoint per task, after two epochs or four iterations."""
    paths = {}
    for task, config in configs.items():
        work_dir = tmp_path_factory.mktemp(f'trained_{task}')
        train([config, '--work-dir', str(work_dir)])
        paths[task] = (work_dir / 'last_checkpoint').read_text()
    return paths


@pytest.fixture
def port() -> str:
    """A free port for the processes of a distributed run; the system gives it to nobody else."""
    while True:
        number = random.SystemRandom().randrange(20000, 32000)  # whatever the seed of the tests
        with socket.socket() as probe:
            if probe.connect_ex(('127.0.0.1', number)):
                return str(number)
