"""What is measured of input pipelines, and of the cost of work by its size."""
import importlib.util
import json
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import cv2
import in_process
import numpy as np
import pytest
import synthetic_data

from mvitv2_mm.benchmark import data_session, input_meter, inputs, report, sample_data, scale
from mvitv2_mm.benchmark.peers import OURS
from mvitv2_mm.datasets import VideoFile


class HereWorker:
    """Measures in the process of the test."""

    def __init__(self, name, meter):
        self.name, self.meter = name, meter

    def ask(self, method, *args):
        return getattr(self.meter, method)(*args)


@contextmanager
def serving_here(names, meter, case, **setting):
    yield [HereWorker(name, meter(case, name, *setting.values())) for name in names]


@pytest.fixture
def here(monkeypatch):
    monkeypatch.setattr(data_session, 'serving', serving_here)
    monkeypatch.setattr(input_meter, '_SECONDS', 0.05)
    monkeypatch.setattr(data_session, '_WORKERS', (1, 2))
    monkeypatch.setattr(
        data_session.DataRow, 'columns',
        tuple(c.replace('1 / 2 / 4', '1 / 2') for c in data_session.DataRow.columns))


def make(reads, root):
    """Two small files of a kind; what ``--data`` names."""
    if reads == 'pictures':
        return Path(synthetic_data.make_folders(root / 'my pictures', images_per_class=1), 'train')
    if 'clips' in reads:
        return Path(synthetic_data.make_clips(root / 'my clips'))
    coco = synthetic_data.make_coco(root / 'my coco')
    return Path(coco, 'annotations', 'instances_val2017.json')


@pytest.mark.parametrize('case', inputs.CASES, ids=lambda case: case.name)
def test_ours_and_the_hosts_are_measured_on_the_same_files(case, here, tmp_path):
    page = tmp_path / 'page.md'
    page.write_text(f'Kept\n{report._MARK.format("data")}\nold\n{report._END}\nKept too\n')
    in_process.run('benchmark', [
        '--task', 'data', '--cases', case.name, '--data',
        make(case.reads, tmp_path), '--repeats', 1, '--out-dir', tmp_path, '--page', page
    ])
    rows = report.read_rows(tmp_path)
    names = [row.name for row in rows]
    assert names[0] == OURS and len(names) == 1 + len(case.peers)
    if 'mmaction2' in case.peers and importlib.util.find_spec('pytorchvideo') is None:
        assert 'mmaction2, no RandAugment' in names
    count = 4 if 'clips' in case.reads else 2
    assert len({row.setting for row in rows}) == 1 and f', of {count} ' in rows[0].setting
    for row in rows:
        assert row.times['decode'][0] > 0 and row.times['crop, resize'][0] > 0
        assert min(row.per_second) > 0 and row.own > 0 and row.shared > 0
        assert row.fastest <= row.cpu <= row.slowest
    text = page.read_text()
    assert text.startswith('Kept') and text.endswith('Kept too\n') and 'old' not in text.split()
    assert f'| implementation | {" | ".join(names)} |' in text
    for stage in (*input_meter.STAGES, input_meter.LAST):
        assert text.count(f'| {stage} |') == 1


def burn(seconds):
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass


class ReadNumber:

    def __call__(self, index):
        burn(0.02)
        return np.full(3, index)


class Flip:

    def transform(self, sample):
        time.sleep(0.03)
        return sample[::-1]


class Numbers(list):
    """A data set that passes its samples on from step to step, and takes 5 ms itself."""

    def __init__(self):
        super().__init__(range(4))
        self.steps = [ReadNumber(), Flip()]

    def __getitem__(self, index):
        read, flip = self.steps
        burn(0.005)
        return flip.transform(read(index))


def test_time_goes_to_the_stage_that_took_it(monkeypatch):
    dataset = Numbers()
    known = inputs.Input(dataset, dataset.steps, 'other', np.stack, lambda batch: burn(0.04))
    monkeypatch.setitem(inputs.PEERS, 'known', lambda case, files: known)
    case = inputs.InputCase('numbers', '', '', '', '', 4, ())
    times = input_meter.InputMeter(case, 'known', None, 1).times(0)
    cpu, wall = ({stage: spent[i] for stage, spent in times.items()} for i in range(2))
    assert cpu['decode'] == pytest.approx(0.02, rel=0.2)
    assert cpu['augment'] < 0.005 and wall['augment'] > 0.029
    assert cpu['other'] == pytest.approx(0.005, rel=0.4)
    assert cpu[input_meter.LAST] == pytest.approx(0.01, rel=0.2)
    # what workers do, without what the training does with the batch
    start = time.process_time()
    np.stack([dataset[i] for i in range(4)])
    assert data_session._total(times)[0] == pytest.approx(
        (time.process_time() - start) / 4, rel=0.2)


