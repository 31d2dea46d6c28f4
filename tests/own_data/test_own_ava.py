import numpy as np
import pytest
from ava_data import make_ava
from own_files import make_clip, make_picture, refused, write

from mvitv2_mm.datasets import AVADataset
from mvitv2_mm.own_data import recognise
from mvitv2_mm.own_data import write as write_data

LINES = ('shop,1,0.31,0.2,0.55,0.9,3,0\nshop,1,0.31,0.2,0.55,0.9,1,0\n'
         'street,2,0.1,0.25,0.3,0.8,2,0\n')


def make(root, lines=LINES):
    for name in ('shop', 'street'):
        make_clip(root / 'videos' / f'{name}.mp4', frames=6, fps=2)
    write(root / 'train.csv', lines)
    write(root / 'val.csv', LINES)


def test_videos_and_names_of_actions(tmp_path):
    make(tmp_path)
    write(tmp_path / 'actions.txt', 'sit\nwalk\ntalk\n')
    data = recognise(tmp_path)
    assert (data.task, data.classes) == ('action_detection', ('sit', 'walk', 'talk'))
    shop, street = data.splits['train']
    assert shop.path == str(tmp_path / 'videos' / 'shop.mp4')
    assert [(p.label, p.box, p.second) for p in shop.objects] == [(2, (0.31, 0.2, 0.55, 0.9), 1),
                                                                  (0, (0.31, 0.2, 0.55, 0.9), 1)]
    assert data.reading == dict(key='video', first_second=0)


def test_what_is_written_is_read_by_the_dataset(tmp_path):
    make(tmp_path / 'data')
    written = write_data(recognise(tmp_path / 'data'), tmp_path / 'out')
    reading = dict(written.reading)
    dataset = AVADataset(
        ann_file=written.splits['train'].ann_file,
        data_root=written.data_root,
        data_prefix={reading.pop('key'): ''},
        num_actions=len(written.classes),
        pipeline=[dict(type='mvitv2_mm.OpenClip')],
        **reading)
    assert len(dataset) == written.splits['train'].num_samples == 2
    info = dataset.get_data_info(0)
    assert np.flatnonzero(info['gt_labels'][0]).tolist() == [0, 2]
    np.testing.assert_allclose(info['gt_bboxes'], [[0.31, 0.2, 0.55, 0.9]], rtol=1e-6)
    assert dataset[0]['video_id'] == 'videos/shop.mp4'


def test_folders_of_frames_from_second_900(tmp_path):
    root = tmp_path / 'ava'
    make_ava(root, num_frames=150)
    for file in (root / 'annotations').glob('*excluded*'):
        file.unlink()
    data = recognise(root)
    assert data.reading == dict(key='img', first_second=900, fps=30, filename_tmpl='img_{:05}.jpg')
    assert data.classes[11] == 'action 12' and data.classes[0] == '1'
    written = write_data(data, tmp_path / 'out')
    assert written.short_side == 48


@pytest.mark.parametrize('line, message', [
    ('shop,9,0.1,0.2,0.3,0.4,1,0\n', 'shop.mp4 lasts 3.0 s, but the annotations name its second 9'),
    ('lost,1,0.1,0.2,0.3,0.4,1,0\n', 'there is no video "lost"'),
    ('shop,1,31,20,55,90,1,0\n', r'line 4: the box \[31.0'),
    ('shop,1,0.1,0.2,0.3,0.4,0,0\n', 'line 4: actions are numbered from 1'),
    ('shop,1.5,0.1,0.2,0.3,0.4,1,0\n', 'line 4: key frames are at whole seconds'),
    ('shop,1,0.1,0.2\n', 'line 4: expected "video,second'),
])
def test_faults_are_one_line(tmp_path, line, message):
    make(tmp_path, LINES + line)
    refused(tmp_path, message)


def test_new_actions_in_validation(tmp_path):
    make(tmp_path, LINES.splitlines()[1] + '\nstreet,2,0.1,0.25,0.3,0.8,2,0\n')
    refused(tmp_path, "val.csv has the classes '3'")


def test_frames_with_different_names(tmp_path):
    for name in ('shop', 'street'):
        make_picture(tmp_path / 'frames' / name / f'{name}_1.jpg')
    write(tmp_path / 'train.csv', LINES)
    refused(tmp_path, 'frames should be called alike')
