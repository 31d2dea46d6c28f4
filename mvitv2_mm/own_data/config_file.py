"""Write a config as what differs from its base, in the style of the zoo."""
from pathlib import Path
from typing import Any, Dict, Sequence

from mmengine.config import Config

from ..config_walk import read_config
from ..files import write_text

# what a reader looks for first, so it is written in any case
STATED = ('train_dataloader.batch_size', 'optim_wrapper.accumulative_counts',
          'optim_wrapper.optimizer.lr', 'train_cfg.max_epochs', 'train_cfg.val_interval',
          'param_scheduler', 'load_from')


def write_config(path: Path, base: Path, cfg: Config, comment: str, named: Dict[str, Any]) -> None:
    """Write a config that inherits from another one and states only what differs.

    Args:
        path (Path): The new file, whole or not at all.
        base (Path): The config that it inherits from.
        cfg (Config): All settings that the new config should have.
        comment (str): The first line of the file.
        named (dict[str, Any]): Variables at the top of the file. Wherever a key of such a name has
            such a value, the file names the variable.
    """
    changes = difference(cfg.to_dict(), _without(read_config(base).to_dict(), STATED))
    changes = {key: value for key, value in changes.items() if key not in named}
    body = Config(_with_names(changes, named)).pretty_text
    for key in named:
        body = body.replace(repr(_mark(key)), key)
    head = ''.join(f'{key} = {value!r}\n' for key, value in named.items())
    write_text(path, f'# {comment}\n_base_ = {str(base)!r}\n{head}\n{body}')


def difference(wanted: dict, base: dict) -> dict:
    """What mmengine has to merge into ``base`` to get ``wanted``."""
    changes = {}
    for key, value in wanted.items():
        old = base.get(key)
        if key in base and value == old:
            continue
        if isinstance(value, dict) and isinstance(old, dict) and not set(old) - set(value):
            value = difference(value, old)
        elif isinstance(value, dict) and key in base:
            value = dict(_delete_=True, **value)
        changes[key] = value
    return changes


def _without(settings: dict, keys: Sequence[str]) -> dict:
    """Take dotted keys out of a nested dict, in place."""
    for key in keys:
        *parents, last = key.split('.')
        node = settings
        for parent in parents:
            node = node[parent]
        node.pop(last, None)
    return settings


def _mark(key: str) -> str:
    return f'<{key}>'


def _with_names(node: Any, named: Dict[str, Any]) -> Any:
    """A copy with marks in place of the values that have a name."""
    if isinstance(node, dict):
        return {
            key: _mark(key) if key in named and value == named[key] else _with_names(value, named)
            for key, value in node.items()
        }
    if isinstance(node, (list, tuple)):
        return type(node)(_with_names(part, named) for part in node)
    return node
