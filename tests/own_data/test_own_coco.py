import json

import pytest
from own_files import boxes, every_file, make_picture, refused, write
from PIL import Image, ImageOps
from pycocotools import mask as coco_mask

from mvitv2_mm.own_data import recognise

POLYGON = [5, 5, 15, 5, 15, 20]


def coco(names, categories=('cat', 'dog'), first=1, size=(40, 30), **more):
    """A file with one object per picture, of alternating classes."""
    return dict(
        images=[
            dict(id=7 + i, file_name=name, width=size[0], height=size[1])
            for i, name in enumerate(names)
        ],
        annotations=[
            dict(
                dict(
                    id=i,
                    image_id=7 + i,
                    category_id=first + i % len(categories),
                    bbox=[5, 5, 10, 15],
                    segmentation=[POLYGON],
                    iscrowd=0), **more) for i in range(len(names))
        ],
        categories=[dict(id=first + i, name=name) for i, name in enumerate(categories)])


BOX = (5, 5, 15, 20)
CAT, DOG = ('cat', BOX, [POLYGON]), ('dog', BOX, [POLYGON])


def test_cvat(tmp_path):
    for name in ('a b.jpg', 'ü/c.jpg'):
        make_picture(tmp_path / 'images' / name)
    write(tmp_path / 'annotations' / 'instances_default.json', coco(['a b.jpg', 'ü/c.jpg']))
    before = every_file(tmp_path)
    data = recognise(tmp_path)
    assert boxes(data) == {'images/a b.jpg': [CAT], 'images/ü/c.jpg': [DOG]}
    assert (data.task, data.classes) == ('detection', ('cat', 'dog'))
    assert every_file(tmp_path) == before
    assert boxes(recognise(tmp_path / 'annotations' / 'instances_default.json')) == boxes(data)


def test_label_studio(tmp_path):
    make_picture(tmp_path / 'images' / '0a1b2c3d-a.jpg')
    make_picture(tmp_path / 'images' / 'b.jpg')  # the files as they were uploaded
    names = ['images\\0a1b2c3d-a.jpg', '..\\..\\label-studio\\upload\\1\\99aa88bb-b.jpg']
    write(tmp_path / 'result.json', coco(names, first=0))
    assert boxes(recognise(tmp_path)) == {'images/0a1b2c3d-a.jpg': [CAT], 'images/b.jpg': [DOG]}


def test_roboflow(tmp_path):
    for folder in ('train', 'valid', 'test'):
        content = coco(['x.rf.1.jpg', 'y.rf.2.jpg'])
        for category in content['categories']:
            category['supercategory'] = 'animals'
        content['categories'].insert(0, dict(id=0, name='animals', supercategory='none'))
        write(tmp_path / folder / '_annotations.coco.json', content)
        for name in ('x.rf.1.jpg', 'y.rf.2.jpg'):
            make_picture(tmp_path / folder / name)
    data = recognise(tmp_path)
    assert list(data.splits) == ['train', 'val', 'test']
    assert data.classes == ('cat', 'dog')
    assert boxes(data, 'val') == {'valid/x.rf.1.jpg': [CAT], 'valid/y.rf.2.jpg': [DOG]}
    assert any('"animals"' in note for note in data.notes)


def test_labelme_converter_with_a_byte_order_mark(tmp_path):
    make_picture(tmp_path / 'JPEGImages' / 'a.jpg')
    content = coco(['JPEGImages/a.jpg'], ('_background_', 'cat'), 0)
    content['annotations'][0]['category_id'] = 1
    write(tmp_path / 'annotations.json', json.dumps(content), 'utf-8-sig')
    data = recognise(tmp_path)
    assert boxes(data) == {'JPEGImages/a.jpg': [CAT]}
    assert data.classes == ('cat', )


def test_our_own_layout_and_a_class_that_validation_lacks(tmp_path):
    make_picture(tmp_path / 'p' / '0.png')
    make_picture(tmp_path / 'p' / '1.png')
    write(tmp_path / 'train.json', coco(['p/0.png', 'p/1.png']))
    write(tmp_path / 'val.json', coco(['p/1.png'], ('dog', ), 5))  # other numbers, other order
    data = recognise(tmp_path)
    assert boxes(data, 'val') == {'p/1.png': [DOG]}
    assert any('1 of 1 samples of the split "val" are training samples' in n for n in data.notes)


def test_the_same_names_in_every_split(tmp_path):
    for split in ('train2017', 'val2017'):
        make_picture(tmp_path / split / '1.jpg')
        write(tmp_path / 'annotations' / f'instances_{split}.json', coco(['1.jpg']))
        write(tmp_path / 'annotations' / f'person_keypoints_{split}.json', coco(['1.jpg']))
    data = recognise(tmp_path)
    assert list(boxes(data, 'val')) == ['val2017/1.jpg']


def test_run_length_codes_crowds_and_several_parts(tmp_path):
    make_picture(tmp_path / 'a.jpg')
    code = dict(size=[30, 40], counts=[30, 60, 1110])  # columns 1 and 2
    content = coco(['a.jpg'] * 1)
    content['annotations'] += [
        dict(id=5, image_id=7, category_id=1, segmentation=code, iscrowd=1),
        dict(id=6, image_id=7, category_id=2, bbox=[1, 1, 20, 20], segmentation=[POLYGON, POLYGON]),
    ]
    write(tmp_path / 'train.json', content)
    data = recognise(tmp_path)
    _, crowd, parts = data.splits['train'][0].objects
    assert crowd.crowd and crowd.mask == code
    assert crowd.box == (1, 0, 3, 30)  # of the mask, as no box is stated
    assert coco_mask.area(coco_mask.frPyObjects(crowd.mask, 30, 40)) == 60
    assert parts.mask == [POLYGON, POLYGON]


