"""Names of results after those of the inputs: folders are kept, so that no two are the same."""
import os
import os.path as osp
from pathlib import PurePath
from typing import Dict, Optional, Sequence
from urllib.parse import urlsplit


def is_url(name: str) -> bool:
    return '://' in name


def common_folder(inputs: Sequence[str]) -> Optional[str]:
    """The deepest folder that holds all inputs, of which folders count as a whole.

    Args:
        inputs (Sequence[str]): Files, folders, and anything else, which is passed over.

    Returns:
        str: An absolute path, None if there is none.
    """
    # of patterns what comes before the first sign of a pattern
    names = [osp.dirname(name.split('*')[0]) or '.' if '*' in name else name for name in inputs]
    paths = [osp.abspath(name) for name in names if not is_url(name) and osp.exists(name)]
    folders = [path if osp.isdir(path) else osp.dirname(path) for path in paths]
    return osp.commonpath(folders) if folders else None


class Names:
    """Gives pictures and frames of videos the paths that they have in a data set.

    Args:
        root (str, optional): Folder below which the inputs lie. Defaults to None: the current one.
    """

    def __init__(self, root: Optional[str] = None) -> None:
        self.root = osp.abspath(root or os.getcwd())
        self._owners: Dict[str, str] = {}

    def path(self, record: dict) -> str:
        """Path with suffix below the data set; frame 7 of ``a/x.mp4`` is ``a/x.mp4/000007.jpg``."""
        name = self.input(record)
        if 'frame' in record:
            return f'{name}/{record["frame"]["number"]:06d}.jpg'
        return name

    def stem(self, record: dict) -> str:
        """The path without suffix, or with it if another input has the same without."""
        path = self.path(record)
        stem = osp.splitext(path)[0]
        return stem if self._owners.setdefault(stem, path) == path else path

    def input(self, record: dict) -> str:
        """Path of the input below the data set."""
        name = record['input']
        if is_url(name):
            address = urlsplit(name)
            path = PurePath(address.netloc + address.path)
        else:
            path = PurePath(osp.abspath(name))
            if path.is_relative_to(self.root):
                path = path.relative_to(self.root)
        return '/'.join(part for part in path.parts if part not in (path.anchor, '..'))
