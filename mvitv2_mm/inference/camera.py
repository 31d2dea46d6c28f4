"""Cameras and other sources that never end."""
import os
import stat
import time
from typing import Iterator, Union

import cv2

from ..datasets.frame_stream import TimedFrame

_STREAMS = ('rtsp://', 'rtmp://', 'udp://', 'tcp://')


def is_live(media: object) -> bool:
    """Whether a source is the number of a camera, a device, a pipe, or the URL of a stream."""
    if not isinstance(media, str):
        return isinstance(media, int)
    if media.startswith(_STREAMS):
        return True
    mode = os.stat(media).st_mode if os.path.exists(media) else 0
    return stat.S_ISFIFO(mode) or stat.S_ISCHR(mode)


class Camera:
    """Frames as they come; their times are seconds since the first one.

    Frames that come while nobody asks for one are dropped by the device.

    Args:
        device (int | str): Number of a camera, or a device, pipe or URL.

    Raises:
        OSError: If it gives no pictures.
    """
    num_frames = None

    def __init__(self, device: Union[int, str]) -> None:
        self.device = device
        level = cv2.setLogLevel(0)  # what OpenCV would say is said below
        try:
            self._capture = cv2.VideoCapture(device)
        finally:
            cv2.setLogLevel(level)
        if not self._capture.isOpened():
            what = f'camera {device}' if isinstance(device, int) else device
            raise OSError(f'{what} gives no pictures; is it connected, and may you use it?')
        fps = self._capture.get(cv2.CAP_PROP_FPS)
        self.fps = fps if 0 < fps <= 1000 else 30.

    def __iter__(self) -> Iterator[TimedFrame]:
        origin, number = None, 0
        try:
            while True:
                found, picture = self._capture.read()
                if not found:
                    return
                now = time.monotonic()
                origin = now if origin is None else origin
                start = now - origin
                yield TimedFrame(
                    number,
                    start,
                    start + 1 / self.fps,
                    lambda picture=picture: picture[..., ::-1].copy())
                number += 1
        finally:
            self._capture.release()
