"""What is drawn can be read: labels apart, truth told from predictions, any size."""
import re
from pathlib import Path

import numpy as np
import pytest

import mvitv2_mm
from mvitv2_mm.drawing import (MISSED, PALETTE, RIGHT, WRONG, Cell, bars, color_of, css_variables,
                               draw, draw_sheet, label_picture, labels, missed, overlay, right,
                               strip, web_palette, wrong)

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
        WRONG: draw(picture(), dict(objects=[wrong('dog', .8, box, note='is cat')])),
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


def at(label, name='something', box=(100., 100., 180., 160.)):
    return dict(label=label, name=name, score=0.9 - label / 200, box=list(box))


def test_names_without_a_place_are_left_out_and_counted():
    crowd = draw(picture(), dict(objects=[at(i) for i in range(100)]))
    few = draw(picture(), dict(objects=[at(i) for i in range(3)]))
    corner = np.s_[-14:, :10]
    assert (crowd[corner] < 100).all(-1).mean() > 0.3  # a black ground
    assert (few[corner] == GREY).all()


def test_the_score_behind_a_long_name_stays():
    long = 'a name of sixty letters, which is more than fits into a line'
    drawn = [label_picture(f'{long} 0.{end}', 13, (0, 0, 0), 200) for end in (87, 81)]
    differs = (drawn[0] != drawn[1]).any((0, 2))
    assert drawn[0].shape[1] <= 200 and differs[-12:].any() and not differs[:-20].any()


def test_letters_without_a_font_are_written_in_latin(monkeypatch):
    monkeypatch.setattr(labels, '_system_fonts', lambda: ())
    labels._font_for.cache_clear()

    def shape(text):
        return label_picture.__wrapped__(text, 13, (0, 0, 0), 300)

    assert np.array_equal(shape('\u732b 0.90'), shape('Mao 0.90'))
    assert not np.array_equal(shape('\u043a\u043e\u0442'), shape('kot'))  # the usual font has these
    labels._font_for.cache_clear()


@pytest.mark.parametrize('size', [(10, 2000), (1500, 12), (1, 1), (32, 32)])
def test_a_name_is_whole_on_pictures_of_any_shape(size):
    one = at(0, 'dog', (0, 0, size[1], size[0]))
    whole = shown(draw(picture(), dict(objects=[at(0, 'dog')])), PALETTE[0]).sum()
    drawn = draw(picture(*size), dict(objects=[one]))
    assert shown(drawn, PALETTE[0]).sum() > 0.3 * whole and max(drawn.shape) <= 2048


def test_people_are_told_apart_and_say_what_they_do():
    people = [
        dict(box=[20., 60., 100., 200.], actions=[dict(label=3, name='sit', score=0.9)] * 5),
        dict(box=[200., 60., 300., 200.], actions=[dict(label=3, name='sit', score=0.9)]),
        dict(box=[120., 60., 180., 200.], actions=[]),
    ]
    drawn = draw(picture(), dict(objects=people))
    assert all(shown(drawn, color).any() for color in PALETTE[:3])
    assert shown(drawn, PALETTE[0]).sum() > 1.3 * shown(drawn, PALETTE[1]).sum()  # three lines


def test_what_is_said_of_one_box_stands_together():
    box = [60., 100., 160., 200.]
    drawn = draw(picture(), dict(objects=[right('sit', .9, box), wrong('stand', .6, box)]))
    rows = [np.flatnonzero(shown(drawn, color).sum(1) > 20) for color in (WRONG, RIGHT)]
    assert 0 < rows[1][0] - rows[0][0] < 30
    assert not shown(drawn[150, 50:70], RIGHT).any()  # the outline is that of the wrong one


def luminance(color):
    """Relative luminance of a colour such as '#0072b2' (WCAG 2)."""
    parts = np.array([int(color[i:i + 2], 16) for i in (1, 3, 5)]) / 255
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055)**2.4)
    return linear @ [0.2126, 0.7152, 0.0722]


def test_text_is_read_on_every_colour():
    for one in web_palette():
        low, high = sorted(luminance(one[key]) for key in ('ground', 'text'))
        assert (high + 0.05) / (low + 0.05) >= 4.5, one


def test_pages_have_no_colours_of_their_own():
    known = set(re.findall(r'--([a-z]+):#', css_variables()))
    folder = Path(mvitv2_mm.__file__).parent
    files = [*folder.glob('*/page*.??*'), *folder.glob('*/page_files/*.*')]
    texts = {path: path.read_text() for path in files if path.suffix in ('.css', '.js', '.j2')}
    assert len(texts) > 5
    for path, text in texts.items():
        assert not re.findall(r'#[0-9a-fA-F]{6}|rgba?\([0-9]', text), path
        own = set(re.findall(r'--([a-z]+):', text))
        assert set(re.findall(r'var\(--([a-z]+)\)', text)) - own <= known | {'s'}, path


def test_a_map_colours_what_is_hot():
    heat = np.zeros((4, 4))
    heat[:, 2:] = 1
    drawn = overlay(picture(40, 80), heat).astype(int)
    assert np.ptp(drawn[:, 0], axis=-1).max() < 30 < np.ptp(drawn[:, -1], axis=-1).min()
    assert drawn[:, -1, 0].min() > drawn[:, 0, 0].max()


def test_bars_are_as_high_as_their_values():
    drawn = bars(np.array([1., 2., 0., 1.]), 100, 200)
    heights = [shown(drawn, RIGHT)[:, x].sum() for x in (25, 75, 125, 175)]
    assert heights == pytest.approx([50, 99, 0, 50], abs=2)
    assert shown(drawn, (0, 0, 0)).all(1).nonzero()[0] == pytest.approx(49, abs=2)
