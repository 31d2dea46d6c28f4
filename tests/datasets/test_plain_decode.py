"""The frames of every kind of file are those that ``ffmpeg`` decodes from its start to its end."""
import subprocess

import cv2
import imageio_ffmpeg
import numpy as np
import pytest

from mvitv2_mm.datasets import FrameStream, VideoFile, readers, video_index

H264 = ('-c:v', 'libx264', '-preset', 'veryfast')
INTERLACED = ('-flags', '+ilme+ildct')
# files by the way they are written
WRITTEN = {
    'b-frames.mp4': (*H264, '-g', '12', '-bf', '3'),
    'fragments.mp4': (*H264, '-g', '12', '-movflags', 'frag_keyframe+empty_moov'),
    'open-groups.mkv': (*H264, '-x264-params', 'open-gop=1:keyint=10:bframes=3'),
    'no-key-frames.mp4': (*H264, '-x264-params', 'intra-refresh=1:keyint=15'),
    'interlaced.mp4': (*H264, *INTERLACED, '-x264-params', 'tff=1'),
    'ten-bits.mp4': (*H264, '-pix_fmt', 'yuv420p10le'),
    'odd-sizes.mp4': (*H264, '-pix_fmt', 'yuv444p', '-s', '63x47'),
    'full-range.mp4': (*H264, '-pix_fmt', 'yuvj420p', '-colorspace', 'bt709'),
    'variable-rate.mp4': (*H264, '-vf', 'setpts=N*N', '-fps_mode', 'passthrough'),
    'one-frame.mp4': (*H264, '-frames:v', '1'),
    'h264.ts': (*H264, '-g', '12'),
    'h264.flv': (*H264, '-g', '12'),
    'h264.avi': (*H264, '-bf', '2', '-g', '12'),
    'hevc.mp4': ('-c:v', 'libx265', '-x265-params', 'log-level=none:open-gop=1:keyint=15'),
    'hevc-layers.mp4':
    ('-c:v', 'libx265', '-x265-params', 'log-level=none:temporal-layers=3:keyint=30:b-adapt=0'),
    'mpeg2.ts': ('-c:v', 'mpeg2video', '-bf', '2', '-g', '12'),
    'mpeg2.mpg': ('-c:v', 'mpeg2video', '-bf', '2', '-g', '12', *INTERLACED),
    'mpeg1.mpg': ('-c:v', 'mpeg1video', '-bf', '2'),
    'mpeg4.avi': ('-c:v', 'mpeg4', '-bf', '2', '-g', '12'),
    'mpeg4.m4v': ('-c:v', 'mpeg4', '-bf', '2'),
    'vp8.webm': ('-c:v', 'libvpx', '-auto-alt-ref', '1', '-lag-in-frames', '16', '-b:v', '200k'),
    'vp9.webm': ('-c:v', 'libvpx-vp9', '-g', '20', '-deadline', 'realtime', '-cpu-used', '8'),
    'av1.mp4': ('-c:v', 'libsvtav1', '-g', '20', '-preset', '12'),
    'lossless.mkv': ('-c:v', 'ffv1', '-s', '63x47'),
    'wmv2.wmv': ('-c:v', 'wmv2'),
    'pictures.gif': (),
    'pictures.avi': ('-c:v', 'mjpeg'),
}
# copies of 'b-frames.mp4' by the options of the input and of the output
COPIED = {
    **{f'turned-{angle}.mp4': (('-display_rotation', angle), ())
       for angle in ('90', '180', '270')},
    'mirrored.mp4': (('-display_hflip', ), ()),
    'upside-down.mkv': (('-display_vflip', ), ()),
    'turned-and-mirrored.mp4': (('-display_rotation', '90', '-display_hflip'), ()),
    **{f'cut.{suffix}': (('-ss', '0.7'), ('-t', '1'))
       for suffix in ('mp4', 'mov', 'mkv', 'ts', 'avi')},
    'late.mp4': (('-itsoffset', '1.5'), ()),
    'no-index.mkv': ((), ('-live', '1')),
}  # yapf: disable


