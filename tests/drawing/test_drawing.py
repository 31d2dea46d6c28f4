"""What is drawn can be read: labels apart, truth told from predictions, any size."""
import numpy as np
import pytest

from mvitv2_mm.drawing import (MISSED, PALETTE, RIGHT, WRONG, Cell, color_of, draw, draw_sheet,
                               missed, right, strip, wrong)

GREY = 128


def picture(height=240, width=320):
    return np.full((height, width, 3), GREY, np.uint8)


def shown(drawn, color):
    """Where a colour is."""
    return (drawn == np.array(color)).all(-1)


def test_labels_of_one_place_are_apart():
    objects = [
        dict(label=i, name='something', score=0.9 - 0.1 * i, box=[100., 100., 180., 160.])
        for i in range(3)
    ]
    drawn = draw(picture(), dict(objects=objects))
    alone = [draw(picture(), dict(objects=[one])) for one in objects]
    # each has as many pixels of its label as when it is drawn alone, its outline apart
    for number, one in enumerate(alone):
        color = color_of(dict(label=number))
        outline = 3 * 2 * (80 + 60)
        assert shown(drawn, color).sum() >= shown(one, color).sum() - outline - 40


@pytest.mark.parametrize('box', [[0., 0., 20., 20.], [300., 0., 320., 20.], [0., 220., 20., 240.],
                                 [300., 220., 320., 240.], [0., 0., 320., 240.]])
def test_labels_at_the_edge_are_whole(box):
    one = dict(label=0, name='something', score=0.9, box=[100., 100., 120., 120.])
    drawn = shown(draw(picture(), dict(objects=[{**one, 'box': box}])), color_of(one)).sum()
    whole = shown(draw(picture(), dict(objects=[one])), color_of(one)).sum()
    assert drawn >= whole - 4 * 2 * 20 - 40


def test_truth_and_predictions_are_told_apart():
    box = [100., 60., 200., 180.]
    drawings = {
        RIGHT: draw(picture(), dict(objects=[right('cat', .9, box)])),
        WRONG: draw(picture(), dict(objects=[wrong('dog', .8, box, truth='cat')])),
        MISSED: draw(picture(), dict(objects=[missed('cat', box)])),
    }
    for color, drawn in drawings.items():
        assert shown(drawn, color).sum() > 400
        assert not any(shown(drawn, other).any() for other in drawings if other != color)
    # without any colour: the outline of what is missed is dashed, that of others is not
    edges = {c: (d[90:170, 100] != GREY).any(-1).mean() for c, d in drawings.items()}
    assert edges[RIGHT] == edges[WRONG] == 1 and 0.4 < edges[MISSED] < 0.8


def seen_by(color, matrix):
    """A colour as somebody without one kind of cones sees it (Vienot et al., 1999)."""
    return np.array(matrix) @ (np.array(color) / 255)**2.2


PROTAN = [[.11238, .88762, 0], [.11238, .88762, 0], [.00401, -.00401, 1]]
DEUTAN = [[.29275, .70725, 0], [.29275, .70725, 0], [-.02234, .02234, 1]]


@pytest.mark.parametrize('matrix', [PROTAN, DEUTAN, np.eye(3)])
def test_colours_are_told_apart_by_everybody(matrix):
    for colors, least in (((RIGHT, WRONG, MISSED), 0.25), (PALETTE, 0.08)):
        values = [seen_by(color, matrix) for color in colors]
        distances = [np.linalg.norm(a - b) for i, a in enumerate(values) for b in values[i + 1:]]
        assert min(distances) > least
    red_and_green = [seen_by(color, DEUTAN) for color in ((207, 34, 46), (95, 110, 30))]
    assert np.linalg.norm(red_and_green[0] - red_and_green[1]) < 0.08  # control


def test_a_sheet_shows_every_picture_and_line():
    pictures = [np.full((20 + 10 * i, 30, 3), 40 * i, np.uint8) for i in range(5)]
    cells = [Cell(p, ['said', 'is'][:1 + i % 2], i % 2 == 0) for i, p in enumerate(pictures)]
    sheet = draw_sheet(cells, columns=3, height=100, width=150, title='a title')
    for i, one in enumerate(pictures):
        found = shown(sheet, one[0, 0])
        assert found.any(1).sum() >= 95 or found.any(0).sum() >= 145
    assert shown(sheet, RIGHT).any() and shown(sheet, WRONG).any()
    assert sheet.shape[1] > 3 * 150


def test_a_strip_has_all_frames_at_one_height():
    frames = [
        np.full((h, w, 3), 50 * i, np.uint8) for i, (h, w) in enumerate([(10, 20), (300, 100)])
    ]
    drawn = strip(frames, height=64)
    assert drawn.shape == (64, 128 + 2 + 21, 3)
    assert (drawn[0, 0] == 0).all() and (drawn[-1, -1] == 50).all()
