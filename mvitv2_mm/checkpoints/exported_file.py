"""What an exported file says about itself: text under a few keys of its metadata."""
import json
from pathlib import Path
from typing import Any, Dict

from mmengine.config import Config

from ..errors import UsageError
from ..models.networks import open_network
from .io import CheckpointError
from .model_info import StoredModel, check_info, stored
from .plain_config import read_plain_config

_JSON = ('classes', 'metrics', 'preprocessing')
_REMEDY = 'Export it again'


def write_info(info: Dict[str, Any], content: str, cfg: Config) -> Dict[str, str]:
    """The metadata of a file.

    Args:
        info (dict): See :func:`model_info.describe`.
        content (str): 'model', or 'maps' of its backbone alone.
        cfg (Config): What predicting and testing need of the config.

    Returns:
        dict[str, str]: Text; what is none, as JSON.
    """
    texts = {
        key: value if isinstance(value, str) else json.dumps(value)
        for key, value in info.items()
    }
    return dict(texts, content=content, config=cfg.pretty_text)


def read_export(path: Path) -> StoredModel:
    """The model in a file.

    Raises:
        FileNotFoundError: If there is no file.
        UsageError: If it holds the backbone alone.
        CheckpointError: If the file was not exported by this package, or by a later version.
    """
    if not path.is_file():
        raise FileNotFoundError(
            f'{path} does not exist; write it with "python -m mvitv2_mm export"')
    metadata = open_network(str(path)).metadata
    try:
        values = {key: json.loads(metadata[key]) for key in _JSON if key in metadata}
    except ValueError as error:
        raise CheckpointError(f'{path} is damaged ({error}). {_REMEDY}.') from None
    info = {**metadata, **values}
    check_info(info, path, 'export', _REMEDY, content=str, config=str)
    if info['content'] != 'model':
        raise UsageError(
            f'{path} holds the backbone of {info["name"]} alone, which predicts nothing')
    return stored(info, read_plain_config(info['config']), path)
