"""Which frames a video file has, and which of its packets each of them needs."""
from collections import defaultdict
from contextlib import contextmanager
from functools import lru_cache
from io import BytesIO
from itertools import chain, dropwhile
from typing import Dict, Iterator, List, NamedTuple, Optional, Sequence, Tuple, Union

import numpy as np

from .file_limits import check_file, check_pixels

try:
    import av
except ImportError:
    av = None

# There a packet is a frame with a time stamp of its own, and decoding may start at a key frame.
_FORMATS = ('mov,mp4,m4a,3gp,3g2,mj2', 'matroska,webm')
_CODECS = ('h264', 'hevc', 'vp9', 'av1', 'libdav1d', 'mjpeg', 'ffv1', 'prores')
# of which packets are called key frames that can need others
_RECOVERING = ('h264', 'hevc')


class Fetched(NamedTuple):
    """A video file that was read from elsewhere, and its path there, whose end tells the format."""
    path: str
    content: bytes


Source = Union[str, Fetched]


@contextmanager
def open_video(
        source: Source,
        threads: int = 1) -> Iterator[Tuple['av.container.InputContainer', 'av.VideoStream']]:
    """Open a file; its video is the stream that ``ffmpeg`` takes, which is no attached picture.

    Args:
        source (str | Fetched): The file.
        threads (int): Threads that decode. Defaults to 1: data loading is parallel over workers
            already.

    Raises:
        av.FFmpegError: If the file cannot be opened.
        OSError: If it is no file.
        ValueError: If it has no video, or frames that are too large.
    """
    file = source
    if isinstance(source, Fetched):
        file = BytesIO(source.content)
        file.name = source.path.rpartition('/')[2]
    else:
        check_file(source)
    flags = av.stream.Disposition
    with av.open(file, metadata_errors='ignore') as container:
        streams = [s for s in container.streams.video if not s.disposition & flags.attached_pic]
        if not streams:
            raise ValueError('no video stream')
        stream = max(streams, key=lambda s: (s.disposition & flags.default, s.width * s.height))
        check_pixels(stream.width, stream.height)
        stream.thread_type, stream.thread_count = 'AUTO', threads
        yield container, stream


def decode(stream: 'av.VideoStream', packet: Optional['av.Packet']) -> List['av.VideoFrame']:
    """Frames that come out after a packet, or after the last one; damage is passed over."""
    try:
        return stream.codec_context.decode(packet)
    except av.FFmpegError:
        return []


def tells_what_is_needed(stream: 'av.VideoStream') -> bool:
    """Whether packets tell that no other frame needs theirs, so that a decoder can pass over them.

    Those of H.265 tell it only of frames of their own temporal layer. Other decoders do not skip,
    or do not from one packet to the next.
    """
    context = stream.codec_context
    if context.name == 'hevc':
        return (context.extradata or b'')[21:22] != b'' and context.extradata[21] >> 3 & 7 == 1
    return context.name == 'h264'


def decode_all(source: Source, threads: int = 1) -> Iterator['av.VideoFrame']:
    """Every frame of a file, in the order in which they are shown; see :func:`open_video`."""
    with open_video(source, threads) as (container, stream):
        for packet in _demux(container, stream):
            if packet.size:
                yield from decode(stream, packet)
        yield from decode(stream, None)


def _demux(container: 'av.container.InputContainer',
           stream: 'av.VideoStream') -> Iterator['av.Packet']:
    """Packets up to the end of the file, or to where it is cut."""
    try:
        yield from (p for p in container.demux(stream) if p.size or p.dts is not None)
    except av.FFmpegError:
        pass


def video_duration(path: str) -> Optional[float]:
    """Seconds that the header of a file promises; None if it does not tell, or cannot be read."""
    try:
        with open_video(path) as (container, stream):
            if stream.duration is not None:
                return float(stream.duration * stream.time_base)
            return None if container.duration is None else container.duration / av.time_base
    except (av.FFmpegError, OSError, ValueError):
        return None


class PacketTable:
    """The packets of a stream that can be entered at each of its key frames.

    Args:
        packets (list): Time of presentation, time of decoding, and whether it is a key frame and
            is hidden, of every packet in decoding order; all times of presentation differ.

    Attributes:
        stamps (np.ndarray): Times of presentation of the frames, in that order.
    """

    def __init__(self, packets: List[Tuple[int, Optional[int], bool, bool]]) -> None:
        pts, dts, is_key, is_hidden = zip(*packets)
        self._pts = np.array(pts)
        # MP4 looks for times of decoding, Matroska for those of presentation
        self._seek_to = np.array([min(p, p if d is None else d) for p, d in zip(pts, dts)])
        self._keys = np.flatnonzero(is_key)
        by_pts = np.argsort(self._pts)
        self._positions = by_pts[~np.array(is_hidden)[by_pts]]
        self.stamps = self._pts[self._positions]

    def groups(self, numbers: Sequence[int]) -> Dict[int, List[int]]:
        """Frame numbers by the position of the key frame where decoding them starts.

        Frames that are shown before a key frame that they follow in the file need the one before.
        """
        positions, stamps = self._positions[numbers], self.stamps[numbers]
        key = np.searchsorted(self._keys, positions, 'right') - 1
        while (is_later := self._pts[self._keys[key]] > stamps).any():
            key -= is_later
        groups = defaultdict(list)
        for start, number in zip(self._keys[key].tolist(), numbers):
            groups[start].append(number)
        return groups

    def packets(self, start: int, numbers: Sequence[int], container: 'av.container.InputContainer',
                stream: 'av.VideoStream') -> Iterator[Optional['av.Packet']]:
        """Packets from position ``start`` to the last that ``numbers`` need, then None.

        There is only None if the file cannot be entered there.
        """
        expected = self._pts[start:self._positions[numbers].max() + 1].tolist()
        container.seek(int(self._seek_to[start]), stream=stream)
        ahead = dropwhile(lambda packet: packet.pts != expected[0], _demux(container, stream))
        for pts, packet in zip(expected, ahead):
            if packet.pts != pts:
                break
            yield packet
        yield None

    def number(self, pts: int) -> int:
        """Number of the frame that is shown at a time, -1 if there is none."""
        number = int(np.searchsorted(self.stamps, pts))
        return number if number < len(self.stamps) and self.stamps[number] == pts else -1


