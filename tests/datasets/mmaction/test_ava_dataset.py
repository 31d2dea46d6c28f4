import pickle
import shutil
from unittest import mock

import cv2
import numpy as np
import pytest
from ava_data import make_ava
from mmaction.datasets.transforms import SampleAVAFrames

from mvitv2_mm.datasets import AVADataset

READ = [
    dict(type='mvitv2_mm.OpenClip'),
    dict(type='mvitv2_mm.SampleKeyFrame', clip_len=4, frame_interval=5),
    dict(type='mvitv2_mm.ReadFrames'),
    dict(type='mvitv2_mm.BoxesToPixels'),
]
PROPOSALS = 'annotations/ava_dense_proposals_val.FAIR.recall_93.9.pkl'
EXCLUDED = 'annotations/ava_val_excluded_timestamps_v2.2.csv'


@pytest.fixture(scope='module')
def root(tmp_path_factory):
    return make_ava(tmp_path_factory.mktemp('data') / 'ava')


def make(root, **kwargs):
    kwargs = dict(
        dict(
            data_root=str(root),
            ann_file='annotations/ava_val_v2.2.csv',
            proposal_file=PROPOSALS,
            exclude_file=EXCLUDED,
            data_prefix=dict(img='rawframes'),
            num_frames=27000,
            key_seconds=(902, 1798),
            pipeline=READ), **kwargs)
    return AVADataset(**kwargs)


def test_training_uses_annotated_key_frames(root):
    dataset = make(root)
    assert [dataset.get_data_info(i)['img_key']
            for i in range(len(dataset))] == ['-5KQ66BBWC4,0902', '1j20qq1JyX4,0902']
    first, second = (dataset.get_data_info(i) for i in range(2))
    np.testing.assert_allclose(
        first['gt_bboxes'], [[0.3, 0.2, 0.6, 0.9], [0, 0.2, 0.2, 0.9]], rtol=1e-6)
    assert [np.flatnonzero(row).tolist() for row in first['gt_labels']] == [[11, 16], [79]]
    assert len(first['proposals']) == 4  # not the one with a score of 0.79
    assert second['proposals'].shape == (0, 4)


def test_testing_uses_key_frames_with_detections(root):
    dataset = make(root, test_mode=True)
    assert [dataset.get_data_info(i)['img_key']
            for i in range(len(dataset))] == ['-5KQ66BBWC4,0902', '-5KQ66BBWC4,0903']
    nobody = dataset.get_data_info(1)
    assert (nobody['gt_bboxes'].shape, nobody['gt_labels'].shape) == ((0, 4), (0, 80))
    assert (nobody['video_id'], nobody['timestamp']) == ('-5KQ66BBWC4', 903)
    np.testing.assert_allclose(nobody['proposals'], [[0.3, 0.2, 0.6, 0.9]], rtol=1e-6)


def test_a_score_at_the_limit_is_good_enough(root):
    dataset = make(root, min_score=0.85)
    assert len(dataset.get_data_info(0)['proposals']) == 4  # among them one of 0.85


def test_detections_outside_the_annotated_seconds_are_not_tested(root, tmp_path):
    """AVA annotates the seconds 902 to 1798."""
    keys = [f'video,{second:04}' for second in (901, 902, 1798, 1799)]
    boxes = {key: np.array([[0.1, 0.2, 0.3, 0.4, 0.9]]) for key in keys}
    (tmp_path / 'people.pkl').write_bytes(pickle.dumps(boxes))
    dataset = make(root, proposal_file=str(tmp_path / 'people.pkl'), test_mode=True)
    assert [dataset.get_data_info(i)['img_key'] for i in range(len(dataset))] == keys[1:3]


def test_excluded_key_frames_are_there_without_the_list(root):
    dataset = make(root, test_mode=True, exclude_file=None)
    assert dataset.get_data_info(2)['img_key'] == '-5KQ66BBWC4,0904'


def test_the_key_frame_is_the_one_of_its_second(root):
    """The colour of a frame is its number; second 902 begins with frame 60."""
    results = make(root)[0]
    assert [int(img.mean().round()) for img in results['imgs']] == [50, 55, 60, 65]
    np.testing.assert_allclose(results['gt_bboxes'][0], [19.2, 9.6, 38.4, 43.2], rtol=1e-6)
    host = SampleAVAFrames(clip_len=4, frame_interval=5, test_mode=True)
    inds = host(
        dict(fps=30, timestamp=902, timestamp_start=900, start_index=1,
             shot_info=(0, 27000)))['frame_inds']
    # control: these are numbers of files, which start at 1
    assert [int(i) - 1 for i in inds] == [51, 56, 61, 66]


def test_a_missing_frame_is_named(root, tmp_path):
    shutil.copytree(root, tmp_path / 'ava')
    frame = tmp_path / 'ava/rawframes/-5KQ66BBWC4/img_00061.jpg'
    frame.unlink()
    dataset = make(tmp_path / 'ava', test_mode=True)
    with mock.patch('mvitv2_mm.datasets.unreadable.print_log') as log:
        assert (dataset[0]['imgs'][0] == 128).all()
    assert f'{frame}: frame 61 of 27000 is missing' in str(log.call_args)


