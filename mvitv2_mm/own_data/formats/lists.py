"""Lists and CSV with the path and the class of a picture or clip in each line."""
import csv
import re
from pathlib import Path
from typing import Dict, List, NamedTuple, Optional, Sequence, Tuple

from ...datasets.class_folders import IMAGE_SUFFIXES
from ...datasets.lists import number_names, read_lines
from ...datasets.readers import VIDEO_SUFFIXES
from ..folders import SPLITS, FileIndex, folders_of, in_order, media_task, split_of
from ..samples import OwnData, Sample
from .common import check_new_classes, list_names

LOOKED_FOR = 'lists or CSV with a path and a class in each line (train.csv, val.csv, or one file)'
_SUFFIXES = ('.csv', '.tsv', '.txt')
_PATH = ('path', 'file', 'filename', 'file_name', 'filepath', 'file_path', 'image', 'image_path',
         'image_id', 'image_name', 'img', 'img_path', 'picture', 'video', 'video_path', 'video_id',
         'video_name', 'clip', 'id', 'name')
_LABEL = ('label', 'class', 'class_name', 'classname', 'category', 'label_name', 'target',
          'class_id', 'label_id', 'category_name', 'action', 'tag')
_SPLIT = ('split', 'subset', 'set', 'partition', 'phase', 'usage')
_NAMES = ('classes.txt', 'labels.txt', 'class_names.txt', 'label_map.txt')
_TRIED = 20  # lines of which one should name a file


class Row(NamedTuple):
    """A line of a list: where it is, its columns, and the split that these or the file tell."""
    file: Path
    number: int
    path: str = ''
    label: str = ''
    split: str = ''
    near: str = ''

    @property
    def where(self) -> str:
        """Its place, for messages."""
        return f'{self.file}, line {self.number}'


def find(path: Path) -> Optional[OwnData]:
    """The data of a list, or of those in a folder; None if there are none.

    Raises:
        ValueError: If a line has no path and class, names no file, or has a class that others lack.
    """
    root = path if path.is_dir() else path.parent
    files = _candidates(path)
    if not files:
        return None
    index = FileIndex(root, IMAGE_SUFFIXES + VIDEO_SUFFIXES)
    tables = {file: _read(file) for file in files}
    tables = {file: rows for file, rows in tables.items() if _names_files(rows, root, index)}
    if not tables:
        if path.is_file():
            raise ValueError(f'{path}: expected a path and a class in each line, in columns called '
                             f'"path" and "label" if there is a header, and none of the first '
                             f'{_TRIED} lines names a picture or clip below {root}')
        return None
    rows = _by_split(tables, root)
    labels, classes, notes = _classes(rows, root)
    files = {split: [_locate(row, root, index) for row in part] for split, part in rows.items()}
    task = media_task([file for part in files.values() for file in part], root)
    splits = {
        split: tuple(Sample(str(f), labels[row.label]) for f, row in zip(files[split], part))
        for split, part in rows.items()
    }
    noun = 'pictures' if task == 'image' else 'clips'
    names = ', '.join(sorted({row.file.name for part in rows.values() for row in part}))
    return OwnData(task, f'{noun} in lists ({names})', str(root), classes, splits, notes)


def hint(path: Path) -> str:
    """Why the tables of a folder are no lists, for the message that nothing is recognised."""
    files = [p for p in (_candidates(path) if path.is_dir() else []) if p.suffix.lower() != '.txt']
    if not files:
        return ''
    _, line = (read_lines(str(files[0])) or [(1, '')])[0]
    return (
        f' {files[0].name} starts with "{line[:80]}": a list has a column "path" or "image" and '
        'a column "label", or these two without a header, and its paths count from its folder.')


def _candidates(path: Path) -> List[Path]:
    if path.is_file():
        return [path] if path.suffix.lower() in _SUFFIXES else []
    files = [
        p for p in sorted(path.iterdir())
        if p.suffix.lower() in _SUFFIXES and p.is_file() and p.name not in _NAMES
    ]
    of_splits = [p for p in files if split_of(p.stem)]
    # other text files are read only where they are named
    return of_splits or [p for p in files if p.suffix.lower() != '.txt']


def _read(file: Path) -> List[Row]:
    """Rows of a file; none if its lines have no two columns."""
    lines = read_lines(str(file))
    if not lines:
        return []
    delimiter = next((d for d in '\t,;' if d in lines[0][1]), None)
    cells = [(number, _split(line, delimiter)) for number, line in lines]
    header = [cell.lower() for cell in cells[0][1]]
    columns = [
        next((header.index(name) for name in names if name in header), None)
        for names in (_PATH, _LABEL, _SPLIT)
    ]
    has_header = None not in columns[:2]
    columns = columns if has_header else [0, 1, None]
    rows = []
    for number, row in cells[has_header:]:
        if len(row) < 2 or (not has_header and len(row) > 2):
            rows.append(Row(file, number))
            continue
        path, label, split = (row[c] if c is not None and c < len(row) else '' for c in columns)
        near = SPLITS.get(split.lower()) or split_of(file.stem)
        rows.append(Row(file, number, path, label, split, near))
    return rows


