import re

import cv2
import numpy as np
import pytest
from mmengine.dataset import ClassBalancedDataset
from mmengine.logging import MMLogger
from torch.utils.data import DataLoader

from mvitv2_mm.datasets import ClipDataset, UnreadableClipError

READ = [
    dict(type='mvitv2_mm.OpenClip'),
    dict(type='mvitv2_mm.SampleClips', clip_len=4, frame_interval=2),
    dict(type='mvitv2_mm.ReadFrames'),
]


@pytest.fixture
def make(tmp_path, write_video):
    """Three good videos, then the given bad ones, as a dataset."""

    def build(bad=(), **kwargs):
        names = ['a/0.mp4', 'a/with blanks.mp4', 'b/2.mp4']
        for name in names:
            write_video(f'videos/{name}')
        for name in bad:
            (tmp_path / 'videos' / name).write_bytes(b'nonsense')
        lines = [f'{name} {i}' for i, name in enumerate([*names, *bad])]
        (tmp_path / 'list.txt').write_text('\n'.join(lines) + '\n\n')
        kwargs = {
            'data_root': str(tmp_path),
            'ann_file': 'list.txt',
            'data_prefix': dict(video='videos'),
            'pipeline': READ,
            **kwargs
        }
        return ClipDataset(**kwargs)

    return build


@pytest.fixture
def reports(tmp_path):
    """Lines about bad clips in the log of the current run, which workers write to as well."""
    path = tmp_path / 'run.log'
    MMLogger.get_instance(f'reports {tmp_path}', log_file=str(path))
    yield lambda: re.findall('.* sample [0-9]+ of .*', path.read_text())
    logger = MMLogger._instance_dict.popitem()[1]
    for handler in logger.handlers:
        handler.close()


def test_annotations_of_videos(make, tmp_path):
    dataset = make()
    assert len(dataset) == 3
    info = dataset.get_data_info(1)
    assert info['filename'] == str(tmp_path / 'videos/a/with blanks.mp4')
    assert (info['video_id'], info['label']) == ('a/with blanks.mp4', 1)
    results = dataset[1]
    assert [img.shape for img in results['imgs']] == [(48, 64, 3)] * 4
    assert results['img_shape'] == (48, 64)


def test_annotations_of_frame_folders(tmp_path):
    folder = tmp_path / 'rawframes' / 'with blanks'
    folder.mkdir(parents=True)
    for i in range(1, 9):
        cv2.imwrite(str(folder / f'img_{i:05}.jpg'), np.full((8, 10, 3), 20 * i, np.uint8))
    (tmp_path / 'list.txt').write_text('with blanks 8 5\n')
    dataset = ClipDataset(
        data_root=str(tmp_path),
        ann_file='list.txt',
        data_prefix=dict(img='rawframes'),
        pipeline=[
            READ[0],
            dict(type='mvitv2_mm.SampleSegments', clip_len=4, test_mode=True), READ[2]
        ],
        test_mode=True)
    results = dataset[0]
    assert results['label'] == 5
    # segments of 7 / 4 frames: borders 0, 2, 4, 5, 7
    assert [img.mean() for img in results['imgs']] == [40, 80, 100, 140]


def test_folders_of_classes_hold_videos_and_other_files(tmp_path):
    for name in ('run/b.MP4', 'run/a.avi', 'run/notes.txt', 'jump/c.mov'):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    dataset = ClipDataset(
        '', READ, dict(video=str(tmp_path)), metainfo=dict(classes=('jump', 'run')))
    infos = [dataset.get_data_info(i) for i in range(len(dataset))]
    assert [(info['video_id'], info['label']) for info in infos] == [('jump/c.mov', 0),
                                                                     ('run/a.avi', 1),
                                                                     ('run/b.MP4', 1)]


def test_mistakes_in_annotations(make, tmp_path):
    with pytest.raises(FileNotFoundError, match='absent.txt does not exist; set "data_root"'):
        make(ann_file='absent.txt')
    dataset = make(lazy_init=True)
    (tmp_path / 'list.txt').write_text('a/0.mp4 0\na/1.mp4\n')
    with pytest.raises(ValueError, match='list.txt, line 2: expected "path label", but got "a/1'):
        dataset.full_init()
    (tmp_path / 'list.txt').write_text('\n')
    with pytest.raises(ValueError, match='list.txt is empty'):
        dataset.full_init()
    with pytest.raises(ValueError, match='"data_prefix" should be dict'):
        make(data_prefix=dict(imgs='x'))
    with pytest.raises(ValueError, match='"num_repeats" should be at least 1, and 1 in test mode'):
        make(num_repeats=2, test_mode=True)
    with pytest.raises(ValueError, match='put mvitv2_mm.ReadFrames into "pipeline"'):
        make(num_repeats=2, pipeline=READ[:2])


class _AddNoise:

    def __call__(self, results):
        results['imgs'] = [img + np.random.rand() for img in results['imgs']]
        results['first'] = results['imgs'][0]
        return results


