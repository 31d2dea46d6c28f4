"""Pictures and videos that are drawn: what is on them, and when."""
from fractions import Fraction

import av
import cv2
import numpy as np
import pytest
from pycocotools import mask as mask_tools

from mvitv2_mm.datasets import FrameStream
from mvitv2_mm.drawing import color_of, draw, label_picture
from mvitv2_mm.inference.drawn import Drawer

GREY = 128


def dog(label=3, **keys):
    mask = np.zeros((300, 400), np.uint8)
    mask[100:200, 150:250] = 1
    code = mask_tools.encode(np.asfortranarray(mask))
    code = dict(size=code['size'], counts=code['counts'].decode())
    return dict(label=label, name='dog', score=0.9, box=[150., 100., 250., 200.], mask=code, **keys)


def test_boxes_and_masks_are_where_the_record_says():
    picture = np.full((300, 400, 3), GREY, np.uint8)
    drawn = draw(picture, dict(objects=[dog()]))
    assert (picture == GREY).all() and drawn.shape == picture.shape
    changed = (drawn != GREY).any(axis=2)
    assert changed[100:200, 150:250].all()
    changed[80:203, 148:253] = False  # box, its line, and the name above it
    assert not changed.any()
    assert tuple(drawn[100, 200]) == color_of(dog())
    assert np.abs(drawn[150, 200].astype(float) -
                  (0.55 * GREY + 0.45 * np.array(color_of(dog())))).max() <= 1


def test_small_pictures_are_enlarged_so_that_text_fits():
    picture = np.full((60, 80, 3), GREY, np.uint8)
    small = dict(label=3, name='dog', score=0.9, box=[30., 20., 50., 40.])
    drawn = draw(picture, dict(objects=[small]))
    assert drawn.shape == (240, 320, 3)
    assert tuple(drawn[160, 160]) == color_of(small)  # the lower edge, four times as far


@pytest.mark.parametrize('name', ['a dog', '柴犬', 'собака', 'كلب', '🐕', '', 'x' * 300, 'two\nlines'])
def test_every_name_can_be_drawn(name):
    record = dict(classes=[dict(label=0, name=name, score=1.)])
    for size in ((240, 320), (2, 3), (1080, 1920)):
        drawn = draw(np.full((*size, 3), GREY, np.uint8), record)
        assert (drawn[:5, :5] != GREY).any()


def test_long_names_are_cut_to_the_width():
    label = label_picture('x' * 300, 20, (0, 0, 0), 120)
    assert label.shape[1] <= 120 and label.any()


def test_tracks_and_actions():
    picture = np.full((300, 400, 3), GREY, np.uint8)
    assert color_of(dog(track=7)) == color_of(dog(label=5, track=7)) != color_of(dog(track=8))
    person = dict(box=[100., 100., 200., 280.], actions=[dict(label=1, name='sit', score=0.5)])
    drawn = draw(picture, dict(objects=[person, dict(box=[0., 0., 9., 9.], actions=[])]))
    assert (drawn[100:280, 100] != GREY).any()


@pytest.fixture
def video(tmp_path):
    """48 frames at times that are not even, with a sound, on a clock that starts at 0."""
    path = str(tmp_path / 'clip.mkv')
    with av.open(path, 'w') as file:
        stream = file.add_stream('libx264', rate=25)
        stream.width, stream.height, stream.pix_fmt = 320, 240, 'yuv420p'
        sound = file.add_stream('aac', rate=8000)
        for number in range(48):
            frame = av.VideoFrame.from_ndarray(np.full((240, 320, 3), GREY, np.uint8), 'rgb24')
            frame.pts, frame.time_base = number + (number > 20) * 10, Fraction(1, 25)
            file.mux(stream.encode(frame))
        file.mux(stream.encode())
        for number in range(16):
            tone = np.sin(np.arange(1024) / 3, dtype=np.float32)[None]
            frame = av.AudioFrame.from_ndarray(tone, 'fltp', 'mono')
            frame.sample_rate, frame.pts = 8000, 1024 * number
            file.mux(sound.encode(frame))
        file.mux(sound.encode())
    return path


