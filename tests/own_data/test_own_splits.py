import json
from collections import Counter
from pathlib import Path

import pytest
from own_files import make_clip, make_picture, rows, write

from mvitv2_mm.own_data import Object, OwnData, Sample, recognise, with_validation
from mvitv2_mm.own_data import write as write_data


def classified(task, names, root='/data'):
    """Data of clips or pictures 'CLASS/NAME' that are nowhere."""
    classes = tuple(sorted({name.split('/')[0] for name in names}))
    samples = tuple(Sample(f'{root}/{name}', classes.index(name.split('/')[0])) for name in names)
    return OwnData(task, 'made', root, classes, dict(train=samples))


def names(data, split):
    return {Path(s.path).name for s in data.splits[split]}


def test_a_fifth_of_every_class(tmp_path):
    data = classified(
        'image', [f'{c}/{i}.png' for c, n in (('a', 50), ('b', 10), ('c', 3)) for i in range(n)])
    split = with_validation(data)
    assert split.counts('val') == Counter({0: 10, 1: 2, 2: 1})
    assert not names(split, 'train') & {f'c/{s.path}' for s in split.splits['val']}
    assert sorted(s.path for part in split.splits.values()
                  for s in part) == sorted(s.path for s in data.splits['train'])
    assert with_validation(data).splits == split.splits
    assert with_validation(data, seed=1).splits != split.splits
    assert with_validation(data, '0.4').counts('val') == Counter({0: 20, 1: 4, 2: 1})
    assert with_validation(split).splits == split.splits


@pytest.mark.parametrize('name', [
    'v_Archery_g{source:02}_c{clip:02}.avi', '0347ZoDXyP{source}_{clip:06}_{end:06}.mp4',
    'talk-{source}_{clip}.mp4', 'Movie{source}_swim_f_cm_np1_fr_med_{clip}.avi',
    'session{source}/{clip:04}.mp4', 'interview {source} ({clip}).mov'
])
def test_clips_of_a_source_stay_together(name):
    files = {
        s:
        [f'{c}/' + name.format(source=s, clip=i, end=i + 10) for i in range(4) for c in ('a', 'b')]
        for s in range(5)
    }
    data = classified('video', [file for part in files.values() for file in part])
    split = with_validation(data)
    where = {
        s.path.removeprefix('/data/'): part
        for part in split.splits
        for s in split.splits[part]
    }
    assert split.counts('val') == Counter({0: 4, 1: 4})
    per_class = [{where[file]
                  for file in part if file.startswith(c)} for part in files.values() for c in 'ab']
    assert all(len(parts) == 1 for parts in per_class)
    assert '40 samples kept together by' in split.describe()


@pytest.mark.parametrize('task, name', [('video', 'jump_{:04}.mp4'), ('video', 'IMG_{:04}.MOV'),
                                        ('video', '{:03}0123.webm'), ('image', 'cat_{:04}.jpg')])
def test_numbers_that_count_the_samples_are_no_sources(task, name):
    data = classified(task, [f'{c}/{name.format(i)}' for c in 'ab' for i in range(10)])
    assert with_validation(data).counts('val') == Counter({0: 2, 1: 2})


def test_versions_of_a_picture_stay_together():
    objects = (Object(0, (0, 0, 5, 5)), )
    samples = tuple(
        Sample(f'/data/{i}_jpg.rf.{v}.jpg', objects=objects, size=(9, 9)) for i in range(10)
        for v in 'xyz')
    split = with_validation(OwnData('detection', 'made', '/data', ('a', ), dict(train=samples)))
    val = {name.split('.rf.')[0] for name in names(split, 'val')}
    assert len(names(split, 'val')) == 6 and len(val) == 2
    assert not val & {name.split('.rf.')[0] for name in names(split, 'train')}


