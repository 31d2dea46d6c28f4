"""Configs as they are written, and ways through what they nest."""
import inspect
from typing import Any, Iterator, Tuple

from mmengine.config import Config


def dicts_in(node: Any) -> Iterator[dict]:
    """All dicts in a part of a config, each before those that it holds.

    What is changed in a dict before the next one is asked for is seen.
    """
    if isinstance(node, dict):
        yield node
        node = list(node.values())
    for part in node if isinstance(node, (list, tuple)) else ():
        yield from dicts_in(part)


def flat(node: dict, prefix: str = '') -> Iterator[Tuple[str, Any]]:
    """Dotted keys and values of nested dicts."""
    for key, value in node.items():
        if isinstance(value, dict) and value:
            yield from flat(value, f'{prefix}{key}.')
        else:
            yield f'{prefix}{key}', value


def read_config(path: str, **kwargs: Any) -> Config:
    """``Config.fromfile`` as mmengine has it: classes that a config leaves open stay so.

    Args:
        path (str): Path of a config.
        **kwargs: See ``Config.fromfile``.
    """
    return inspect.unwrap(Config.fromfile)(path, **kwargs)
