"""LVIS, where only some of the classes were looked for in a picture."""
from pathlib import Path
from typing import Dict

import numpy as np

from .coco import Annotations, boxes_of, mean, ranked, things
from .matching import Things

_ALL = slice(None)
_NAMES = {'AP': (0, _ALL), 'AP50': (0, 0), 'AP75': (0, 5)}  # index in SIZES, and in IOUS
_NAMES.update(APs=(1, _ALL), APm=(2, _ALL), APl=(3, _ALL))


class LvisAnnotations(Annotations):
    """What an LVIS file says about the pictures that were tested; labels are in its order.

    Detections of a class that was not looked for in a picture do not count. Where not all objects
    of a class are annotated, those that find none do not count either.

    Args:
        path (Path): The file.

    Raises:
        OSError: If there is no such file.
        ValueError: If it is no LVIS file.
    """
    most = 300, 300  # of all classes together

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        try:
            self._absent = self._listed('neg_category_ids')
            self._partly = self._listed('not_exhaustive_category_ids')
            self._frequency = np.array([one['frequency'] for one in self.categories.values()])
        except KeyError as error:
            raise ValueError(f'{path} is no LVIS file: {error} is lacking') from None

    def _listed(self, key: str) -> Dict[object, np.ndarray]:
        """Labels that each picture lists under a key."""
        return {
            image: np.array([self.labels[one] for one in row[key]], int)
            for image, row in self.images.items()
        }

    def of(self, image: object, kind: str) -> Things:
        """The objects of a picture, as 'bbox' or 'segm'."""
        return super().of(image, kind)._replace(partly=self._partly[image])

    def found(self, sample: dict, kind: str) -> Things:
        """What a model has found in a picture of a dump, the best first, as far as it counts."""
        order, labels = ranked(sample, kind)
        image = sample['img_id']
        known = [self.labels[row['category_id']] for row in self._objects.get(image, [])]
        looked_for = np.concatenate([self._absent[image], np.array(known, int)])
        kept = np.isin(labels, looked_for) & (np.arange(len(labels)) < self.most[0])
        boxes = boxes_of(sample['pred_instances'])[order[kept]]
        # mmdet gives masks the areas of their boxes here
        return things(sample, kind, order[kept])._replace(areas=boxes[:, 2] * boxes[:, 3])

    def metrics(self, kind: str, table: np.ndarray) -> Dict[str, float]:
        """LVIS's values under the names of mmdet, which rounds them to three digits; -1: none.

        Args:
            kind (str): 'bbox' or 'segm'.
            table (np.ndarray): AP (2, classes, sizes, thresholds).
        """
        found = {name: mean(table[0, :, size, iou]) for name, (size, iou) in _NAMES.items()}
        found.update({f'AP{f}': mean(table[0, self._frequency == f, 0]) for f in 'rcf'})
        return {f'lvis/{kind}_{name}': value for name, value in found.items()}
