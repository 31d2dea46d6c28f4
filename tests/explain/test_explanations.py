"""Maps of whole models, their scores, and what ``python -m mvitv2_mm explain`` writes."""
import json
import re

import av
import numpy as np
import pytest
import torch
from PIL import Image

from mvitv2_mm.checkpoints.model_source import open_model
from mvitv2_mm.commands.frame import run_command
from mvitv2_mm.explain import METHODS, explain, faithfulness, find_target, heat_map
from mvitv2_mm.inference.predictor import Predictor
from mvitv2_mm.inference.sources import ArrayClip

GRIDS = dict(image=(16, 16), detection=(32, 32), video=(4, 16, 16))


@pytest.fixture(scope='module', params=GRIDS)
def prepared(request, quick):
    """Predictor and prepared input of each task."""
    model = quick(request.param)
    predictor = Predictor(open_model(model.folder), fast=True)
    media = model.files[0]
    if request.param == 'video':
        pixels = np.random.default_rng(0).integers(0, 256, (40, 64, 64, 3), dtype=np.uint8)
        media = ArrayClip(pixels)
    return predictor, predictor.prepare(media).packed


@pytest.mark.parametrize('method', METHODS)
def test_maps_are_shares_of_the_first_tokens(prepared, method):
    predictor, packed = prepared
    target = find_target(predictor.model, predictor.task, packed, None)
    heat = heat_map(predictor.model, target, method)
    assert heat.shape == GRIDS[predictor.task] and not heat.requires_grad
    assert heat.min() >= 0 and heat.sum() == pytest.approx(1, abs=1e-4)
    assert torch.equal(heat, heat_map(predictor.model, target, method))


def test_the_probability_is_the_one_that_is_predicted(prepared):
    predictor, packed = prepared
    found = explain(predictor.model, predictor.task, packed)
    with torch.no_grad():
        sample, = predictor.model.test_step(
            dict(inputs=[packed['inputs']], data_samples=[packed['data_samples']]))
    if predictor.task == 'detection':
        objects = sample.pred_instances
        assert found.label == int(objects.labels[0])
        assert found.probability == pytest.approx(float(objects.scores[0]), abs=1e-5)
        assert found.box == pytest.approx(
            objects.bboxes[0].tolist(), abs=1e-3) or packed['data_samples'].scale_factor != (1., 1.)
    else:
        scores = sample.pred_score
        assert found.label == int(scores.argmax())
        assert found.probability == pytest.approx(float(scores.max()), abs=1e-5)
    assert found.in_words('it') == f'it {found.probability:.2f}'
    assert found.frames.shape[0] == (8 if predictor.task == 'video' else 1)
    assert found.pixels.shape == found.frames.shape[:3] and found.pixels.max() <= 1


def test_a_view_of_a_clip_is_named(quick):
    predictor = Predictor(open_model(quick('video').folder), fast=True)
    pixels = np.random.default_rng(0).integers(0, 256, (40, 64, 64, 3), dtype=np.uint8)
    packed = predictor.prepare(ArrayClip(pixels)).packed
    views = packed['inputs'].repeat(3, 1, 1, 1, 1)
    views[[0, 2]] = 0
    one = explain(predictor.model, 'video', packed)
    found = explain(predictor.model, 'video', dict(packed, inputs=views))
    assert found.probability == one.probability
    assert found.in_words('x') == one.in_words('x') + ' in the middle one of 3 views'


