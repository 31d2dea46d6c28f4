"""The split lists of UCF101 and HMDB51 beside their clips."""
import re
from pathlib import Path
from typing import Dict, List, Optional, Tuple

from ...datasets.lists import number_names, read_lines
from ...datasets.readers import VIDEO_SUFFIXES
from ..folders import FileIndex
from ..samples import OwnData, Sample

LOOKED_FOR = ('split lists of UCF101 (trainlist01.txt, testlist01.txt, classInd.txt) or HMDB51 '
              '(CLASS_test_split1.txt)')
_HMDB = re.compile(r'(.+)_test_split(\d+)\.txt')

Rows = List[Tuple[str, str, int]]  # where, path, label


def find(path: Path) -> Optional[OwnData]:
    """The clips that the first split lists in a folder, or in a folder of it, name.

    The official test clips are the split 'test'.

    Raises:
        ValueError: If a line is not as it should be, or its clip is missing.
    """
    if not path.is_dir():
        return None
    for folder in (path, *sorted(p for p in path.iterdir() if p.is_dir())):
        found = _ucf(folder) or _hmdb(folder)
        if found:
            kind, classes, rows, notes = found
            index = FileIndex(path, VIDEO_SUFFIXES)
            splits = {
                split: tuple(_sample(row, index) for row in part)
                for split, part in rows.items()
            }
            return OwnData('video', kind, str(path), tuple(classes), splits, notes)
    return None


def _sample(row: Tuple[str, str, int], index: FileIndex) -> Sample:
    where, name, label = row
    return Sample(str(index.locate(name, noun='clip', where=where)), label)


def _ucf(folder: Path):
    lists = sorted(folder.glob('trainlist*.txt'))
    if not lists:
        return None
    number = lists[0].stem[len('trainlist'):]
    names = folder / 'classInd.txt'
    if not names.is_file():
        raise ValueError(f'{lists[0]} needs {names} beside it, with lines "1 ApplyEyeMakeup"')
    classes = _numbered(names)
    label = number_names(classes)
    rows = {'train': _ucf_rows(lists[0], label)}
    test = folder / f'testlist{number}.txt'
    if test.is_file():
        rows['test'] = _ucf_rows(test, label)
    return (f'split lists of UCF101 ({lists[0].name})', classes, rows,
            _first_of(len(lists), number))


def _first_of(count: int, number: str) -> List[str]:
    return [f'of {count} official splits the first ({number}) is used'] if count > 1 else []


def _numbered(file: Path) -> List[str]:
    """Names of lines "1 NAME", in the order of their numbers."""
    found: Dict[int, str] = {}
    for number, line in read_lines(str(file)):
        label, _, name = line.partition(' ')
        if not label.isdigit() or not name.strip():
            raise ValueError(f'{file}, line {number}: expected "1 ApplyEyeMakeup", but got '
                             f'"{line[:80]}"')
        found[int(label)] = name.strip()
    if sorted(found) != list(range(1, len(found) + 1)):
        raise ValueError(f'{file} should number the classes from 1 to {len(found)}')
    return [found[i] for i in sorted(found)]


def _ucf_rows(file: Path, label: Dict[str, int]) -> Rows:
    """Lines "CLASS/CLIP.avi 1", in test lists without the number."""
    rows = []
    for number, line in read_lines(str(file)):
        where = f'{file}, line {number}'
        name = re.sub(r'\s+\d+$', '', line)
        wanted = name.replace('\\', '/').split('/')[0]
        stated = line[len(name):].strip()
        if wanted not in label or '/' not in name.replace('\\', '/'):
            raise ValueError(f'{where}: expected "CLASS/CLIP.avi 1" with a class of classInd.txt, '
                             f'but got "{line[:80]}"')
        if stated and int(stated) != label[wanted] + 1:
            raise ValueError(f'{where}: label {stated} is not that of {wanted} in classInd.txt, '
                             f'{label[wanted] + 1}; labels count from 1 there')
        rows.append((where, name, label[wanted]))
    return rows


def _hmdb(folder: Path):
    found: Dict[int, Dict[str, Path]] = {}
    for file in sorted(folder.glob('*_test_split*.txt')):
        match = _HMDB.fullmatch(file.name)
        if match:
            found.setdefault(int(match[2]), {})[match[1]] = file
    if not found:
        return None
    files = found[min(found)]
    rows: Dict[str, Rows] = {'train': [], 'test': []}
    for label, name in enumerate(sorted(files)):
        for number, line in read_lines(str(files[name])):
            where = f'{files[name]}, line {number}'
            clip, _, part = line.rpartition(' ')
            if not clip or part not in ('0', '1', '2'):
                raise ValueError(f'{where}: expected "CLIP.avi 0", 1 (train) or 2 (test), but got '
                                 f'"{line[:80]}"')
            if part != '0':
                rows['train' if part == '1' else 'test'].append(
                    (where, f'{name}/{clip.strip()}', label))
    rows = {split: part for split, part in rows.items() if part}
    return ('split lists of HMDB51', sorted(files), rows, _first_of(len(found), str(min(found))))
