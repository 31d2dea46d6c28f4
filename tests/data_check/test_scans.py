"""Every fault that is planted in annotations or files is reported, once, with its place."""
import os
import pickle
from pathlib import Path

import cv2
import numpy as np
import PIL.Image
import pytest
import synthetic_data
from problems import assert_found, edit_json, problems_of

from mvitv2_mm.data_check import KINDS


def cut(path, share=0.5):
    data = Path(path).read_bytes()
    Path(path).write_bytes(data[:int(len(data) * share)])


def images(root, **kwargs):
    return dict(type='CustomDataset', data_root=str(root), data_prefix='train', **kwargs)


def test_class_folders(tmp_path):
    synthetic_data.make_folders(tmp_path)
    assert problems_of(images(tmp_path), classes=2, samples=8) == []
    train = tmp_path / 'train'
    cut(train / 'class0/0_0.png')
    (train / 'class0/0_1.png').write_bytes(b'')
    (train / 'class1/notes.txt').write_text('not a picture')
    (train / 'class1/renamed.jpg').write_text('not a picture')
    (train / 'class2').mkdir()
    assert_found(
        problems_of(images(tmp_path), classes=2, samples=8),
        ('unreadable', r'class0/0_0\.png: .*truncated'),
        ('unreadable', r'class0/0_1\.png: empty file'),
        ('ignored', r'notes\.txt'),
        ('unreadable', 'renamed.jpg: is not a picture'),
        ('count', 'class2: class folder without samples'),
        ('label', '3 class folders, but the model has 2 classes'),
        ('count', '9 samples instead of 8'),
    )
    # the quick check reads nothing
    quick = problems_of(images(tmp_path), quick=True)
    assert [text for kind, text in quick
            if kind == 'unreadable'] == [f'{train}/class0/0_1.png: empty file']


def test_unsorted_or_missing_folder(tmp_path):
    (tmp_path / 'train').mkdir()
    cv2.imwrite(str(tmp_path / 'train/a.jpg'), synthetic_data.make_image(0, (9, 9)))
    assert_found(
        problems_of(images(tmp_path)), ('layout', 'no folder per class, but 1 loose files'))
    assert_found(problems_of(images(tmp_path / 'none')), ('layout', 'no such folder'))


def test_imagenet_with_lists(tmp_path):
    synthetic_data.make_imagenet(tmp_path, labels=(0, 1))
    dataset = dict(type='ImageNet', data_root=str(tmp_path), split='val')
    assert problems_of(dataset, classes=2) == []
    ann_file = tmp_path / 'meta/val.txt'
    first = ann_file.read_text().splitlines()[0]
    ann_file.write_text(f'{ann_file.read_text()}gone.JPEG 1\n{first}\nno label\nx.JPEG 2\n')
    assert_found(
        problems_of(dataset, classes=2),
        ('missing', r'val/gone\.JPEG: no such file'),
        ('duplicate', r'val\.txt, line 6: the same file as in line 1'),
        ('annotation', r'val\.txt, line 7: expected "path label", but got "no label"'),
        ('label', r'val\.txt, line 8: label 2 is outside of 0\.\.1'),
        ('missing', r'val/x\.JPEG'),
    )
    ann_file.write_text('\n')
    assert_found(problems_of(dataset), ('annotation', r'val\.txt: is empty'))


def clips(root, **data_prefix):
    return dict(
        type='mvitv2_mm.ClipDataset',
        data_root=str(root),
        ann_file='train.txt',
        data_prefix=data_prefix)


def test_video_files(tmp_path):
    synthetic_data.make_clips(tmp_path / 'clips', clips=4, frames=60)
    dataset = clips(tmp_path / 'clips', video='')
    assert problems_of(dataset, classes=2) == []
    assert_found(problems_of(dataset, classes=3), ('count', '1 of 3 classes have no sample'))
    (tmp_path / 'clips/train_0.mp4').write_text('no video')
    (tmp_path / 'clips/train_1.mp4').unlink()
    cut(tmp_path / 'clips/train_2.mp4')
    found = problems_of(dataset, classes=2)
    assert_found(found, ('unreadable', r'train_0\.mp4: Invalid data'),
                 ('missing', r'train_1\.mp4: no such file'), ('unreadable', r'train_2\.mp4: '))
    # videos vanish from the web
    assert_found(
        problems_of(clips(tmp_path / 'clips', video=''), quick=True, samples=5, exact=False),
        ('missing', 'train_1'), ('incomplete', '4 clips; there were about 5'))


