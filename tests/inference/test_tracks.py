"""Objects keep their numbers from frame to frame, on records that are made here."""
import sys

import numpy as np
import pytest

from mvitv2_mm.inference.tracks import Tracker


def record(number, *objects, video='clip.mp4'):
    return dict(
        input=video,
        frame=dict(number=number, second=number / 30),
        objects=[
            dict(label=label, name=str(label), score=score, box=[x, y, x + 40., y + 60.])
            for label, score, x, y in objects
        ])


def follow(records):
    tracker = Tracker()
    for one in records:
        tracker.update(one)
    return [[found.get('track') for found in one['objects']] for one in records]


def test_boxes_that_cross_keep_their_numbers():
    """Two of one class walk through each other, in an order that changes from frame to frame."""
    rng = np.random.default_rng(0)
    records, truth = [], []
    for t in range(60):
        objects = [(0, 0.9, 10. + 6 * t, 100.), (0, 0.8, 364. - 6 * t, 112.), (1, 0.7, 200., 300.)]
        order = rng.permutation(3)
        records.append(record(t, *(objects[k] for k in order)))
        truth.append(order)
    tracks = follow(records)
    own = [{tracks[t][list(truth[t]).index(k)] for t in range(60)} for k in range(3)]
    assert [len(numbers) for numbers in own] == [1, 1, 1]
    assert set.union(*own) == {1, 2, 3}


def test_an_object_that_is_hidden_for_a_while_is_known_again():
    records = [
        record(t, *([(0, 0.9, 10. + 2 * t, 50.)] if not 20 <= t < 30 else [])) for t in range(50)
    ]
    assert {track for tracks in follow(records) for track in tracks} == {1}


def test_classes_are_apart_and_every_video_starts_anew():
    still = [record(t, (0, 0.9, 10., 50.), (1, 0.9, 12., 51.)) for t in range(3)]
    other = [record(t, (1, 0.9, 12., 51.), video='other.mp4') for t in range(3)]
    assert follow(still + other) == [[1, 2]] * 3 + [[1]] * 3


def test_pictures_and_errors_are_passed_over():
    records = [
        dict(input='a.jpg', objects=[dict(label=0, score=1., box=[0, 0, 9, 9])]),
        dict(input='b.mp4', error='cut')
    ]
    tracker = Tracker()
    for one in records:
        tracker.update(one)
    assert 'track' not in records[0]['objects'][0]


def test_the_library_is_named_when_it_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, 'supervision', None)
    with pytest.raises(ImportError, match='needs supervision, which is not installed; run: pip'):
        Tracker()
