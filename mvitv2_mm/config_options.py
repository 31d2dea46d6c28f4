"""Options of the command line arrive in the config, or are named."""
import ast
import re
from contextlib import contextmanager
from functools import partial
from typing import Any, Dict, Iterator, Optional, Sequence

from mmengine.config import Config, DictAction
from mmengine.config import config as mmengine_config
from mmengine.config.utils import RemoveAssignFromAST

from .config_keys import SECTIONS, check_path, check_read, paths_to
from .config_walk import read_config
from .errors import UsageError
from .names import did_you_mean


def parse_options(texts: Sequence[str]) -> Dict[str, Any]:
    """Read KEY=VALUE as mmengine does, where a path may hold spaces, brackets and commas.

    Raises:
        UsageError: If a text is not of this form.
    """
    options = {}
    for text in texts:
        key, equals, value = text.partition('=')
        if not equals or not all(key.split('.')):
            raise UsageError(f'"{text}" is not KEY=VALUE')
        try:
            options[key] = _parse_value(value)
        except AssertionError:
            raise UsageError(f'"{text}": brackets do not match; put a text into quotes of its own, '
                             'as in \'KEY="a]b"\'') from None
    return options


def _parse_value(text: str) -> Any:
    if text[:1] in ('"', "'") and text[-1:] == text[:1]:
        return text[1:-1]
    if text[:1] in ('[', '(') or ',' in text and '/' not in text:
        # mmengine drops all blanks; those inside of a value, as in a path, are kept
        hidden = re.sub(r'(?<=[^\s,([]) +(?=[^\s,)\]])', lambda m: '\0' * len(m[0]), text)
        return _with_blanks(DictAction._parse_iterable(hidden))
    return DictAction._parse_int_float_bool(text)


def _with_blanks(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace('\0', ' ')
    return type(value)(map(_with_blanks, value)) if isinstance(value, (list, tuple)) else value


class _SetVariables(RemoveAssignFromAST):
    """mmengine takes ``_base_`` out of the code of a config; this also gives variables values."""

    def __init__(self, key: str, variables: Dict[str, Any]) -> None:
        super().__init__(key)
        self.variables = variables

    def visit_Assign(self, node: ast.Assign) -> Optional[ast.Assign]:
        names = [target.id for target in node.targets if isinstance(target, ast.Name)]
        for name in self.variables.keys() & names:
            node.value = ast.parse(repr(self.variables[name]), mode='eval').body
        return super().visit_Assign(node)


@contextmanager
def _variables_set(variables: Dict[str, Any]) -> Iterator[None]:
    mmengine_config.RemoveAssignFromAST = partial(_SetVariables, variables=variables)
    try:
        yield
    finally:
        mmengine_config.RemoveAssignFromAST = RemoveAssignFromAST


def apply_options(cfg: Config, options: Dict[str, Any]) -> Config:
    """Change a config as ``--cfg-options`` say.

    Variables that the config or its bases compute with, such as ``data_root``, are set while the
    config is read once more, so that all that follows from them changes too.

    Args:
        cfg (Config): Of a file.
        options (dict): Dotted keys and values.

    Returns:
        Config: The changed config.

    Raises:
        ValueError: If nothing reads an option; names what it may have meant.
    """
    variables = {}
    for name in dict.fromkeys(key.split('.')[0] for key in options):
        if name in cfg and name not in SECTIONS:
            part = Config({name: cfg[name]})
            own = {k: v for k, v in options.items() if k.split('.')[0] == name}
            part.merge_from_dict(own)
            cfg = _with_variable(cfg, variables, name, part.to_dict()[name], next(iter(own)))
    settings = {k: v for k, v in options.items() if k.split('.')[0] not in variables}
    merged = Config(cfg.to_dict(), filename=cfg.filename)
    for key in settings:
        check_path(cfg, key)
    merged.merge_from_dict(settings)
    for key in settings:
        check_read(cfg, merged, key)
    return merged


def _with_variable(cfg: Config, variables: Dict[str, Any], name: str, value: Any,
                   key: str) -> Config:
    old = cfg.to_dict()
    variables[name] = value
    with _variables_set(variables):
        changed = read_config(cfg.filename)
    new = changed.to_dict()
    if value != old[name] and all(old.get(k) == new.get(k) for k in SECTIONS):
        raise UsageError(f'--cfg-options {key}: nothing reads "{name}"'
                         f'{did_you_mean(paths_to(old, name, old[name]))}')
    return changed
