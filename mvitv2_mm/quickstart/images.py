"""Classification set: one 64 x 64 picture per source digit, one folder per class."""
from pathlib import Path

import cv2
import numpy as np
from rich.progress import track

from .digits import (CLASSES, SPLITS, finish, paste, random_background, random_ink, render,
                     source_digits, split_sources)

SPEC = dict(version=1, seed=0, size=64, digit_size=(36, 60))


def make_images(root: Path) -> None:
    """Write ``root/{train,val}/<class>/<source index>.png``."""
    labels = source_digits()[1]
    for split in SPLITS:
        for name in CLASSES:
            (root / split / name).mkdir(parents=True)
        for source in track(split_sources(split), f'images {split}', transient=True):
            path = root / split / CLASSES[labels[source]] / f'{source:04d}.png'
            cv2.imwrite(str(path), draw_image(source))


def draw_image(source: int) -> np.ndarray:
    """One digit at random scale, place and colours: uint8 (64, 64, 3)."""
    rng = np.random.default_rng((SPEC['seed'], source))
    canvas = random_background(rng, SPEC['size'])
    size = int(rng.integers(*SPEC['digit_size']))
    top, left = rng.integers(0, SPEC['size'] - size + 1, 2)
    paste(canvas, render(source, size), random_ink(rng), top, left)
    return finish(canvas, rng)
