"""A folder that holds a model: weights, config, and what is known of it. Nothing in it is code."""
import json
import os
import re
import shutil
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import List, Mapping, Optional, Sequence, Tuple, Union

from mmengine.config import Config
from torch import Tensor

from ..errors import UnknownName
from ..files import folder_aside, full_disk_named
from ..version import __version__
from .io import CheckpointError, write_file
from .plain_config import read_plain_config
from .preprocessing import describe_preprocessing
from .zoo import sha256_of

FORMAT, VERSION = 'mvitv2_mm model', 1
INFO, WEIGHTS, CONFIG = 'model.json', 'weights.safetensors', 'config.py'
_KINDS = dict(
    name=str,
    task=str,
    classes=(list, type(None)),
    preprocessing=dict,
    metrics=list,
    licence=str,
    licence_note=str,
    sha256=dict)
NAME = r'[^/\\\x00-\x1f]*[^/\\\x00-\x1f.][^/\\\x00-\x1f]*'  # commands name folders by it
_PACKAGES = ('torch', 'mmengine', 'mmcv', 'mmcv-lite', 'mmpretrain', 'mmdet', 'mmaction2')


@dataclass(frozen=True)
class ModelFolder:
    """What :func:`read_model_folder` found. ``weights`` is the path of the file of weights."""
    name: str
    task: str
    cfg: Config
    classes: Optional[Tuple[str, ...]]
    preprocessing: dict
    metrics: List[dict]
    licence: str
    licence_note: str
    weights: str


def write_model_folder(folder: Union[str, Path],
                       cfg: Config,
                       state_dict: Mapping[str, Tensor],
                       task: str,
                       classes: Optional[Sequence[str]],
                       metrics: Sequence[dict] = (),
                       licence: str = '',
                       name: Optional[str] = None,
                       licence_note: str = '') -> None:
    """Write a model folder, whole or not at all; an older one in its place is replaced.

    Args:
        folder (str | Path): Where to write.
        cfg (Config): The whole config of the training, or of the published model.
        state_dict (Mapping[str, Tensor]): All weights of the model, under its own names.
        task (str): 'image', 'detection', 'video' or 'action_detection'.
        classes (Sequence[str], optional): Names in the order of the labels; None if not known.
        metrics (Sequence[dict]): Each with "metric", "value", "dataset", and "by", which is
            'measured' or 'reported'. Defaults to ().
        licence (str): Of the weights. Defaults to '', which means that it is not known.
        name (str, optional): Name of the model. Defaults to that of the folder.
        licence_note (str): Why it is this licence, in words. Defaults to ''.

    Raises:
        OSError: If the place cannot be written to, or holds something else.
    """
    folder = Path(os.path.abspath(os.path.expanduser(folder)))
    _check_place(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    _finish_exchange(folder)
    with full_disk_named(folder), folder_aside(folder) as side:
        write_file(state_dict, side / WEIGHTS)
        (side / CONFIG).write_text(cfg.pretty_text, encoding='utf-8')
        read_plain_config(side / CONFIG)  # what is written can be read
        info = dict(
            format=FORMAT,
            version=VERSION,
            name=name or folder.name,
            task=task,
            classes=None if classes is None else list(classes),
            preprocessing=describe_preprocessing(cfg, task),
            metrics=list(metrics),
            code_version=code_version(),
            licence=licence,
            licence_note=licence_note,
            sha256={file: sha256_of(side / file)
                    for file in (WEIGHTS, CONFIG)})
        (side / INFO).write_text(json.dumps(info, indent=2) + '\n', encoding='utf-8')
        side.rename(_make_way(folder))
    _finish_exchange(folder)


def read_model_folder(folder: Union[str, Path]) -> ModelFolder:
    """Read and check a model folder; its weights are only hashed.

    Raises:
        UnknownName: If it is no model folder; names those inside.
        OSError: If a file is missing.
        CheckpointError: If it is something else, of a later version, or a file was changed.
        ValueError: If its config is more than data.
    """
    folder = Path(folder).expanduser()
    info = read_info(folder)
    for file, expected in info['sha256'].items():
        if not (folder / file).is_file():
            raise FileNotFoundError(f'{folder} lacks {file}; copy the whole folder again')
        if sha256_of(folder / file) != expected:
            raise CheckpointError(f'{folder / file} is not the file that {INFO} describes (SHA-256)'
                                  ': it was damaged or changed. Copy the folder again.')
    classes = info['classes']
    return ModelFolder(
        name=info['name'],
        task=info['task'],
        cfg=read_plain_config(folder / CONFIG),
        classes=None if classes is None else tuple(classes),
        preprocessing=info['preprocessing'],
        metrics=info['metrics'],
        licence=info['licence'],
        licence_note=info['licence_note'],
        weights=str(folder / WEIGHTS))


def read_info(folder: Path) -> dict:
    """The content of ``model.json``, which has every key in the type it should have.

    Raises:
        UnknownName: If there is none; names model folders inside.
        CheckpointError: If it is something else, or of a later version.
    """
    path = folder / INFO
    if not path.is_file():
        inside = sorted(str(found.parent) for found in folder.glob(f'*/*/{INFO}'))
        inside += sorted(str(found.parent) for found in folder.glob(f'*/{INFO}'))
        hint = f'; did you mean {" or ".join(inside[:3])}?' if inside else ''
        raise UnknownName(f'{folder} is no model folder: it has no {INFO}{hint}')
    try:
        info = json.loads(path.read_text(encoding='utf-8'))
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f'{path} is damaged ({error}). Copy the folder again.') from None
    if not isinstance(info, dict) or info.get('format') != FORMAT:
        raise CheckpointError(f'{path} does not say "format": "{FORMAT}": it is no model folder of '
                              'this package')
    if info.get('version') != VERSION:
        raise CheckpointError(f'{path} is of version {info.get("version")}, but this package reads '
                              f'version {VERSION}; install a newer mvitv2_mm')
    wrong = [key for key, kind in _KINDS.items() if not isinstance(info.get(key), kind)]
    wrong += ['sha256'] * (not wrong and info['sha256'].keys() != {WEIGHTS, CONFIG})
    wrong += ['name'] * (not wrong and not re.fullmatch(NAME, info['name']))
    wrong += ['classes'] * (not all(isinstance(name, str) for name in info.get('classes') or ()))
    if wrong:
        value = str(info.get(wrong[0]))[:60]
        raise CheckpointError(f'{path} is damaged: "{wrong[0]}" is {value}. Copy the folder again.')
    return info


def code_version() -> dict:
    """Versions of this package and of what it computes with."""
    found = {'mvitv2_mm': __version__}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def _check_place(folder: Path) -> None:
    """Raise OSError if something else than a model folder is in the place of one."""
    if folder.exists() and not (folder / INFO).is_file() and (not folder.is_dir()
                                                              or any(folder.iterdir())):
        raise FileExistsError(f'{folder} exists and is no model folder; name another place, or '
                              'move it away')


def _old(folder: Path) -> Path:
    return folder.with_name(f'.{folder.name}.old')


def _make_way(folder: Path) -> Path:
    """Rename an older folder, so that its name is free."""
    if folder.exists():
        folder.rename(_old(folder))
    return folder


def _finish_exchange(folder: Path) -> None:
    """Of two folders nothing is left of the older one; one that is alone gets its name back."""
    if _old(folder).exists() and not folder.exists():
        _old(folder).rename(folder)
    shutil.rmtree(_old(folder), ignore_errors=True)
