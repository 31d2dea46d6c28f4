"""CSV in the style of AVA: people in boxes at seconds of videos, and their actions."""
import math
import re
from pathlib import Path
from typing import Dict, List, Optional, Sequence, Tuple

from ...datasets.class_folders import IMAGE_SUFFIXES, is_hidden
from ...datasets.lists import read_lines
from ...datasets.readers import VIDEO_SUFFIXES
from ...datasets.video_index import video_duration
from ..folders import FileIndex, split_of
from ..samples import OwnData, Person, Sample
from .common import check_new_classes, list_names

LOOKED_FOR = ('CSV in the style of AVA (train.csv, val.csv with '
              'video,second,x1,y1,x2,y2,action,person, beside videos/ or frames/)')
_COLUMNS = 'video,second,x1,y1,x2,y2,action,person'
_FRAMES = ('frames', 'rawframes', 'images')
_FPS = 30
_AVA_START = 900  # the second that AVA gives to the start of its cut videos

People = Dict[str, List[Person]]


def find(path: Path) -> Optional[OwnData]:
    """The videos that CSV files of a folder, or of its folder ``annotations``, describe.

    Raises:
        ValueError: If a line is not as it should be, or its video is missing or shorter.
    """
    files = _files(path)
    if not files:
        return None
    root = path if path.is_dir() else path.parent
    people = {split: _read(file) for split, file in files.items()}
    classes, notes = _classes(root, files['train'].parent, people['train'])
    for split, videos in people.items():
        used = {str(p.label + 1) for part in videos.values() for p in part}
        check_new_classes([str(i + 1) for i in range(len(classes))], used, str(files[split]))
    videos = _Videos(root)
    splits = {
        split:
        tuple(
            Sample(videos.locate(name, files[split]), objects=tuple(part))
            for name, part in found.items())
        for split, found in people.items()
    }
    reading = videos.reading([sample for part in splits.values() for sample in part])
    if 'fps' in reading:
        notes.append(f'the frames count as {_FPS} a second')
    names = ', '.join(file.name for file in files.values())
    return OwnData(
        'action_detection',
        f'CSV in the style of AVA ({names})',
        str(root),
        classes,
        splits,
        notes,
        reading=reading)


def _files(path: Path) -> Dict[str, Path]:
    """The file of each split; a file that was named, or that is alone, is to train on."""
    if path.is_file():
        return dict(train=path) if path.suffix.lower() == '.csv' and _is_ava(path) else {}
    folders = (path, path / 'annotations')
    files = [f for folder in folders for f in sorted(folder.glob('*.csv')) if _is_ava(f)]
    if len(files) == 1:
        return dict(train=files[0])
    found = {}
    for split in ('train', 'val', 'test'):
        several = [file for file in files if split_of(file.stem) == split]
        if len(several) > 1 or (files and split == 'train' and not several):
            raise ValueError(f'{path} has several CSV files in the style of AVA '
                             f'({", ".join(f.name for f in files)}); name the one to train on, and '
                             'with --val the one to validate on')
        if several:
            found[split] = several[0]
    return found


def _is_ava(file: Path) -> bool:
    lines = [line.split(',') for _, line in read_lines(str(file))[:2]]
    return any(len(cells) in (7, 8) and all(map(_is_number, cells[1:7])) for cells in lines)


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _read(file: Path) -> People:
    people: People = {}
    for number, line in read_lines(str(file)):
        cells = [cell.strip() for cell in line.split(',')]
        where = f'{file}, line {number}'
        if number == 1 and not any(map(_is_number, cells)):
            continue  # a header
        if len(cells) not in (7, 8) or not all(map(_is_number, cells[1:])):
            raise ValueError(f'{where}: expected "{_COLUMNS}", but got "{line[:100]}"')
        people.setdefault(cells[0], []).append(_person([float(n) for n in cells[1:]], where))
    return people


def _person(numbers: List[float], where: str) -> Person:
    second, x1, y1, x2, y2, action, *person = numbers
    if not (0 <= x1 < x2 <= 1 and 0 <= y1 < y2 <= 1):
        raise ValueError(f'{where}: the box {numbers[1:5]} should be x1 < x2, y1 < y2 in shares of '
                         'the picture, from 0 to 1')
    if second != int(second):
        raise ValueError(f'{where}: key frames are at whole seconds, but this is {second:g}')
    if action != int(action) or action < 1:
        raise ValueError(f'{where}: actions are numbered from 1, but this is {action:g}')
    return Person(int(action) - 1, (x1, y1, x2, y2), int(second), int(person[0]) if person else 0)


