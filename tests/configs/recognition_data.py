"""Tiny copies of the video datasets in their on-disk formats."""
from pathlib import Path

import av
import cv2
import numpy as np


def _frames(seed: int, num_frames: int) -> np.ndarray:
    texture = np.random.default_rng(seed).integers(0, 255, (12, 16, 3), dtype=np.uint8)
    texture = cv2.resize(texture, (64, 48))
    return np.stack([np.roll(texture, 2 * i, axis=1) for i in range(num_frames)])


def _write_video(path: Path, frames: np.ndarray, fps: int) -> None:
    with av.open(str(path), 'w') as container:
        stream = container.add_stream('libx264', rate=fps)
        stream.height, stream.width, stream.pix_fmt = *frames.shape[1:3], 'yuv420p'
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format='rgb24')))
        container.mux(stream.encode())


def make_kinetics(root: Path, name: str, num_videos: int = 2) -> str:
    """``videos_SPLIT/CLASS/ID_START_END.mp4`` and ``NAME_SPLIT_list_videos.txt``."""
    for split in ('train', 'val'):
        lines = []
        for i in range(num_videos):
            path = f'high jump/{"ab"[i % 2]}0-_{i}Q_000010_000020.mp4'
            target = root / f'videos_{split}' / path
            target.parent.mkdir(parents=True, exist_ok=True)
            _write_video(target, _frames(i, 40), fps=25)
            lines.append(f'{path} {i}')
        (root / f'{name}_{split}_list_videos.txt').write_text('\n'.join(lines) + '\n')
    return str(root)


def make_something(root: Path, num_videos: int = 2) -> str:
    """``rawframes/ID/img_00001.jpg`` and ``sthv2_SPLIT_list_rawframes.txt``."""
    for split, first in (('train', 78687), ('val', 74225)):
        lines = []
        for i in range(num_videos):
            folder = root / 'rawframes' / str(first + i)
            folder.mkdir(parents=True)
            frames = _frames(i, 25)
            for number, frame in enumerate(frames, 1):
                cv2.imwrite(str(folder / f'img_{number:05}.jpg'), frame[..., ::-1])
            lines.append(f'{folder.name} {len(frames)} {i}')
        (root / f'sthv2_{split}_list_rawframes.txt').write_text('\n'.join(lines) + '\n')
    return str(root)
