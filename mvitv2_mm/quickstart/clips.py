"""Video set: digits moving in one of eight directions, which is the class.

The place at mid-clip is drawn before the direction, so the middle frame alone says nothing.
"""
from pathlib import Path
from typing import Callable, List, Tuple

import cv2
import numpy as np
from rich.progress import track

from .digits import SPLITS, finish, paste, random_ink, render, split_sources

DIRECTIONS = ('east', 'southeast', 'south', 'southwest', 'west', 'northwest', 'north', 'northeast')
SPEC = dict(
    version=3,
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
    """Write ``root/videos_{train,val}/*.mp4`` and ``root/{train,val}_list_videos.txt``.

    Two more sets show that motion decides: ``val_backwards``, the test clips played backwards and
    labelled with the opposite direction, and ``val_frozen``, their middle frames standing still.
    """
    for split in SPLITS:
        indices = track(range(SPEC['num_clips'][split]), f'clips {split}', transient=True)
        clips = [(index, draw_clip(split, index)) for index in indices]
        _write_set(root, split, clips, lambda label: label)
        if split == 'val':
            _write_set(root, 'val_backwards', [(i, frames[::-1]) for i, frames in clips], opposite)
            frozen = [(i, [frames[len(frames) // 2]] * len(frames)) for i, frames in clips]
            _write_set(root, 'val_frozen', frozen, lambda label: label)


def _write_set(root: Path, name: str, clips: List[Tuple[int, List[np.ndarray]]],
               label_of: Callable[[int], int]) -> None:
    folder, lines = root / f'videos_{name}', []
    folder.mkdir()
    for index, frames in clips:
        file = f'{index:04d}_digit{draw_source(name.split("_")[0], index):04d}.mp4'
        write_mp4(folder / file, frames)
        lines.append(f'{file} {label_of(index % len(DIRECTIONS))}\n')
    (root / f'{name}_list_videos.txt').write_text(''.join(lines))


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
