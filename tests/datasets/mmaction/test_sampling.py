import numpy as np
import pytest

from mvitv2_mm.datasets import SampleClips, SampleKeyFrame, SampleSegments

FOUR_SECONDS = [0, 4, 8, 12, 16, 21, 25, 29, 33, 37, 42, 46, 50, 54, 58, 63]
AT_25_FPS = [0, 3, 6, 10, 13, 17, 20, 24, 27, 31, 34, 38, 41, 45, 48, 52]
# Worked out by hand from the official arithmetic. First (clip_len, frame_interval, num_clips),
# total frames and rate; then the first frame of each clip and all frames of the first clip.
KINETICS = [
    # clips of 64 frames, 236 left over, a clip every 59
    ((16, 4, 5), 300, 30, [0, 59, 118, 177, 236], FOUR_SECONDS),
    # clips of 53.3 frames, 196.7 left over, a clip every 49
    ((16, 4, 5), 250, 25, [0, 49, 98, 147, 196], AT_25_FPS),
    # one clip is taken from the centre
    ((16, 4, 1), 300, 30, [118], [118 + i for i in FOUR_SECONDS]),
    # half of 196.7 left over, rounded down
    ((16, 4, 1), 250, 25, [98], [98 + i for i in AT_25_FPS]),
    # a video shorter than a clip repeats its last frame
    ((16, 4, 1), 20, 30, [0], [0, 4, 8, 12, 16] + [19] * 11),
    # a clip of less than a frame is one frame
    ((2, 1, 2), 5, 10, [0, 4], [0, 0]),
    # unknown rate
    ((4, 2, 2), 12, None, [0, 4], [0, 2, 4, 7]),
]


def _sample(transform, total_frames, fps=None):
    return transform(dict(total_frames=total_frames, avg_fps=fps, start_index=0))['frame_inds']


@pytest.mark.parametrize('shape, total, fps, starts, first', KINETICS)
def test_test_clips(shape, total, fps, starts, first):
    inds = _sample(SampleClips(*shape, test_mode=True), total, fps).reshape(len(starts), -1)
    assert inds[:, 0].tolist() == starts
    assert inds[0].tolist() == first


def test_random_clips_cover_the_video_and_keep_their_span():
    clips = np.stack([_sample(SampleClips(16, 4), 300, 30) for _ in range(400)])
    assert clips.min() < 4 and clips.max() > 295
    assert set((clips[:, -1] - clips[:, 0]).tolist()) <= {62, 63}
    # uniform starts
    assert 100 < np.median(clips[:, 0]) < 136
    steps = set(np.diff(clips).ravel().tolist())
    assert steps == {4, 5}
    short = _sample(SampleClips(16, 4), 20, 30)
    assert short.tolist() == [0, 4, 8, 12, 16] + [19] * 11


def test_mmaction_samples_the_same_test_clips():
    from mmaction.datasets.transforms import SampleFrames
    host = SampleFrames(
        16, 4, num_clips=5, target_fps=30, test_mode=True, out_of_bound_opt='repeat_last')
    default = SampleFrames(16, 4, num_clips=5, test_mode=True)
    ours = SampleClips(16, 4, 5, test_mode=True)
    for total, fps in ((300, 30.), (251, 25.), (300, 60.), (90, 30.)):
        inds = _sample(ours, total, fps).tolist()
        assert inds == _sample(host, total, fps).tolist()
        assert inds != _sample(default, total, fps).tolist()


def test_segments_by_hand():
    # 4 segments of 19 / 4 frames: borders 0, 4.75 -> 5, 9.5 -> 10, 14.25 -> 14, 19
    assert _sample(SampleSegments(4, test_mode=True), 20).tolist() == [2, 7, 12, 16]
    # halves go to the even neighbour: borders 0, 2.5 -> 2, 5, 7.5 -> 8, 10
    assert _sample(SampleSegments(4, test_mode=True), 11).tolist() == [1, 3, 6, 9]
    # fewer frames than segments
    assert _sample(SampleSegments(4, test_mode=True), 1).tolist() == [0, 0, 0, 0]
    assert _sample(SampleSegments(4, test_mode=True), 3).tolist() == [0, 0, 1, 2]


def test_random_segments_include_both_ends():
    clips = np.stack([_sample(SampleSegments(4), 20) for _ in range(400)])
    assert clips.min(0).tolist() == [0, 5, 10, 14]
    assert clips.max(0).tolist() == [5, 10, 14, 19]


def test_segments_are_not_those_of_mmaction():
    from mmaction.datasets.transforms import UniformSample
    host, ours = UniformSample(16, test_mode=True), SampleSegments(16, test_mode=True)
    assert _sample(host, 61).tolist() != _sample(ours, 61).tolist()


@pytest.mark.parametrize(
    'shape, key_frame, total, expected',
    [
        # 64 frames, half before and half from the key frame on
        ((16, 4), 60, 27000, [28 + 4 * i for i in range(16)]),
        ((40, 3), 26940, 27000, [26880 + 3 * i for i in range(40)]),
        # an odd number of frames: range(60 - 10, 60 + 10, 4)
        ((5, 4), 60, 27000, [50, 54, 58, 62, 66]),
        ((8, 4), 4, 100, [0, 0, 0, 0, 4, 8, 12, 16]),
        ((8, 4), 92, 100, [76, 80, 84, 88, 92, 96, 99, 99]),
    ])
def test_clips_around_a_key_frame(shape, key_frame, total, expected):
    results = SampleKeyFrame(*shape)(dict(key_frame=key_frame, total_frames=total))
    assert results['frame_inds'].tolist() == expected
    assert (results['clip_len'], results['num_clips']) == (shape[0], 1)
