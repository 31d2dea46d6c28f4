"""Maps of what people do, each in a box that the model is told."""
import json

import numpy as np
import pytest
import torch
from ava_model import VIDEO, detections

from mvitv2_mm import Inferencer
from mvitv2_mm.commands.frame import run_command
from mvitv2_mm.explain import METHODS, explain, find_target, heat_map
from mvitv2_mm.inference.reading import Reader
from mvitv2_mm.inference.sources import Source


@pytest.fixture
def people(ava, tmp_path):
    """The video, boxes of people in it, and what the model finds there."""
    video = str(ava.root / f'{VIDEO}.npy')
    boxes = detections(tmp_path / 'people.jsonl', video)
    infer = Inferencer(ava.folder, device='cpu', boxes=boxes)
    prepared = next(Reader(infer.predictor, people=infer.people)(Source(video, video)))
    return video, boxes, infer, prepared.packed


def test_each_person_is_explained_as_predicted(people):
    video, _, infer, packed = people
    record = infer(video)[0]
    for number, one in enumerate(record['objects']):
        for action in one['actions'][:2]:
            found = explain(infer.predictor.model, 'action_detection', packed, 'relevance',
                            action['label'], number)
            assert found.probability == pytest.approx(action['score'], abs=1e-5)
            assert found.heat.shape == (8, 16, 16) and found.heat.sum() == pytest.approx(
                1, abs=1e-4)
            assert found.frames.shape == (16, 64, 64, 3)
    best = max(record['objects'], key=lambda one: one['actions'][0]['score'])
    found = find_target(infer.predictor.model, 'action_detection', packed, None)
    assert record['objects'][found.number] == best
    assert found.label == best['actions'][0]['label']


@pytest.mark.parametrize('method', METHODS)
def test_maps_of_two_people_differ(people, method):
    _, _, infer, packed = people
    model = infer.predictor.model
    maps = [
        heat_map(model, find_target(model, 'action_detection', packed, 3, number), method)
        for number in (0, 1)
    ]
    assert all(heat.min() >= 0 for heat in maps)
    assert (maps[0] - maps[1]).abs().sum() > 0.02


def test_the_rollout_of_a_person_starts_in_the_box(people):
    """No box gives a quarter of the frames as much of the map as the box that is there."""
    _, _, infer, packed = people
    model = infer.predictor.model
    target = find_target(model, 'action_detection', packed, None, 0)
    corners, shares = [(0, 0), (0, 8), (8, 0), (8, 8)], []
    for top, left in corners:
        target._box = 4. * torch.tensor([left, top, left + 8, top + 8])
        heat = heat_map(model, target, 'rollout').sum(dim=0)
        shares.append([float(heat[y:y + 8, x:x + 8].sum()) for y, x in corners])
    assert np.argmax(shares, axis=0).tolist() == [0, 1, 2, 3]


def test_the_command(people, ava, tmp_path, capfd):
    video, boxes, _, _ = people
    words = [ava.folder, video, '--out', str(tmp_path / 'why'), '--device', 'cpu', '--json']
    assert run_command('explain', [*words, '--boxes', boxes, '--record', '0', '--object', '1']) == 0
    result = json.loads(capfd.readouterr().out.splitlines()[-1])
    assert result['object'] == 1 and len(result['box']) == 4
    assert np.asarray(result['heat']).shape == (8, 16, 16)
    files = {path.name for path in (tmp_path / 'why' / f'000_{VIDEO}').iterdir()}
    assert {'explanation.png', 'explanation.mp4', 'attention.html'} <= files
    for more, code, said in (
        ([], 2, '--boxes FILE takes a table'),
        (['--boxes', boxes, '--object', '2'], 1, '2 people are in the frame'),
        (['--boxes', boxes, '--record', '2'], 1, 'there is no record 2'),
        (['--boxes', boxes, '--target', '80'], 1, 'classes 0 to 79, but got 80'),
    ):
        assert run_command('explain', [*words, *more]) == code
        assert said in ''.join(capfd.readouterr())