def _classes(root: Path, folder: Path, people: People) -> Tuple[Tuple[str, ...], List[str]]:
    """Names of the actions by the list beside the annotations, else their numbers."""
    highest = 1 + max((p.label for part in people.values() for p in part), default=-1)
    for place in dict.fromkeys((folder, root)):
        maps = sorted(place.glob('*.pbtxt'))
        names = _label_map(maps[0]) if maps else []
        for file in ('actions.txt', 'classes.txt', 'labels.txt', 'action_list.txt'):
            names = names or list_names(place / file)
        if names:
            names += [str(i + 1) for i in range(len(names), highest)] if maps else []
            return tuple(names), []
    note = 'no list of actions (*.pbtxt, actions.txt) is there; they are called by their numbers'
    return tuple(str(i + 1) for i in range(highest)), [note]


def _label_map(file: Path) -> List[str]:
    """Names of a label map, whose numbers count from 1; those that it leaves out are numbers."""
    text = file.read_text(encoding='utf-8-sig')
    names = {}
    for item in re.findall(r'\{(.*?)\}', text, re.S):
        name = re.search(r'name:\s*"((?:[^"\\]|\\.)*)"', item)
        number = re.search(r'\b(?:label_)?id:\s*(\d+)', item)
        if not name or not number:
            raise ValueError(f'{file}: an item has no name or id: {" ".join(item.split())[:100]}')
        names[int(number[1])] = name[1]
    return [names.get(i, str(i)) for i in range(1, max(names, default=0) + 1)]


class _Videos:
    """Finds videos, as files or as folders of frames."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.index = FileIndex(root, VIDEO_SUFFIXES)

    def locate(self, name: str, file: Path) -> str:
        """Path of a video by the name in the annotations."""
        path = self.index.find(name, self.root / 'videos')
        folders = [self.root / parent / name for parent in (*_FRAMES, '')]
        path = path or next((folder for folder in folders if folder.is_dir()), None)
        if path is None:
            raise ValueError(
                f'{file}: there is no video "{name}" below {self.root / "videos"}, and '
                f'no folder {self.root / "frames" / name}')
        return str(path)

    def reading(self, samples: Sequence[Sample]) -> dict:
        """How the dataset reads the videos; see :class:`OwnData`."""
        folders = [sample.path for sample in samples if Path(sample.path).is_dir()]
        if folders and len(folders) < len(samples):
            raise ValueError(
                f'{self.root} has both video files and folders of frames; keep one kind')
        if not folders:
            lengths = {s.path: video_duration(s.path) for s in samples}
            return dict(key='video', first_second=_first_second(samples, lengths))
        template = _template(folders)
        lengths = {s.path: len(_frames(s.path)) / _FPS for s in samples}
        return dict(
            key='img',
            first_second=_first_second(samples, lengths),
            fps=_FPS,
            filename_tmpl=template)


def _first_second(samples: Sequence[Sample], lengths: Dict[str, Optional[float]]) -> int:
    """The second that annotations give to the start: 0, or as in AVA 900 if only that fits."""
    outside = {
        start: [(sample.path, person.second) for sample in samples for person in sample.objects
                if lengths[sample.path] is not None
                and not start <= person.second < start + lengths[sample.path]]
        for start in (0, _AVA_START)
    }
    start = min(outside, key=lambda start: len(outside[start]))
    if outside[start]:
        path, second = outside[start][0]
        raise ValueError(f'{path} lasts {lengths[path]:.1f} s, but the annotations name its second '
                         f'{second}; seconds count from the start of a video, which is 0, or 900 '
                         'as in AVA')
    return start


def _frames(folder: str) -> List[str]:
    return sorted(
        p.name for p in Path(folder).iterdir()
        if p.suffix.lower() in IMAGE_SUFFIXES and not is_hidden(p.name))


def _template(folders: Sequence[str]) -> str:
    """The template of the names of frames, ``img_{:05}.jpg``, which all folders share."""
    templates = {}
    for folder in folders:
        names = _frames(folder)
        match = re.fullmatch(r'(.*?)(\d+)(\.\w+)', names[0]) if names else None
        if not match:
            raise ValueError(f'{folder} holds no numbered frames, such as img_00001.jpg')
        templates.setdefault(f'{match[1]}{{:0{len(match[2])}}}{match[3]}', folder)
    if len(templates) > 1:
        (first, a), (second, b), *_ = templates.items()
        raise ValueError(
            f'frames should be called alike in all folders, but are {first} in {a} and '
            f'{second} in {b}')
    return next(iter(templates))
