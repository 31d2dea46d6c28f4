import os

import pytest
from own_files import make_clip, make_picture, refused, rows, write

from mvitv2_mm.own_data import recognise
from mvitv2_mm.own_data.writing import write as write_data


def test_pictures_without_splits(tmp_path):
    make_picture(tmp_path / 'Hündin 2' / 'a b.JPG')
    make_picture(tmp_path / 'Hündin 2' / 'deep' / 'c.png')
    make_picture(tmp_path / 'cat' / '猫.webp')
    make_picture(tmp_path / 'cat' / '._猫.webp')
    make_picture(tmp_path / '.ipynb_checkpoints' / 'x.png')
    write(tmp_path / 'cat' / 'notes.txt', 'no data')
    data = recognise(tmp_path)
    assert (data.task, data.classes) == ('image', ('Hündin 2', 'cat'))
    assert rows(data) == {('Hündin 2/a b.JPG', 'Hündin 2'), ('Hündin 2/deep/c.png', 'Hündin 2'),
                          ('cat/猫.webp', 'cat')}
    text = data.describe()
    assert 'pictures in one folder per class, 2 classes (Hündin 2, cat)' in text
    assert 'train: 3 pictures, 2 of the classes' in text


def test_clips_with_splits_by_other_names(tmp_path):
    for split in ('Training', 'valid', 'test'):
        for name in ('jump', 'run'):
            make_clip(tmp_path / split / name / f'{split}.mp4')
    data = recognise(str(tmp_path))
    assert data.task == 'video'
    assert {
        split: rows(data, split)
        for split in data.splits
    } == {
        split: {(f'{folder}/{name}/{folder}.mp4', name)
                for name in ('jump', 'run')}
        for split, folder in (('train', 'Training'), ('val', 'valid'), ('test', 'test'))
    }


def test_a_link_back_is_not_followed(tmp_path):
    for name in 'ab':
        make_picture(tmp_path / name / '1.png')
    (tmp_path / 'a' / 'back').symlink_to(tmp_path / 'a')
    assert rows(recognise(tmp_path)) == {('a/1.png', 'a'), ('b/1.png', 'b')}


def test_a_folder_around_the_data(tmp_path):
    for name in 'ab':
        make_picture(tmp_path / 'unpacked' / 'train' / name / '1.png')
        make_picture(tmp_path / 'unpacked' / 'val' / name / '2.png')
    assert recognise(tmp_path).root == str(tmp_path / 'unpacked')


def test_a_class_may_be_called_train(tmp_path):
    for name in ('bus', 'train'):
        make_picture(tmp_path / name / '1.png')
    assert rows(recognise(tmp_path)) == {('bus/1.png', 'bus'), ('train/1.png', 'train')}


def test_a_test_set_without_labels_is_left_out(tmp_path):
    make_two(tmp_path)
    make_picture(tmp_path / 'test' / '7.png')
    data = recognise(tmp_path)
    assert list(data.splits) == ['train', 'val']
    assert 'the split "test" has no sample of a class and is left out' in data.describe()


def test_splits_without_classes_are_no_classes(tmp_path):
    for split in ('train', 'val'):
        make_picture(tmp_path / split / '1.png')
    refused(tmp_path, 'It holds 2 pictures and videos, without labels')


def make_two(root):
    make_picture(root / 'train' / 'a' / '1.png')
    make_picture(root / 'train' / 'b' / '1.png')
    make_picture(root / 'val' / 'a' / '2.png')


@pytest.mark.parametrize('more, message', [
    (lambda root: make_clip(root / 'train' / 'a' / '1.mp4'), 'both pictures .* and videos'),
    (lambda root: make_picture(root / 'val' / 'c' / '1.png'), "val has the classes 'c'"),
    (lambda root: make_picture(root / 'valid' / 'a' / '1.png'), 'val and valid are both a split'),
    (lambda root: (root / 'train' / 'c').mkdir(), "no training sample of 1 of its 3 classes .'c'"),
    (lambda root: (root / 'train' / 'b' / '1.png').unlink(), 'no training sample of 1 of its 2'),
])
def test_faults_are_one_line(tmp_path, more, message):
    make_two(tmp_path)
    recognise(tmp_path)
    more(tmp_path)
    refused(tmp_path, message)


def test_one_class_only(tmp_path):
    make_picture(tmp_path / 'cat' / '1.png')
    make_picture(tmp_path / 'cat' / '2.png')
    refused(tmp_path, r'one class only \(cat\)')


def test_nothing_known(tmp_path):
    write(tmp_path / 'a.doc', 'text')
    refused(tmp_path, 'no format that is known.*YOLO.*one folder per class')
    make_picture(tmp_path / 'images' / '1.png')  # pictures, but no annotations
    refused(tmp_path, 'no format that is known')


def test_what_is_no_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match='nowhere does not exist'):
        recognise(tmp_path / 'nowhere')
    refused(write(tmp_path / 'data.zip', ''), 'unpack it')


def test_pictures_of_a_kind_that_is_not_read(tmp_path):
    for name in ('cat/IMG_1.HEIC', 'dog/IMG_2.HEIC'):
        write(tmp_path / name, 'x')
    refused(tmp_path, 'files that end in .HEIC; convert pictures to JPEG or PNG')


def test_names_that_are_no_text(tmp_path):
    for kind in ('cat', 'dog'):
        picture = make_picture(tmp_path / kind / 'a.png')
        picture.rename(picture.with_name(os.fsdecode(b'k\xe4se.png')))
    with pytest.raises(ValueError, match=r'the name ".*cat/k\\xe4se.png" is not text in UTF-8'):
        write_data(recognise(tmp_path), tmp_path / 'out')
