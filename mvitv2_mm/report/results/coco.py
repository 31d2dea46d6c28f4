"""Detections of a dump and objects of a COCO file, in the same form."""
import json
import os
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence, Tuple

import numpy as np
from pycocotools import mask as coco_mask

from .base import mean_of_known
from .matching import Things, places

# of a table: index in "most", in SIZES, and in IOUS
_ALL = slice(None)
_NAMES = {'mAP': (0, 0, _ALL), 'mAP_50': (1, 0, 0), 'mAP_75': (1, 0, 5)}
OF_CLASS = '_precision'  # how mmdet ends the name of the AP of a class
_NAMES.update(mAP_s=(1, 1, _ALL), mAP_m=(1, 2, _ALL), mAP_l=(1, 3, _ALL))


class Annotations:
    """What a COCO file says about the pictures that were tested.

    Args:
        path (Path): The file.
        classes (Sequence[str], optional): Names in the order of the labels. Defaults to None: the
            order of the file.

    Attributes:
        most (tuple[int, int]): Detections of a class in a picture that count: for the mean AP, and
            for all other values.

    Raises:
        OSError: If there is no such file.
        ValueError: If it is no COCO file.
    """
    most: Tuple[int, int] = (100, 1000)

    def __init__(self, path: Path, classes: Optional[Sequence[str]] = None) -> None:
        self.path = path
        try:
            content = json.loads(path.read_text(encoding='utf-8'))
            self.categories = {category['id']: category for category in content['categories']}
            names = {key: category['name'] for key, category in self.categories.items()}
            self.images = {image['id']: image for image in content['images']}
            objects = content['annotations']
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f'{path} is no COCO file with annotations ({error!r})') from error
        self.classes = tuple(classes or names.values())
        labels = {name: label for label, name in enumerate(self.classes)}
        self.labels = {key: labels[name] for key, name in names.items() if name in labels}
        if names and not self.labels:
            raise ValueError(
                f'{path} has none of the classes {str(self.classes)[1:-1][:100]}: give '
                'the config that was tested with --config')
        self._objects: Dict[object, List[dict]] = {key: [] for key in self.images}
        for one in objects:
            if one['category_id'] in self.labels and one['image_id'] in self._objects:
                self._objects[one['image_id']].append(one)

    def check_pictures(self, samples: List[dict]) -> None:
        """See whether the file is about the pictures of a dump.

        Raises:
            ValueError: If not.
        """
        for sample in samples:
            image = self.images.get(sample['img_id'])
            listed, name = (
                os.path.basename(found or '')
                for found in ((image or {}).get('file_name'), sample.get('img_path')))
            if image is None or (listed and name and listed != name):
                raise ValueError(
                    f'{self.path} does not list picture {sample["img_id"]} of the dump '
                    f'as {name or "any file"}: give the config that was tested with '
                    '--config')

    def of(self, image: object, kind: str) -> Things:
        """The objects of a picture, as 'bbox' or 'segm'."""
        rows = self._objects.get(image, [])
        boxes = np.array([row['bbox'] for row in rows], float).reshape(-1, 4)
        areas = [row.get('area', row['bbox'][2] * row['bbox'][3]) for row in rows]
        shapes: Any = boxes
        if kind == 'segm':
            shapes = [self._mask(row, self.images[image]) for row in rows]
        return Things(
            labels=np.array([self.labels[row['category_id']] for row in rows], int),
            shapes=shapes,
            areas=np.array(areas, float),
            scores=np.zeros(len(rows)),
            sources=np.arange(len(rows)),
            crowd=np.array([bool(row.get('iscrowd')) for row in rows], bool))

    def found(self, sample: dict, kind: str) -> Things:
        """What a model has found in a picture of a dump, the best first, as far as it counts."""
        order, labels = ranked(sample, kind)
        kept = places(labels) < self.most[-1]
        return things(sample, kind, order[kept])

    def boxes_of(self, image: object) -> np.ndarray:
        """Boxes (n, 4) of the objects that are no crowds, as x, y, width, height."""
        rows = [row for row in self._objects.get(image, []) if not row.get('iscrowd')]
        return np.array([row['bbox'] for row in rows], float).reshape(-1, 4)

    def metrics(self, kind: str, table: np.ndarray) -> Dict[str, float]:
        """COCO's values under the names of mmdet, which rounds them to three digits; -1: none.

        Args:
            kind (str): 'bbox' or 'segm'; the APs of classes have the same names for both.
            table (np.ndarray): AP (2, classes, sizes, thresholds).
        """
        found = {
            f'coco/{kind}_{name}': mean(table[row, :, size, iou])
            for name, (row, size, iou) in _NAMES.items()
        }
        of_classes = dict(zip(self.classes, table[1, :, 0].mean(-1).tolist()))
        return {**found, **{f'coco/{name}{OF_CLASS}': ap for name, ap in of_classes.items()}}

    def _mask(self, row: dict, image: dict) -> dict:
        mask = row.get('segmentation')
        if not mask:
            raise ValueError(f'{self.path}: object {row.get("id")} has no mask ("segmentation")')
        if isinstance(mask, list):
            return coco_mask.merge(coco_mask.frPyObjects(mask, image['height'], image['width']))
        if isinstance(mask['counts'], list):
            return coco_mask.frPyObjects(mask, image['height'], image['width'])
        return mask


def mean(values: np.ndarray) -> float:
    """Mean of those that are no NaN, -1 without any."""
    found = mean_of_known(values)
    return -1. if np.isnan(found) else found


def scores_of(sample: dict, kind: str) -> np.ndarray:
    """Scores of all detections of a picture; some detectors have others for masks."""
    found = sample['pred_instances']
    key = 'mask_scores' if kind == 'segm' and 'mask_scores' in found else 'scores'
    return np.asarray(found[key], float)


def ranked(sample: dict, kind: str) -> Tuple[np.ndarray, np.ndarray]:
    """Indices of all detections of a picture, the best first, and their labels in that order."""
    order = np.argsort(-scores_of(sample, kind), kind='stable')
    return order, np.asarray(sample['pred_instances']['labels'], int)[order]


def things(sample: dict, kind: str, order: np.ndarray) -> Things:
    """Some detections of a picture in an order."""
    found = sample['pred_instances']
    if kind == 'segm':
        shapes: Any = [found['masks'][i] for i in order]
        areas = coco_mask.area(shapes) if shapes else np.zeros(0)
    else:
        shapes = boxes_of(found)[order]
        areas = shapes[:, 2] * shapes[:, 3]
    labels = np.asarray(found['labels'], int)[order]
    return Things(labels, shapes, np.asarray(areas, float),
                  scores_of(sample, kind)[order], order, np.zeros(len(order), bool))


def boxes_of(found: dict) -> np.ndarray:
    """Boxes (n, 4) as x, y, width, height."""
    corners = np.asarray(found['bboxes'], float).reshape(-1, 4)
    return np.concatenate([corners[:, :2], corners[:, 2:] - corners[:, :2]], 1)


def in_order(samples: List[dict]) -> Tuple[List[dict], List[object]]:
    """The samples in the order of their pictures' ids, in which COCO's evaluation goes."""
    samples = sorted(samples, key=lambda sample: sample['img_id'])
    return samples, [sample['img_id'] for sample in samples]
