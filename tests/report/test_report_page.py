"""The page of a report: whole, safe, small, and honest about what it lacks."""
import base64
import io
import json
import os
import pickle
import re
import sys
from html.parser import HTMLParser
from unittest import mock

import cv2
import numpy as np
import pytest
import report_data as data
import torch
from ava_data import make_ava

from mvitv2_mm.drawing import MISSED, RIGHT, WRONG
from mvitv2_mm.report import write_report
from mvitv2_mm.report.comparing import compare
from mvitv2_mm.report.dump import read_dump
from mvitv2_mm.report.results.single import SingleLabelResult
from mvitv2_mm.safe_pickle import load_tensors


class Page(HTMLParser):
    """Addresses and scripts in a page."""

    def __init__(self, text):
        super().__init__()
        self.addresses, self.scripts, self.pictures, self._inside = [], 0, 0, False
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self._inside = tag == 'script' and ('type', 'application/json') not in attrs
        self.addresses += [v for k, v in attrs if k in ('src', 'href', 'srcset', 'action')]
        self.pictures += tag == 'img'

    def handle_endtag(self, tag):
        self._inside = False

    def handle_data(self, text):
        self.scripts += len(text) if self._inside else 0


def report(sources, tmp_path, **kwargs):
    write_report(sources, tmp_path / 'report.html', **kwargs)
    return (tmp_path / 'report.html').read_text()


def log(run, losses=(2., 1.), names=('loss', 'grad_norm', 'lr')):
    """The log of a training in a work dir."""
    folder = run / '20300101_000000' / 'vis_data'
    folder.mkdir(parents=True, exist_ok=True)
    rows = [
        dict({name: loss
              for name in names}, iter=10 * i, step=10 * i, epoch=i, time=.1)
        for i, loss in enumerate(losses, 1)
    ]
    rows += [{'accuracy/top1': 50. + i, 'step': i} for i in range(len(losses))]
    (folder / 'scalars.json').write_text('\n'.join(map(json.dumps, rows)) + '\n{"cut')
    (folder.parent / 'a.log').write_text(
        '2030/01/01 00:00:00 - mmengine - INFO - \nRuntime environment:\n    seed: 7\n'
        '2030/01/01 01:02:03 - mmengine - INFO - Epoch(train)\n')
    return run


@pytest.mark.parametrize('task', ['image', 'detection'])
def test_a_page_is_one_small_file_without_requests(task, tmp_path):
    text = report(log(data.make_run(tmp_path / 'run', task)), tmp_path)
    page = Page(text)
    assert page.pictures >= 6
    assert all(address.startswith(('data:', '#')) for address in page.addresses)
    assert 'http' not in re.sub('http-equiv|base64,[^"]*', '', text)
    assert "default-src 'none'" in text
    assert 0 < page.scripts < 30_000
    without = re.sub('data:image/jpeg[^"]*', '', text)
    assert len(without) < 500_000 and len(text) < 5_000_000


def test_what_the_run_was(tmp_path):
    run = log(data.make_run(tmp_path / 'run', 'image'))
    content = dict(
        commit='0123abc',
        versions={'mvitv2_mm': '9.9'},
        machine={'processor': 'an abacus'},
        config='mine.py',
        changes={'model.head.topk': [[1], [1, 2]]},
        groups=[dict(name='all but norms'), dict(name='norms')])
    (run / '20300101_000000' / 'run.json').write_text(json.dumps(content))
    rates = run / '20300101_000000' / 'vis_data' / 'learning_rates.json'
    rates.write_text('{"step": 10, "lr": [1, 0.5]}\n{"step": 20, "lr": [0.5, 0.25]}\n')
    text = report(run, tmp_path)
    for fact in ('0123abc', '9.9', 'an abacus', '1:02:03', '<td>7</td>', 'model.head.topk',
                 'all but norms', 'gradient norm', 'seconds per iteration', 'accuracy/top1'):
        assert fact in text, fact


