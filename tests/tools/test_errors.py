"""Mistakes end in one line that names file or key and the remedy, before any slow start."""
import importlib.util
import pickle
from pathlib import Path

import in_process
import pytest
import synthetic_data
from mmengine.config import Config

from mvitv2_mm.engine.checks import check_config

ROOT = Path(__file__).parents[2]


@pytest.fixture
def fails(monkeypatch):
    """Run a command that must stop before it builds a Runner; returns its message."""

    def run(command: str, args) -> str:
        monkeypatch.setattr('mmengine.runner.Runner.from_cfg', None)
        with pytest.raises(SystemExit) as info:
            in_process.run(command, args)
        message = info.value.code
        assert '\n' not in message
        return message

    return run


def test_config_not_found(fails):
    message = fails('train', ['configs/classification/mvitv2-tiny_8xb128_in1k.py'])
    assert 'config "configs/classification/mvitv2-tiny_8xb128_in1k.py" does not exist' in message
    assert 'classification/mvitv2-tiny_8xb256_in1k.py' in message
    assert 'similar' not in fails('train', ['zzz.py'])


@pytest.mark.parametrize('task, host, pip', [('image', 'mmpretrain', 'mmpretrain=='),
                                             ('detection', 'mmdet', 'mmdet=='),
                                             ('video', 'mmaction', 'mmaction2==')])
def test_host_not_installed(task, host, pip, fails, configs, monkeypatch):
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, 'find_spec', lambda name, *args: None
                        if name == host else find_spec(name, *args))
    monkeypatch.setattr('mmengine.config.config.is_installed', lambda package: package != host)
    message = fails('train', [configs[task]])
    assert f'needs {host}, which is not installed; run: pip install {pip}' in message


def test_host_of_one_type(fails, configs, tmp_path, monkeypatch):
    config = tmp_path / 'mixed.py'
    config.write_text(f'_base_ = {configs["image"]!r}\nhook = [dict(type="mmdet.Hook")]')
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, 'find_spec', lambda name, *args: None
                        if name == 'mmdet' else find_spec(name, *args))
    assert 'needs mmdet' in fails('train', [config])


def test_data_root_missing(fails, configs):
    for key in ('data_root=/no/where', 'data_prefix=nowhere'):
        message = fails('train',
                        [configs['image'], '--cfg-options', f'train_dataloader.dataset.{key}'])
        assert f'train_dataloader.dataset.{key.split("=")[0]}: folder "/' in message
        assert 'nowhere" does not exist' in message or '"/no/where" does not exist' in message
        assert '--cfg-options train_dataloader.dataset' in message


@pytest.mark.parametrize('name, reason', [('file', 'File exists'),
                                          ('file/below', 'Not a directory'),
                                          ('x' * 300, 'File name too long')])
def test_work_dir_cannot_be_made(name, reason, fails, configs, tmp_path):
    (tmp_path / 'file').touch()
    message = fails('train', [configs['image'], '--work-dir', tmp_path / name])
    assert f'{name}" cannot be written to ({reason})' in message and '--work-dir' in message


