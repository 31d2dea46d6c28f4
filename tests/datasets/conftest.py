import subprocess

import av
import cv2
import fsspec
import imageio_ffmpeg
import numpy as np
import pytest
from file_server import serve


def _write_video(path,
                 num_frames=20,
                 size=(48, 64),
                 fps=25,
                 codec='libx264',
                 container=None,
                 pix_fmt='yuv420p',
                 **options):
    """Encode textures whose top left corner tells the frame number."""
    texture = np.random.default_rng(0).integers(0, 255, (*size, 3), dtype=np.uint8)
    texture = cv2.GaussianBlur(texture, (0, 0), 2)
    if codec.startswith('libvpx'):
        # Several packages bring this library along. Which one PyAV meets in a process, and whether
        # it can encode with it, depends on what was imported before.
        frames = [_draw(texture, i) for i in range(num_frames)]
        command = [
            imageio_ffmpeg.get_ffmpeg_exe(), '-v', 'error', '-f', 'rawvideo', '-pix_fmt', 'rgb24',
            '-s', f'{size[1]}x{size[0]}', '-r',
            str(fps), '-i', '-', '-pix_fmt', pix_fmt, '-c:v', codec,
            str(path)
        ]
        subprocess.run(command, input=np.stack(frames).tobytes(), check=True)
        return str(path)
    with av.open(str(path), 'w', options=container or {}) as file:
        stream = file.add_stream(codec, rate=fps)
        stream.height, stream.width = size
        stream.pix_fmt, stream.options = pix_fmt, options
        for i in range(num_frames):
            frame = av.VideoFrame.from_ndarray(_draw(texture, i), format='rgb24')
            for packet in stream.encode(frame):
                file.mux(packet)
        for packet in stream.encode():
            file.mux(packet)
    return str(path)


def _draw(texture, number):
    frame = np.roll(texture, 2 * number, axis=1)
    frame[:16, :16] = 10 * number % 250
    return frame


@pytest.fixture
def write_video(tmp_path):

    def write(name, **kwargs):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        return _write_video(tmp_path / name, **kwargs)

    return write


@pytest.fixture
def server(tmp_path, monkeypatch):
    """An HTTP server of the folder of the test, whose clients do not wait between their tries."""
    monkeypatch.setattr('mvitv2_mm.datasets.storage._PAUSES', (0, 0))
    with serve(tmp_path) as server:
        yield server


@pytest.fixture
def memory():
    """Copies a local folder into fsspec's file system in memory; returns its URL."""
    files = fsspec.filesystem('memory')

    def put(folder):
        if files.exists('/data'):
            files.rm('/data', recursive=True)
        files.put(str(folder), '/data', recursive=True)
        return 'memory://data'

    yield put
    if files.exists('/data'):
        files.rm('/data', recursive=True)


@pytest.fixture
def database(tmp_path):
    """Copies a local folder into an LMDB; returns the arguments of its backend."""
    lmdb = pytest.importorskip('lmdb')

    def put(folder):
        path = str(tmp_path / 'files.lmdb')
        with lmdb.open(path, map_size=2**24) as base, base.begin(write=True) as writer:
            for file in folder.rglob('*'):
                if file.is_file():
                    writer.put(str(file.relative_to(folder)).encode(), file.read_bytes())
        return dict(backend='lmdb', db_path=path)

    return put
