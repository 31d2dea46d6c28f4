"""Detection set in COCO format: 128 x 128 scenes with 1 to 4 digits, boxes and masks."""
import json
from pathlib import Path
from typing import List, NamedTuple, Tuple

import cv2
import numpy as np
from rich.progress import track

from ..datasets.coco_format import box_of, encode_mask, mask_area
from .digits import (CLASSES, SPLITS, finish, paste, random_background, random_ink, render,
                     source_digits, split_sources)

SPEC = dict(
    version=1,
    seed=1,
    size=128,
    digit_size=(28, 64),
    num_digits=(1, 5),
    num_tries=20,
    num_scenes=dict(train=240, val=80))


class Instance(NamedTuple):
    """One digit of a scene: index of the source digit and its mask (H, W), uint8 of 0 and 1."""
    source: int
    mask: np.ndarray


def make_scenes(root: Path) -> None:
    """Write ``root/{train,val}/*.png`` and ``root/annotations/instances_{train,val}.json``."""
    (root / 'annotations').mkdir()
    for split in SPLITS:
        (root / split).mkdir()
        coco = dict(
            images=[],
            annotations=[],
            categories=[dict(id=label + 1, name=name) for label, name in enumerate(CLASSES)])
        num_scenes = SPEC['num_scenes'][split]
        for index in track(range(num_scenes), f'scenes {split}', transient=True):
            name = f'{index:04d}.png'
            canvas, instances = draw_scene(split, index)
            cv2.imwrite(str(root / split / name), canvas)
            height, width = canvas.shape[:2]
            coco['images'].append(dict(id=index, file_name=name, height=height, width=width))
            for instance in instances:
                coco['annotations'].append(
                    annotate(instance, image_id=index, ann_id=len(coco['annotations']) + 1))
        path = root / 'annotations' / f'instances_{split}.json'
        path.write_text(json.dumps(coco))


def draw_scene(split: str, index: int) -> Tuple[np.ndarray, List[Instance]]:
    """Paste digits that do not touch each other; uint8 (128, 128, 3) and its instances."""
    rng = np.random.default_rng((SPEC['seed'], SPLITS.index(split), index))
    size, num_digits = SPEC['size'], rng.integers(*SPEC['num_digits'])
    canvas = random_background(rng, size)
    taken, instances = np.zeros((size, size)), []
    for _ in range(SPEC['num_tries']):
        source = int(rng.choice(split_sources(split)))
        opacity = render(source, int(rng.integers(*SPEC['digit_size'])))
        top, left = rng.integers(0, size - len(opacity) + 1, 2)
        placed = np.zeros((size, size), np.float32)
        placed[top:top + len(opacity), left:left + len(opacity)] = opacity
        if (placed * taken).any():
            continue
        paste(canvas, opacity, random_ink(rng), top, left)
        taken += placed
        instances.append(Instance(source, (placed > 0.4).astype(np.uint8)))
        if len(instances) == num_digits:
            break
    return finish(canvas, rng), instances


def annotate(instance: Instance, image_id: int, ann_id: int) -> dict:
    """COCO annotation with the exact mask (run-length code) and its tight box (x, y, w, h)."""
    code = encode_mask(instance.mask)
    return dict(
        id=ann_id,
        image_id=image_id,
        category_id=int(source_digits()[1][instance.source]) + 1,
        bbox=box_of(code),
        area=mask_area(code, *code['size']),
        segmentation=code,
        iscrowd=0,
        source=instance.source)