def ffmpeg(*args):
    command = [imageio_ffmpeg.get_ffmpeg_exe(), '-nostdin', '-v', 'error', *map(str, args)]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout


def write(path, options, size='96x64'):
    source = f'testsrc2=size={size}:rate=30:duration=2'
    ffmpeg('-f', 'lavfi', '-i', source, '-pix_fmt', 'yuv420p', *options, path)
    return path


def plain_decode(path):
    """Every frame of a file, by ``ffmpeg``."""
    frames, text = [], ffmpeg('-i', path, '-fps_mode', 'passthrough', '-f', 'image2pipe', '-c:v',
                              'ppm', '-pix_fmt', 'rgb24', '-')
    while text:
        _, size, _, rest = text.split(b'\n', 3)
        width, height = map(int, size.split())
        frames.append(np.frombuffer(rest, np.uint8, width * height * 3).reshape(height, width, 3))
        text = rest[width * height * 3:]
    return frames


def check(path):
    """All frames in order, one by one, several at once, and streamed."""
    truth = plain_decode(path)
    video = VideoFile(str(path))
    assert video.num_frames == len(truth) > 0
    for frame, expected in zip(video.read(range(len(truth))), truth, strict=True):
        np.testing.assert_array_equal(frame, expected)
    for i in {*range(0, len(truth), 7), len(truth) - 1}:
        np.testing.assert_array_equal(VideoFile(str(path)).read([i])[0], truth[i])
    several = [(i * 23) % len(truth) for i in range(8)]
    for frame, i in zip(video.read(several), several):
        np.testing.assert_array_equal(frame, truth[i])
    assert video.fault is None
    stream = list(FrameStream(str(path)))
    for frame, expected in zip(stream, truth, strict=True):
        np.testing.assert_array_equal(frame.rgb(), expected)
    assert [frame.number for frame in stream] == list(range(len(truth)))
    np.testing.assert_allclose([frame.start for frame in stream], video.times, atol=1e-9)
    assert [frame.start for frame in stream[1:]] == [frame.end for frame in stream[:-1]]
    return truth


@pytest.mark.parametrize('name', WRITTEN)
def test_files_as_written(name, tmp_path):
    check(write(tmp_path / name, WRITTEN[name]))


@pytest.fixture(scope='module')
def source(tmp_path_factory):
    return write(tmp_path_factory.mktemp('source') / 'b-frames.mp4', WRITTEN['b-frames.mp4'])


@pytest.mark.parametrize('name', COPIED)
def test_copies(name, source, tmp_path):
    before, after = COPIED[name]
    ffmpeg(*before, '-i', source, *after, '-c', 'copy', tmp_path / name)
    truth = check(tmp_path / name)
    sideways = name.startswith('turned') and '180' not in name
    assert truth[0].shape == ((96, 64, 3) if sideways else (64, 96, 3))


@pytest.mark.parametrize('name', ['open-groups.mkv', 'no-key-frames.mp4', 'hevc.mp4'])
@pytest.mark.parametrize('suffix', ['mp4', 'mkv'])
def test_cuts_where_decoding_cannot_start(name, suffix, tmp_path):
    """The first frames need others that were cut off."""
    ffmpeg('-ss', '0.9', '-i', write(tmp_path / name, WRITTEN[name]), '-c', 'copy',
           tmp_path / f'cut.{suffix}')
    check(tmp_path / f'cut.{suffix}')


@pytest.mark.parametrize('name, limit', [('b-frames.mp4', 7), ('open-groups.mkv', 11),
                                         ('vp9.webm', 11), ('pictures.mkv', 2)])
def test_no_more_is_decoded_than_the_frames_need(name, limit, tmp_path, monkeypatch):
    """At most ``limit`` packets for each of three frames, and the end of each group."""
    path = str(write(tmp_path / name, WRITTEN.get(name, ('-c:v', 'mjpeg'))))
    truth = VideoFile(path).read([1, 25, 49])
    decoded = []

    def count(stream, packet):
        decoded.append(packet)
        return video_index.decode(stream, packet)

    monkeypatch.setattr(readers, 'decode', count)
    monkeypatch.setattr(readers, 'decode_all', None)
    for frame, expected in zip(VideoFile(path).read([1, 25, 49]), truth):
        np.testing.assert_array_equal(frame, expected)
    assert len(decoded) <= 3 * limit