def test_clips_in_class_folders(tmp_path):
    synthetic_data.make_clips(tmp_path / 'clips')
    for label, name in enumerate(('train_0.mp4', 'train_1.mp4')):
        (tmp_path / f'own/train/class{label}').mkdir(parents=True)
        (tmp_path / 'clips' / name).rename(tmp_path / f'own/train/class{label}' / name)
    dataset = dict(clips(tmp_path / 'own', video='train'), ann_file='')
    assert problems_of(dataset, classes=2, samples=2) == []
    (tmp_path / 'own/train/class0/deeper').mkdir()
    (tmp_path / 'own/train/class2').mkdir()
    assert_found(
        problems_of(dataset, classes=2), ('ignored', 'class0/deeper: not one of the file types'),
        ('count', 'class2: class folder without samples'), ('label', '3 class folders'))


def test_a_partly_readable_video_is_a_note(tmp_path):
    (tmp_path / 'clips').mkdir()
    writer = cv2.VideoWriter(
        str(tmp_path / 'clips/a.avi'), cv2.VideoWriter_fourcc(*'MJPG'), 30, (64, 64))
    for seed in range(40):
        writer.write(synthetic_data.make_image(seed, (64, 64)))
    writer.release()
    (tmp_path / 'clips/train.txt').write_text('a.avi 0\n')
    cut(tmp_path / 'clips/a.avi')
    found = problems_of(clips(tmp_path / 'clips', video=''))
    assert_found(found, ('damaged', r'a\.avi: .* of .* frames'))
    assert not KINDS['damaged'].is_error


def test_folders_of_frames(tmp_path):
    for name, num_frames in (('a', 4), ('b b', 4), ('c', 4)):
        (tmp_path / 'frames' / name).mkdir(parents=True)
        for i in range(num_frames):
            cv2.imwrite(
                str(tmp_path / f'frames/{name}/img_{i + 1:05}.jpg'),
                synthetic_data.make_image(i, (16, 16)))
    (tmp_path / 'train.txt').write_text('a 4 0\nb b 4 1\nc 4 0\n')
    dataset = clips(tmp_path, img='frames')
    assert problems_of(dataset, classes=2) == []
    (tmp_path / 'train.txt').write_text('a 4 0\nb b 6 1\nc 4 0\nd 4 0\ne 4\n')
    (tmp_path / 'frames/a/img_00003.jpg').write_text('no picture')
    (tmp_path / 'frames/c/img_00002.jpg').write_bytes(b'')
    assert_found(
        problems_of(dataset, classes=2),
        ('unreadable', r'frames/a: .*frame 3 of 4 is not a picture'),
        ('missing', r'frames/b b: 2 of 6 frames are not there or empty, .* img_00005\.jpg'),
        ('missing', r'frames/c: 1 of 4 frames .* img_00002\.jpg'),
        ('missing', r'frames/d: no such folder'),
        ('annotation', r'train\.txt, line 5: expected "folder num_frames label", but got "e 4"'),
    )


def coco(root, **kwargs):
    return dict(
        type='CocoDataset',
        data_root=str(root),
        ann_file='annotations/instances_train2017.json',
        data_prefix=dict(img='train2017/'),
        **kwargs)


def plant_faults(content):
    image, annotations = content['images'][0], content['annotations']
    boxes = {
        1: [1, 1, 200, 5],  # leaves the picture
        2: [5, 5, -3, 4],
        4: [5, 5, 'a', 4],
    }
    for annotation in annotations:
        annotation['bbox'] = boxes.get(annotation['id'], annotation['bbox'])
    annotations[4]['category_id'] = 99
    annotations[5]['image_id'] = 77
    annotations += [
        dict(annotations[0], id=20, bbox=[1, 1, 5, 5], segmentation=[[1, 1, 2, 2]]),
        dict(annotations[0], id=21, bbox=[1, 1, 5, 5], segmentation='here'),
        dict(annotations[0], id=20, bbox=[1, 1, 5, 5]),
        dict(annotations[0], id=22, bbox=[5, 5, 0.2, 4]),
        dict(id=30),
    ]
    image['height'] += 10
    content['images'] += [
        dict(image, id=5, file_name='gone.jpg'),
        dict(image, id=1),
        dict(id=6, height=5, width=5)
    ]


