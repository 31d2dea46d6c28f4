"""A folder that holds a model: weights, config, and what is known of it. Nothing in it is code."""
import json
import os
import shutil
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Mapping, Optional, Sequence, Union

from mmengine.config import Config
from torch import Tensor

from ..errors import UnknownName
from ..files import folder_aside, full_disk_named, sha256_of
from ..names import did_you_mean
from ..version import __version__
from .io import CheckpointError, write_file
from .model_info import StoredModel, check_info, describe, stored
from .plain_config import read_plain_config

INFO, WEIGHTS, CONFIG = 'model.json', 'weights.safetensors', 'config.py'
_REMEDY = 'Copy the folder again'
_PACKAGES = ('torch', 'mmengine', 'mmcv', 'mmcv-lite', 'mmpretrain', 'mmdet', 'mmaction2')


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
            describe('model', cfg, task, classes, metrics, licence, name or folder.name,
                     licence_note),
            code_version=code_version(),
            sha256={file: sha256_of(side / file)
                    for file in (WEIGHTS, CONFIG)})
        (side / INFO).write_text(json.dumps(info, indent=2) + '\n', encoding='utf-8')
        side.rename(_make_way(folder))
    _finish_exchange(folder)


def read_model_folder(folder: Union[str, Path]) -> StoredModel:
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
                                  f': it was damaged or changed. {_REMEDY}.')
    return stored(info, read_plain_config(folder / CONFIG), folder / WEIGHTS)


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
        raise UnknownName(
            f'{folder} is no model folder: it has no {INFO}{did_you_mean(inside[:3])}')
    try:
        info = json.loads(path.read_text(encoding='utf-8'))
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f'{path} is damaged ({error}). {_REMEDY}.') from None
    check_info(info, path, 'model', _REMEDY, sha256=dict)
    if info['sha256'].keys() != {WEIGHTS, CONFIG}:
        raise CheckpointError(f'{path} is damaged: "sha256" is of other files. {_REMEDY}.')
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