def test_imagenet_split_missing(fails, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # whatever data lies in the repository
    config = ROOT / 'configs/classification/mvitv2-tiny_8xb256_in1k.py'
    assert 'folder "data/imagenet" does not exist' in fails('train', [config])
    message = fails('train',
                    [config, '--cfg-options', f'train_dataloader.dataset.data_root={tmp_path}'])
    assert f'folder "{tmp_path}/train" does not exist' in message


@pytest.mark.parametrize('tool, task, key', [
    ('train', 'detection', 'train_dataloader.dataset.ann_file'),
    ('train', 'video', 'val_dataloader.dataset.ann_file'),
    ('test', 'detection', 'test_evaluator.ann_file'),
])
def test_annotations_missing_or_empty(tool, task, key, fails, configs, checkpoints, tmp_path):
    files = {
        'empty.json': '',
        'blank.txt': ' \n',
        'no_images.json': '{"images": []}',
        'no_list.json': '[]'
    }
    start = [configs[task]] + [checkpoints[task]] * (tool == 'test') + ['--cfg-options']
    message = fails(tool, start + [f'{key}={tmp_path}/none.json'])
    assert f'{key}: annotation file "{tmp_path}/none.json" does not exist' in message
    assert f'--cfg-options {key}=' in message
    for name, content in files.items():
        path = tmp_path / name
        path.write_text(content)
        message = fails(tool, start + [f'{key}={path}'])
        assert f'{key}: annotation file "{path}" holds no sample' in message
    path.write_text('{"images": ')
    assert f'{path}, line 1: not valid JSON' in fails(tool, start + [f'{key}={path}'])


def test_annotations_inside_wrappers(fails, configs, tmp_path):
    dataset = Config.fromfile(configs['video']).train_dataloader.dataset.to_dict()
    missing = dict(dataset, ann_file='/no/list.txt')
    config = tmp_path / 'wrapped.py'
    config.write_text(f'_base_ = {configs["video"]!r}\n'
                      'train_dataloader = dict(dataset=dict(_delete_=True, type="RepeatDataset", '
                      f'times=2, dataset=dict(type="ConcatDataset", datasets=[{dataset}, '
                      f'{missing}])))')
    assert 'train_dataloader.dataset.dataset.datasets.1.ann_file' in fails('train', [config])


@pytest.mark.parametrize('loop', ['train', 'val'])
def test_no_sample_of_the_classes(loop, train, configs, tmp_path):
    options = [
        f'{loop}_dataloader.dataset.{option}'
        for option in ('metainfo.classes=("pear",)', 'filter_cfg.filter_empty_gt=True',
                       'test_mode=False')
    ]
    expected = f'{loop}_dataloader.dataset has no sample.*classes in its "metainfo".*pear'
    with pytest.raises(SystemExit, match=expected) as info:
        train([configs['detection'], '--work-dir', tmp_path, '--cfg-options', *options])
    assert '\n' not in info.value.code


def test_checkpoint_missing(fails, configs, checkpoints):
    missing = str(Path(checkpoints['image']).with_name('epoch_3.pth'))
    expected = f'{missing} can not be found. Its folder holds epoch_1.pth, epoch_2.pth.'
    assert expected in fails('test', [configs['image'], missing])
    assert expected in fails('train', [configs['image'], '--resume', missing])
    message = fails('test', [configs['image'], '/no/where.pth'])
    assert '/no/where.pth can not be found. Published models: see "python' in message
    message = fails('test', [configs['image'], 'mvitv2_tiny_in1k'])
    assert 'Similar published models: mvitv2-tiny_in1k' in message


@pytest.mark.parametrize('args, expected', [
    (['--dump', 'result.json'], '--dump: "result.json" should end with .pkl'),
    (['--out-metrics', 'metrics.txt'], '--out-metrics: "metrics.txt" should end with .json'),
    (['--tta'], 'has no tta_model and no tta_pipeline; run without --tta'),
])
def test_wrong_arguments_of_test(args, expected, fails, configs, checkpoints):
    assert expected in fails('test', [configs['video'], checkpoints['video'], *args])


def test_wrong_arguments_of_train(fails, configs, monkeypatch):
    message = fails('train', [configs['video'], '--auto-scale-lr'])
    assert '--auto-scale-lr' in message and 'base_batch_size' in message
    monkeypatch.setattr('mmengine.device.get_device', lambda: 'cpu')
    message = fails('train', [configs['video'], '--amp-dtype', 'float16'])
    assert '--amp-dtype float16 needs a GPU; on a CPU use bfloat16' in message


@pytest.mark.parametrize('option', ['out-metrics', 'dump', 'show-dir'])
def test_results_that_could_not_be_written(option, fails, configs, checkpoints, tmp_path):
    (tmp_path / 'file').write_text('')
    path = tmp_path / 'file' / {'out-metrics': 'a.json', 'dump': 'a.pkl'}.get(option, 'a')
    message = fails('test', [configs['image'], checkpoints['image'], f'--{option}', path])
    assert str(tmp_path / 'file') in message


@pytest.mark.parametrize('options, expected', [
    (['val_evaluator.topk=(1,5)'], 'val_evaluator.topk asks for the best 5 of 2 classes'),
    (['train_cfg.max_epochs=many'], 'train_cfg.max_epochs: "many" is no number, as 2 is'),
    (['optim_wrapper.optimizer.type=AdamX'], 'optim_wrapper.optimizer.type: there is no "AdamX"; '
     'similar: Adam'),
    (['param_scheduler.type=CosineLR'], 'param_scheduler.0.type: there is no "CosineLR"; similar'),
    (['train_cfg.val_interval=0'], 'train_cfg.val_interval should be at least 1'),
])  # yapf: disable
def test_values_that_no_training_can_have(options, expected, fails, configs):
    assert expected in fails('train', [configs['image'], '--cfg-options', *options])


@pytest.mark.parametrize('task, options, expected', [
    ('image', ['train_dataloader.batch_size=9', 'train_dataloader.drop_last=True'],
     '8 samples for each process do not fill a batch of 9; add --cfg-options '
     'train_dataloader.batch_size=8'),
    ('image', ['model.head.in_channels=3'],
     'model.head takes 3 channels, but the backbone gives 64; add --cfg-options'),
    ('detection', ['model.neck.in_channels=[8,16,32,65]'],
     'model.neck takes [8, 16, 32, 65] channels, but the backbone gives [8, 16, 32, 64]'),
    ('image', ['train_cfg.max_epochs=1.5'], 'max_epochs'),
    ('image', ['model.backbone.type=mvitv2_mm.MViT'], 'mvitv2_mm.MViT is not in the'),
])  # yapf: disable
def test_what_shows_when_a_training_is_built(task, options, expected, train, configs, tmp_path):
    with pytest.raises(SystemExit) as info:
        train([configs[task], '--work-dir', tmp_path, '--cfg-options', *options])
    assert expected in info.value.code and '\n' not in info.value.code


@pytest.mark.parametrize('repeats, collate', [(2, 'pseudo_collate'), (1, 'repeat_pseudo_collate')])
def test_repeats_that_make_no_batch(repeats, collate):
    loader = dict(
        collate_fn=dict(type=collate),
        dataset=dict(type='mvitv2_mm.ClipDataset', num_repeats=repeats))
    with pytest.raises(ValueError, match=f'train_dataloader.dataset.num_repeats={repeats} gives'):
        check_config(Config(dict(train_dataloader=loader)), ['train'])
    loader['dataset']['num_repeats'] = 3 - repeats
    check_config(Config(dict(train_dataloader=loader)), ['train'])


def test_other_classes_than_those_of_the_checkpoint(train, test, configs, checkpoints, tmp_path):
    other = ['--work-dir', tmp_path, '--cfg-options']
    names = [
        f'{loop}_dataloader.dataset.metainfo.classes=("class1","class0")'
        for loop in ('train', 'val', 'test')
    ]
    types = [
        f'{loop}_dataloader.dataset.type=mvitv2_mm.ImageDataset'
        for loop in ('train', 'val', 'test')
    ]
    for tool, start in ((train, ['--resume',
                                 checkpoints['image']]), (test, [checkpoints['image']])):
        with pytest.raises(SystemExit, match="trained on the 2 classes 'class0', 'class1'") as info:
            tool([configs['image'], *start, *other, *types, *names])
        assert '\n' not in info.value.code


def test_a_head_that_would_stay_random_is_not_tested(test, configs, checkpoints, tmp_path):
    args = [configs['image'], checkpoints['image'], '--work-dir', tmp_path]
    with pytest.raises(SystemExit, match='lacks 2 tensors of the model, e.g. head.fc.* random'):
        test([*args, '--cfg-options', 'model.head.num_classes=3'])


@pytest.mark.parametrize('task, key, message', [
    ('image', 'model.head.num_classes', '2 classes, but the head of the model 1'),
    ('detection', 'model.roi_head.bbox_head.num_classes', '2 classes, but the head of the model 1'),
    ('video', 'model.cls_head.num_classes', 'label 1 of .* is outside of 0..0'),
])
def test_classes_that_the_model_lacks(task, key, message, train, configs, tmp_path):
    with pytest.raises(SystemExit, match=f'train_dataloader.dataset.* {message}') as info:
        train([configs[task], '--work-dir', tmp_path, '--cfg-options', f'{key}=1'])
    assert '\n' not in info.value.code


def test_splits_with_other_classes(train, configs, tmp_path):
    option = 'val_dataloader.dataset.data_prefix='
    (tmp_path / 'own').mkdir()
    synthetic_data.make_folders(tmp_path / 'own')
    for name in ('class0', 'class1'):
        (tmp_path / f'own/val/{name}').rename(tmp_path / f'own/val/new_{name}')
    with pytest.raises(SystemExit, match='val_dataloader.dataset has other classes than train'):
        train([
            configs['image'], '--work-dir', tmp_path, '--cfg-options', f'{option}{tmp_path}/own/val'
        ])


def test_without_ground_truth(test, configs, checkpoints, tmp_path):
    args = [configs['image'], checkpoints['image'], '--work-dir', tmp_path]
    bare = ['--cfg-options', 'test_dataloader.dataset.with_label=False']
    with pytest.raises(SystemExit, match='no ground truth to compare with; --dump FILE.pkl'):
        test([*args, *bare])
    test([*args, '--dump', tmp_path / 'out.pkl', *bare])
    assert len(pickle.loads((tmp_path / 'out.pkl').read_bytes())) == 8
