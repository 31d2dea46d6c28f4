import json
import shutil
from pathlib import PurePosixPath
from tempfile import TemporaryFile
from typing import Dict, List, Optional, TextIO

from ...datasets.coco_format import mask_area
from ..records import readable_json
from .base import Writer
from .masks import mask_polygons
from .names import Names


class _JSONList:
    """Writes the items of a JSON list one by one."""

    def __init__(self, file: TextIO) -> None:
        self.file = file
        self.num_items = 0

    def add(self, item: dict) -> None:
        self.file.write(',\n' if self.num_items else '\n')
        self.file.write(readable_json(item))
        self.num_items += 1


class _Pictures(_JSONList):
    """Writes the table of pictures, which are numbered from 1 in the order in which they come."""

    def __init__(self, file: TextIO, names: Names) -> None:
        super().__init__(file)
        self.names = names
        file.write('{"images": [')

    def number(self, record: dict) -> int:
        size = dict(width=record['width'], height=record['height'])
        self.add(dict(id=self.num_items + 1, file_name=self.names.path(record), **size))
        return self.num_items

    def end(self, classes: List[str]) -> None:
        categories = [dict(id=number, name=name) for number, name in enumerate(classes, 1)]
        self.file.write('\n],\n"categories": ')
        self.file.write(readable_json(categories))


def _box(one: dict) -> List[float]:
    x1, y1, x2, y2 = one['box']
    return [x1, y1, x2 - x1, y2 - y1]


class COCOWriter(Writer):
    """COCO's list of results, as evaluation servers and ``COCO.loadRes`` of pycocotools take it.

    Args:
        *args: See :class:`Writer`.
        annotations (str, optional): A COCO file, which gives pictures and classes their numbers.
            Defaults to None: both count from 1, and a table beside the results tells which
            picture has which number.
        **kwargs: See :class:`Writer`.

    Raises:
        ValueError: If the file is not as described, or does not know a class of the model.
    """
    name = 'predictions.coco.json'

    def __init__(self, *args, annotations: Optional[str] = None, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self._known = _Known(annotations, self.model) if annotations else None
        self._results = _JSONList(self._open(self.path))
        self._results.file.write('[')
        if not annotations:
            table = self.path.with_name(f'{self.path.stem}.images.json')
            self._pictures = _Pictures(self._open(table), self.names)

    def add(self, record: dict) -> None:
        if 'error' in record:
            return
        number = (self._known or self._pictures).number(record)
        for one in self._objects(record):
            label = one['label']
            result = dict(
                image_id=number,
                category_id=self._known.categories[label] if self._known else label + 1,
                bbox=_box(one),
                score=one['score'])
            if 'mask' in one:
                result['segmentation'] = one['mask']
            self._results.add(result)

    def close(self) -> None:
        self._results.file.write('\n]\n')
        if not self._known:
            self._pictures.end(self._classes())
            self._pictures.file.write('}\n')
        super().close()


class _Known:
    """Numbers of pictures and classes in a COCO file."""

    def __init__(self, path: str, model: object) -> None:
        self.path = path
        try:
            with open(path, encoding='utf-8') as file:
                content = json.load(file)
            self._ids: Dict[str, int] = {one['file_name']: one['id'] for one in content['images']}
            ids = {one['name']: one['id'] for one in content['categories']}
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f'{path} is not a COCO file with "images" and "categories": '
                             f'{error!r}') from error
        missing = [name for name in model.classes or () if name not in ids]
        if missing or not model.classes:
            raise ValueError(f'{path} has no category "{(missing or ["?"])[0]}", which '
                             f'{model.name} predicts; give the file of the data that it knows')
        self.categories = [ids[name] for name in model.classes]

    def number(self, record: dict) -> int:
        parts = PurePosixPath(record['input']).parts
        for first in range(len(parts)):
            name = '/'.join(parts[first:])
            if name in self._ids:
                return self._ids[name]
        raise ValueError(f'{self.path} has no picture whose "file_name" ends {record["input"]}')


class COCODataWriter(Writer):
    """A COCO data set to be corrected in an annotation tool, such as CVAT or Label Studio.

    Masks are polygons, which these tools can edit; holes of masks are lost, areas are exact.
    """
    name = 'annotations.coco.json'

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self._pictures = _Pictures(self._open(self.path), self.names)
        spool = self._files.enter_context(TemporaryFile('w+', encoding='utf-8'))
        self._annotations = _JSONList(spool)

    def add(self, record: dict) -> None:
        if 'error' in record:
            return
        number = self._pictures.number(record)
        for one in self._objects(record):
            annotation = dict(
                id=self._annotations.num_items + 1,
                image_id=number,
                category_id=one['label'] + 1,
                bbox=_box(one),
                iscrowd=0,
                score=one['score'],
                **_region(one))
            if 'track' in one:
                annotation['attributes'] = dict(track_id=one['track'])
            self._annotations.add(annotation)

    def close(self) -> None:
        self._pictures.end(self._classes())
        self._pictures.file.write(',\n"annotations": [')
        self._annotations.file.seek(0)
        shutil.copyfileobj(self._annotations.file, self._pictures.file)
        self._pictures.file.write('\n]}\n')
        super().close()


def _region(one: dict) -> dict:
    if 'mask' not in one:
        return dict(area=_box(one)[2] * _box(one)[3], segmentation=[])
    polygons = [part.ravel().tolist() for part in mask_polygons(one['mask'])]
    return dict(area=mask_area(one['mask'], *one['mask']['size']), segmentation=polygons)
