import av
import cv2
import decord
import numpy as np
import pytest

from mvitv2_mm.datasets import FrameFolder, UnreadableClipError, VideoFile, readers

# B-frames, several key frames, groups with leading frames; AVI without time stamps; VP9
FILES = {
    'plain.mp4': dict(codec='libx264', g='250'),
    'open-gop.mp4': dict(codec='libx264', g='7', bf='3', **{'x264-params': 'open-gop=1'}),
    'mpeg4.avi': dict(codec='mpeg4', bf='2', g='6'),
    'vp9.webm': dict(codec='libvpx-vp9', fps=12),
}


def _decode_with_opencv(path):
    capture = cv2.VideoCapture(path)
    frames = []
    while True:
        found, frame = capture.read()
        if not found:
            return frames
        frames.append(frame[..., ::-1])


def _max_difference(frames, others):
    return np.abs(np.stack(frames).astype(int) - np.stack(others)).max()


@pytest.mark.parametrize('name', FILES)
def test_frames_equal_those_of_other_decoders(write_video, name):
    path = write_video(name, num_frames=30, **FILES[name])
    video = VideoFile(path)
    assert video.num_frames == 30
    assert video.fps == FILES[name].get('fps', 25)
    frames = video.read(range(30))
    assert video.fault is None
    # the inverse transform of MPEG-4 part 2 may differ by one between FFmpeg versions
    tolerance = 1 if 'mpeg4' in name else 0
    assert _max_difference(frames, _decode_with_opencv(path)) <= tolerance
    if name != 'mpeg4.avi':  # decord's order is wrong where time stamps are missing
        batch = decord.VideoReader(path).get_batch(list(range(30))).asnumpy()
        assert _max_difference(frames, batch) <= tolerance
    assert _max_difference(frames[1:], frames[:-1]) > 5  # a wrong frame would be seen


@pytest.mark.parametrize('name', FILES)
def test_random_access_equals_sequential_decoding(write_video, name):
    path = write_video(name, num_frames=30, **FILES[name])
    frames = VideoFile(path).read(range(30))
    for i in range(30):
        assert np.array_equal(VideoFile(path).read([i])[0], frames[i])
    picked = VideoFile(path).read([22, 3, 22, 9])
    assert all(np.array_equal(a, frames[i]) for a, i in zip(picked, (22, 3, 22, 9)))


