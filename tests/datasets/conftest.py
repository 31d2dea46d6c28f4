import av
import cv2
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
    with av.open(str(path), 'w', options=container or {}) as file:
        stream = file.add_stream(codec, rate=fps)
        stream.height, stream.width = size
        stream.pix_fmt, stream.options = pix_fmt, options
        for i in range(num_frames):
            frame = np.roll(texture, 2 * i, axis=1)
            frame[:16, :16] = 10 * i % 250
            for packet in stream.encode(av.VideoFrame.from_ndarray(frame, format='rgb24')):
                file.mux(packet)
        for packet in stream.encode():
            file.mux(packet)
    return str(path)


@pytest.fixture
def write_video(tmp_path):

    def write(name, **kwargs):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        return _write_video(tmp_path / name, **kwargs)

    return write
