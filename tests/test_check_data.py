"""The command ``check-data``: what it prints and returns, and the workers behind it."""
import os
import signal
import time
from collections import Counter
from pathlib import Path

import in_process
import pytest
import synthetic_data
from mmengine.config import Config

from mvitv2_mm.commands.frame import main
from mvitv2_mm.data_check import KINDS, KNOWN, find_splits
from mvitv2_mm.data_check.check import SCANS
from mvitv2_mm.data_check.media import Video
from mvitv2_mm.data_check.pool import probe_all
from mvitv2_mm.names import DATASETS

ROOT = Path(__file__).parents[1]


def look(item):
    """Stands for a decoder: some files kill it, some hang it."""
    if 'crash' in item.path:
        os.kill(os.getpid(), signal.SIGKILL)
    if 'hang' in item.path:
        time.sleep(60)
    return [('damaged', item.path, 'seen')] if 'odd' in item.path else []


def test_a_crash_hides_no_file():
    names = ['a', 'crash1', 'odd1', 'b', 'hang', 'crash2', 'odd2', 'c', 'crash3']
    results = list(probe_all([Video(name) for name in names], 2, look, timeout=3.))
    assert len(results) == len(names)
    found = {path: what for result in results for _, path, what in result}
    assert found == {
        'odd1': 'seen',
        'odd2': 'seen',
        'hang': 'reading it takes more than 3 s',
        **{
            f'crash{i}': 'reading it ends the process (exit code -9)'
            for i in (1, 2, 3)
        },
    }


def test_splits_with_other_classes(tmp_path, capsys):
    synthetic_data.make_folders(tmp_path)
    assert main(['check-data', 'images', '--data-root', str(tmp_path), '--workers', '2']) == 0
    assert 'no errors' in capsys.readouterr().out
    (tmp_path / 'val/class1').rename(tmp_path / 'val/class_1')
    assert main(['check-data', 'images', '--data-root', str(tmp_path), '--workers', '2']) == 1
    assert "error: val: val: has other classes than train; different: ['class1', 'class_1']" in \
        capsys.readouterr().out


def test_output_is_capped_and_complete_in_the_file(tmp_path, capsys):
    synthetic_data.make_folders(tmp_path, images_per_class=6)
    for path in (tmp_path / 'train').rglob('*.png'):
        path.write_bytes(b'')
    out = tmp_path / 'problems.txt'
    args = ['images', '--data-root', str(tmp_path), '--max-lines', '3', '--out', str(out)]
    assert main(['check-data', *args, '--workers', '1']) == 1
    printed = capsys.readouterr().out
    assert printed.count('[unreadable]') == 4 and 'only counted; --out FILE' in printed
    assert KINDS['unreadable'].remedy in printed and '12 errors' in printed
    assert Counter(out.read_text().split()).get('[unreadable]') == 12


def test_a_config_that_reads_its_classes_elsewhere(tmp_path):
    synthetic_data.make_folders(tmp_path)
    splits = find_splits(str(ROOT / 'configs/finetune/images.py'), str(tmp_path))
    assert [split.name for split in splits] == ['train', 'val']
    for split in splits:
        assert split.dataset['metainfo']['classes'] == ['class0', 'class1']
        assert split.expected.classes == 2


def test_own_config_and_its_number_of_classes(tmp_path, capsys):
    synthetic_data.make_clips(tmp_path / 'clips')
    dataset = dict(
        type='mvitv2_mm.ClipDataset',
        data_root='somewhere',
        ann_file='train.txt',
        data_prefix=dict(video=''))
    config = Config(
        dict(
            train_dataloader=dict(dataset=dict(type='RepeatDataset', times=2, dataset=dataset)),
            val_dataloader=dict(dataset=dict(dataset, ann_file='val.txt')),
            test_dataloader=dict(dataset=dict(dataset, ann_file='val.txt')),
            model=dict(cls_head=dict(num_classes=1))))
    config.dump(str(tmp_path / 'own.py'))
    splits = find_splits(str(tmp_path / 'own.py'), str(tmp_path / 'clips'))
    assert [split.name for split in splits] == ['train', 'val']
    assert main(['check-data',
                 str(tmp_path / 'own.py'), '--data-root',
                 str(tmp_path / 'clips')]) == 1
    assert 'train.txt, line 2: label 1 is outside of 0..0' in capsys.readouterr().out


@pytest.mark.parametrize('args, message', [
    (['imagnet'], 'dataset should be one of imagenet.* but got "imagnet"; did you mean imagenet'),
    (['images'], '"images" needs --data-root'),
    (['images', '--data-root', 'nowhere'], '--data-root "nowhere" is not a folder'),
    (['nowhere.py'], 'config "nowhere.py" does not exist'),
])
def test_bad_arguments(args, message):
    with pytest.raises(SystemExit, match=message):
        in_process.run('check-data', args)


@pytest.mark.parametrize('name', KNOWN)
def test_known_datasets_follow_the_configs(name):
    splits = find_splits(name)
    assert [split.name for split in splits] == ['train', 'val']
    for split in splits:
        assert split.dataset['type'].split('.')[-1] in SCANS
        assert split.expected.classes


def test_coco_o_is_laid_out_as_the_config_says():
    config, = (ROOT / 'configs/detection').glob('*_coco-o.py')
    datasets = Config.fromfile(config).test_dataloader.dataset.datasets
    splits = find_splits('coco-o')
    assert len(splits) == 6
    for split in splits:
        same = [d for d in datasets if all(d[key] == split.dataset[key] for key in split.dataset)]
        assert len(same) == 1


def test_every_name_is_documented():
    text = (ROOT / 'docs/datasets.md').read_text()
    assert [*KNOWN, 'coco-o'] == list(DATASETS)
    for name in DATASETS:
        assert f'| `{name}` |' in text
