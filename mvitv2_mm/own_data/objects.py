"""Objects of pictures: compared with the pictures, cut to them, counted before and after."""
import math
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Dict, List, NamedTuple, Optional, Sequence, Tuple

from .folders import UNREADABLE, sizes
from .samples import Object, OwnData, Sample

_SMALLEST = 1  # side in pixels of a box that mmdet learns from
_MANY = 0.25  # of the boxes
_READERS = 8  # threads that read the heads of pictures


class RawPicture(NamedTuple):
    """A picture as a format annotates it.

    Attributes:
        path (str): Absolute path of the file.
        objects (list[Object]): Its objects; boxes and polygons in pixels, or in shares of the
            picture if ``relative``.
        stated (tuple[int, int], optional): Width and height in the annotation.
        where (str): The annotation, for messages.
        relative (bool): Whether positions are shares of the picture.
    """
    path: str
    objects: List[Object]
    stated: Optional[Tuple[int, int]]
    where: str
    relative: bool = False


@dataclass
class Found:
    """What a reader of a detection format finds.

    Attributes:
        kind (str): The format in words.
        root (str): Absolute path of the user's folder.
        classes (Sequence[str]): Names of the classes in the order of their labels.
        pictures (dict[str, list[RawPicture]]): The pictures of each split.
        notes (list[str]): What a user should know.
    """
    kind: str
    root: str
    classes: Sequence[str]
    pictures: Dict[str, List[RawPicture]]
    notes: List[str]

    def complete(self) -> OwnData:
        """The data with sizes of the upright pictures and boxes that lie inside of them.

        Raises:
            ValueError: If a picture is missing, unreadable or of another size than its annotation
                says, or an object has no sensible box.
        """
        tally: Counter = Counter()
        splits = {
            split: tuple(_complete_all(pictures, tally))
            for split, pictures in self.pictures.items() if pictures or split == 'train'
        }
        _check_nothing_lost(self.pictures, splits, tally)
        objects = [obj for samples in splits.values() for s in samples for obj in s.objects]
        if objects and all(obj.crowd for obj in objects):
            raise ValueError(f'{self.root}: all {len(objects)} objects are marked as crowds '
                             '("iscrowd", "difficult"), from which nothing is learnt; export them '
                             'without that mark')
        return OwnData('detection', self.kind, self.root, tuple(self.classes), splits,
                       self.notes + _describe(tally, objects))


def _complete_all(pictures: List[RawPicture], tally: Counter) -> List[Sample]:
    with ThreadPoolExecutor(_READERS) as pool:
        found = list(pool.map(_read_sizes, pictures))
    return [_complete(picture, *size, tally) for picture, size in zip(pictures, found)]


def _read_sizes(picture: RawPicture) -> Tuple[Tuple[int, int], Tuple[int, int]]:
    """Width and height upright and as stored."""
    try:
        return sizes(picture.path)
    except UNREADABLE as error:
        raise ValueError(f'{picture.path} cannot be read as a picture: {error}') from None


def _complete(picture: RawPicture, size: Tuple[int, int], stored: Tuple[int, int],
              tally: Counter) -> Sample:
    _check_size(picture, size, stored)
    objects = []
    for obj in picture.objects:
        if picture.relative:
            obj = _to_pixels(obj, *size)
        if isinstance(obj.mask, dict) and tuple(obj.mask['size']) != size[::-1]:
            raise ValueError(f'{picture.where}: a run-length code is of {obj.mask["size"]} pixels '
                             f'(height, width), but {picture.path} of {list(size[::-1])}')
        if not all(map(math.isfinite, obj.box)):
            raise ValueError(f'{picture.where}: a box has the numbers {obj.box}')
        box = _cut(obj.box, *size)
        if min(box[2] - box[0], box[3] - box[1]) < _SMALLEST:
            tally['empty'] += 1
            tally['empty masks'] += obj.mask is not None
            continue
        tally['cut'] += max(abs(a - b) for a, b in zip(box, obj.box)) > 1
        objects.append(obj._replace(box=box))
    return Sample(picture.path, objects=tuple(objects), size=size)


def _check_size(picture: RawPicture, size: Tuple[int, int], stored: Tuple[int, int]) -> None:
    stated = picture.stated
    if not stated or not all(stated) or stated == size:
        return
    sides = '{} x {}'.format
    if stated == stored:
        raise ValueError(
            f'{picture.where}: {picture.path} is {sides(*size)} when it is turned upright as its '
            f'EXIF orientation says, but annotated as {sides(*stated)}, as it is stored; remove '
            'the EXIF orientation from such pictures, or annotate them upright')
    raise ValueError(f'{picture.where}: {picture.path} is {sides(*size)} (width x height), but '
                     f'annotated as {sides(*stated)}; take the pictures that were annotated')


def _to_pixels(obj: Object, width: int, height: int) -> Object:
    sides = (width, height)
    mask = obj.mask and [[n * sides[i % 2] for i, n in enumerate(part)] for part in obj.mask]
    return obj._replace(box=tuple(n * sides[i % 2] for i, n in enumerate(obj.box)), mask=mask)


def _cut(box: Sequence[float], width: int, height: int) -> Tuple[float, ...]:
    x1, y1, x2, y2 = box
    return (min(max(x1, 0), width), min(max(y1, 0), height), min(max(x2, 0),
                                                                 width), min(max(y2, 0), height))


def _check_nothing_lost(pictures: Dict[str, List[RawPicture]], splits: Dict[str, tuple],
                        tally: Counter) -> None:
    """Compare the numbers of boxes, masks and classes before and after."""
    for split, samples in splits.items():
        before = [obj for picture in pictures[split] for obj in picture.objects]
        after = [obj for sample in samples for obj in sample.objects]
        tally['boxes before'] += len(before)
        tally['boxes after'] += len(after)
        tally['masks before'] += sum(obj.mask is not None for obj in before)
        tally['masks after'] += sum(obj.mask is not None for obj in after)
    for name in ('boxes', 'masks'):
        dropped = tally['empty' if name == 'boxes' else 'empty masks']
        if tally[f'{name} before'] != tally[f'{name} after'] + dropped:
            raise ValueError(f'{tally[f"{name} before"]} {name} were read, but '
                             f'{tally[f"{name} after"]} are left; this is a fault of mvitv2_mm')


def _describe(tally: Counter, objects: List[Object]) -> List[str]:
    notes = []
    if tally['cut']:
        text = ('boxes that reach more than a pixel beyond their picture, and are cut at its edge: '
                f'{tally["cut"]} of {tally["boxes before"]}')
        if tally['cut'] > _MANY * tally['boxes before']:
            text += '; so many may mean that their numbers are in another order than the format has'
        notes.append(text)
    if tally['empty']:
        notes.append(
            'boxes that are narrower than a pixel inside of their picture, and are left out: '
            f'{tally["empty"]}')
    crowds = sum(obj.crowd for obj in objects)
    if crowds:
        notes.append('objects that are marked as crowds ("iscrowd", "difficult"), from which '
                     f'nothing is learnt: {crowds}')
    masks = sum(obj.mask is not None for obj in objects if not obj.crowd)
    if 0 < masks < len(objects) - crowds:
        notes.append(f'{len(objects) - crowds - masks} of {len(objects) - crowds} objects have no '
                     'mask, so that boxes alone are trained')
    return notes