def test_unreadable_files_say_why(write_video, tmp_path):
    whole = open(write_video('whole.mp4'), 'rb').read()
    (tmp_path / 'empty.mp4').write_bytes(b'')
    (tmp_path / 'noise.mp4').write_bytes(np.random.default_rng(0).bytes(3000))
    (tmp_path / 'cut.mp4').write_bytes(whole[:len(whole) // 2])  # its index was at the end
    with av.open(str(tmp_path / 'audio.mp4'), 'w') as container:
        stream = container.add_stream('aac', rate=16000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), 'fltp', 'mono')
        frame.sample_rate = 16000
        for packet in [*stream.encode(frame), *stream.encode()]:
            container.mux(packet)
    reasons = {
        'empty.mp4': 'Invalid data',
        'noise.mp4': 'Invalid data',
        'cut.mp4': 'Invalid data',
        'audio.mp4': 'no video stream',
        'missing.mp4': 'No such file',
    }
    for name, reason in reasons.items():
        with pytest.raises(UnreadableClipError, match=f'{tmp_path / name}: .*{reason}'):
            VideoFile(str(tmp_path / name))


@pytest.mark.parametrize('name, options', [('cut.avi', dict(codec='mpeg4')),
                                           ('cut.mp4', dict(container=dict(movflags='faststart')))])
def test_the_rest_of_a_cut_file_is_used(write_video, name, options):
    path = write_video(name, num_frames=60, size=(96, 128), **options)
    whole = VideoFile(path).read(range(60))
    data = open(path, 'rb').read()
    with open(path, 'wb') as file:
        file.write(data[:len(data) * 3 // 4])
    video = VideoFile(path)
    assert 10 < video.num_frames < 60
    assert f'only {video.num_frames} of 60 frames' in video.fault
    frames = video.read(range(video.num_frames))
    assert np.array_equal(frames[5], whole[5])


@pytest.mark.parametrize('first', [5, 7])  # a key frame is the first one and every fifth
def test_a_clip_that_was_cut_without_decoding_is_whole(write_video, tmp_path, first):
    """It holds the frames from the last key frame on, of which some are not to be shown."""
    path = str(tmp_path / 'clip.mp4')
    with av.open(write_video('whole.mp4', g='5')) as whole, av.open(path, 'w') as clip:
        stream = clip.add_stream_from_template(whole.streams.video[0])
        for packet in whole.demux(video=0):
            if packet.size:
                packet.pts -= first * packet.duration
                packet.dts -= first * packet.duration
                packet.stream = stream
                clip.mux(packet)
    video = VideoFile(path)
    assert (video.num_frames, video.fault) == (20 - first, None)
    frames = video.read(range(20 - first))
    assert video.fault is None
    assert _max_difference(frames, _decode_with_opencv(path)) == 0
    assert _max_difference(frames,
                           VideoFile(str(tmp_path / 'whole.mp4')).read(range(first, 20))) == 0


def test_time_stamps_that_are_too_coarse(write_video):
    """Several frames share one of the milliseconds of Matroska."""
    path = write_video('fast.mkv', num_frames=12, fps=2000)
    video = VideoFile(path)
    frames = video.read(range(12))
    assert video.fault is None
    assert _max_difference(frames, _decode_with_opencv(path)) == 0
    assert _max_difference(frames[1:], frames[:-1]) > 5


def test_frames_that_do_not_decode_repeat_the_last_good_one(write_video):
    path = write_video('hole.mp4', num_frames=40, g='1')
    whole = VideoFile(path).read(range(40))
    with av.open(path) as container:
        positions = {p.pts: p.pos for p in container.demux(video=0) if p.size}
    start = [positions[pts] for pts in sorted(positions)][10]
    with open(path, 'r+b') as file:
        file.seek(start)
        file.write(bytes(200))
    video = VideoFile(path)
    frames = video.read(range(40))
    assert video.fault.startswith(f'{path}: ') and video.fault.endswith('do not decode')
    assert np.array_equal(frames[10], whole[9])
    assert np.array_equal(frames[9], whole[9]) and np.array_equal(frames[39], whole[39])
    first, *others = VideoFile(path).read([10, 12, 15])  # nothing comes before
    assert all(map(np.array_equal, [first, *others], [whole[12], whole[12], whole[15]]))


def test_reading_without_pyav(monkeypatch):
    monkeypatch.setattr(readers, 'av', None)
    with pytest.raises(ImportError, match='pip install av'):
        VideoFile('any.mp4')


def test_frame_folder(tmp_path):
    for i in range(1, 5):
        picture = np.zeros((8, 8, 3), np.uint8)
        picture[..., 2] = 10 * i  # red in OpenCV's order
        cv2.imwrite(str(tmp_path / f'img_{i:05}.png'), picture)
    folder = FrameFolder(str(tmp_path), 4, 'img_{:05}.png')
    frames = folder.read([3, 0, 3])
    assert [frame[0, 0].tolist() for frame in frames] == [[40, 0, 0], [10, 0, 0], [40, 0, 0]]
    (tmp_path / 'img_00002.png').write_text('text')
    with pytest.raises(UnreadableClipError, match='img_00002.png: frame 2 of 5 is not a picture'):
        FrameFolder(str(tmp_path), 5, 'img_{:05}.png').read([1])
    with pytest.raises(UnreadableClipError, match='img_00005.png: frame 5 of 5 is missing'):
        FrameFolder(str(tmp_path), 5, 'img_{:05}.png').read([4])
    with pytest.raises(UnreadableClipError, match='says 0 frames'):
        FrameFolder(str(tmp_path), 0, 'img_{:05}.png')


@pytest.mark.parametrize('template', ['img_{:05}.png', 'frame{:d}.png', '{:03}_rgb.png'])
@pytest.mark.parametrize('first', [0, 1, 17])
def test_frames_of_any_number_and_name(template, first, tmp_path):
    for i in range(4):
        picture = np.full((8, 8, 3), 10 * i, np.uint8)
        cv2.imwrite(str(tmp_path / template.format(first + i)), picture)
    (tmp_path / 'notes.txt').write_text('no frame')
    for folder in (FrameFolder(str(tmp_path), 4,
                               template), FrameFolder(str(tmp_path), None, template),
                   FrameFolder(str(tmp_path), None, template, first)):
        assert folder.num_frames == 4
        assert [frame[0, 0, 0] for frame in folder.read([3, 0, 1])] == [30, 0, 10]
    shifted = FrameFolder(str(tmp_path), 2, template, first + 2)
    assert [frame[0, 0, 0] for frame in shifted.read([0, 1])] == [20, 30]


def test_a_lost_first_frame_shifts_nothing(tmp_path):
    for i in range(2, 5):
        cv2.imwrite(str(tmp_path / f'img_{i:05}.png'), np.zeros((8, 8, 3), np.uint8))
    with pytest.raises(UnreadableClipError, match='img_00001.png: frame 1 of 4 is missing'):
        FrameFolder(str(tmp_path), 4, 'img_{:05}.png').read([0])


def test_frames_that_are_not_found(tmp_path):
    with pytest.raises(
            UnreadableClipError, match='no file is called like img_{:05}.jpg; set "file'):
        FrameFolder(str(tmp_path), 4, 'img_{:05}.jpg')
    with pytest.raises(UnreadableClipError, match='nowhere: No such file'):
        FrameFolder(str(tmp_path / 'nowhere'), 4, 'img_{:05}.jpg')
    with pytest.raises(ValueError, match='one place for the number .* but got "img_%05d.jpg"'):
        FrameFolder(str(tmp_path), 4, 'img_%05d.jpg')


def test_videos_by_name(tmp_path):
    for name in ('a.mp4', 'b.MTS', 'c.d.gif', '.e.mp4', 'f.txt'):
        (tmp_path / name).touch()
    found = readers.find_videos(str(tmp_path))
    assert set(found) == {'a', 'a.mp4', 'b', 'b.MTS', 'c.d', 'c.d.gif'}
    assert found['a'] == found['a.mp4'] == str(tmp_path / 'a.mp4')
    (tmp_path / 'a.mkv').touch()
    with pytest.raises(ValueError, match='a.mkv and a.mp4 have the same name'):
        readers.find_videos(str(tmp_path))