def test_boxes_beyond_the_picture_are_cut(tmp_path):
    make_picture(tmp_path / 'a.jpg')
    content = coco(['a.jpg'])
    content['annotations'] += [
        dict(id=5, image_id=7, category_id=1, bbox=[-5, 10, 20, 40]),
        dict(id=6, image_id=7, category_id=1, bbox=[50, 10, 20, 10]),
        dict(id=8, image_id=7, category_id=1, bbox=[10, 10, 0, 10]),
    ]
    write(tmp_path / 'train.json', content)
    data = recognise(tmp_path)
    assert boxes(data) == {'a.jpg': [CAT, ('cat', (0, 10, 15, 30), None)]}
    text = data.describe()
    assert 'beyond their picture, and are cut at its edge: 1 of 4' in text
    assert 'a pixel inside of their picture, and are left out: 2' in text
    assert '1 of 2 objects have no mask' in text


@pytest.mark.parametrize('orientation, upright', [(1, (40, 30)), (3, (40, 30)), (6, (30, 40)),
                                                  (8, (30, 40))])
@pytest.mark.parametrize('suffix', ['jpg', 'png', 'tif', 'webp'])
def test_sizes_are_those_of_the_upright_pictures(tmp_path, orientation, upright, suffix):
    name = f'a.{suffix}'
    path = make_picture(tmp_path / name, orientation=orientation)
    with Image.open(path) as image:
        assert ImageOps.exif_transpose(image).size == upright
    write(tmp_path / 'train.json', coco([name], size=(0, 0)))
    assert recognise(tmp_path).splits['train'][0].size == upright
    write(tmp_path / 'train.json', coco([name], size=upright))
    recognise(tmp_path)
    if upright != (40, 30):
        write(tmp_path / 'train.json', coco([name], size=(40, 30)))
        refused(tmp_path, f'{name} is 30 x 40 when it is turned upright')


def broken(change):

    def write_broken(root):
        content = coco(['a.jpg'])
        change(content)
        return write(root / 'train.json', content)

    return write_broken


@pytest.mark.parametrize('write_broken, message', [
    (broken(lambda c: c['annotations'][0].update(bbox=[1, 2, 3])),
     'annotation 0: "bbox" should be'),
    (broken(lambda c: c['annotations'][0].update(bbox=[1, 2, -3, 4])), 'has a negative side'),
    (broken(lambda c: c['annotations'][0].update(category_id=9)),
     '"category_id" 9 is no id in "categories" .1, 2.'),
    (broken(lambda c: c['annotations'][0].update(category_id='1')), '"category_id" "1" is no id'),
    (broken(lambda c: c['annotations'][0].update(image_id=9)), '"image_id" 9 is no id in "images"'),
    (broken(lambda c: c['annotations'][0].update(segmentation='x')),
     '"segmentation" is "x", which is no list or dict'),
    (broken(lambda c: c['annotations'][0].update(segmentation=[[1, 2, 3]])),
     '"segmentation" should be'),
    (broken(lambda c: c['annotations'][0].update(iscrowd=1)), 'all 1 objects are marked as crowds'),
    (broken(lambda c: c['images'][0].update(file_name='b.jpg')), '1 of 1 pictures are not below'),
    (broken(lambda c: c['images'][0].update(width=80)), 'is 40 x 30 .* annotated as 80 x 30'),
    (broken(lambda c: c['categories'][1].update(name='cat')), 'two categories "cat"'),
    (broken(lambda c: c['annotations'].clear()), 'has no object to train on'),
    (lambda root: write(root / 'train.json', '{"images": [],\n "annotations": ['), 'line 2: not'),
    (lambda root: write(root / 'other.json', coco(['a.jpg'])), 'several COCO files'),
])
def test_broken_files_are_one_line(tmp_path, write_broken, message):
    make_picture(tmp_path / 'a.jpg')
    write(tmp_path / 'train.json', coco(['a.jpg']))
    recognise(tmp_path)
    write_broken(tmp_path)
    refused(tmp_path, message)


@pytest.mark.parametrize('key', ['images', 'annotations', 'categories'])
def test_a_file_that_lacks_a_list_is_named(tmp_path, key):
    """Else another split would be trained on without a word."""
    make_picture(tmp_path / 'a.jpg')
    for split in ('train', 'val'):
        content = coco(['a.jpg'])
        if split == 'train':
            del content[key]
        write(tmp_path / f'{split}.json', content)
    refused(tmp_path, f'train.json has no list "{key}"; COCO JSON has the lists images')


def test_captions_and_pictures_to_be_tested_lack_lists(tmp_path):
    make_picture(tmp_path / 'a.jpg')
    captions, tested = coco(['a.jpg']), coco(['a.jpg'])
    del captions['categories'], tested['annotations']
    write(tmp_path / 'annotations' / 'instances_train2017.json', coco(['a.jpg']))
    write(tmp_path / 'annotations' / 'captions_train2017.json', captions)
    write(tmp_path / 'annotations' / 'image_info_test2017.json', tested)
    assert boxes(recognise(tmp_path)) == {'a.jpg': [CAT]}
