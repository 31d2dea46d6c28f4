"""Video set: digits moving in one of eight directions, which is the class.

The place at mid-clip is drawn before the direction, so the middle frame alone says nothing.
"""
from pathlib import Path
from typing import Iterator, List, Tuple

import cv2
import numpy as np
from rich.progress import track

from .digits import SPLITS, finish, paste, random_ink, render, split_sources

DIRECTIONS = ('east', 'southeast', 'south', 'southwest', 'west', 'northwest', 'north', 'northeast')
SPEC = dict(
    version=4,
    seed=2,
    size=64,
    digit_size=(16, 22),
    num_frames=32,
    speed=(1.0, 1.2),
    fps=16,
    num_clips=dict(train=240, val=120))


def opposite(label: int) -> int:
    """Label of the reverse direction."""
    return (label + len(DIRECTIONS) // 2) % len(DIRECTIONS)


def make_clips(root: Path) -> None:
    """Write ``root/{train,val}/<direction>/*.mp4``."""
    for split in SPLITS:
        for index, frames in _draw_clips(split):
            write_mp4(_path(root / split, split, index, index), frames)


def make_controls(root: Path) -> None:
    """Write two sets which show that motion decides.

    ``root/backwards/<direction>/*.mp4`` are the test clips played backwards, in the folder of the
    opposite direction; ``root/frozen/<direction>/*.mp4`` are their middle frames standing still.
    """
    for index, frames in _draw_clips('val'):
        write_mp4(_path(root / 'backwards', 'val', index, opposite(index)), frames[::-1])
        frozen = [frames[len(frames) // 2]] * len(frames)
        write_mp4(_path(root / 'frozen', 'val', index, index), frozen)


def _draw_clips(split: str) -> Iterator[Tuple[int, List[np.ndarray]]]:
    for index in track(range(SPEC['num_clips'][split]), f'clips {split}', transient=True):
        yield index, draw_clip(split, index)


def _path(folder: Path, split: str, index: int, label: int) -> Path:
    """File of a clip in the folder of its class, which is made."""
    folder = folder / DIRECTIONS[label % len(DIRECTIONS)]
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f'{index:04d}_digit{draw_source(split, index):04d}.mp4'


def draw_source(split: str, index: int) -> int:
    """Source digit of a clip."""
    rng = np.random.default_rng((SPEC['seed'], SPLITS.index(split), index))
    return int(rng.choice(split_sources(split)))


def draw_clip(split: str, index: int) -> List[np.ndarray]:
    """Frames of a clip of class ``index % 8``: uint8 (64, 64, 3) each."""
    rng = np.random.default_rng((SPEC['seed'], SPLITS.index(split), index, 1))
    size = SPEC['size']
    background = np.ones((size, size, 3)) * rng.uniform(10, 60, 3)
    ink = random_ink(rng)
    digit = render(draw_source(split, index), int(rng.integers(*SPEC['digit_size'])))
    times = np.arange(SPEC['num_frames']) - (SPEC['num_frames'] - 1) / 2
    speed = rng.uniform(*SPEC['speed'])
    margin = len(digit) / 2 + speed * times[-1] + 1
    centre = rng.uniform(margin, size - margin, 2)
    angle = 2 * np.pi * (index % len(DIRECTIONS)) / len(DIRECTIONS)
    velocity = speed * np.array((np.cos(angle), np.sin(angle)))
    frames = []
    for time in times:
        left, top = centre + velocity * time - len(digit) / 2
        # Sub-pixel motion: a whole-pixel paste would make slow diagonals jerk along the axes.
        shift = np.float32([[1, 0, left], [0, 1, top]])
        frame = background.copy()
        paste(frame, cv2.warpAffine(digit, shift, (size, size)), ink, 0, 0)
        frames.append(finish(frame, rng, noise=3.))
    return frames


def write_mp4(path: Path, frames: List[np.ndarray]) -> None:
    """Encode BGR frames as MPEG-4.

    Raises:
        RuntimeError: If OpenCV cannot open its encoder.
    """
    height, width = frames[0].shape[:2]
    writer = cv2.VideoWriter(
        str(path), cv2.VideoWriter_fourcc(*'mp4v'), SPEC['fps'], (width, height))
    if not writer.isOpened():
        raise RuntimeError(f'OpenCV cannot write {path}: this build has no MPEG-4 encoder; '
                           'pip install opencv-python')
    for frame in frames:
        writer.write(frame)
    writer.release()