class PacketScan(NamedTuple):
    """What the packets of a video file tell without being decoded.

    Attributes:
        table (PacketTable, optional): Where the frames are, None if only decoding all that comes
            before them tells.
        fps (float, optional): Average frame rate, None if the file does not say.
        time_base (float): Seconds that one unit of a time stamp lasts.
        num_missing (int): Packets that the file promises but does not hold.
        has_clock (bool): Whether time stamps are those at which frames are shown. AVI has times
            of decoding alone, which differ where frames are reordered.
    """
    table: Optional[PacketTable]
    fps: Optional[float]
    time_base: float
    num_missing: int
    has_clock: bool


@lru_cache(maxsize=256)
def scan_packets(path: str, modified: int, size: int) -> PacketScan:
    """Read the packets of a file, whose arguments and errors are those of :func:`index_video`."""
    return _scan_packets(path)


def _scan_packets(source: Source) -> PacketScan:
    with open_video(source) as (container, stream):
        promised = len(stream.index_entries)
        packets = [(p.pts, p.dts, p.is_keyframe, p.is_discard) for p in _demux(container, stream)]
        if promised < len(packets):  # that was no index of the whole file
            promised = stream.frames
        table = PacketTable(packets) if _is_regular(container, stream, packets) else None
        if table and stream.codec_context.name in _RECOVERING:
            table = table if _starts_whole(table, container, stream) else None
        fps = float(stream.average_rate) if stream.average_rate else None
        num_missing = max(promised - len(packets), 0)
        has_clock = container.format.name != 'avi' or not stream.codec_context.has_b_frames
        return PacketScan(table, fps, float(stream.time_base), num_missing, has_clock)


class VideoIndex(NamedTuple):
    """The frames of a video file in the order in which they are shown.

    Attributes:
        times (np.ndarray): Seconds of the clock of the file at which the N frames appear.
        scan (PacketScan): What its packets tell.
    """
    times: np.ndarray
    scan: PacketScan


@lru_cache(maxsize=256)
def index_video(path: str, modified: int, size: int) -> VideoIndex:
    """Number the frames of a file, without decoding them where its packets tell.

    Args:
        path (str): The file.
        modified (int): When it was written last, in ns; a file that has changed is indexed anew.
        size (int): Its size in bytes.

    Raises:
        av.FFmpegError: If the file cannot be opened.
        ValueError: If it has no video, or no frame of it decodes.
    """
    return _number_frames(path, scan_packets(path, modified, size))


def index_fetched(video: Fetched) -> VideoIndex:
    """Number the frames of a file that was fetched, which are kept by nobody."""
    return _number_frames(video, _scan_packets(video))


def _number_frames(source: Source, scan: PacketScan) -> VideoIndex:
    stamps = scan.table.stamps if scan.table else [frame.pts for frame in decode_all(source)]
    if not len(stamps):
        raise ValueError('no video frame in the file')
    return VideoIndex(_times(stamps, scan), scan)


def _is_regular(container: 'av.container.InputContainer', stream: 'av.VideoStream',
                packets: list) -> bool:
    """Whether every packet is a frame, and none is shown before the first key frame."""
    if container.format.name not in _FORMATS or stream.codec_context.name not in _CODECS:
        return False
    pts = [packet[0] for packet in packets]
    return bool(packets and packets[0][2] and None not in pts and pts[0] == min(pts)
                and len(set(pts)) == len(pts))


def _starts_whole(table: PacketTable, container: 'av.container.InputContainer',
                  stream: 'av.VideoStream') -> bool:
    """Whether the first frame decodes; it does not in a file that was cut off its beginning."""
    first, = table.groups([0])
    frames = chain(*(decode(stream, p) for p in table.packets(first, [0], container, stream)))
    return any(frame.pts == table.stamps[0] for frame in frames)


def _times(stamps: Sequence[Optional[int]], scan: PacketScan) -> np.ndarray:
    if not scan.has_clock or None in stamps or np.any(np.diff(stamps) <= 0):
        return np.arange(len(stamps)) / (scan.fps or 30)
    return np.asarray(stamps) * scan.time_base


def container_start(path: str) -> float:
    """Seconds on the clock of a file at which players start; 0 if it does not tell."""
    try:
        with av.open(path, metadata_errors='ignore') as container:
            return (container.start_time or 0) / av.time_base
    except (av.FFmpegError, OSError):
        return 0.
