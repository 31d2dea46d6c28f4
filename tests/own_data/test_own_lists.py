import pytest
from own_files import make_clip, make_picture, refused, rows, write

from mvitv2_mm.own_data import recognise

WANTED = {('p/a b.jpg', 'cat'), ('p/ü.png', 'hot dog')}


@pytest.fixture
def root(tmp_path):
    make_picture(tmp_path / 'p' / 'a b.jpg')
    make_picture(tmp_path / 'p' / 'ü.png')
    return tmp_path


@pytest.mark.parametrize('text', [
    'path,label\np/a b.jpg,cat\np/ü.png,hot dog\n',
    'p/a b.jpg,cat\np/ü.png,hot dog\n',
    'path,label,width\np/a b.jpg,cat,40\np/ü.png,hot dog,40\n',
    '\ufeffLabel;Filename;width\r\ncat;p\\a b.jpg;40\r\n\r\nhot dog;p\\ü.png;40\r\n',
    'p/a b.jpg\tcat\np/ü.png\thot dog\n',
    'image,category\n"a b.jpg",cat\n"ü.png","hot dog"\n',
    'id,class\na b,cat\nü,hot dog\n',
])
def test_one_file(root, text):
    write(root / 'all.csv', text)
    for path in (root, root / 'all.csv'):
        data = recognise(path)
        assert (data.task, data.classes) == ('image', ('cat', 'hot dog'))
        assert rows(data) == WANTED


def test_blanks_between_columns(root):
    write(root / 'train.txt', 'p/a b.jpg 0\np/ü.png 1\n')
    assert rows(recognise(root)) == {('p/a b.jpg', '0'), ('p/ü.png', '1')}


def test_a_file_per_split(tmp_path):
    for split in ('train', 'val'):
        for i in range(2):
            make_clip(tmp_path / split / f'{i}.mp4')
        write(tmp_path / f'{split}.csv', 'video,label\n0.mp4,run\n1.mp4,jump\n')
    data = recognise(tmp_path)
    assert data.task == 'video'
    assert rows(data, 'val') == {('val/0.mp4', 'run'), ('val/1.mp4', 'jump')}
    assert rows(data) == {('train/0.mp4', 'run'), ('train/1.mp4', 'jump')}


def test_the_list_that_is_called_like_that_of_the_training(tmp_path):
    for name in ('videos_train/1', 'videos_train/2', 'videos_val/1', 'videos_val/2'):
        make_clip(tmp_path / f'{name}.mp4')
    for name in ('train', 'val', 'val_backwards'):
        write(tmp_path / f'{name}_list_videos.txt', '1.mp4 0\n2.mp4 1\n')
    data = recognise(tmp_path)
    assert rows(data, 'val') == {('videos_val/1.mp4', '0'), ('videos_val/2.mp4', '1')}
    (tmp_path / 'val_list_videos.txt').rename(tmp_path / 'val_frozen_list_videos.txt')
    refused(tmp_path, 'several lists')


def test_a_column_of_splits(tmp_path):
    lines = ['path,label,split']
    for i, split in enumerate(('train', 'train', 'Validation', 'test')):
        make_picture(tmp_path / f'{i}.png')
        lines.append(f'{i}.png,{"ab"[i % 2]},{split}')
    write(tmp_path / 'data.csv', '\n'.join(lines))
    data = recognise(tmp_path)
    assert {
        s: rows(data, s)
        for s in data.splits
    } == {
        'train': {('0.png', 'a'), ('1.png', 'b')},
        'val': {('2.png', 'a')},
        'test': {('3.png', 'b')}
    }


def test_labels_from_1(root):
    write(root / 'all.csv', 'p/a b.jpg,1\np/ü.png,2\n')
    data = recognise(root)
    assert rows(data) == {('p/a b.jpg', '1'), ('p/ü.png', '2')}
    assert 'labels count from 1' in data.describe()
    write(root / 'classes.txt', 'cat\nhot dog\n')
    data = recognise(root)
    assert rows(data) == WANTED
    assert 'labels count from 1: label 1 is "cat"' in data.describe()
    write(root / 'all.csv', 'p/a b.jpg,0\np/ü.png,1\n')
    data = recognise(root)
    assert rows(data) == WANTED and not data.notes


def test_other_files_are_no_lists(tmp_path):
    for name in ('a/1.png', 'b/1.png'):
        make_picture(tmp_path / name)
    write(tmp_path / 'weather.csv', 'day,rain\n1,2\n')
    assert recognise(tmp_path).kind == 'pictures in one folder per class'


@pytest.mark.parametrize('text, message', [
    ('p/a b.jpg,cat\np/none.png,dog\n', 'line 2: there is no picture or clip "p/none.png"'),
    ('p/a b.jpg,cat\np/ü.png\n', 'line 2: expected a path and a class'),
    ('p/a b.jpg,cat\np/ü.png,cat\n', r'one class only \(cat\)'),
    ('path,label,split\np/a b.jpg,cat,train\np/ü.png,dog,later\n', 'line 3: the split "later"'),
    ('path,label,split\np/a b.jpg,cat,train\np/ü.png,dog,val\n', "has the classes 'dog', which"),
    ('p/a b.jpg,1\np/ü.png,4\n', 'line 2: label 4 is outside of 0..2'),
    ('first,second\nno.jpg,cat\n', 'none of the first 20 lines names a picture'),
])
def test_broken_lists_are_one_line(root, text, message):
    write(root / 'all.csv', text)
    if ',4' in text:
        write(root / 'classes.txt', 'a\nb\nc\n')
    refused(root / 'all.csv', message)


def test_a_table_with_other_columns_is_named(root):
    write(root / 'all.csv', 'photo,kind\np/a b.jpg,cat\np/ü.png,dog\nno.jpg,dog\n')
    refused(root, 'line 1: there is no header with the columns "path" and "label", or picture or ')
    write(root / 'all.csv', 'day,photo,kind\n1,p/a b.jpg,cat\n')
    refused(root, 'all.csv starts with "day,photo,kind": a list has')


def test_not_utf_8(root):
    write(root / 'all.csv', 'p/a b.jpg,cat\np/ü.png,dog\n', 'latin-1')
    refused(root, 'all.csv is not text in UTF-8')