class _CountCalls:
    calls = 0

    def __call__(self, results):
        type(self).calls += 1
        return results


def test_repeats_share_frames_but_not_augmentations(make):
    _CountCalls.calls = 0
    dataset = make(pipeline=[*READ[:2], _CountCalls(), READ[2], _AddNoise()], num_repeats=3)
    clips = dataset[0]
    assert len(clips) == 3 and _CountCalls.calls == 1
    first, *others = [np.stack(clip['imgs']) for clip in clips]
    for other in others:
        assert len(np.unique((other - first)[0].round(9))) == 1  # the same frame, shifted
        assert not np.array_equal(other, first)
    assert len({tuple(clip['frame_inds']) for clip in clips}) == 1
    assert not isinstance(make()[0], list)


class _OwnReader:
    reads_frames = True

    def __call__(self, results):
        return dict(results, frames=np.random.rand(4))


def _augment_own(results):
    return dict(results, frames=results['frames'] + np.random.rand())


def test_a_transform_declares_that_it_reads(make):
    first, second = make(pipeline=[_OwnReader(), _augment_own], num_repeats=2)[0]
    shift = second['frames'] - first['frames']
    np.testing.assert_allclose(shift, shift[0])
    assert shift[0] != 0


def test_frames_are_resized_once_for_all_repeats(make, monkeypatch):
    from mmaction.datasets.transforms import Resize
    resize, small = Resize.transform, dict(type='mmaction.Resize', scale=(-1, 32))
    calls = []
    monkeypatch.setattr(Resize, 'transform', lambda *args: calls.append(1) or resize(*args))
    first, second = make(pipeline=[*READ, small, _AddNoise(), small], num_repeats=2)[0]
    assert len(calls) == 1 + 2 and first['imgs'][0].shape == second['imgs'][0].shape == (32, 43, 3)


def test_repeats_do_not_share_memory(make):
    for steps in (READ, [*READ, dict(type='mmaction.Resize', scale=(-1, 48))]):
        clips = make(num_repeats=2, pipeline=steps)[0]
        clips[0]['imgs'][0][:] = 0
        assert clips[1]['imgs'][0].any()


def test_repeats_collate_into_one_batch(make):
    from mmaction.datasets import repeat_pseudo_collate
    pipeline = [
        *READ,
        dict(type='mmaction.FormatShape', input_format='NCTHW'),
        dict(type='mmaction.PackActionInputs')
    ]
    loader = DataLoader(
        make(pipeline=pipeline, num_repeats=2),
        batch_size=3,
        num_workers=2,
        collate_fn=repeat_pseudo_collate)
    batch, = loader
    assert [tuple(x.shape) for x in batch['inputs']] == [(1, 3, 4, 48, 64)] * 6
    assert [int(s.gt_label) for s in batch['data_samples']] == [0, 0, 1, 1, 2, 2]


def test_training_replaces_unreadable_clips(make, reports):
    dataset = make(['bad.mp4'], max_bad_share=0.5)
    for _ in range(5):
        assert dataset[3]['label'] in (0, 1, 2)
    report, = reports()  # once
    assert 'bad sample 1 of 4' in report and 'videos/bad.mp4: Invalid data' in report
    assert 'replaced' in report


def test_testing_gets_grey_frames(make, reports):
    dataset = make(['bad.mp4'], test_mode=True, max_bad_share=0.5)
    results = dataset[3]
    assert results['label'] == 3
    assert {img.shape for img in results['imgs']} == {(256, 256, 3)}
    assert {value for img in results['imgs'] for value in img.flat} == {128}
    report, = reports()
    assert 'bad.mp4' in report and 'counted as wrong' in report