@pytest.mark.parametrize('name', ['b-frames.mp4', 'hevc.mp4'])
def test_frames_that_no_other_needs_are_passed_over(name, tmp_path, monkeypatch):
    path = str(write(tmp_path / name, WRITTEN[name]))
    decoded = []

    def count(stream, packet):
        frames = video_index.decode(stream, packet)
        decoded.append((bool(packet), len(frames)))
        return frames

    monkeypatch.setattr(readers, 'decode', count)
    VideoFile(path).read([11, 23, 35, 47])
    packets, frames = np.sum(decoded, axis=0)
    assert packets > 30 and frames < 0.7 * packets


def test_both_routes_agree_on_a_turned_video(source, tmp_path):
    """Frames that ``ffmpeg`` extracts into a folder are turned already."""
    path = tmp_path / 'turned.mp4'
    ffmpeg('-display_rotation', '90', '-i', source, '-c', 'copy', path)
    ffmpeg('-i', path, '-fps_mode', 'passthrough', tmp_path / 'img_%05d.png')
    video = VideoFile(str(path)).read([0, 41])
    for number, frame in zip((1, 42), video):
        picture = cv2.imread(str(tmp_path / f'img_{number:05}.png'))[..., ::-1]
        np.testing.assert_array_equal(frame, picture)


def test_an_attached_picture_is_not_the_video(source, tmp_path):
    ffmpeg('-f', 'lavfi', '-i', 'testsrc=size=640x480', '-frames:v', '1', tmp_path / 'cover.jpg')
    path = tmp_path / 'video.mp4'
    ffmpeg('-i', tmp_path / 'cover.jpg', '-i', source, '-map', '0', '-map', '1', '-c', 'copy',
           '-disposition:v:0', 'attached_pic', '-disposition:v:1', '0', path)
    assert len(check(path)) == 60


def test_of_several_videos_the_default_or_largest_is_read(source, tmp_path):
    large = write(tmp_path / 'large.mp4', H264, size='128x96')
    inputs = ('-i', source, '-i', large, '-map', '0', '-map', '1', '-c', 'copy')
    ffmpeg(*inputs, '-disposition:v', '0', tmp_path / 'two.mkv')
    assert check(tmp_path / 'two.mkv')[0].shape == (96, 128, 3)
    ffmpeg(*inputs, '-disposition:v:1', '0', tmp_path / 'default.mkv')
    assert check(tmp_path / 'default.mkv')[0].shape == (64, 96, 3)


def test_a_recording_that_starts_in_the_middle(tmp_path):
    data = write(tmp_path / 'whole.ts', WRITTEN['h264.ts']).read_bytes()
    (tmp_path / 'rest.ts').write_bytes(data[len(data) // 3:])
    assert len(check(tmp_path / 'rest.ts')) < 50


def test_a_changed_file_is_indexed_anew(tmp_path):
    path = write(tmp_path / 'clip.mp4', WRITTEN['b-frames.mp4'])
    assert VideoFile(str(path)).num_frames == 60
    path.write_bytes(write(tmp_path / 'one.mp4', WRITTEN['one-frame.mp4']).read_bytes())
    assert VideoFile(str(path)).num_frames == 1


def test_frames_at_times(tmp_path):
    """By the time stamps where there are any, which need not be even."""
    path = str(write(tmp_path / 'variable.mkv', WRITTEN['variable-rate.mp4'], size='64x48'))
    times = VideoFile(path)
    assert [times.frame_at(n * n / 30) for n in (0, 1, 2, 30)] == [0, 1, 2, 30]
    assert times.frame_at(8.9 / 30) == 2
    even = VideoFile(str(write(tmp_path / 'even.avi', WRITTEN['mpeg4.avi'])))
    assert [even.frame_at(second) for second in (0, 1, 1.999)] == [0, 30, 59]
    for second in (-1, 2, 1000):
        with pytest.raises(ValueError, match='even.avi lasts 2.00 s and shows nothing'):
            even.frame_at(second)