def test_every_class_of_objects_is_validated():
    rare, common = Object(1, (0, 0, 5, 5)), Object(0, (0, 0, 5, 5))
    samples = tuple(
        Sample(f'/data/{i}.jpg', objects=(common, ) * 3 + (rare, ) * (i < 4), size=(9, 9))
        for i in range(40)) + tuple(Sample(f'/data/empty{i}.jpg', size=(9, 9)) for i in range(10))
    split = with_validation(OwnData('detection', 'made', '/data', ('a', 'b'), dict(train=samples)))
    assert split.counts('val')[1] == 1
    assert len([s for s in split.splits['val'] if s.objects]) == 8
    assert len([s for s in split.splits['val'] if not s.objects]) == 2


def test_other_data_validates(tmp_path):
    for name in 'ab':
        make_picture(tmp_path / 'data' / name / '1.png')
        make_picture(tmp_path / 'more' / 'p' / f'{name}.png')
    write(tmp_path / 'more' / 'all.csv', 'path,label\np/b.png,b\n')
    data = recognise(tmp_path / 'data')
    (tmp_path / 'more' / 'one').mkdir()
    write(tmp_path / 'more' / 'all.csv', 'path,label\np/b.png,b\np/a.png,a\n')
    split = with_validation(data, tmp_path / 'more')
    assert {(s.path, split.classes[s.label])
            for s in split.splits['val']} == {(str(tmp_path / 'more' / 'p' / f'{n}.png'), n)
                                              for n in 'ab'}
    written = write_data(split, tmp_path / 'out')
    text = Path(written.splits['val'].ann_file).read_text()
    assert f'{tmp_path}/more/p/b.png\tb\n' in text  # outside of data_root
    write(tmp_path / 'more' / 'all.csv', 'path,label\np/b.png,b\np/a.png,new\n')
    with pytest.raises(ValueError, match="more has the classes 'new', which the training data"):
        with_validation(data, tmp_path / 'more')


def test_other_data_of_one_class_validates(tmp_path):
    for name in 'ab':
        make_picture(tmp_path / 'data' / name / '1.png')
    make_picture(tmp_path / 'more' / 'b' / '2.png')
    split = with_validation(recognise(tmp_path / 'data'), str(tmp_path / 'more'))
    assert split.counts('val') == Counter({1: 1})


def test_how_the_split_was_made_is_written_down(tmp_path):
    for name in 'ab':
        for i in range(5):
            make_picture(tmp_path / 'data' / name / f'ü {i}.png')
    split = with_validation(recognise(tmp_path / 'data'), seed=3)
    write_data(split, tmp_path / 'out')
    record = json.loads((tmp_path / 'out' / 'split.json').read_text(encoding='utf-8'))
    assert (record['share'], record['seed'], record['made_by']) == (0.2, 3, 'mvitv2_mm')
    assert {(n, n[0]) for n in record['val']} == rows(split, 'val')
    assert len(record['train']) == 8


@pytest.mark.parametrize('files, val, message', [
    (['a/1.png', 'a/2.png', 'b/1.png'], None, r'too few samples of 1 of 2 classes: b \(1\); 2 of'),
    (['a/1.png', 'a/2.png', 'b/1.png', 'b/2.png'], '1.5', 'should be between 0 and 1, but is 1.5'),
])
def test_what_cannot_be_split(files, val, message):
    with pytest.raises(ValueError, match=message):
        with_validation(classified('image', files), val)


def test_one_source_cannot_be_split():
    data = classified('video', [f'{c}/v_x_g01_c0{i}.avi' for c in 'ab' for i in range(5)])
    with pytest.raises(ValueError, match='cannot be split: .* from one source .*name other data'):
        with_validation(data)


def test_a_share_beside_a_validation_split(tmp_path):
    for name in 'ab':
        make_clip(tmp_path / 'train' / name / '1.mp4')
        make_clip(tmp_path / 'val' / name / '2.mp4')
    data = recognise(tmp_path)
    with pytest.raises(ValueError, match='has a validation split of 2 samples'):
        with_validation(data, 0.2)
    with pytest.raises(FileNotFoundError):
        with_validation(data, tmp_path / 'nowhere')