def test_damaged_clips_are_reported_and_used(make, write_video, reports):
    dataset = make(max_bad_share=0)
    path = write_video(
        'videos/a/0.mp4', num_frames=60, size=(96, 128), container=dict(movflags='faststart'))
    data = open(path, 'rb').read()
    with open(path, 'wb') as file:
        file.write(data[:len(data) * 3 // 4])
    for _ in range(2):
        results = dataset[0]
        assert results['label'] == 0 and len(results['imgs']) == 4
    report, = reports()
    assert '0.mp4: only' in report and 'of 60 frames are in the file; using the rest' in report


def test_workers_count_together(make, reports):
    dataset = make(['x.mp4', 'y.mp4', 'z.mp4'], max_bad_share=0.5)
    loader = DataLoader(dataset, batch_size=1, num_workers=2, collate_fn=list)
    for _ in range(2):
        assert len(list(loader)) == 6
    assert len(reports()) == 3
    assert '3 of 6' in ''.join(reports())
    assert int((dataset._states > 0).sum()) == 3


def test_too_many_bad_clips_end_the_run(make):
    names = ['v.mp4', 'x.mp4', 'y.mp4', 'z.mp4']
    dataset = make(names, test_mode=True, max_bad_share=0.1)
    for i in range(3, 6):  # 3 of 7 are too large a share, but few
        dataset[i]
    message = '4 of the 7 samples of .*list.txt are .* more than max_bad_share=0.1.*z.mp4: Invalid'
    with pytest.raises(RuntimeError, match=message):
        dataset[6]
    dataset = make(names, test_mode=True, max_bad_share=0.8)
    assert len([dataset[i] for i in range(3, 7)]) == 4


def test_a_wrong_folder_ends_the_run_at_once(make, tmp_path):
    dataset = make(max_bad_share=1, data_prefix=dict(video='elsewhere'))
    message = '11 samples in a row could not be used; check "data_root".*No such file'
    with pytest.raises(RuntimeError, match=message):
        dataset[0]


def test_the_run_ends_after_as_many_clips_as_it_says(make):
    tried = []

    def unreadable(results):
        tried.append(results['filename'])
        raise UnreadableClipError('gone')

    dataset = make(max_bad_share=1, max_refetch=2, pipeline=[unreadable])
    with pytest.raises(RuntimeError, match='3 samples in a row could not be used.*gone'):
        dataset[0]
    assert len(tried) == 3


def test_other_errors_are_not_hidden(make):

    def bug(results):
        raise KeyError('bug')

    with pytest.raises(KeyError, match='bug'):
        make(pipeline=[*READ, bug])[0]


def test_every_kind_of_video_in_class_folders(tmp_path, write_video):
    kinds = dict(m4v='mpeg4', mpg='mpeg2video', ts='mpeg2video', gif='gif', webm='libvpx')
    for suffix, codec in kinds.items():
        pix_fmt = 'rgb8' if suffix == 'gif' else 'yuv420p'
        write_video(f'videos/wave/clip.{suffix}', codec=codec, pix_fmt=pix_fmt)
    dataset = ClipDataset(
        '', READ, dict(video=str(tmp_path / 'videos')), metainfo=dict(classes=['wave']))
    assert len(dataset) == len(kinds)
    for i in range(len(kinds)):
        assert len(dataset[i]['imgs']) == 4


def test_several_labels_become_a_vector(make, tmp_path):
    dataset = make(lazy_init=True, multi_class=True, num_classes=8)
    (tmp_path / 'list.txt').write_text('a/0.mp4 0 5 7\nb/2.mp4,3\n')
    assert dataset.get_data_info(0)['label'].tolist() == [1, 0, 0, 0, 0, 1, 0, 1]
    assert [dataset.get_cat_ids(i) for i in range(2)] == [[0, 5, 7], [3]]
    packed = dict(type='mmaction.PackActionInputs')
    shape = dict(type='mmaction.FormatShape', input_format='NCTHW')
    sample = make(
        multi_class=True, num_classes=3, pipeline=[*READ, shape, packed])[1]['data_samples']
    assert sample.gt_label.tolist() == [0., 1., 0.]
    (tmp_path / 'list.txt').write_text('a/0.mp4 0 8\n')
    with pytest.raises(ValueError, match=r'line 1: label 8 is outside of 0\.\.7'):
        make_again(dataset)
    with pytest.raises(ValueError, match='"multi_class" needs "num_classes"'):
        make(multi_class=True)


def make_again(dataset):
    dataset._fully_initialized = False
    dataset.full_init()


def test_several_labels_are_not_taken_for_one(make, tmp_path):
    dataset = make(lazy_init=True)
    (tmp_path / 'list.txt').write_text('a/0.mp4 0 5 7\n')
    with pytest.raises(ValueError, match='line 1: several labels .* multi_class=True'):
        dataset.full_init()


def test_rare_classes_are_repeated(make, tmp_path):
    dataset = make(lazy_init=True)
    (tmp_path / 'list.txt').write_text(''.join(f'{k}.mp4 {int(k == 9)}\n' for k in range(10)))
    assert len(ClassBalancedDataset(dataset, oversample_thr=0.4)) == 11


def folders(tmp_path, **kwargs):
    dataset = ClipDataset(
        '', [],
        dict(video='val'),
        data_root=str(tmp_path),
        metainfo=dict(classes=['jump', 'run']),
        **kwargs)
    return [(info['video_id'], info.get('label'))
            for info in map(dataset.get_data_info, range(len(dataset)))]


def test_class_folders_go_by_name(tmp_path):
    (tmp_path / 'val/run/.cache').mkdir(parents=True)
    (tmp_path / 'val/.ipynb_checkpoints').mkdir()
    for name in ('run/1.mp4', 'run/._1.mp4', 'run/.cache/2.mp4'):
        (tmp_path / 'val' / name).write_text('')
    assert folders(tmp_path, test_mode=True) == [('run/1.mp4', 1)]
    assert folders(tmp_path, with_label=False) == [('run/1.mp4', None)]
    with pytest.raises(ValueError, match='jump holds no video file'):
        folders(tmp_path)
    (tmp_path / 'val/fly').mkdir()
    with pytest.raises(ValueError, match="none of the 2 classes of the training: 'fly'"):
        folders(tmp_path, test_mode=True)
