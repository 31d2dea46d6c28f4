import numpy as np
import pytest
from own_files import make_picture, refused, write

from mvitv2_mm.own_data import recognise


def approx(data, split='train'):
    """Per name of a picture: class and box of each object, in whole pixels."""
    return {
        sample.path[len(data.root) + 1:]: [(data.classes[obj.label], *np.round(obj.box).astype(int))
                                           for obj in sample.objects]
        for sample in data.splits[split]
    }


LINE = '1 0.25 0.5 0.25 0.4\n'  # (5, 9, 15, 21) of 40 x 30
BOX = ('dog', 5, 9, 15, 21)


def make(root, pictures, folder='images', text=LINE, orientation=1):
    for name in pictures:
        path = make_picture(root / folder / name, orientation=orientation)
        label = root / folder.replace('images', 'labels') / name
        write(label.with_suffix('.txt'), text)
        assert path.is_file()


NAMES = 'names: [cat, dog]\n'


@pytest.mark.parametrize('names',
                         [NAMES, 'names: {0: cat, 1: dog}\nnc: 2\n', 'names:\n- cat\n- dog\n'])
def test_ultralytics(tmp_path, names):
    make(tmp_path, ['a b.jpg', 'ü.png'], 'images/train')
    make(tmp_path, ['c.jpg'], 'images/val')
    make_picture(tmp_path / 'images' / 'train' / 'empty.jpg')
    write(tmp_path / 'my.yaml', f'path: .\ntrain: images/train\nval: images/val\n{names}')
    for path in (tmp_path, tmp_path / 'my.yaml'):
        data = recognise(path)
        assert data.kind == 'YOLO (my.yaml)'
        assert approx(data) == {
            'images/train/a b.jpg': [BOX],
            'images/train/ü.png': [BOX],
            'images/train/empty.jpg': []
        }
        assert approx(data, 'val') == {'images/val/c.jpg': [BOX]}
        assert '1 of 4 pictures have no text file' in data.describe()


def test_roboflow(tmp_path):
    for folder in ('train', 'valid'):
        make(tmp_path, ['a.rf.1.jpg'], f'{folder}/images')
    write(tmp_path / 'data.yaml',
          f'train: ../train/images\nval: ../valid/images\ntest: ../test/images\nnc: 2\n{NAMES}')
    make_picture(tmp_path / 'test' / 'images' / 'unlabelled.jpg')
    data = recognise(tmp_path)
    assert approx(data, 'val') == {'valid/images/a.rf.1.jpg': [BOX]}
    assert list(data.splits) == ['train', 'val']


def test_polygons(tmp_path):
    make(tmp_path, ['a.jpg'], text='0 0.25 0.5 0.5 0.5 0.5 0.9\n' + LINE)
    write(tmp_path / 'data.yaml', f'train: images\n{NAMES}')
    polygon, box = recognise(tmp_path).splits['train'][0].objects
    np.testing.assert_allclose(polygon.mask, [[10, 15, 20, 15, 20, 27]])
    np.testing.assert_allclose(polygon.box, (10, 15, 20, 27))
    assert box.mask is None


def test_key_points_are_left_out(tmp_path):
    make(tmp_path, ['a.jpg'], text=LINE.strip() + ' 0.2 0.2 2 0.3 0.3 1\n')
    write(tmp_path / 'data.yaml', f'train: images\nkpt_shape: [2, 3]\n{NAMES}')
    data = recognise(tmp_path)
    assert approx(data) == {'images/a.jpg': [BOX]}
    assert data.splits['train'][0].objects[0].mask is None


def test_shares_are_of_the_upright_picture(tmp_path):
    make(tmp_path, ['a.jpg'], orientation=6)
    write(tmp_path / 'data.yaml', f'train: images\n{NAMES}')
    assert approx(recognise(tmp_path)) == {'images/a.jpg': [('dog', 4, 12, 11, 28)]}


def test_label_studio(tmp_path):
    make(tmp_path, ['0a1b2c3d-a.jpg', '0a1b2c3e-b.jpg'])
    write(tmp_path / 'classes.txt', '\ufeffcat\r\ndog\r\n')
    write(tmp_path / 'notes.json', dict(categories=[dict(id=0, name='cat')], info={}))
    assert approx(recognise(tmp_path)) == {
        f'images/{n}.jpg': [BOX]
        for n in ('0a1b2c3d-a', '0a1b2c3e-b')
    }


def test_supervision(tmp_path):
    make(tmp_path, ['a.jpg'])
    write(tmp_path / 'data.yaml', f'nc: 2\n{NAMES}')
    assert approx(recognise(tmp_path)) == {'images/a.jpg': [BOX]}


def test_label_img_side_by_side(tmp_path):
    make(tmp_path, ['a.jpg', 'b.jpg'], '.')
    write(tmp_path / 'classes.txt', 'cat\ndog\n')
    assert approx(recognise(tmp_path)) == {'a.jpg': [BOX], 'b.jpg': [BOX]}


def test_darknet_as_cvat_exports_it(tmp_path):
    make(tmp_path, ['a.jpg', 'b.jpg'], 'obj_train_data')
    write(tmp_path / 'obj.names', 'cat\ndog\n')
    write(tmp_path / 'obj.data', 'classes = 2\ntrain = data/train.txt\n')
    write(tmp_path / 'train.txt', 'data/obj_train_data/a.jpg\ndata/obj_train_data/b.jpg\n')
    assert approx(recognise(tmp_path)) == {f'obj_train_data/{n}.jpg': [BOX] for n in 'ab'}


@pytest.mark.parametrize('text, message', [
    ('2 0.5 0.5 0.2 0.2\n', 'line 1: class 2 is outside of 0..1 .*counts from 0'),
    (LINE + '1 200 150 40 30\n', 'line 2: positions should be shares'),
    ('nan 0.5 0.5 0.2 0.2\n', 'line 1: class nan is outside of'),
    ('0.5 0.5 0.5 0.2 0.2\n', 'line 1: class 0.5 is outside of'),
    ('dog 0.5 0.5 0.2 0.2\n', 'expected a class and numbers'),
    ('1 0.5 0.5 0.2\n', 'expected "class x y width height"'),
])
def test_broken_lines_are_named(tmp_path, text, message):
    make(tmp_path, ['a.jpg'], text=text)
    write(tmp_path / 'data.yaml', f'train: images\n{NAMES}')
    refused(tmp_path, message)


@pytest.mark.parametrize('yaml, message', [
    (f'train: nowhere\n{NAMES}', '"train" is "nowhere", but there is no'),
    (f'train: images\nnc: 3\n{NAMES}', '"nc" is 3, but there are 2 "names"'),
    ('train: images\nnames: {1: cat, 2: dog}\n', 'numbered from 0 to 1, but has 1, 2'),
    ('train: images\nnames: [dog, dog]\n', 'two classes "dog"'),
    ('train: images\nnames: [cat\n', r'line \d: not valid YAML'),
])
def test_a_broken_yaml_is_named(tmp_path, yaml, message):
    make(tmp_path, ['a.jpg'])
    write(tmp_path / 'data.yaml', yaml)
    refused(tmp_path, message)


def test_text_files_without_picture(tmp_path):
    make(tmp_path, ['a.jpg'])
    write(tmp_path / 'labels' / 'lost.txt', LINE)
    write(tmp_path / 'data.yaml', f'train: images\n{NAMES}')
    refused(tmp_path, '1 of 2 text files have no picture, the first is lost')
