"""Windows over long videos: which frames, when, and how much memory."""
import subprocess
import sys

import imageio_ffmpeg
import numpy as np
import pytest

from mvitv2_mm.datasets import FrameStream, VideoFile
from mvitv2_mm.inference.windows import clip_span, slide


def ffmpeg(*args):
    command = [imageio_ffmpeg.get_ffmpeg_exe(), '-nostdin', '-v', 'error', *map(str, args)]
    subprocess.run(command, check=True)


def write(path, frames, *options, source='testsrc2=size=32x32'):
    ffmpeg('-f', 'lavfi', '-i', f'{source}:rate=30', '-frames:v', frames, '-pix_fmt', 'yuv420p',
           '-c:v', 'libx264', '-preset', 'ultrafast', *options, path)
    return str(path)


def test_windows_hold_the_frames_of_random_access(tmp_path):
    path = write(tmp_path / 'clip.mp4', 103, '-bf', '2')
    offsets = [0, 5, 10, 15]
    windows = list(slide(FrameStream(path), 16, 7, offsets, 30.))
    # the last one starts at frame 91 and has 12 of 16 frames, of which three are new
    starts = [window.place(offsets)['window']['frames'][0] for window in windows]
    assert starts == list(range(0, 92, 7))
    for window in windows[:-1]:
        numbers = [window.index * 7 + offset for offset in offsets]
        assert window.place(offsets)['window']['frames'] == numbers
        np.testing.assert_array_equal(window.read(offsets), VideoFile(path).read(numbers))
    np.testing.assert_array_equal(windows[-1].read(offsets)[:3],
                                  VideoFile(path).read([91, 96, 101]))
    assert [window.start for window in windows] == pytest.approx([k * 7 / 30 for k in range(14)])
    assert windows[0].end == pytest.approx(16 / 30) and windows[-1].end == pytest.approx(103 / 30)


@pytest.mark.parametrize('frames, wanted', [(3, [0]), (16, [0]), (23, [0]), (24, [0, 16]),
                                            (32, [0, 16]), (39, [0, 16])])
def test_what_remains_at_the_end(frames, wanted, tmp_path):
    path = write(tmp_path / 'clip.mp4', frames)
    windows = list(slide(FrameStream(path), 16, 16, range(16), 30.))
    assert [window.first for window in windows] == wanted
    last = windows[-1].read(range(16))
    np.testing.assert_array_equal(last[-1],
                                  VideoFile(path).read([min(frames, wanted[-1] + 16) - 1])[0])


@pytest.mark.parametrize('suffix', ['mp4', 'mkv', 'ts'])
def test_times_are_those_of_the_container(suffix, tmp_path):
    """A rate that changes from 30 to 5 frames a second, and a clock that does not start at 0."""
    path = write(tmp_path / f'clip.{suffix}', 90, '-vf', 'setpts=if(lt(N\\,60)\\,N\\,60+(N-60)*6)',
                 '-fps_mode', 'passthrough', '-output_ts_offset', '3')
    origin = {'ts': 3 + 1.4}.get(suffix, 3)  # MPEG-TS is muxed with a delay
    windows = list(slide(FrameStream(path), 15, 15, range(15), 30.))
    truth = [n / 30 if n < 60 else 2 + (n - 60) / 5 for n in range(91)]
    found = [(window.start - origin, window.end - origin) for window in windows[:-1]]
    wanted = [(truth[k], truth[k + 15]) for k in range(0, 75, 15)]
    assert np.abs(np.array(found) - wanted).max() < 1 / 60
    assert len(windows) == 6 and windows[-1].start - origin == pytest.approx(truth[75], abs=1 / 60)


def test_frames_that_do_not_decode_are_stood_in_for(tmp_path):
    frames = [
        frame for frame in FrameStream(write(tmp_path / 'clip.mp4', 20))
        if frame.number not in (0, 5, 10, 11, 12, 13, 14)
    ]
    window, = slide(iter(frames), 20, 20, [0, 5, 10, 15], 30.)
    assert window.place([0, 5, 10, 15])['window']['frames'] == [1, 6, 15]
    assert [picture.shape for picture in window.read([0, 5, 10, 15])] == [(32, 32, 3)] * 4


def test_spans():
    kinetics = dict(type='mvitv2_mm.SampleClips', clip_len=16, frame_interval=4)
    assert clip_span([kinetics], 30) == 64
    assert clip_span([kinetics], 60) == 128  # the same time
    assert clip_span([dict(type='SampleFrames', clip_len=8, frame_interval=4)], 60) == 32
    assert clip_span([dict(type='mvitv2_mm.SampleSegments', clip_len=16)], 12) == 48


HOUR = '''
import sys
import psutil
from mvitv2_mm.datasets import FrameStream
from mvitv2_mm.inference.windows import slide
process, sizes, last = psutil.Process(), [], None
for window in slide(FrameStream(sys.argv[1]), 64, 32, range(0, 64, 4), 30.):
    assert len(window.read(range(0, 64, 4))) == 16
    sizes.append(process.memory_info().rss)
    last = window
early = sizes[len(sizes) // 12]
print(len(sizes), round(last.end), (max(sizes[len(sizes) // 12:]) - early) // 2**20)
'''


def test_memory_does_not_grow_with_the_length(tmp_path):
    """20 minutes, 36,000 frames, of which each is decoded."""
    path = write(tmp_path / 'long.mp4', 36000, '-g', '30', source='color=size=16x16')
    result = subprocess.run([sys.executable, '-c', HOUR, path], capture_output=True, text=True)
    windows, end, growth = map(int, result.stdout.split()[-3:])
    assert (windows, end) == (1124, 1200), result.stderr
    assert growth < 50