@pytest.mark.parametrize('name, content, message', [
    ('ava_val_v2.2.csv', b'vid,0902,0.1,0.2,0.3,0.4,12\n',
     'line 1: expected "video,second,x1,y1,x2,y2,action,person", but got "vid,0902'),
    ('ava_val_v2.2.csv', b'vid,0902,0.1,0.2,0.3,0.4,81,0\n',
     'line 1: action 81 is outside of 1..80; set "num_actions'),
    ('ava_val_v2.2.csv', b'vid,0902,0.1,0.2,0.3,0.4,0,0\n',
     'line 1: action 0 is outside of 1..80; set "num_actions'),
    ('ava_val_excluded_timestamps_v2.2.csv', b'vid 0902\n', 'line 1: expected "video,second"'),
    (PROPOSALS[12:], pickle.dumps({'vid0902': np.zeros((1, 5))}), 'expected a pickled dict from'),
    (PROPOSALS[12:], pickle.dumps({'v,0902': np.zeros((1, 4))}), 'rows of x1, y1, x2, y2, score'),
    (PROPOSALS[12:], pickle.dumps(cv2.imread), 'ForbiddenName'),
])  # yapf: disable
def test_wrong_files(root, tmp_path, name, content, message):
    shutil.copytree(f'{root}/annotations', tmp_path / 'annotations')
    (tmp_path / 'annotations' / name).write_bytes(content)
    with pytest.raises(ValueError, match=message):
        make(tmp_path)


def test_missing_proposals(root):
    with pytest.raises(FileNotFoundError, match='no.pkl does not exist; set "data_root" and "prop'):
        make(root, proposal_file='no.pkl')


def own(root, **kwargs):
    """Seconds from 0, 5 actions, 20 s in folders at 10 fps; the value of a frame is its number."""
    for i in range(200):
        path = root / f'frames/shop/{i:03}_rgb.png'
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), np.full((32, 32, 3), i, np.uint8))
    (root / 'people.csv').write_text('shop,4,0.1,0.1,0.9,0.9,5,1\nshop,12,0.1,0.1,0.9,0.9,1,1\n')
    kwargs = {
        **dict(
            data_root=str(root),
            ann_file='people.csv',
            data_prefix=dict(img='frames'),
            filename_tmpl='{:03}_rgb.png',
            first_second=0,
            fps=10,
            num_actions=5,
            pipeline=READ),
        **kwargs
    }
    return AVADataset(**kwargs)


@pytest.mark.parametrize('test_mode', [False, True])
def test_own_frames(test_mode, tmp_path):
    dataset = own(tmp_path, test_mode=test_mode)
    for i, second in enumerate((4, 12)):
        results = dataset[i]
        assert results['imgs'][2].mean() == 10 * second
        assert results['timestamp'] == second
        np.testing.assert_allclose(results['proposals'], results['gt_bboxes'])
    assert [dataset.get_data_info(i)['gt_labels'].tolist() for i in range(2)] == [[[0, 0, 0, 0, 1]],
                                                                                  [[1, 0, 0, 0, 0]]]


@pytest.mark.parametrize('kwargs, message', [
    (dict(first_second=900), 'second 4 is outside of the video shop, .* 900 to 920; set "first_s'),
    (dict(first_second=5), 'second 4 is outside of the video shop, .* 5 to 25'),
    (dict(fps=20), 'second 12 is outside of the video shop, .* 0 to 10; .*"fps"'),
    (dict(num_frames=110), 'second 12 is outside of the video shop, .* 0 to 11;'),
    (dict(num_actions=4), 'people.csv, line 1: action 5 is outside of 1..4; set "num_actions"'),
    (dict(test_mode=True, key_seconds=(20, 30)), 'no key frame is left .* widen "key_seconds"'),
    (dict(filename_tmpl='img.png'), '"filename_tmpl" should hold one place'),
])  # yapf: disable
def test_own_data_that_does_not_fit(kwargs, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        own(tmp_path, **kwargs)


def test_own_videos(tmp_path, write_video):
    for name in ('videos/shop.mkv', 'videos/street.gif'):
        options = dict(codec='gif', pix_fmt='rgb8') if 'gif' in name else {}
        write_video(name, num_frames=150, fps=25, **options)
    (tmp_path / 'people.csv').write_text(''.join(f'{video},{second},0.1,0.1,0.9,0.9,1,1\n'
                                                 for video in ('shop', 'street.gif')
                                                 for second in (0, 5)))
    kwargs = dict(
        data_root=str(tmp_path),
        ann_file='people.csv',
        data_prefix=dict(video='videos'),
        first_second=0,
        pipeline=READ)
    dataset = AVADataset(**kwargs)
    assert [dataset[i]['key_frame'] for i in range(4)] == [0, 125, 0, 125]
    # without a file the frames are grey
    (tmp_path / 'videos/shop.mkv').unlink()
    dataset = AVADataset(test_mode=True, max_bad_share=1, **kwargs)
    assert (dataset[1]['imgs'][0] == 128).all()
    (tmp_path / 'people.csv').write_text('street,6,0.1,0.1,0.9,0.9,1,1\n')
    with pytest.raises(ValueError, match='second 6 is outside of the video street, .* 0 to 6;'):
        AVADataset(**kwargs)