def test_files_are_made_like_those_of_the_benchmarks(tmp_path, monkeypatch):
    for name in ('_PICTURES', '_CLIPS'):
        monkeypatch.setattr(sample_data, name, 2)
    monkeypatch.setattr(sample_data, '_FRAMES', 10)
    monkeypatch.setattr(sample_data, '_SHORT_FRAMES', 9)
    files = sample_data.collect([], tmp_path)
    assert files.described['pictures'].startswith('2 jpg files of 500 x 375 and ')
    assert files.described['clips'].startswith('2 mp4 files of 340 x 256 x 10 and ')
    assert files.described['short_clips'].startswith('2 webm files of 427 x 240 x 9 and ')
    assert VideoFile(str(files.short_clips[1])).fps == 12
    assert '2 jpg files of 640 x 480 and' in files.described['scenes']
    assert '7.0 objects in each' in files.described['scenes']
    picture = cv2.imread(str(files.pictures[0]))
    assert picture.shape == (375, 500, 3) and picture.std() > 20
    listed = sample_data.write_frames(files).read_text().splitlines()
    folder, count, label = listed[1].split()
    assert count == '9' and label == '1' and len(list(Path(folder).iterdir())) == 9


@pytest.mark.parametrize('argv, message', [
    (['--data', 'nowhere'], '--data: "nowhere" does not exist'),
    (['--data', 'empty'], '--data: "empty" holds no picture and no video'),
    (['--data', 'damaged'], 'damaged/a b.mp4" cannot be read'),
    (['--data', 'cut'], 'cut/0.png" cannot be read'),
    (['--data', 'odd.json'], 'odd.json" is no folder and holds no COCO annotations'),
    (['--cases', 'imagent'], 'there is no "imagent"; did you mean imagenet?'),
    (['--cases', 'lsj', '--data', 'pictures'], '--cases lsj reads scenes, of which --data holds'),
    (['--peers', 'tim'], 'there is no "tim"; did you mean timm?'),
    (['--arch', 'tiny'], '--arch is not for --task data'),
])
def test_wrong_options_are_named(argv, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path('empty').mkdir()
    Path('odd.json').write_text('[]')
    Path('damaged').mkdir()
    Path('damaged', 'a b.mp4').write_bytes(b'no video')
    synthetic_data.make_folders(Path('pictures'), images_per_class=1)
    Path('cut').mkdir()
    Path('cut', '0.png').write_bytes(Path('pictures/train/class0/0_0.png').read_bytes()[:200])
    with pytest.raises(SystemExit, match=message.replace('?', r'\?')):
        in_process.run('benchmark', ['--task', 'data', *argv])


@pytest.fixture
def alone_here(monkeypatch):
    monkeypatch.setattr(scale, '_alone', lambda function, *args: function(*args))


def test_cost_of_work_by_its_size(alone_here, tmp_path, monkeypatch, capfd):
    monkeypatch.setattr(scale, 'STARTS', {'an empty process': 'pass'})
    in_process.run('benchmark',
                   ['--task', 'scale', '--sweep', 20, 40, '--out-dir', tmp_path, '--json'])
    rows = report.read_rows(tmp_path)
    assert len(rows) == 2 * len(scale.CASES) + 1
    assert all(row.cost[0] > 0 and row.cost[1] > 0 for row in rows)
    assert 1 < rows[-1].cost[3] < 100  # MiB of an empty process, not of the one that started it
    known = [json.loads(line) for line in capfd.readouterr().out.splitlines() if line[0] == '{']
    assert [row['name'] for row in known[:2]] == ['20 clips', '40 clips']
    text = (tmp_path / 'benchmark.md').read_text()
    assert text.count('**') == 2 * (len(scale.CASES) + 1) and '| an empty process |' in text


MEMORY = """
import numpy as np
from mvitv2_mm.benchmark import scale
cost = scale._measure(lambda spec: lambda: [np.ones(spec), np.ones(spec).sum()][0], 2**23)
assert 64 <= cost.held < 100 and cost.peak >= 64 + cost.held // 2 and cost.worker is None, cost
"""


def test_memory_that_work_needs():
    """In a process of its own, which has no freed memory to use again."""
    result = subprocess.run([sys.executable, '-c', MEMORY], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
