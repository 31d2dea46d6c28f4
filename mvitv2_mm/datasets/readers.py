"""Frame-exact readers of clips: video files, folders of frames, and a blank stand-in.

PyAV is the one decoder. On the same file its frames equal those of decord and OpenCV, it costs the
same CPU time as decord when it seeks to the nearest key frame as here, it opens damaged files
without taking the process down (decord 0.6 can crash on a cut AVI), and it still gets releases.
"""
import os.path as osp
from typing import Dict, Iterator, List, Optional, Sequence, Tuple

import cv2
import numpy as np

try:
    import av
except ImportError:
    av = None


class UnreadableClipError(RuntimeError):
    """No frame of a clip can be had; the message names the path and the reason."""


class VideoFile:
    """Random access to the frames of a video file, in presentation order.

    Args:
        path (str): Path of the file.

    Attributes:
        num_frames (int): Frames present in the file, whatever its header promises.
        fps (float, optional): Average frame rate, None if the file does not say.
        fault (str, optional): What is wrong with a file that can still be used, else None.

    Raises:
        ImportError: If PyAV is not installed.
        UnreadableClipError: If the file cannot be opened or holds no frame.
    """

    def __init__(self, path: str) -> None:
        if av is None:
            raise ImportError('reading videos needs PyAV: pip install av')
        self.path = path
        self.fault: Optional[str] = None
        try:
            self._open()
            self._index_packets()
        except (av.FFmpegError, OSError) as error:
            raise UnreadableClipError(f'{path}: {_reason(error)}') from error
        if self.num_frames == 0:
            raise UnreadableClipError(f'{path}: no video frame in the file')
        rate = self._stream.average_rate
        self.fps = float(rate) if rate else None
        promised = self._stream.frames
        if self.num_frames < promised and self._num_stored() < promised:
            self.fault = f'{path}: only {self.num_frames} of {promised} frames are in the file'

    def _open(self) -> None:
        self._container = av.open(self.path, metadata_errors='ignore')
        if not self._container.streams.video:
            self._container.close()
            raise UnreadableClipError(f'{self.path}: no video stream')
        self._stream = self._container.streams.video[0]
        # Data loading is parallel over workers already.
        self._stream.thread_count = 1

    def _index_packets(self) -> None:
        """Number the frames by demultiplexing only, which decodes nothing."""
        stamps = _time_stamps(self._container)
        self.num_frames = len(stamps)
        # Some containers (AVI with B-frames, raw streams) carry no usable time stamps.
        self._stamps = sorted(stamps) if stamps and None not in stamps else []
        if len(set(self._stamps)) < len(self._stamps):
            self._stamps = []
        self._number: Dict[int, int] = {pts: i for i, pts in enumerate(self._stamps)}

    def _num_stored(self) -> int:
        """Frames in the file, with those before the start of a clip that was cut undecoded."""
        with av.open(self.path, options={'ignore_editlist': '1'}, metadata_errors='ignore') as file:
            return len(_time_stamps(file))

    def read(self, indices: Sequence[int]) -> List[np.ndarray]:
        """Frames at ``indices`` as RGB arrays (H, W, 3) of uint8, in the order asked for.

        A frame that does not decode is replaced by the last one before it that does, and
        ``fault`` says so.

        Raises:
            UnreadableClipError: If none of the frames decodes.
        """
        wanted = sorted(set(int(i) for i in indices))
        frames: Dict[int, np.ndarray] = {}
        # Key frames that open a group with leading frames can hide wanted ones: then decode all.
        for start in ([wanted[0], 0] if self._stamps and wanted[0] else [0]):
            for number, frame in self._decode(start):
                if number in wanted and number not in frames:
                    frames[number] = frame.to_ndarray(format='rgb24')
                if number >= wanted[-1]:
                    break
            if len(frames) == len(wanted):
                break
        self._container.close()
        return self._fill_holes(frames, wanted, indices)

    def _decode(self, start: int) -> Iterator[Tuple[int, 'av.VideoFrame']]:
        """Yield (number, frame) from the key frame at or before frame ``start``."""
        if self._stamps:
            self._container.seek(self._stamps[start], stream=self._stream)
        else:
            self._container.close()
            self._open()
        count = 0
        packets = self._container.demux(self._stream)
        while True:
            try:
                frames = next(packets).decode()
            except StopIteration:
                return
            except av.FFmpegError:
                continue
            for frame in frames:
                number = self._number.get(frame.pts, -1) if self._stamps else count
                count += 1
                if number >= 0:
                    yield number, frame

    def _fill_holes(self, frames: Dict[int, np.ndarray], wanted: List[int],
                    indices: Sequence[int]) -> List[np.ndarray]:
        if not frames:
            raise UnreadableClipError(f'{self.path}: none of the {len(wanted)} sampled frames '
                                      'decodes')
        if len(frames) < len(wanted):
            self.fault = (f'{self.path}: {len(wanted) - len(frames)} of {len(wanted)} sampled '
                          'frames do not decode')
        last = frames[min(frames)]
        for number in wanted:
            last = frames.setdefault(number, last)
        return [frames[int(i)] for i in indices]


class FrameFolder:
    """Random access to a clip stored as numbered pictures.

    Args:
        path (str): The folder.
        num_frames (int): Number of frames.
        filename_tmpl (str): Template of the file names; the first frame has number 1.
    """
    fps = None
    fault = None

    def __init__(self, path: str, num_frames: int, filename_tmpl: str) -> None:
        if num_frames < 1:
            raise UnreadableClipError(f'{path}: the annotation says {num_frames} frames')
        self.path = path
        self.num_frames = num_frames
        self.filename_tmpl = filename_tmpl

    def read(self, indices: Sequence[int]) -> List[np.ndarray]:
        """Frames at ``indices`` (from 0) as RGB arrays (H, W, 3) of uint8."""
        frames = {}
        for number in set(int(i) for i in indices):
            path = osp.join(self.path, self.filename_tmpl.format(number + 1))
            image = cv2.imread(path, cv2.IMREAD_COLOR)
            if image is None:
                state = 'not a picture' if osp.exists(path) else 'missing'
                raise UnreadableClipError(f'{path}: frame {number + 1} of {self.num_frames} is '
                                          f'{state}')
            frames[number] = cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
        return [frames[int(i)] for i in indices]


class BlankClip:
    """Grey frames that stand in for an unreadable clip at test time."""
    num_frames = 1
    fps = None
    fault = None

    def read(self, indices: Sequence[int]) -> List[np.ndarray]:
        return [np.full((256, 256, 3), 128, dtype=np.uint8) for _ in indices]


def _time_stamps(container: 'av.container.InputContainer') -> List[Optional[int]]:
    """Of all frames to show; of a file that ends early, of those that came before."""
    stamps = []
    try:
        for packet in container.demux(video=0):
            if packet.size and not packet.is_discard:
                stamps.append(packet.pts)
    except av.FFmpegError:
        pass
    return stamps


def _reason(error: Exception) -> str:
    return getattr(error, 'strerror', None) or str(error)
