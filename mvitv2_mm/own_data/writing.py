"""Own data in the formats that our datasets read; the files of the user stay where they are."""
import json
import os
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Dict, Sequence, Tuple, Union

from ..datasets.coco_format import mask_area
from ..datasets.lists import number_names, split_sample
from ..datasets.readers import FrameFolder, UnreadableClipError, VideoFile
from ..files import replaced
from .folders import UNREADABLE, sizes
from .samples import OwnData, Sample

_LOOKED_AT = 16  # files that tell the typical size


@dataclass
class WrittenSplit:
    """Annotations of a split.

    Attributes:
        ann_file (str): Absolute path of the file that was written.
        num_samples (int): Number of pictures, clips or key frames.
    """
    ann_file: str
    num_samples: int


@dataclass
class WrittenData:
    """What :func:`write` has written.

    Attributes:
        task (str): See :class:`OwnData`.
        kind (str): See :class:`OwnData`.
        classes (tuple[str, ...]): Names of the classes.
        data_root (str): The user's folder, to which names in annotations are relative.
        splits (dict[str, WrittenSplit]): By 'train', 'val' and 'test'.
        has_masks (bool): Whether every object to learn from has a mask.
        short_side (int): Median of the short sides of a few pictures or clips, in pixels.
        reading (dict): See :class:`OwnData`.
    """
    task: str
    kind: str
    classes: Tuple[str, ...]
    data_root: str
    splits: Dict[str, WrittenSplit]
    has_masks: bool
    short_side: int
    reading: dict


def write(data: OwnData, folder: Union[str, Path]) -> WrittenData:
    """Write the annotations of own data for our datasets, each file whole or not at all.

    Pictures and clips become lists ``path<TAB>class``, objects COCO JSON, and people AVA's CSV, all
    with paths relative to the user's folder.

    Args:
        data (OwnData): The data with its splits.
        folder (str | Path): Where the annotations are written.

    Raises:
        ValueError: If a name cannot be written in these formats.
    """
    folder = Path(os.path.abspath(folder))
    write_split = dict(
        detection=_write_coco, action_detection=_write_ava).get(data.task, _write_list)
    splits = {
        split: write_split(data, samples, folder / split)
        for split, samples in data.splits.items()
    }
    _write_record(data, folder / 'split.json')
    objects = [obj for samples in data.splits.values() for s in samples for obj in s.objects]
    has_masks = data.task == 'detection' and all(obj.mask is not None or obj.crowd
                                                 for obj in objects)
    return WrittenData(data.task, data.kind, data.classes, data.root, splits, has_masks,
                       _typical_side(data), data.reading)


def name_in(root: str, path: str) -> str:
    """Name of a file relative to a folder, absolute if it lies elsewhere.

    Raises:
        ValueError: If it is no text in UTF-8.
    """
    name = os.path.relpath(path, root)
    try:
        name.encode()
    except UnicodeEncodeError:
        shown = os.fsencode(path).decode(errors='backslashreplace')
        raise ValueError(f'the name "{shown}" is not text in UTF-8; rename it') from None
    return path if name.startswith('..') else Path(name).as_posix()


def _write(path: Path, text: str) -> None:
    with replaced(path) as temporary:
        temporary.write_text(text, encoding='utf-8')


def _write_list(data: OwnData, samples: Sequence[Sample], stem: Path) -> WrittenSplit:
    path = stem.with_suffix('.txt')
    lines, labels = [], number_names(data.classes)
    for sample in samples:
        name = name_in(data.root, sample.path)
        lines.append(f'{name}\t{data.classes[sample.label]}')
        if not _reads_back(lines[-1], name, sample.label, labels):
            raise ValueError(f'"{name}" of the class "{data.classes[sample.label]}" cannot be '
                             'written into a list; rename the file or the class')
    _write(path, ''.join(f'{line}\n' for line in lines))
    return WrittenSplit(str(path), len(lines))


def _reads_back(line: str, name: str, label: int, classes: Dict[str, int]) -> bool:
    """Whether a line of a list is read as what was meant."""
    if line.splitlines() != [line.strip()]:
        return False
    return split_sample(line, classes=classes) == (name, [], [label])


def _write_coco(data: OwnData, samples: Sequence[Sample], stem: Path) -> WrittenSplit:
    path = stem.with_suffix('.json')
    images, annotations = [], []
    for number, sample in enumerate(samples, 1):
        width, height = sample.size
        name = name_in(data.root, sample.path)
        images.append(dict(id=number, file_name=name, width=width, height=height))
        for obj in sample.objects:
            x1, y1, x2, y2 = obj.box
            covered = obj.area or (obj.mask and mask_area(obj.mask, height, width))
            annotation = dict(
                id=len(annotations) + 1,
                image_id=number,
                category_id=obj.label + 1,
                bbox=[x1, y1, x2 - x1, y2 - y1],
                area=covered or (x2 - x1) * (y2 - y1),
                iscrowd=int(obj.crowd))
            if obj.mask is not None:
                annotation['segmentation'] = obj.mask
            annotations.append(annotation)
    categories = [dict(id=i, name=name) for i, name in enumerate(data.classes, 1)]
    _write(path, json.dumps(dict(images=images, annotations=annotations, categories=categories)))
    return WrittenSplit(str(path), len(images))


def _write_ava(data: OwnData, samples: Sequence[Sample], stem: Path) -> WrittenSplit:
    path = stem.with_suffix('.csv')
    lines, keys = [], set()
    for sample in samples:
        name = name_in(data.root, sample.path)
        if ',' in name:
            raise ValueError(f'the name "{name}" holds a comma, which AVA\'s CSV cannot; rename it')
        for person in sample.objects:
            box = ','.join(map(repr, person.box))
            lines.append(f'{name},{person.second},{box},{person.label + 1},{person.person}\n')
            keys.add((name, person.second))
    _write(path, ''.join(lines))
    return WrittenSplit(str(path), len(keys))


def _write_record(data: OwnData, path: Path) -> None:
    names = {
        split: [name_in(data.root, sample.path) for sample in samples]
        for split, samples in data.splits.items()
    }
    record = dict(data.record, kind=data.kind, data_root=data.root, **names)
    _write(path, json.dumps(record, indent=1, ensure_ascii=False) + '\n')


def _typical_side(data: OwnData) -> int:
    """Median short side of a few training files."""
    samples = data.splits['train']
    few = samples[::max(1, len(samples) // _LOOKED_AT)][:_LOOKED_AT]
    sides = []
    for sample in few:
        try:
            sides.append(min(_size(sample, data)))
        except (UnreadableClipError, *UNREADABLE):
            continue
    if not sides:
        raise ValueError(f'none of {len(few)} files of {data.root} that were tried can be read, '
                         f'such as {few[0].path}')
    return round(median(sides))


def _size(sample: Sample, data: OwnData) -> Tuple[int, int]:
    """Sides of a picture, or of the first frame of a clip."""
    if data.task in ('image', 'detection'):
        return sample.size or sizes(sample.path)[0]
    if data.reading.get('key') == 'img':
        clip = FrameFolder(sample.path, None, data.reading['filename_tmpl'])
    else:
        clip = VideoFile(sample.path)
    return clip.read([0])[0].shape[:2]
