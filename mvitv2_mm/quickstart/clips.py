"""Video set: digits moving in one of eight directions, which is the class.

The place at mid-clip is drawn before the direction, so the middle frame alone says nothing.
"""
from pathlib import Path
from typing import List

import cv2
import numpy as np
from rich.progress import track

from .digits import (SPLITS, finish, paste, random_background, random_ink, render, split_sources)

DIRECTIONS = ('east', 'southeast', 'south', 'southwest', 'west', 'northwest', 'north', 'northeast')
SPEC = dict(version=1, seed=2, size=64, digit_size=(16, 22), num_frames=32, speed=(1.0, 1.2),
            fps=16, num_clips=dict(train=240, val=120))


def opposite(label: int) -> int:
    """Label of the reverse direction."""
    return (label + len(DIRECTIONS) // 2) % len(DIRECTIONS)


def make_clips(root: Path) -> None:
    """Write ``root/videos_{train,val}/*.mp4`` and ``root/{train,val}_list_videos.txt``."""
    for split in SPLITS:
        (root / f'videos_{split}').mkdir()
        lines = []
        for index in track(range(SPEC['num_clips'][split]), f'clips {split}', transient=True):
            label = index % len(DIRECTIONS)
            source = draw_source(split, index)
            name = f'{index:04d}_digit{source:04d}.mp4'
            write_mp4(root / f'videos_{split}' / name, draw_clip(split, index))
            lines.append(f'{name} {label}\n')
        (root / f'{split}_list_videos.txt').write_text(''.join(lines))


def draw_source(split: str, index: int) -> int:
    """Source digit of a clip."""
    rng = np.random.default_rng((SPEC['seed'], SPLITS.index(split), index))
    return int(rng.choice(split_sources(split)))


def draw_clip(split: str, index: int) -> List[np.ndarray]:
    """Frames of a clip of class ``index % 8``: uint8 (64, 64, 3) each."""
    rng = np.random.default_rng((SPEC['seed'], SPLITS.index(split), index, 1))
    size = SPEC['size']
    background = random_background(rng, size)
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
