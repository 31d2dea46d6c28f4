"""Tiny datasets in the on-disk formats of the real ones."""
import json
from pathlib import Path
from typing import Dict, Sequence, Tuple

import cv2
import numpy as np

PERSON_AND_CAR = {1: 'person', 3: 'car'}  # the ids of COCO
DIRECTIONS = ('left', 'right')


def make_image(seed: int, size: Tuple[int, int]) -> np.ndarray:
    """A smooth random picture, BGR uint8 of shape (H, W, 3); ``size`` is (H, W) in pixels."""
    noise = np.random.default_rng(seed).integers(0, 256, (4, 4, 3), dtype=np.uint8)
    return cv2.resize(noise, size[::-1])


def make_imagenet(
    root: Path,
    images_per_class: int = 2,
    size: Tuple[int, int] = (48, 40),
    labels: Sequence[int] = (0, 999)
) -> str:
    """ImageNet: ``train/SYNSET/*.JPEG``, ``val/SYNSET/*.JPEG`` and the lists in ``meta``."""
    (root / 'meta').mkdir(parents=True)
    for split in ('train', 'val'):
        lines = []
        for label in labels:
            folder = root / split / f'n{label:08d}'
            folder.mkdir(parents=True)
            for i in range(images_per_class):
                name = f'{folder.name}_{i}.JPEG'
                cv2.imwrite(str(folder / name), make_image(10 * label + i, size))
                lines.append(f'{folder.name}/{name} {label}')
        (root / 'meta' / f'{split}.txt').write_text('\n'.join(lines) + '\n')
    return str(root)


def make_folders(root: Path, classes: int = 2, images_per_class: int = 4, size: int = 32) -> str:
    """A folder of pictures per class, ``train/CLASS/*.png`` and ``val/CLASS/*.png``."""
    for split in ('train', 'val'):
        for label in range(classes):
            folder = root / split / f'class{label}'
            folder.mkdir(parents=True)
            for i in range(images_per_class):
                image = make_image(i, (size, size)) // 2 + label * 120
                cv2.imwrite(str(folder / f'{label}_{i}.png'), image.astype(np.uint8))
    return str(root)


def make_coco(root: Path,
              images: int = 2,
              size: Tuple[int, int] = (60, 80),
              categories: Dict[int, str] = PERSON_AND_CAR) -> str:
    """COCO 2017: a person, a car (polygons) and a crowd (run-length code) in every picture."""
    (root / 'annotations').mkdir(parents=True)
    height, width = size
    categories = [dict(id=i, name=name) for i, name in categories.items()]
    for split in ('train2017', 'val2017'):
        (root / split).mkdir()
        infos, annotations = [], []
        for image_id in range(1, images + 1):
            name = f'{image_id:012d}.jpg'
            image = make_image(image_id, size)
            for i, category in enumerate(PERSON_AND_CAR):
                x, y, w, h = 5 + 30 * i, 10, 25, 35
                cv2.rectangle(image, (x, y), (x + w, y + h), (255 * i, 0, 255), -1)
                polygon = [x, y, x + w, y, x + w, y + h, x, y + h]
                annotations.append(
                    dict(
                        segmentation=[polygon],
                        bbox=[x, y, w, h],
                        area=w * h,
                        iscrowd=0,
                        category_id=category))
            crowd = dict(counts=[0, height * 4, height * (width - 4)], size=[height, width])
            annotations.append(
                dict(
                    segmentation=crowd,
                    bbox=[0, 0, 4, height],
                    area=4 * height,
                    iscrowd=1,
                    category_id=1))
            for annotation in annotations[-3:]:
                annotation['image_id'] = image_id
            cv2.imwrite(str(root / split / name), image)
            infos.append(dict(id=image_id, file_name=name, height=height, width=width))
        for i, annotation in enumerate(annotations):
            annotation['id'] = i + 1
        content = dict(images=infos, annotations=annotations, categories=categories)
        path = root / 'annotations' / f'instances_{split}.json'
        path.write_text(json.dumps(content))
    return str(root)


def make_clips(root: Path, clips: int = 2, frames: int = 12, size: int = 32) -> str:
    """``.mp4`` clips of a square that moves left or right, and ``train.txt``, ``val.txt``."""
    root.mkdir(parents=True)
    for split in ('train', 'val'):
        lines = []
        for i in range(clips):
            label = i % len(DIRECTIONS)
            name = f'{split}_{i}.mp4'
            codec = cv2.VideoWriter_fourcc(*'mp4v')
            writer = cv2.VideoWriter(str(root / name), codec, 30, (size, size))
            for t in range(frames):
                x = 2 * t if label else 2 * (frames - 1 - t)
                frame = np.zeros((size, size, 3), np.uint8)
                frame[12:20, x:x + 8] = 255
                writer.write(frame)
            writer.release()
            lines.append(f'{name} {label}')
        (root / f'{split}.txt').write_text('\n'.join(lines) + '\n')
    return str(root)


def make_lvis(root: Path, classes: Sequence[str], images: int = 2) -> str:
    """LVIS v1: the pictures and polygons of :func:`make_coco`; all 1203 categories are named."""
    frequencies = {'f': 1000, 'c': 50, 'r': 3}
    make_coco(root, images)
    for split, folder in (('train', 'train2017'), ('val', 'val2017')):
        coco = json.loads((root / 'annotations' / f'instances_{folder}.json').read_text())
        annotations = [ann for ann in coco['annotations'] if not ann['iscrowd']]
        for ann in annotations:
            del ann['iscrowd']
            ann['category_id'] += 100 * ann['image_id']
        for image in coco['images']:
            name = image.pop('file_name')
            image.update(
                coco_url=f'http://images.cocodataset.org/{folder}/{name}',
                neg_category_ids=[7],
                not_exhaustive_category_ids=[])
        categories = []
        for i, name in enumerate(classes):
            frequency = 'fcr'[i % 3]
            categories.append(
                dict(
                    id=i + 1,
                    name=name,
                    synset=f'{name}.n.01',
                    synonyms=[name],
                    frequency=frequency,
                    image_count=frequencies[frequency],
                    instance_count=frequencies[frequency]))
        content = dict(images=coco['images'], annotations=annotations, categories=categories)
        (root / 'annotations' / f'lvis_v1_{split}.json').write_text(json.dumps(content))
    return str(root)
