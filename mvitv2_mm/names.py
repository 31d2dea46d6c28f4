"""Names of published configs and models, which can be had without importing torch."""
import csv
import difflib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Collection, Dict, Iterable, Optional, Sequence

from .errors import UnknownName, UsageError
from .files import repository_folder

# what `check-data` knows; see docs/datasets.md
DATASETS = ('imagenet', 'imagenet21k', 'coco', 'lvis', 'kinetics400', 'kinetics600', 'kinetics700',
            'ssv2', 'ava', 'coco-o')
OWN_DATA = ('images', 'clips')
# what `convert` writes, and how it gives pictures' weights a third axis
LAYOUTS = ('openmmlab', 'mvit', 'slowfast', 'detectron2', 'timm', 'torchvision')
INFLATE_MODES = ('centre', 'repeat', 'mean')
ZOO_FILE = Path(__file__).parent / 'checkpoints' / 'zoo.csv'


def did_you_mean(names: Sequence[str]) -> str:
    """The end of a message that names what could be meant; '' if there is nothing."""
    return f'; did you mean {" or ".join(names)}?' if names else ''


def hint(word: str, words: Iterable[str]) -> str:
    """'; did you mean ...?', or '' if no word is similar."""
    return did_you_mean(difflib.get_close_matches(word, list(words), n=3))


def check_names(option: str,
                names: Optional[Iterable[str]],
                known: Collection[str],
                where: str = '') -> None:
    """Raise UsageError for a name that is not known.

    Args:
        option (str): What gives the names, for the message.
        names (Iterable[str], optional): The names.
        known (Collection[str]): All that there are.
        where (str): For what these are, for the message. Defaults to ''.
    """
    for name in names or ():
        if name not in known:
            raise UsageError(f'{option}: there is no "{name}"{hint(name, known)}{where}; there are '
                             f'{", ".join(known)}')


@dataclass(frozen=True)
class Published:
    """One published file; empty strings and None where the publisher states nothing."""
    name: str
    config: str
    params: int
    licence: str
    sha256: str
    size_mib: Optional[float]
    url: str

    def __str__(self) -> str:
        facts = [f'{self.params:,} parameters', self.licence]
        facts += [f'{self.size_mib} MiB'] if self.size_mib else []
        facts += [f'SHA-256 {self.sha256}...'] if self.sha256 else []
        return f'{self.name}\n    {", ".join(facts)}\n    config {self.config}\n    {self.url}'


def read_zoo() -> Dict[str, Published]:
    """All published files by their names, in the order of the zoo."""
    with open(ZOO_FILE, newline='') as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        size = row['size_mib']
        row.update(params=int(row['params']), size_mib=float(size) if size else None)
    return {row['name']: Published(**row) for row in rows}


def published_models() -> Dict[str, str]:
    """Names of the published models, in the order of the zoo, and of their configs."""
    return {name: entry.config for name, entry in read_zoo().items()}


def published_configs() -> Dict[str, Path]:
    """Files of the zoo's configs by their names, which are unique."""
    folder = repository_folder() / 'configs'
    return {path.stem: path for path in sorted(folder.rglob('*.py')) if '_base_' not in path.parts}


def find_config(config: str) -> str:
    """Path of a config.

    Args:
        config (str): A path, or the name of a config of the zoo, with or without '.py'.

    Raises:
        UnknownName: If there is no such config; names similar ones.
    """
    if os.path.isfile(config):
        return config
    published, path = published_configs(), Path(config)
    found = published.get(config.removesuffix('.py'))
    if found is not None:
        return str(found)
    model = published_models().get(config)
    if model:
        raise UnknownName(f'"{config}" is the name of published weights, and no config; theirs is '
                          f'{model}')
    files = {**published, **{beside.stem: beside for beside in path.parent.glob('*.py')}}
    near = difflib.get_close_matches(path.name.removesuffix('.py'), files, n=3)
    similar = ', '.join(os.path.relpath(files[name]) for name in near)
    raise UnknownName(f'config "{config}" does not exist'
                      f'{"; similar ones: " if similar else ""}{similar}')
