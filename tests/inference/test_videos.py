"""Videos through whole models: windows, frames, live sources, and runs that go on."""
import json
import os
import subprocess
import threading
import time

import cv2
import imageio_ffmpeg
import numpy as np
import pytest

from mvitv2_mm.commands.frame import main
from mvitv2_mm.datasets import VideoFile
from mvitv2_mm.errors import UsageError
from mvitv2_mm.inference.inferencer import Inferencer
from mvitv2_mm.inference.job import predict


@pytest.fixture(scope='module')
def video(tmp_path_factory):
    """100 frames of 64 x 64 in which something moves."""
    path = str(tmp_path_factory.mktemp('video') / 'clip.mp4')
    subprocess.run([
        imageio_ffmpeg.get_ffmpeg_exe(), '-nostdin', '-v', 'error', '-f', 'lavfi', '-i',
        'testsrc2=size=64x64:rate=25', '-frames:v', '100', '-pix_fmt', 'yuv420p', path
    ], check=True)  # yapf: disable
    return path


def test_a_window_is_predicted_as_the_clip_that_it_shows(quick, video):
    folder = quick('video').folder
    records = Inferencer(folder, batch_size=1, stride=0.4)(video)
    assert [record['window']['index'] for record in records] == list(range(8))
    whole = Inferencer(folder, batch_size=1)
    for record in records[:7]:  # of 32 frames each
        first = 10 * record['window']['index']
        assert record['window']['start'] == pytest.approx(first / 25)
        assert record['window']['end'] == pytest.approx((first + 32) / 25)
        clip = np.stack(VideoFile(video).read(range(first, first + 32)))
        expected = whole(clip)
        assert record['classes'] == expected['classes']
        frames = [number + first for number in expected['window']['frames']]
        assert record['window']['frames'] == frames
    assert len({record['classes'][0]['score'] for record in records}) > 1


def test_without_a_stride_a_video_is_one_record(quick, video):
    record = Inferencer(quick('video').folder)(video)
    assert record['window']['index'] == 0


@pytest.mark.parametrize('task', ['detection', 'image'])
def test_models_for_pictures_take_frames(task, quick, video, tmp_path):
    infer = Inferencer(quick(task).folder, batch_size=1, every=30, score_thr=0.)
    records = infer(video)
    assert [record['frame']['number'] for record in records] == [0, 30, 60, 90]
    assert [record['frame']['second'] for record in records] == [0, 1.2, 2.4, 3.6]
    for record, picture in zip(records, VideoFile(video).read([0, 30, 60, 90])):
        cv2.imwrite(str(tmp_path / 'frame.png'), picture[..., ::-1])
        expected = infer(str(tmp_path / 'frame.png'))
        key = 'objects' if task == 'detection' else 'classes'
        assert record[key] == expected[key] and record[key]