def test_coco_json(tmp_path):
    synthetic_data.make_coco(tmp_path)
    assert problems_of(coco(tmp_path), classes=2, samples=2) == []
    edit_json(tmp_path / 'annotations/instances_train2017.json', plant_faults)
    assert_found(
        problems_of(coco(tmp_path)),
        ('box', r'annotation 1: bbox .* leaves its picture of 80 x 70'),
        ('box', 'annotation 2: "bbox" .* negative side'),
        ('box', r'annotation 3: "segmentation" is a run-length code of \[60, 80\] pixels'),
        ('box', 'annotation 4: "bbox" should be four numbers'),
        ('label', 'annotation 5: "category_id" 99 is no id in "categories"'),
        ('annotation', 'annotation 6: "image_id" 77 is no id in "images"'),
        ('ignored', 'annotation 20: "segmentation" has no polygon of 3 points'),
        ('annotation', r'annotation 21: "segmentation" is "here", which is no list or dict'),
        ('ignored', 'annotation 22: bbox .* smaller than a pixel'),
        ('duplicate', 'annotation 20: 2 objects have this id'),
        ('annotation', 'annotation 30: has no "image_id"'),
        ('annotation', r'images\[3\]: repeats the id 1'),
        ('annotation', r'images\[4\]: has no "file_name"'),
        ('annotation', r'000001\.jpg: is 60 x 80 pixels .* annotated as 70 x 80'),
        ('missing', r'train2017/gone\.jpg'),
        ('ignored', '1 of 3 pictures have no object'),
    )


@pytest.mark.parametrize('text, kind, pattern', [
    ('{"images": [', 'annotation', 'line 1: not valid JSON: '),
    ('[]', 'annotation', 'has no list "images": not in COCO format'),
    (None, 'layout', 'no such annotation file'),
])
def test_broken_json(tmp_path, text, kind, pattern):
    synthetic_data.make_coco(tmp_path)
    path = tmp_path / 'annotations/instances_train2017.json'
    path.unlink()
    if text is not None:
        path.write_text(text)
    assert_found(problems_of(coco(tmp_path)), (kind, pattern))


def test_categories_of_the_config(tmp_path):
    """A name that the file does not have would silently leave the model without that class."""
    synthetic_data.make_coco(tmp_path)
    dataset = coco(tmp_path, metainfo=dict(classes=('person', 'Car')))
    assert_found(
        problems_of(dataset), ('label', 'has no category "Car"'),
        ('ignored', 'category "car" is not in metainfo.classes'))


def test_lvis_finds_pictures_by_url(tmp_path):
    synthetic_data.make_coco(tmp_path)

    def to_lvis(content):
        for image in content['images']:
            name = image.pop('file_name')
            image['coco_url'] = f'http://images.cocodataset.org/train2017/{name}'

    edit_json(tmp_path / 'annotations/instances_train2017.json', to_lvis)
    dataset = dict(coco(tmp_path), type='LVISV1Dataset', data_prefix=dict(img=''))
    assert problems_of(dataset) == []


def make_ava(root, num_frames):
    (root / 'rawframes/vid').mkdir(parents=True)
    frame = str(root / 'rawframes/vid/img_{:05}.jpg')
    for i in range(num_frames):
        cv2.imwrite(frame.format(i + 1), synthetic_data.make_image(0, (8, 8)))
    (root / 'ava.csv').write_text('vid,0902,0.1,0.2,0.5,0.6,80,3\nvid,0903,0.1,0.2,0.5,0.6,1,3\n')
    (root / 'exclude.csv').write_text('')
    boxes = {'vid,0902': np.array([[0.1, 0.2, 0.5, 0.6, 0.99]])}
    (root / 'proposals.pkl').write_bytes(pickle.dumps(boxes))
    return dict(
        type='mvitv2_mm.AVADataset',
        data_root=str(root),
        ann_file='ava.csv',
        exclude_file='exclude.csv',
        proposal_file='proposals.pkl',
        data_prefix=dict(img='rawframes'))


def test_ava(tmp_path):
    dataset = make_ava(tmp_path, num_frames=150)
    assert problems_of(dataset, classes=80, samples=1) == []
    (tmp_path / 'ava.csv').write_text(
        'vid,0903,0.5,0.2,0.1,0.6,81,3\nvid,0950,0.1,0.2,0.5,0.6,1,3\n'
        'vid,0903\nlost,0903,0.1,0.2,0.5,0.6,1,3\n')
    (tmp_path / 'exclude.csv').unlink()
    (tmp_path / 'proposals.pkl').write_bytes(pickle.dumps({'vid,0902': np.ones((2, 5)) * 3}))
    assert_found(
        problems_of(dataset, classes=80),
        ('box', r'ava\.csv, line 1: box'),
        ('label', 'line 1: action 81 is outside of 1..80'),
        ('annotation', 'line 3: expected "video,second'),
        ('layout', r'exclude\.csv: no such file'),
        ('box', 'proposals.pkl, vid,0902: .* of proposals should be'),
        ('missing', 'rawframes/vid: 1351 of 1501 frames'),
        ('missing', 'rawframes/lost: no such folder'),
    )


