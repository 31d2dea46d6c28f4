"""Detections of a dump and objects of a COCO file, in the same form."""
import json
from pathlib import Path
from typing import Dict, List, Optional, Sequence, Tuple

import numpy as np
from pycocotools import mask as coco_mask

from .matching import Things


class Annotations:
    """What a COCO file says about the pictures that were tested.

    Args:
        path (Path): The file.
        classes (Sequence[str], optional): Names in the order of the labels. Defaults to None: the
            order of the file.

    Raises:
        OSError: If there is no such file.
        ValueError: If it is no COCO file.
    """

    def __init__(self, path: Path, classes: Optional[Sequence[str]] = None) -> None:
        self.path = path
        try:
            content = json.loads(path.read_text(encoding='utf-8'))
            names = {category['id']: category['name'] for category in content['categories']}
            self.images = {image['id']: image for image in content['images']}
            objects = content['annotations']
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f'{path} is no COCO file with annotations ({error!r})') from error
        self.classes = tuple(classes or names.values())
        labels = {name: label for label, name in enumerate(self.classes)}
        self._labels = {key: labels[name] for key, name in names.items() if name in labels}
        if names and not self._labels:
            raise ValueError(
                f'{path} has none of the classes {str(self.classes)[1:-1][:100]}: give '
                'the config that was tested with --config')
        self._objects: Dict[object, List[dict]] = {key: [] for key in self.images}
        for one in objects:
            if one['category_id'] in self._labels and one['image_id'] in self._objects:
                self._objects[one['image_id']].append(one)

    def of(self, image: object, kind: str) -> Things:
        """The objects of a picture, as 'bbox' or 'segm'."""
        rows = self._objects.get(image, [])
        boxes = np.array([row['bbox'] for row in rows], float).reshape(-1, 4)
        areas = [row.get('area', row['bbox'][2] * row['bbox'][3]) for row in rows]
        shapes = boxes
        if kind == 'segm':
            shapes = [self._mask(row, self.images[image]) for row in rows]
        return Things(
            labels=np.array([self._labels[row['category_id']] for row in rows], int),
            shapes=shapes,
            areas=np.array(areas, float),
            scores=np.zeros(len(rows)),
            crowd=np.array([bool(row.get('iscrowd')) for row in rows], bool))

    def boxes_of(self, image: object) -> np.ndarray:
        """Boxes (n, 4) of the objects that are no crowds, as x, y, width, height."""
        rows = [row for row in self._objects.get(image, []) if not row.get('iscrowd')]
        return np.array([row['bbox'] for row in rows], float).reshape(-1, 4)

    def _mask(self, row: dict, image: dict) -> dict:
        mask = row.get('segmentation')
        if not mask:
            raise ValueError(f'{self.path}: object {row.get("id")} has no mask ("segmentation")')
        if isinstance(mask, list):
            return coco_mask.merge(coco_mask.frPyObjects(mask, image['height'], image['width']))
        if isinstance(mask['counts'], list):
            return coco_mask.frPyObjects(mask, image['height'], image['width'])
        return mask


def detections(sample: dict, kind: str, most: int) -> Things:
    """What a model has found in a picture, the best first.

    Args:
        sample (dict): The picture in the dump.
        kind (str): 'bbox' or 'segm'.
        most (int): Detections of a class that are kept.
    """
    found = sample['pred_instances']
    scores = np.asarray(found['scores'], float)
    if kind == 'segm':
        scores = np.asarray(found.get('mask_scores', scores), float)
    order = np.argsort(-scores, kind='stable')
    labels, scores = np.asarray(found['labels'], int)[order], scores[order]
    place = _places(labels)
    order, labels, scores = order[place < most], labels[place < most], scores[place < most]
    if kind == 'segm':
        shapes = [found['masks'][i] for i in order]
        areas = coco_mask.area(shapes) if shapes else np.zeros(0)
    else:
        shapes = boxes_of(found)[order]
        areas = shapes[:, 2] * shapes[:, 3]
    return Things(labels, shapes, np.asarray(areas, float), scores, np.zeros(len(labels), bool))


def boxes_of(found: dict) -> np.ndarray:
    """Boxes (n, 4) as x, y, width, height."""
    corners = np.asarray(found['bboxes'], float).reshape(-1, 4)
    return np.concatenate([corners[:, :2], corners[:, 2:] - corners[:, :2]], 1)


def _places(labels: np.ndarray) -> np.ndarray:
    """How many of the same class come before each."""
    order = np.argsort(labels, kind='stable')
    ordered = labels[order]
    starts = np.searchsorted(ordered, ordered)
    place = np.empty(len(labels), int)
    place[order] = np.arange(len(labels)) - starts
    return place


def in_order(samples: List[dict]) -> Tuple[List[dict], List[object]]:
    """The samples in the order of their pictures' ids, in which COCO's evaluation goes."""
    samples = sorted(samples, key=lambda sample: sample['img_id'])
    return samples, [sample['img_id'] for sample in samples]
