import base64
import io
import math

import numpy as np
import pytest
from own_files import boxes, make_picture, refused, write
from PIL import Image
from pycocotools import mask as coco_mask

from mvitv2_mm.own_data import recognise


def shape(label, points, shape_type='polygon', **more):
    return dict(label=label, points=points, shape_type=shape_type, group_id=None, flags={}, **more)


def labelme(path, *shapes, picture=None, size=(40, 30)):
    """A file as LabelMe 5 writes it, with its picture."""
    make_picture(path.with_suffix('.jpg'))
    content = dict(
        version='5.5.0',
        flags={},
        shapes=list(shapes),
        imagePath=picture or f'{path.stem}.jpg',
        imageData=None,
        imageHeight=size[1],
        imageWidth=size[0])
    return write(path, content)


TRIANGLE = [[5, 5], [15, 5], [15, 20]]
BOX = (5, 5, 15, 20)


def test_polygons_are_kept(tmp_path):
    labelme(tmp_path / 'a b.json', shape('Kätzchen', TRIANGLE))
    labelme(
        tmp_path / 'sub' / 'c.json',
        shape('dog', TRIANGLE),
        shape('Kätzchen', TRIANGLE),
        picture='..\\sub\\c.jpg')
    make_picture(tmp_path / 'unlabelled.jpg')
    data = recognise(tmp_path)
    polygon = [[5, 5, 15, 5, 15, 20]]
    assert data.classes == ('Kätzchen', 'dog')
    assert boxes(data) == {
        'a b.jpg': [('Kätzchen', BOX, polygon)],
        'sub/c.jpg': [('dog', BOX, polygon), ('Kätzchen', BOX, polygon)]
    }


def test_shapes_of_a_group_are_one_object(tmp_path):
    shapes = [
        shape('a', TRIANGLE),
        shape('a', [[20, 20], [30, 20], [30, 25]]),
        shape('b', TRIANGLE)
    ]
    for part in shapes:
        part['group_id'] = 1
    labelme(tmp_path / '1.json', *shapes)
    (first, second), = boxes(recognise(tmp_path)).values()
    assert first == ('a', (5, 5, 30, 25), [[5, 5, 15, 5, 15, 20], [20, 20, 30, 20, 30, 25]])
    assert second[0] == 'b'


def test_rectangles_alone_are_boxes(tmp_path):
    labelme(tmp_path / '1.json', shape('a', [[15, 20], [5, 5]], 'rectangle'))
    assert boxes(recognise(tmp_path)) == {'1.jpg': [('a', BOX, None)]}


def test_rectangles_beside_outlines_are_masks(tmp_path):
    labelme(tmp_path / '1.json', shape('a', [[15, 20], [5, 5]], 'rectangle'), shape('a', TRIANGLE))
    data = recognise(tmp_path)
    (_, box, mask), _ = boxes(data)['1.jpg']
    assert box == BOX and sorted(zip(mask[0][::2], mask[0][1::2])) == [(5, 5), (5, 20), (15, 5),
                                                                       (15, 20)]
    assert any('1 of 2 objects are rectangles' in note for note in data.notes)


def test_a_circle_covers_its_area(tmp_path):
    labelme(tmp_path / '1.json', shape('a', [[20, 15], [20, 5]], 'circle'))
    (_, box, mask), = boxes(recognise(tmp_path))['1.jpg']
    np.testing.assert_allclose(box, (10, 5, 30, 25), atol=0.5)
    area = coco_mask.area(coco_mask.frPyObjects(mask, 30, 40))[0]
    assert abs(area - math.pi * 100) < 0.06 * math.pi * 100


def test_a_bitmap(tmp_path):
    file = io.BytesIO()
    Image.fromarray(np.array([[255, 0], [255, 255]], np.uint8)).save(file, 'png')
    text = base64.b64encode(file.getvalue()).decode()
    labelme(tmp_path / '1.json', shape('a', [[4, 6], [6, 8]], 'mask', mask=text))
    (_, box, mask), = boxes(recognise(tmp_path))['1.jpg']
    assert box == (4, 6, 6, 8)
    rows, columns = np.nonzero(coco_mask.decode(mask))
    assert set(zip(rows, columns)) == {(6, 4), (7, 4), (7, 5)}


def test_points_and_ignored_shapes_are_left_out_with_a_word(tmp_path):
    labelme(tmp_path / '1.json', shape('a', TRIANGLE), shape('tip', [[1, 1]], 'point'),
            shape('__ignore__', TRIANGLE))
    data = recognise(tmp_path)
    assert data.classes == ('a', ) and len(boxes(data)['1.jpg']) == 1
    assert any('1 shapes "point"' in note for note in data.notes)


@pytest.mark.parametrize('change, message', [
    (lambda root: labelme(root / '2.json', shape('a', [[1, 1], [2, 2]])), 'polygon "a" has the'),
    (lambda root: labelme(root / '2.json', shape('a', TRIANGLE), size=(80, 60)), 'annotated as 80'),
    (lambda root: (root / '1.jpg').unlink(), 'its picture "1.jpg" is not below'),
    (lambda root: write(root / '2.json', '{"shapes": [\n{]}'), '2.json, line 2: not valid JSON'),
    (lambda root: labelme(root / '2.json', shape('a', [[1, 1], [2, 2]], 'mask', mask='x')),
     'the mask of "a" cannot be read'),
])
def test_broken_files_are_one_line(tmp_path, change, message):
    labelme(tmp_path / '1.json', shape('a', TRIANGLE))
    recognise(tmp_path)
    change(tmp_path)
    refused(tmp_path, message)