def test_a_stream_is_predicted_while_it_comes(quick, video, tmp_path):
    """A pipe takes the place of a camera, of which the second half comes after the third record."""
    pipe, content, go = tmp_path / 'pipe.ts', tmp_path / 'whole.ts', threading.Event()
    subprocess.run([
        imageio_ffmpeg.get_ffmpeg_exe(), '-nostdin', '-v', 'error', '-i', video, '-c', 'copy',
        str(content)
    ], check=True)  # yapf: disable
    os.mkfifo(pipe)
    is_live = []

    def send():
        whole = content.read_bytes()
        with open(pipe, 'wb') as file:
            file.write(whole[:len(whole) // 2])
            file.flush()
            is_live.append(go.wait(60))
            file.write(whole[len(whole) // 2:])

    threading.Thread(target=send, daemon=True).start()
    seconds = []
    for record in Inferencer(quick('image').folder, batch_size=1, every=5).stream(str(pipe)):
        seconds.append(record['frame']['second'])
        if len(seconds) == 3:
            time.sleep(0.5)
            go.set()
    assert len(seconds) == 20 and is_live == [True]
    assert seconds[0] == 0 and seconds == sorted(seconds) and seconds[-1] > 0.4


def test_a_camera_that_is_not_there_is_one_line(quick, capfd):
    record = Inferencer(quick('image').folder)(63)
    assert record['error'] == 'camera 63 gives no pictures; is it connected, and may you use it?'
    assert 'VIDEOIO' not in capfd.readouterr().err


class Kill(Exception):
    pass


def test_a_run_that_was_cut_short_ends_in_the_same_files(quick, video, tmp_path, monkeypatch):
    """In the middle of a video, with tracks and drawings."""
    monkeypatch.setattr('mvitv2_mm.inference.output._SAVE_EVERY', 0.)
    results = dict(formats=['csv', 'coco-data'], draw=True)
    files = ['predictions.jsonl', 'predictions.csv', 'annotations.coco.json']

    def run(name, kill_after=None):
        infer = Inferencer(quick('detection').folder, batch_size=2, every=4, track=True,
                           score_thr=0.05)  # yapf: disable
        seen = []

        def show(record):
            seen.append(record)
            if len(seen) == kill_after:
                raise Kill

        inputs = [video, *quick('detection').files]
        return predict(infer, inputs, str(tmp_path / name), show, **results)

    assert run('whole').records == 28
    with pytest.raises(Kill):
        run('cut', kill_after=12)
    assert not list((tmp_path / 'cut').rglob('*.mp4'))
    assert run('cut').records == 28 - 8  # the last note was after a chunk of eight
    for name in files:
        assert (tmp_path / 'cut' / name).read_bytes() == (tmp_path / 'whole' / name).read_bytes()
    drawn = [
        sorted(
            str(path.relative_to(tmp_path / name))
            for path in (tmp_path / name / 'drawn').rglob('*.*')) for name in ('cut', 'whole')
    ]
    assert drawn[0] == drawn[1] and len(drawn[0]) == 4
    lengths = [
        VideoFile(str(next((tmp_path / name / 'drawn').rglob('clip.mp4')))).num_frames
        for name in ('cut', 'whole')
    ]
    assert lengths == [25, 25]


def test_on_the_command_line(quick, video, tmp_path, capsys):
    folder = quick('video').folder
    out = tmp_path / 'out'
    args = [folder, video, '--out', str(out), '--stride', '0', '--draw', '--format']
    assert main(['predict', *args, 'srt', 'segments', 'csv']) == 0
    assert {path.name
            for path in out.iterdir()} == {
                'predictions.jsonl', 'predict.json', 'predictions.csv', 'segments.csv', 'srt',
                'drawn'
            }
    assert VideoFile(str(out / 'drawn' / 'clip.mp4')).num_frames == 100
    assert (out / 'srt' / 'clip.srt').read_text().startswith('1\n00:00:00,000 --> ')
    records = [json.loads(line) for line in (out / 'predictions.jsonl').read_text().splitlines()]
    assert [record['window']['start'] for record in records] == [0, 1.28, 2.56]
    assert main(['predict', *args, 'yolo']) == 2
    assert 'yolo holds results of models for detection' in capsys.readouterr().err
    assert main(['predict', folder, video, '--draw']) == 2
    assert '--format and --draw need --out' in capsys.readouterr().err


@pytest.mark.parametrize('task, options, message', [
    ('image', dict(stride=1.), 'stride is for models for videos, but model is one for image'),
    ('video', dict(every=2), 'every is for models for pictures, but model is one for video'),
    ('detection', dict(every=0), 'every should be at least 1'),
    ('video', dict(stride=-1.), 'stride at least 0, but got 1 and -1.0'),
    ('video', dict(track=True), 'objects are followed, but model is a model for video'),
])
def test_options_that_do_not_go_with_the_model(task, options, message, quick, video):
    with pytest.raises(UsageError, match=message):
        Inferencer(quick(task).folder, **options)(video)