@pytest.mark.parametrize('passes, device, wanted', [
    (100, 'cpu', ('1.00 GiB', '1.25 GiB', '+25.0%', '0:01:40', '0:01:30', '-10.0%')),
    (50, 'cpu', ('time of 50 passes', '0:00:50', '+80.0%')),
    (100, 'cuda', ()),
])
def test_what_a_dry_run_had_foreseen(passes, device, wanted, tmp_path):
    run = log(tmp_path / 'run')
    estimate = dict(train_seconds=80., val_seconds=15., save_seconds=5., peak_bytes=2**30)
    (run / 'dry_run').mkdir()
    (run / 'dry_run' / 'dry_run.json').write_text(
        json.dumps(
            dict(plan=dict(total_passes=100), measured=dict(device='cpu'), estimate=estimate)))
    cost = dict(
        device=device, passes=passes, total_passes=100, seconds=90., peak_bytes=1.25 * 2**30)
    (run / '20300101_000000' / 'run.json').write_text(json.dumps(cost))
    text = report(run, tmp_path)
    assert ('Foreseen and real' in text) == bool(wanted)
    assert all(f'<td>{value}</td>' in text for value in wanted)


def test_names_are_text(tmp_path):
    samples = data.single(tmp_path)
    nasty = '</script><img src=x onerror=alert(1)>'
    for sample in samples:
        sample['img_path'] = sample['img_path'].replace('/val/', f'/{nasty}/')
    dump = data.save(samples, tmp_path / 'a.pkl')
    config = data.config(
        tmp_path / 'a.py', 'mmpretrain',
        dict(type='CustomDataset', metainfo=dict(classes=(nasty, '"', '<b>', '&'))),
        dict(type='Accuracy'))
    text = report(dump, tmp_path, config=str(config))
    assert nasty not in text and text.count('<script') == 2
    assert not any(address == 'x' for address in Page(text).addresses)


@pytest.mark.parametrize('objects, found', [(0, 0), (0, 2), (2, 0), (2, 2)])
def test_pictures_without_objects_or_detections(objects, found, tmp_path):
    box, classes = [10, 20, 60, 90], range(2)
    content = dict(
        images=[dict(id=1, height=300, width=300)],
        categories=[dict(id=i, name=name) for i, name in enumerate(data.CLASSES)],
        annotations=[
            dict(id=i, image_id=1, category_id=i, bbox=[10, 20, 50, 70]) for i in classes[:objects]
        ])
    (tmp_path / 'a.json').write_text(json.dumps(content))
    config = data.config(tmp_path / 'a.py', 'mmdet',
                         dict(type='CocoDataset', metainfo=dict(classes=data.CLASSES)),
                         dict(type='CocoMetric', ann_file=str(tmp_path / 'a.json'), metric='bbox'))
    sample = data.detected(1, [box] * found, classes[:found], [.9] * found)
    text = report(data.save([sample], tmp_path / 'a.pkl'), tmp_path, config=str(config))
    expected = '-1' if not objects else '1' if found else '0'
    assert f'coco/bbox_mAP</td><td>from 0 to 1</td><td></td><td>{expected}</td>' in text


def test_files_that_are_not_here_are_told(tmp_path):
    samples = data.several()
    text = report(data.save(samples, tmp_path / 'a.pkl'), tmp_path)
    assert 'pictures are not shown' in text and 'no picture' in text


def test_a_log_alone_and_a_dump_alone(tmp_path):
    run = log(tmp_path / 'run')
    assert 'No predictions are here' in report(run, tmp_path)
    text = report(data.save(data.single(tmp_path), tmp_path / 'alone' / 'a.pkl'), tmp_path)
    assert 'accuracy/top1' in text and all(name in text for name in data.CLASSES)


def test_several_runs(tmp_path):
    runs = [
        log(data.make_run(tmp_path / name, 'image', strength=strength), losses)
        for name, strength, losses in (('one', .5, (2., 1.)), ('two', 3., (3., 0.)))
    ]
    text = report(runs, tmp_path)
    assert 'real: better' in text and 'wrong → right' in text
    assert text.count('<polyline') >= 8  # two lines in each chart
    assert 'none: both are equally good' in report([runs[0], runs[0]], tmp_path)


def results(tmp_path, *strengths, count=200):
    return [
        SingleLabelResult(
            read_dump(
                data.save(data.single(tmp_path, count, strength, seed, True), tmp_path / 'd')))
        for seed, strength in enumerate(strengths)
    ]


def test_the_interval_is_that_of_theory(tmp_path):
    before, after = results(tmp_path, 1., 1.5)
    found = compare(before, after, 'top-1')
    gain = after.correct.astype(float) - before.correct
    error = gain.std() / np.sqrt(len(gain))
    assert found.after - found.before == pytest.approx(gain.mean())
    assert found.low == pytest.approx(gain.mean() - 1.96 * error, abs=0.1 * error + 1 / 200)
    assert found.high == pytest.approx(gain.mean() + 1.96 * error, abs=0.1 * error + 1 / 200)
    assert len(found.mended) - len(found.broken) == gain.sum()
    assert set(found.mended) == {after.keys[i] for i in np.flatnonzero(gain > 0)}