def test_own_actions_in_videos(tmp_path):
    dataset = make_ava(tmp_path, num_frames=1)
    dataset.update(
        data_prefix=dict(video='videos'), first_second=900, proposal_file=None, exclude_file=None)
    synthetic_data.make_clips(tmp_path / 'videos', clips=1, frames=96)  # 3.2 s
    (tmp_path / 'videos/train_0.mp4').rename(tmp_path / 'videos/vid.mp4')
    assert problems_of(dataset, classes=80) == []
    with open(tmp_path / 'ava.csv', 'a') as file:
        file.write('vid,0904,0.1,0.2,0.5,0.6,1,3\nvid,0899,0.1,0.2,0.5,0.6,1,3\n')
    assert_found(
        problems_of(dataset, classes=80),
        ('annotation', 'line 4: second 899 is before the start of the video, which is second 900'),
        ('annotation', 'vid.mp4: lasts 3.20 s and shows nothing 4 s after its start'))


class Bomb:

    def __reduce__(self):
        return os.getcwd, ()


def test_proposals_execute_nothing(tmp_path):
    dataset = make_ava(tmp_path, num_frames=150)
    (tmp_path / 'proposals.pkl').write_bytes(pickle.dumps({'vid,0902': Bomb()}))
    assert_found(problems_of(dataset), ('annotation', 'expected a pickled .* got ForbiddenName'))


def own_coco(root, **kwargs):
    step = dict(type='mvitv2_mm.LoadObjects', with_mask=True)
    return dict(
        coco(root),
        type='mvitv2_mm.CocoDataset',
        metainfo=dict(classes=['person', 'car']),
        pipeline=[dict(type='LoadImageFromFile'), step,
                  dict(type='Resize')])


def test_pictures_are_loaded_as_the_config_says(tmp_path):
    synthetic_data.make_coco(tmp_path)
    path = tmp_path / 'annotations/instances_train2017.json'
    assert problems_of(own_coco(tmp_path)) == []
    edit_json(
        path, lambda content: content['annotations'][0].update(
            segmentation=dict(size=[30, 40], counts=[0, 1200])))
    assert_found(
        problems_of(own_coco(tmp_path)),
        ('box', r'annotation 1: .* code of \[30, 40\] pixels .* the picture has \[60, 80\]'))
    edit_json(path, lambda content: content['annotations'][0].pop('segmentation'))
    assert_found(
        problems_of(own_coco(tmp_path)),
        ('annotation', 'annotation 1: 1 objects have no mask in "segmentation"'))


def test_sizes_are_those_of_upright_pictures(tmp_path):
    synthetic_data.make_coco(tmp_path)
    path = str(tmp_path / 'train2017/000000000001.jpg')
    with PIL.Image.open(path) as image:
        exif = image.getexif()
        exif[0x0112] = 6
        image.save(path, exif=exif)
    assert_found(
        problems_of(own_coco(tmp_path)),
        ('annotation', r'000001\.jpg: is 80 x 60 pixels .* annotated as 60 x 80'))


def test_labels_go_by_name_in_our_datasets_only(tmp_path):
    synthetic_data.make_coco(tmp_path)
    edit_json(tmp_path / 'annotations/instances_train2017.json',
              lambda content: content['categories'].reverse())
    assert problems_of(own_coco(tmp_path)) == []
    assert_found(
        problems_of(coco(tmp_path, metainfo=dict(classes=['person', 'car']))),
        ('label', 'in another order than metainfo.classes'))


def test_hidden_files_other_types_and_lists_of_any_program(tmp_path):
    synthetic_data.make_folders(tmp_path)
    (tmp_path / 'train/.ipynb_checkpoints').mkdir()
    (tmp_path / 'train/class0/._0_0.png').write_text('')
    own = dict(images(tmp_path), type='mvitv2_mm.ImageDataset')
    assert problems_of(own, classes=2, samples=8) == []
    (tmp_path /
     'train.txt').write_bytes(b'\xef\xbb\xbfclass0/0_0.png\tclass1\r\n\r\nclass1/1_0.png,0\r\n')
    listed = dict(own, ann_file='train.txt', metainfo=dict(classes=['class0', 'class1']))
    assert problems_of(listed, classes=2, samples=2) == []
    (tmp_path / 'train/class3').mkdir()
    assert_found(
        problems_of(dict(own, metainfo=dict(classes=['class0', 'class1'])), classes=2),
        ('label', 'folders that are none of the 2 classes'), ('count', 'class3: class folder'))
