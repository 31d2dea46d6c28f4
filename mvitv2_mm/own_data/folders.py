"""Which files a folder holds, and which of its folders are splits."""
import os
import re
import unicodedata
from collections import defaultdict
from pathlib import Path, PurePosixPath
from typing import Any, Dict, Iterator, List, Optional, Sequence, Tuple
from urllib.parse import unquote

from PIL import Image

from ..datasets.class_folders import IMAGE_SUFFIXES, walk
from ..datasets.file_limits import check_file
from ..datasets.readers import VIDEO_SUFFIXES

# what Pillow raises for broken files
UNREADABLE = (OSError, SyntaxError, ValueError, Image.DecompressionBombError)
SPLITS = dict(
    train='train',
    training='train',
    val='val',
    valid='val',
    validation='val',
    test='test',
    testing='test')


def find_files(folder: Path, suffixes: Sequence[str]) -> List[Path]:
    """Sorted files below a folder that end like that, in any case; hidden ones are none."""
    return [
        Path(parent, name) for parent, names in walk(folder) for name in names
        if name.lower().endswith(tuple(suffixes))
    ]


def split_folders(folder: Path) -> Dict[str, Path]:
    """Folders called like splits ('train', 'valid', 'Test') by the names of those.

    Raises:
        ValueError: If two stand for the same split.
    """
    found: Dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        split = SPLITS.get(path.name.lower())
        if split and path.is_dir():
            if split in found:
                raise ValueError(f'{found[split]} and {path.name} are both a split "{split}"; '
                                 'remove one of them')
            found[split] = path
    return in_order(found)


def in_order(splits: Dict[str, Any]) -> Dict[str, Any]:
    """The same splits, those to train on first."""
    return {split: splits[split] for split in ('train', 'val', 'test') if split in splits}


def split_of(name: str) -> str:
    """The split that a word in a name tells ('instances_train2017.json'), else ''."""
    words = re.split(r'[^a-z]+', name.lower())
    return next((SPLITS[word] for word in words if word in SPLITS), '')


def folders_of(root: Path, split: str) -> List[Path]:
    """Folders in ``root`` and ``root/images`` whose names tell the split."""
    parents = [folder for folder in (root, root / 'images') if folder.is_dir()]
    return [
        path for parent in parents for path in sorted(parent.iterdir())
        if path.is_dir() and split_of(path.name) == split
    ]


def split_places(root: Path) -> Dict[str, List[Path]]:
    """Folders of each split, called like it; the folder itself if none is called like training."""
    exact = split_folders(root)
    if 'train' in exact:
        return {split: [folder] for split, folder in exact.items()}
    found = {split: folders_of(root, split) for split in ('train', 'val', 'test')}
    if found['train']:
        return {split: folders for split, folders in found.items() if folders}
    return dict(train=[root])


def media_task(files: Sequence[Path], where: Path) -> Optional[str]:
    """'image' or 'video' by the suffixes of files, None if there is neither.

    Animated GIFs are videos.

    Raises:
        ValueError: If there are both.
    """
    gifs = [path for path in files if path.suffix.lower() == '.gif']
    others = [path for path in files if path.suffix.lower() != '.gif']
    pictures = [path for path in others if path.suffix.lower() in IMAGE_SUFFIXES]
    videos = [path for path in others if path.suffix.lower() in VIDEO_SUFFIXES]
    if pictures and videos:
        raise ValueError(
            f'{where} holds both pictures ({len(pictures)}, such as {pictures[0]}) and '
            f'videos ({len(videos)}, such as {videos[0]}); move one kind away')
    if gifs and not others:
        with Image.open(gifs[0]) as image:
            return 'video' if getattr(image, 'is_animated', False) else 'image'
    return 'image' if pictures else 'video' if videos else None


class FileIndex:
    """Finds media files by the names that annotations give them.

    Names come with backslashes, with the folders of another machine, in another case or Unicode
    form, percent-encoded, without a suffix, or with the random prefix of Label Studio.

    Args:
        folder (Path): Where the files are.
        suffixes (Sequence[str]): Ends of their names.
    """

    def __init__(self, folder: Path, suffixes: Sequence[str]) -> None:
        self.folder = folder
        self._by_key: Dict[str, List[Path]] = defaultdict(list)
        for path in find_files(folder, suffixes):
            for key in {*_keys(path.name), *_keys(path.stem)}:
                self._by_key[key].append(path)

    def find(self, name: str, *folders: Path) -> Optional[Path]:
        """The file of a name, None if there is none or if it could be several.

        Args:
            name (str): The name in an annotation, with or without folders.
            *folders (Path): Where it is looked for first.
        """
        clean = name.replace('\\', '/')
        for candidate in dict.fromkeys((clean, unquote(clean))):
            for folder in (*folders, self.folder):
                if (folder / candidate).is_file():
                    return Path(os.path.normpath(folder / candidate))
        for key in _keys(PurePosixPath(clean).name):
            found = self._by_key.get(key, [])
            nearest = _same_end(found, clean)
            if len(nearest) == 1:
                return nearest[0]
        return None

    def locate(self, name: str, *folders: Path, noun: str, where: str) -> Path:
        """As :meth:`find`, of a file that has to be there.

        Raises:
            ValueError: If it is not; says where its name stands, and the noun of what it would be.
        """
        path = self.find(name, *folders)
        if path is None:
            raise ValueError(f'{where}: there is no {noun} "{name[:100]}" below {self.folder}')
        return path


def _keys(name: str) -> Iterator[str]:
    """What a file may be called, from the exact name to the vaguest."""
    name = unicodedata.normalize('NFC', unquote(name))
    head, _, tail = name.partition('-')
    is_prefix = len(head) >= 8 and set(head) <= set('0123456789abcdef') and tail
    yield from (name, name.casefold())
    if is_prefix:
        yield from (tail, tail.casefold())


def _same_end(paths: List[Path], name: str) -> List[Path]:
    """Those of several paths that share the most folders with a name, from its end."""
    wanted = name.casefold().split('/')[::-1][1:]

    def shared(path: Path) -> int:
        count = 0
        for a, b in zip(wanted, (part.casefold() for part in path.parts[::-1][1:])):
            if a != b:
                break
            count += 1
        return count

    best = max(map(shared, paths), default=0)
    return [path for path in paths if shared(path) == best]


def sizes(path: str) -> Tuple[Tuple[int, int], Tuple[int, int]]:
    """Width and height of a picture turned as its EXIF orientation says, and as it is stored."""
    check_file(path)
    with Image.open(path) as image:
        stored = image.size
        if image.format == 'TIFF':  # newer releases of Pillow turn these by themselves
            stored = image.tag_v2[256], image.tag_v2[257]
        is_turned = image.getexif().get(0x0112, 1) in (5, 6, 7, 8)
    return (stored[::-1] if is_turned else stored), stored