@pytest.mark.parametrize(
    'mended, broken, wanted',
    [(4, 0,
      'noise: 4 samples flipped, and so many one way come by chance with a probability of 0.12'),
     (6, 0, 'real: better'), (0, 6, 'real: worse'), (3, 3, 'noise: the difference could'),
     (0, 0, 'none: both are equally good')])
def test_few_flips_are_no_proof(mended, broken, wanted, tmp_path):
    """The probabilities are those of tossing a coin."""
    samples = data.single(tmp_path, 100, 9., clips=True)
    other = [{**sample, 'pred_score': 1 - sample['pred_score']} for sample in samples]
    before = other[:mended] + samples[mended:]
    after = samples[:50] + other[50:50 + broken] + samples[50 + broken:]
    found = compare(
        *(SingleLabelResult(read_dump(data.save(one, tmp_path / 'd'))) for one in (before, after)),
        'top-1')
    assert (len(found.mended), len(found.broken)) == (mended, broken)
    assert found.verdict.startswith(wanted)


def test_runs_without_common_samples_cannot_be_compared(tmp_path):
    before, after = results(tmp_path, 1., 1.)
    after.keys = [f'other/{key}' for key in after.keys]
    with pytest.raises(ValueError, match='no test samples in common .one has .*, the other other'):
        compare(before, after, 'top-1')


def other_pictures(folder):
    """Pictures of the same numbers, but of other names."""
    samples, path = data.scenes(folder)
    for sample in samples:
        sample['img_path'] = sample['img_path'].replace('.png', '.jpg')
    evaluator = dict(type='CocoMetric', ann_file=str(path), metric='bbox')
    return samples, ('mmdet', dict(type='CocoDataset'), evaluator)


def other_classes(folder):
    names = dict(metainfo=dict(classes=('ant', 'bee')))
    dataset = dict(type='CustomDataset', data_root='', **names)
    return data.single(folder), ('mmpretrain', dataset, dict(type='Accuracy'))


def other_films(folder):
    samples, path = data.actions(folder / 'films')
    samples = [{**sample, 'video_id': 'another'} for sample in samples]
    evaluator = dict(type='mvitv2_mm.AVAMetric', ann_file=str(path))
    return samples, ('mmaction', dict(type='mvitv2_mm.AVADataset'), evaluator)


@pytest.mark.parametrize('make, message', [
    (other_pictures, 'annotations.json does not list picture 0 of the dump as 0.jpg'),
    (other_classes, 'scores of 4 classes, but the data of .*a.py has 2'),
    (other_films, 'ava.csv has no actions in the key frames of the dump'),
])
def test_a_dump_of_another_dataset_is_told_in_one_line(make, message, tmp_path):
    samples, parts = make(tmp_path)
    dump = data.save(samples, tmp_path / 'a.pkl')
    config = data.config(tmp_path / 'a.py', *parts)
    with pytest.raises(ValueError, match=message) as error:
        report(dump, tmp_path, config=str(config))
    assert '--config' in str(error.value) and '\n' not in str(error.value)


@pytest.mark.parametrize('make, message', [
    (lambda p: p / 'nothing', 'does not exist'),
    (lambda p: p, 'holds no run'),
    (lambda p: data.save([dict(a=1)], p / 'a.pkl'), 'neither "pred_score"'),
    (lambda p: data.save({}, p / 'a.pkl'), 'is no dump'),
    (lambda p: data.save(data.scenes(p)[0], p / 'a.pkl'), '--config'),
    (lambda p: data.save([dict(img_path='a', pred_score=torch.ones(2))], p / 'a.pkl'),
     'no labels to compare'),
    (lambda p: data.save([{
        **one, 'pred_score': torch.full((4, ), torch.nan)
    } for one in data.single(p)], p / 'a.pkl'), 'no finite numbers'),
])
def test_what_is_no_run_is_told_in_one_line(make, message, tmp_path):
    with pytest.raises((ValueError, OSError), match=message) as error:
        write_report(make(tmp_path), tmp_path / 'report.html')
    assert '\n' not in str(error.value)
    assert not (tmp_path / 'report.html').exists()


