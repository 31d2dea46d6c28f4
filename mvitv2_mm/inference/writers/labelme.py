import os
from typing import List

from ...files import write_text
from ..records import readable_json
from .base import Writer
from .masks import mask_polygons


class LabelMeWriter(Writer):
    """A JSON file of LabelMe for each picture, with polygons, or rectangles where no masks are.

    The parts of a mask are polygons of one group; holes are lost. The files name their pictures,
    which stay where they are.
    """
    name = 'labelme'

    def add(self, record: dict) -> None:
        if 'error' in record:
            return
        path = self.path / f'{self.names.stem(record)}.json'
        picture = os.path.basename(self.names.path(record))
        if os.path.isfile(record['input']) and 'frame' not in record:
            picture = os.path.relpath(record['input'], path.parent)
        shapes = [
            shape for group, one in enumerate(self._objects(record), 1)
            for shape in _shapes(one, group)
        ]
        content = dict(
            version='5.5.0',
            flags={},
            shapes=shapes,
            imagePath=picture,
            imageData=None,
            imageHeight=record['height'],
            imageWidth=record['width'])
        write_text(path, readable_json(content, indent=1) + '\n')


def _shapes(one: dict, group: int) -> List[dict]:
    parts = [part.tolist() for part in mask_polygons(one['mask'])] if 'mask' in one else []
    x1, y1, x2, y2 = one['box']
    outlines = parts or [[[x1, y1], [x2, y2]]]
    return [
        dict(
            label=one['name'],
            points=points,
            group_id=group if len(parts) > 1 else None,
            description=f'score {one["score"]:.3f}',
            shape_type='polygon' if parts else 'rectangle',
            flags={},
            mask=None) for points in outlines
    ]
