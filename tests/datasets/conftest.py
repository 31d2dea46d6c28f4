import subprocess

import av
import cv2
import imageio_ffmpeg
import numpy as np
import pytest


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