def test_dumps_are_read_as_they_were_written(tmp_path):
    samples = [
        dict(
            a=torch.arange(6.).reshape(2, 3).T,
            b=torch.zeros(0, 4),
            c=torch.ones(3, dtype=torch.bfloat16),
            d=np.arange(3),
            e=[dict(size=[1, 2], counts=b'\x00\xff')],
            f=(3, 'x', None, 1.5, True))
    ]
    read, = load_tensors(str(data.save(samples, tmp_path / 'a.pkl')))
    assert all(torch.equal(read[key], samples[0][key]) for key in 'abc')
    assert (read['d'] == samples[0]['d']).all()
    assert read['e'] == samples[0]['e'] and read['f'] == samples[0]['f']


class Evil:

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path), )


class Hidden(Evil):
    """Code in what should be the storage of a tensor."""

    def __reduce__(self):
        buffer = io.BytesIO()
        torch.save(Evil(self.path), buffer, _use_new_zipfile_serialization=False)
        return torch.storage._load_from_bytes, (buffer.getvalue(), )


@pytest.mark.parametrize('kind', [Evil, Hidden])
def test_a_dump_runs_nothing(kind, tmp_path):
    path = tmp_path / 'evil.pkl'
    path.write_bytes(pickle.dumps([dict(pred_score=kind(tmp_path / 'ran'))]))
    with pytest.raises(ValueError, match='is no dump'):
        write_report(path, tmp_path / 'report.html')
    assert not (tmp_path / 'ran').exists()


def test_a_config_beside_a_dump_runs_nothing(tmp_path):
    """mmengine would import, and call, what a dotted ``type`` names."""
    (tmp_path / 'spy_of_reports.py').write_text('raise SystemExit("imported")')
    run = data.make_run(tmp_path / 'run', 'image')
    config = next(run.glob('*/vis_data/config.py'))
    config.write_text(config.read_text().replace("'CustomDataset'", "'spy_of_reports.Thing'"))
    with mock.patch('sys.path', [str(tmp_path), *sys.path]):
        assert '>bee</' in report(run, tmp_path)  # the names of the folders
    config.write_text('import os\n' + config.read_text())
    with pytest.raises(ValueError, match='is refused'):
        report(run, tmp_path)


def test_key_frames_are_drawn(tmp_path):
    root = make_ava(tmp_path / 'ava')
    boxes = torch.tensor([[.3, .2, .6, .9], [.5, .2, .9, .9]])
    scores = torch.zeros(2, 80)
    scores[:, 11] = .9  # right for the first person
    samples = [
        dict(
            video_id='-5KQ66BBWC4', timestamp=902, pred_instances=dict(bboxes=boxes, scores=scores))
    ]
    folder = f'{root}/annotations'
    config = data.config(
        tmp_path / 'a.py', 'mmaction',
        dict(
            type='mvitv2_mm.AVADataset',
            data_root=root,
            data_prefix=dict(img='rawframes'),
            ann_file='annotations/ava_val_v2.2.csv'),
        dict(
            type='mvitv2_mm.AVAMetric',
            ann_file=f'{folder}/ava_val_v2.2.csv',
            label_file=f'{folder}/ava_action_list_v2.2_for_activitynet_2019.pbtxt'))
    text = report(data.save(samples, tmp_path / 'a.pkl'), tmp_path, config=str(config))
    assert Page(text).pictures == 1 and '1 right, 1 wrong, 2 missed' in text
    picture = text.partition('data:image/jpeg;base64,')[2].partition('"')[0]
    drawn = cv2.imdecode(np.frombuffer(base64.b64decode(picture), np.uint8), cv2.IMREAD_COLOR)
    for color in (RIGHT, WRONG, MISSED):
        assert (np.abs(drawn[..., ::-1].astype(int) - color).max(-1) < 30).sum() > 100
    frame = 60  # the colour of the 60th frame, 2 s after second 900
    assert (np.abs(drawn.astype(int) - frame).max(-1) < 6).mean() > 0.3
    done = write_report(
        tmp_path / 'a.pkl', tmp_path / 'r.html', str(config), sheet=tmp_path / 'sheet.png')
    sheet = cv2.imread(done['sheet'])[..., ::-1]
    for color in (RIGHT, WRONG, MISSED):
        assert (sheet == color).all(-1).sum() > 100


def test_half_a_dump_is_told(tmp_path):
    path = data.save(data.single(tmp_path), tmp_path / 'a.pkl')
    path.write_bytes(path.read_bytes()[:-300])
    with pytest.raises(ValueError, match='is no dump'):
        write_report(path, tmp_path / 'report.html')