def test_the_rollout_of_an_object_lies_in_its_box(quick):
    model = quick('detection')
    predictor = Predictor(open_model(model.folder), fast=True)
    target = find_target(predictor.model, 'detection',
                         predictor.prepare(model.files[0]).packed, None)
    for box in ([8., 8., 56., 48.], [72., 60., 120., 112.]):
        target._box = torch.tensor(box)
        heat = heat_map(predictor.model, target, 'rollout')
        left, top, right, bottom = (int(side) // 4 for side in box)
        share = (right - left) * (bottom - top) / heat.numel()
        assert heat[top:bottom, left:right].sum() > 2 * share


class Region:
    """A score that is the brightness of a part of the picture."""
    visible = (32, 32)

    def __init__(self):
        self.inputs = torch.rand(1, 3, 32, 32)

    def probabilities(self, inputs):
        return inputs[:, :, 4:12, 20:28].mean(dim=(1, 2, 3))


def test_only_a_true_map_is_faithful():
    target, heat = Region(), torch.zeros(32, 32)
    target.inputs[:, :, 4:12, 20:28] = 1
    heat[4:12, 20:28] = 1
    good, bad = faithfulness(target, heat), faithfulness(target, 1 - heat)
    assert good['is_faithful'] and not bad['is_faithful']
    assert good['map']['deletion'] < good['random']['deletion'] < bad['map']['deletion']
    assert good['map']['insertion'] > good['centre']['insertion'] > bad['map']['insertion']
    assert good['random'] == bad['random'] and good['centre'] == bad['centre']


def run(*arguments):
    return run_command('explain', [*map(str, arguments), '--device', 'cpu'])


def test_the_command_writes_figures_page_and_scores(quick, tmp_path, capfd):
    model = quick('detection')
    damaged = tmp_path / 'damaged.png'
    damaged.write_bytes(b'nothing')
    code = run(model.folder, model.files[0], damaged, '--out', tmp_path / 'out', '--json',
               '--point', 0.5, 0.2)
    first, second = map(json.loads, capfd.readouterr().out.splitlines()[-2:])
    assert code == 1 and second['input'] == str(damaged) and second['error']
    folder = tmp_path / 'out' / '000_1'
    assert json.loads((folder / 'explanation.json').read_text()) == first
    assert sorted(path.name for path in folder.iterdir()) == [
        'attention.html', 'attention.png', 'explanation.json', 'explanation.png'
    ]
    for path in (folder / 'explanation.png', folder / 'attention.png',
                 tmp_path / 'out' / 'relative_positions.png'):
        with Image.open(path) as picture:
            assert np.asarray(picture.convert('L')).std() > 5
    assert set(first['faithfulness']) == {'map', 'random', 'centre', 'is_faithful'}
    assert len(first['box']) == 4 and np.asarray(first['heat']).shape == (32, 32)
    page = (folder / 'attention.html').read_text()
    assert len(page) < 500_000 and "default-src 'none'" in page
    assert not re.search(r'(?i)https?:|src="(?!data:)|@import|url\(', page)
    data = json.loads(re.search(r'id="data">(.*?)</script>', page, re.S)[1])
    assert data['counts'] == [1, 7, 7] and len(data['blocks']) == 6


def test_a_clip_is_explained_in_a_video(quick, tmp_path, capfd):
    model = quick('video')
    assert run(model.folder, model.files[0], '--out', tmp_path, '--method', 'rollout', '--target',
               'move 3') == 0
    words = capfd.readouterr().out
    assert 'move 3' in words and 'deletion' in words
    folder = tmp_path / '000_val_0'
    with av.open(str(folder / 'explanation.mp4')) as video:
        frames = [frame.to_ndarray(format='rgb24') for frame in video.decode(video=0)]
    assert len(frames) == 8 and frames[0].shape == (256, 512, 3)
    result = json.loads((folder / 'explanation.json').read_text())
    assert result['label'] == 3 and np.asarray(result['heat']).shape == (4, 16, 16)


def test_mistakes_are_one_line(quick, tmp_path, capfd):
    picture, clip = quick('image'), quick('video')
    for arguments, code, words in (
        ((picture.folder, picture.files[0], '--target', 'dog'), 2, "has no class 'dog'"),
        ((picture.folder, picture.files[0], '--target', '10'), 1, 'classes 0 to 9, but got 10'),
        ((picture.folder, picture.files[0], '--point', 2, 0), 1, 'from 0 to 1'),
        ((picture.folder, clip.files[0]), 1, 'is a video'),
        ((clip.folder, picture.files[0]), 1, 'is a picture'),
    ):
        assert run(*arguments, '--out', tmp_path) == code
        out, err = capfd.readouterr()
        assert words in (out + err) and 'Traceback' not in err
