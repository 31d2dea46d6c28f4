"""Videos written frame by frame, with the time stamps and the sound of another one."""
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path
from typing import Iterator, Optional

import av
import numpy as np

from .datasets.video_index import container_start
from .files import replaced

# the finest that all encoders take, and a multiple of the usual frame rates
_CLOCK = Fraction(1, 60000)
_SOUND_AHEAD = 0.5  # seconds


class EncodedVideo:
    """An MP4 file, H.264 if PyAV has an encoder for it, else MPEG-4.

    Args:
        path (Path): The file, which is there once :meth:`close` is called.
        fps (float): Usual frame rate, which tells how long the last frame is shown. Defaults to 30.
        sound_from (str, optional): A video whose clock is used, and whose sound is copied if MP4
            can hold it. Defaults to None.
    """

    def __init__(self, path: Path, fps: float = 30, sound_from: Optional[str] = None) -> None:
        self._files = ExitStack()
        temporary = self._files.enter_context(replaced(path))
        self._container = self._files.enter_context(av.open(str(temporary), 'w'))
        self._origin = container_start(sound_from) if sound_from else 0.
        self._rate = Fraction(fps).limit_denominator(1001)
        self._sound_from = sound_from
        self._sound: Iterator[av.Packet] = iter(())
        self._next_sound: Optional[av.Packet] = None
        self._stream = None
        self._last = -1

    def write(self, picture: np.ndarray, second: float) -> None:
        """Add a frame.

        Args:
            picture (np.ndarray): RGB pixels (H, W, 3) of uint8, all of one size; of an odd side the
                last pixel is lost.
            second (float): When it is shown, on the clock of the other video.
        """
        if self._stream is None:
            self._begin(picture)
        height, width = self._stream.height, self._stream.width
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture[:height, :width]), 'rgb24')
        frame.time_base = _CLOCK
        frame.pts = self._last = max(round((second - self._origin) / _CLOCK), self._last + 1)
        self._write_sound(second - self._origin + _SOUND_AHEAD)
        self._container.mux(self._stream.encode(frame))

    def close(self) -> None:
        """Complete the file."""
        if self._stream is not None:
            self._container.mux(self._stream.encode())
            self._write_sound(float(self._last * _CLOCK) + _SOUND_AHEAD)
        self._files.close()

    def discard(self) -> None:
        """Leave no file."""
        error = RuntimeError('not complete')
        self._files.__exit__(RuntimeError, error, None)

    def _begin(self, picture: np.ndarray) -> None:
        is_h264 = 'libx264' in av.codecs_available
        options = dict(preset='veryfast', crf='20') if is_h264 else dict(qscale='3')
        self._stream = self._container.add_stream(
            'libx264' if is_h264 else 'mpeg4', rate=self._rate)
        self._stream.height, self._stream.width = (side // 2 * 2 for side in picture.shape[:2])
        self._stream.pix_fmt, self._stream.options = 'yuv420p', options
        self._stream.codec_context.time_base = _CLOCK
        self._stream.thread_type, self._stream.thread_count = 'AUTO', 0
        if self._sound_from:
            self._sound = self._copy_sound(self._sound_from)

    def _copy_sound(self, path: str) -> Iterator[av.Packet]:
        source = self._files.enter_context(av.open(path, metadata_errors='ignore'))
        own = next(iter(source.streams.audio), None)
        if own is None or own.codec.canonical_name not in self._container.supported_codecs:
            return iter(())
        copy = self._container.add_stream_from_template(own)
        return self._moved(source, own, copy)

    def _moved(self, source: av.container.InputContainer, own: av.AudioStream,
               copy: av.AudioStream) -> Iterator[av.Packet]:
        shift = round(self._origin / own.time_base)
        for packet in source.demux(own):
            if packet.dts is not None:
                packet.pts, packet.dts = packet.pts - shift, packet.dts - shift
                packet.stream = copy
                yield packet

    def _write_sound(self, until: float) -> None:
        """Add what sounds before a second, so that sound and pictures lie side by side."""
        while True:
            packet = self._next_sound or next(self._sound, None)
            if packet is None or packet.pts * packet.time_base > until:
                self._next_sound = packet
                return
            self._next_sound = None
            self._container.mux(packet)