def _split(line: str, delimiter: Optional[str]) -> List[str]:
    if delimiter is None:
        return line.rsplit(None, 1)
    try:
        return [cell.strip() for cell in next(csv.reader([line], delimiter=delimiter))]
    except csv.Error:  # a cell of more than 131072 characters
        return []


def _names_files(rows: Sequence[Row], root: Path, index: FileIndex) -> bool:
    return any(
        row.path and row.label and index.find(row.path, *_folders(root, row.near))
        for row in rows[:_TRIED])


def _by_split(tables: Dict[Path, List[Row]], root: Path) -> Dict[str, List[Row]]:
    """Rows of each split by the column that tells, else by the names of the files."""
    if len(tables) == 1:
        (file, rows), = tables.items()
        if any(row.split for row in rows):
            found: Dict[str, List[Row]] = {'train': []}
            for row in rows:
                if row.split.lower() not in SPLITS:
                    raise ValueError(
                        f'{row.where}: the split "{row.split}" should be train, val or '
                        'test')
                found.setdefault(SPLITS[row.split.lower()], []).append(row)
            return in_order(found)
        return dict(train=rows)
    return {split: tables[file] for split, file in _files_of_splits(list(tables), root).items()}


def _files_of_splits(files: Sequence[Path], root: Path) -> Dict[str, Path]:
    """The list of each split; of several those that are called like the one to train on."""
    found = {
        split: [file for file in files if split_of(file.stem) == split]
        for split in ('train', 'val', 'test')
    }
    if len(found['train']) == 1:
        for split, several in found.items():
            alike = [
                file for file in several
                if _without_split(file) == _without_split(found['train'][0])
            ]
            found[split] = alike if len(alike) == 1 else several
    if any(len(several) > 1 for several in found.values()) or not found['train']:
        raise ValueError(f'{root} has several lists ({", ".join(f.name for f in files)}); name the '
                         'one to train on, and with --val the one to validate on')
    return {split: several[0] for split, several in found.items() if several}


def _without_split(file: Path) -> List[str]:
    """Words of a name, without the one that tells the split."""
    return [word for word in re.split(r'[\W_]+', file.name.lower()) if word not in SPLITS]


def _folders(root: Path, split: str) -> Tuple[Path, ...]:
    return (root, *(folders_of(root, split) if split else ()), root / 'images', root / 'videos')


def _locate(row: Row, root: Path, index: FileIndex) -> Path:
    if not row.path or not row.label:
        raise ValueError(f'{row.where}: expected a path and a class, "path,label"')
    folders = _folders(root, row.near)
    noun = 'picture or clip'
    if row.number == 1:
        noun = 'header with the columns "path" and "label", or picture or clip,'
    return index.locate(row.path, *folders, noun=noun, where=row.where)


def _classes(rows: Dict[str, List[Row]], root: Path):
    """Labels by the texts in the lines, names of the classes, and notes."""
    texts = {row.label for part in rows.values() for row in part if row.label}
    train = {row.label for row in rows['train'] if row.label}
    file = next((root / name for name in _NAMES if (root / name).is_file()), None)
    names = list_names(file) if file else []
    if not all(re.fullmatch('-?[0-9]+', text) for text in texts):
        classes = names or sorted(train)
        check_new_classes(classes, texts, str(root))
        return number_names(classes), tuple(classes), []
    if not names:
        classes = sorted({int(text) for text in train})
        check_new_classes([str(c) for c in classes], {str(int(t)) for t in texts}, str(root))
        notes = [
            f'labels count from {classes[0]}; the classes are called by their numbers, and '
            f'class "{classes[0]}" has label 0 in the training'
        ] if classes[0] else []
        return ({text: classes.index(int(text)) for text in texts}, tuple(map(str, classes)), notes)
    return _numbers(rows, texts, names, file)


def _numbers(rows: Dict[str, List[Row]], texts, names: Sequence[str], file: Path):
    """Labels that are positions in a list of names, from 0 or from 1."""
    numbers = {int(text) for text in texts}
    first = int(0 not in numbers and len(names) in numbers)
    for row in (row for part in rows.values() for row in part):
        if row.label and not first <= int(row.label) < first + len(names):
            raise ValueError(f'{row.where}: label {row.label} is outside of {first}..'
                             f'{first + len(names) - 1}, the positions in {file.name}')
    notes = [f'labels count from 1: label 1 is "{names[0]}", the first name of {file.name}']
    return {text: int(text) - first for text in texts}, tuple(names), notes * first