def sound_of(path):
    with av.open(path) as file:
        return [bytes(packet) for packet in file.demux(audio=0) if packet.size]


def test_frames_are_drawn_at_their_times_with_the_sound(video, tmp_path):
    frames = list(FrameStream(video))
    with Drawer(tmp_path, str(tmp_path)) as drawer:
        for frame in frames:
            objects = [dict(dog(), box=[10., 60., 10. + 5 * frame.number, 200.])]
            del objects[0]['mask']
            record = dict(
                input=video, frame=dict(number=frame.number, second=frame.start), objects=objects)
            # half of them as after a break, when the pictures are no longer at hand
            drawer.add(record, [frame.rgb()] if frame.number % 2 else ())
    path = str(tmp_path / 'drawn' / 'clip.mkv.mp4')
    drawn = list(FrameStream(path))
    assert [f.start for f in drawn] == pytest.approx([f.start for f in frames], abs=1e-3)
    for frame in drawn[4::9]:
        edge = (np.abs(frame.rgb()[150].astype(int) - GREY).max(axis=1) > 40).nonzero()[0]
        assert edge.max() == pytest.approx(10 + 5 * frame.number, abs=3)
    assert sound_of(path) == sound_of(video)


def test_windows_are_drawn_on_all_frames(video, tmp_path):
    frames = list(FrameStream(video))
    with Drawer(tmp_path, str(tmp_path)) as drawer:
        for index, (start, end) in enumerate([(0., .8), (.6, 1.4), (1.4, 1.8)]):
            classes = [dict(label=0, name='x' * 4 * (index + 1), score=1.)]
            window = dict(index=index, start=start, end=end, frames=[])
            drawer.add(dict(input=video, window=window, classes=classes))
    drawn = list(FrameStream(str(tmp_path / 'drawn' / 'clip.mkv.mp4')))
    assert len(drawn) == len(frames)
    widths = [(frame.rgb()[3].max(axis=1) < 60).sum() for frame in drawn]
    borders = [frames[i + 1].start for i in np.flatnonzero(np.abs(np.diff(widths)) > 10)]
    assert borders == pytest.approx([.72, 1.4])  # the first frames after .7, and after 1.4
    assert widths[0] < widths[-1]


def test_pictures_keep_their_folders_and_what_is_there_stays(tmp_path):
    records = []
    for name in ('a/x.jpg', 'b/x.jpg'):
        (tmp_path / name).parent.mkdir()
        cv2.imwrite(str(tmp_path / name), np.full((300, 400, 3), GREY, np.uint8))
        records.append(dict(input=str(tmp_path / name), objects=[dog()]))
    with Drawer(tmp_path, str(tmp_path)) as drawer:
        for record in records:
            drawer.add(record)
        drawer.add(dict(input='bad.jpg', error='cut'))
    drawn = tmp_path / 'drawn' / 'b' / 'x.jpg'
    color = cv2.imread(str(drawn))[100, 200, ::-1]
    assert np.abs(color.astype(int) - color_of(dog())).max() < 60
    before = drawn.stat().st_mtime_ns
    with Drawer(tmp_path, str(tmp_path)) as drawer:
        drawer.add(records[1], if_missing=True)
    assert drawn.stat().st_mtime_ns == before


def test_a_video_that_is_cut_short_leaves_nothing(video, tmp_path):
    record = dict(input=video, frame=dict(number=0, second=0.), objects=[])
    with pytest.raises(KeyboardInterrupt), Drawer(tmp_path, str(tmp_path)) as drawer:
        drawer.add(record, [np.zeros((240, 320, 3), np.uint8)])
        raise KeyboardInterrupt
    assert not list((tmp_path / 'drawn').iterdir())
