"""What an exported file says about itself: text under a few keys of its metadata."""
import json
import re
from pathlib import Path
from typing import Any, Dict, Mapping, Optional, Sequence

from mmengine.config import Config

from .io import CheckpointError
from .model_folder import NAME
from .preprocessing import describe_preprocessing

FORMAT, VERSION = 'mvitv2_mm export', '1'
_TEXTS = ('name', 'task', 'content', 'config', 'licence', 'licence_note')
_VALUES = dict(classes=(list, type(None)), preprocessing=dict, metrics=list)


def write_info(name: str,
               task: str,
               content: str,
               cfg: Config,
               classes: Optional[Sequence[str]],
               metrics: Sequence[dict] = (),
               licence: str = '',
               licence_note: str = '') -> Dict[str, str]:
    """The metadata of a file.

    Args:
        name (str): Name of the model.
        task (str): 'image', 'detection' or 'video'.
        content (str): 'model', or 'maps' of its backbone alone.
        cfg (Config): What predicting and testing need of the config.
        classes (Sequence[str], optional): Names in the order of the labels; None if not known.
        metrics (Sequence[dict]): See :func:`model_folder.write_model_folder`. Defaults to ().
        licence (str): Of the weights. Defaults to '', which means that it is not known.
        licence_note (str): Why it is this licence. Defaults to ''.

    Returns:
        dict[str, str]: Text; lists and dicts as JSON.
    """
    return dict(
        format=FORMAT,
        version=VERSION,
        name=name,
        task=task,
        content=content,
        config=cfg.pretty_text,
        licence=licence,
        licence_note=licence_note,
        classes=json.dumps(None if classes is None else list(classes)),
        metrics=json.dumps(list(metrics)),
        preprocessing=json.dumps(describe_preprocessing(cfg, task)))


def read_info(metadata: Mapping[str, str], path: Path) -> Dict[str, Any]:
    """What :func:`write_info` has written, as values.

    Raises:
        CheckpointError: If the file was not exported by this package, or by a later version.
    """
    if metadata.get('format') != FORMAT:
        raise CheckpointError(f'{path} was not exported with "python -m mvitv2_mm export": it does '
                              'not say what it holds')
    if metadata.get('version') != VERSION:
        raise CheckpointError(f'{path} is of version {metadata.get("version")}, but this package '
                              f'reads version {VERSION}; install a newer mvitv2_mm')
    info: Dict[str, Any] = {key: metadata.get(key) for key in _TEXTS}
    try:
        info.update({key: json.loads(metadata.get(key, '')) for key in _VALUES})
    except ValueError as error:
        raise CheckpointError(f'{path} is damaged ({error}); export it again') from None
    kinds = {**dict.fromkeys(_TEXTS, str), **_VALUES}
    wrong = [key for key, kind in kinds.items() if not isinstance(info[key], kind)]
    wrong += ['name'] * (not wrong and not re.fullmatch(NAME, info['name']))
    if wrong:
        raise CheckpointError(f'{path} is damaged: its "{wrong[0]}" is {str(info[wrong[0]])[:60]}; '
                              'export it again')
    return info
