import pytest
from own_files import make_clip, refused, rows, write

from mvitv2_mm.own_data import recognise


def make_ucf(root):
    for name in ('Archery', 'BaseballPitch'):
        for group in (1, 8):
            make_clip(root / 'UCF-101' / name / f'v_{name}_g{group:02}_c01.avi')
    lists = root / 'ucfTrainTestlist'
    write(lists / 'classInd.txt', '1 Archery\n2 BaseballPitch\n')
    for number in ('01', '02'):
        write(lists / f'trainlist{number}.txt',
              'Archery/v_Archery_g08_c01.avi 1\nBaseballPitch/v_BaseballPitch_g08_c01.avi 2\n')
        write(lists / f'testlist{number}.txt',
              'Archery/v_Archery_g01_c01.avi\nBaseballPitch/v_BaseballPitch_g01_c01.avi\n')


def test_ucf101(tmp_path):
    make_ucf(tmp_path)
    data = recognise(tmp_path)
    assert (data.task, data.classes) == ('video', ('Archery', 'BaseballPitch'))
    assert rows(data) == {(f'UCF-101/{n}/v_{n}_g08_c01.avi', n)
                          for n in ('Archery', 'BaseballPitch')}
    assert rows(data, 'test') == {(f'UCF-101/{n}/v_{n}_g01_c01.avi', n)
                                  for n in ('Archery', 'BaseballPitch')}
    assert 'of 2 official splits the first (01)' in data.describe()


@pytest.mark.parametrize('text, message', [
    ('Archery/v_Archery_g08_c01.avi 0\n', 'line 1: label 0 is not that of Archery .* 1; labels'),
    ('Archery/v_Archery_g09_c01.avi 1\n', 'line 1: there is no clip'),
    ('Swing/v_Swing_g09_c01.avi 3\n', 'line 1: expected "CLASS/CLIP.avi 1"'),
])
def test_ucf101_with_faults(tmp_path, text, message):
    make_ucf(tmp_path)
    write(tmp_path / 'ucfTrainTestlist' / 'trainlist01.txt', text)
    refused(tmp_path, message)


def test_hmdb51(tmp_path):
    for name in ('brush_hair', 'cartwheel'):
        clips = [f'April_{i}_{name}_u_nm_np1_ba_goo_0.avi' for i in range(3)]
        for clip in clips:
            make_clip(tmp_path / name / clip)
        write(tmp_path / 'splits' / f'{name}_test_split1.txt',
              ''.join(f'{clip} {i} \n' for i, clip in enumerate(clips)))
    data = recognise(tmp_path)
    assert data.classes == ('brush_hair', 'cartwheel')
    for split, i in (('train', 1), ('test', 2)):
        assert rows(data, split) == {(f'{n}/April_{i}_{n}_u_nm_np1_ba_goo_0.avi', n)
                                     for n in data.classes}


TEMPLATES = ('Holding [something] next to [something]', 'Turning [something] upside down')


def make_something(root):
    for number in range(4):
        make_clip(root / 'videos' / f'{number}.mp4')
    for split, numbers in (('train', (0, 1)), ('validation', (2, 3))):
        write(root / f'something-something-v2-{split}.json', [
            dict(id=str(n), label='holding a cup next to a box', template=TEMPLATES[n % 2])
            for n in numbers
        ])
    write(root / 'something-something-v2-test.json', [dict(id='3')])
    write(root / 'something-something-v2-labels.json', {
        'Turning something upside down': '0',
        'Holding something next to something': '1'
    })


def test_something_something(tmp_path):
    make_something(tmp_path)
    data = recognise(tmp_path)
    hold, turn = 'Holding something next to something', 'Turning something upside down'
    assert data.classes == (turn, hold)
    assert rows(data) == {('videos/0.mp4', hold), ('videos/1.mp4', turn)}
    assert rows(data, 'val') == {('videos/2.mp4', hold), ('videos/3.mp4', turn)}
    (tmp_path / 'videos' / '2.mp4').unlink()
    refused(tmp_path, 'validation.json: there is no clip "2"')
