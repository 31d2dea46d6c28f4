import os
import shutil
from pathlib import Path
from typing import List

import numpy as np
import yaml

from ...files import write_text
from .base import Writer
from .masks import mask_polygons, one_outline


class YOLOWriter(Writer):
    """A YOLO data set: ``data.yaml``, ``labels/`` with a text file for each picture, ``images/``.

    Objects with a mask are outlines ("segments"), others boxes. An outline loses holes. Pictures
    are links to the inputs; those of the frames of a video are not written.
    """
    name = 'yolo'

    def add(self, record: dict) -> None:
        if 'error' in record:
            return
        stem = self.names.stem(record)
        size = np.array([record['width'], record['height']])
        lines = []
        for one in self._objects(record):
            points = _corners(one) if one.get('mask') else _centre_and_size(one)
            lines.append(f'{one["label"]} {_numbers(points / size)}\n')
        write_text(self.path / 'labels' / f'{stem}.txt', ''.join(lines))
        if os.path.isfile(record['input']) and 'frame' not in record:
            suffix = os.path.splitext(record['input'])[1]
            _link(record['input'], self.path / 'images' / f'{stem}{suffix}')

    def close(self) -> None:
        content = dict(train='images', val='images', names=dict(enumerate(self._classes())))
        text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
        write_text(self.path / 'data.yaml', text)
        super().close()


def _numbers(values: np.ndarray) -> str:
    return ' '.join(f'{value:.6f}' for value in values.clip(0, 1).ravel())


def _corners(one: dict) -> np.ndarray:
    parts: List[np.ndarray] = mask_polygons(one['mask'])
    if parts:
        return one_outline(parts)
    x1, y1, x2, y2 = one['box']  # nothing of the mask is left
    return np.array([[x1, y1], [x2, y1], [x2, y2], [x1, y2]])


def _centre_and_size(one: dict) -> np.ndarray:
    x1, y1, x2, y2 = one['box']
    return np.array([[(x1 + x2) / 2, (y1 + y2) / 2], [x2 - x1, y2 - y1]])


def _link(source: str, target: Path) -> None:
    """A link, or a copy where the file system has none."""
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    try:
        target.symlink_to(os.path.abspath(source))
    except OSError:
        shutil.copyfile(source, target)
