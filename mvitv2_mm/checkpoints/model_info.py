"""What is known of a model, as JSON beside its weights or inside an exported file."""
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence, Tuple

from mmengine.config import Config

from .io import CheckpointError
from .preprocessing import describe_preprocessing

VERSION = 1
NAME = r'[^/\\\x00-\x1f]*[^/\\\x00-\x1f.][^/\\\x00-\x1f]*'  # commands name folders by it
_TYPES = dict(
    name=str,
    task=str,
    classes=(list, type(None)),
    preprocessing=dict,
    metrics=list,
    licence=str,
    licence_note=str)


@dataclass(frozen=True)
class StoredModel:
    """A model that was read; see :func:`describe`. ``weights`` is the path of its file."""
    name: str
    task: str
    classes: Optional[Tuple[str, ...]]
    preprocessing: dict
    metrics: List[dict]
    licence: str
    licence_note: str
    cfg: Config
    weights: str


def describe(kind: str, cfg: Config, task: str, classes: Optional[Sequence[str]],
             metrics: Sequence[dict], licence: str, name: str, licence_note: str) -> Dict[str, Any]:
    """JSON values that say what a model is; see :func:`model_folder.write_model_folder`.

    ``kind`` is 'model' in a model folder, 'export' in an exported file.
    """
    return dict(
        format=f'mvitv2_mm {kind}',
        version=VERSION,
        name=name,
        task=task,
        classes=None if classes is None else list(classes),
        preprocessing=describe_preprocessing(cfg, task),
        metrics=list(metrics),
        licence=licence,
        licence_note=licence_note)


def check_info(info: Any, path: Path, kind: str, remedy: str, **others: type) -> None:
    """See that what was read says of a model what :func:`describe` says.

    Args:
        info (Any): What was read.
        path (Path): Where, for messages.
        kind (str): See :func:`describe`.
        remedy (str): What to do if it is damaged.
        **others: Types of what else it should hold.

    Raises:
        CheckpointError: If it is something else, or of a later version.
    """
    if not isinstance(info, dict) or info.get('format') != f'mvitv2_mm {kind}':
        raise CheckpointError(f'{path} does not say "format": "mvitv2_mm {kind}": this package has '
                              'not written it, and cannot tell what it holds')
    if str(info.get('version')) != str(VERSION):
        raise CheckpointError(f'{path} is of version {info.get("version")}, but this package reads '
                              f'version {VERSION}; install a newer mvitv2_mm')
    types = {**_TYPES, **others}
    wrong = [key for key, type_ in types.items() if not isinstance(info.get(key, ...), type_)]
    wrong += ['name'] * (not wrong and not re.fullmatch(NAME, info['name']))
    wrong += ['classes'] * (not wrong
                            and not all(isinstance(name, str) for name in info['classes'] or ()))
    if wrong:
        value = str(info.get(wrong[0]))[:60]
        raise CheckpointError(f'{path} is damaged: "{wrong[0]}" is {value}. {remedy}.')


def stored(info: dict, cfg: Config, weights: Path) -> StoredModel:
    """The model that a checked description is about."""
    known = {key: info[key] for key in _TYPES}
    classes = info['classes']
    known['classes'] = None if classes is None else tuple(classes)
    return StoredModel(cfg=cfg, weights=str(weights), **known)
