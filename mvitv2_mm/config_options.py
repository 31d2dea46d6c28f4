"""Options of the command line arrive in the config, or are named."""
import ast
import difflib
import inspect
import logging
import re
from contextlib import contextmanager
from functools import partial
from typing import Any, Dict, Iterator, List, Optional, Sequence, Set, Tuple

from mmengine import registry
from mmengine.config import Config, DictAction
from mmengine.config import config as mmengine_config
from mmengine.config.utils import RemoveAssignFromAST
from mmengine.logging import print_log
from mmengine.runner import (EpochBasedTrainLoop, FlexibleRunner, IterBasedTrainLoop, Runner,
                             TestLoop, ValLoop)
from torch.utils.data import DataLoader

from .config_walk import read_config
from .errors import UsageError


def _arguments(*kinds: type) -> Set[str]:
    return {name for kind in kinds for name in inspect.signature(kind.__init__).parameters}


# what Runners and our tools read of a config
SECTIONS = _arguments(Runner, FlexibleRunner) | {
    'custom_imports', 'runner_type', 'tta_model', 'tta_pipeline', 'model_wrapper_cfg', 'sync_bn',
    'find_unused_parameters', 'activation_checkpointing', 'efficient_conv_bn_eval'
}
_LOADER = _arguments(DataLoader) | {'num_batch_per_epoch'}
# of dicts without a type; loops that have one are looked up
_UNTYPED = {
    'train_dataloader': _LOADER,
    'val_dataloader': _LOADER,
    'test_dataloader': _LOADER,
    'train_cfg': _arguments(EpochBasedTrainLoop, IterBasedTrainLoop) | {'by_epoch'},
    'val_cfg': _arguments(ValLoop),
    'test_cfg': _arguments(TestLoop),
    'randomness': set(inspect.signature(Runner.set_randomness).parameters),
    'auto_scale_lr': {'base_batch_size', 'enable'},
    'default_hooks':
    {'runtime_info', 'timer', 'sampler_seed', 'logger', 'param_scheduler', 'checkpoint'},
    'env_cfg': {'cudnn_benchmark', 'mp_cfg', 'dist_cfg', 'resource_limit'},
}
# read where objects are built, so no argument of theirs
_OF_BUILDERS = {
    'type', '_scope_', '_delete_', 'constructor', 'paramwise_cfg', 'optimizer',
    'convert_to_iter_based', 'init_cfg'
}
_REGISTRIES = (registry.MODELS, registry.DATASETS, registry.DATA_SAMPLERS, registry.TRANSFORMS,
               registry.METRICS, registry.TASK_UTILS, registry.HOOKS, registry.OPTIMIZERS,
               registry.OPTIM_WRAPPERS, registry.PARAM_SCHEDULERS, registry.VISUALIZERS,
               registry.LOOPS, registry.WEIGHT_INITIALIZERS)


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
        _check_path(cfg, key)
    merged.merge_from_dict(settings)
    for key in settings:
        _check_read(cfg, merged, key)
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
                         f'{_hint(_paths_to(old, name, old[name]))}')
    return changed


def _check_path(cfg: Config, key: str) -> None:
    """Raise ValueError if a key goes through what has no such part."""
    node, parts = cfg, key.split('.')
    for i, part in enumerate(parts):
        here = '.'.join(parts[:i])
        if isinstance(node, (list, tuple)):
            if not (part.isdigit() and int(part) < len(node)):
                steps = [f'{here}.{n}: {_name(step)}' for n, step in enumerate(node)]
                raise UsageError(f'--cfg-options {key}: "{here}" is a list; there are '
                                 f'{", ".join(steps)}')
            node = node[int(part)]
        elif isinstance(node, (Config, dict)):
            if part not in node:
                return
            node = node[part]
        else:
            raise UsageError(f'--cfg-options {key}: "{here}" is {node!r}, which holds no keys; '
                             f'set "{here}" itself')


def _name(step: Any) -> str:
    return str(step.get('type', '...')) if isinstance(step, dict) else str(step)


def _check_read(cfg: Config, merged: Config, key: str) -> None:
    """Raise ValueError, or warn where nobody can know, if nothing reads a new key."""
    node, typed, parts = cfg, merged, key.split('.')
    for i, part in enumerate(parts):
        if not isinstance(node, (list, tuple)) and part not in node:
            break
        part = int(part) if isinstance(node, (list, tuple)) else part
        node, typed = node[part], typed[part]
    else:
        if type(node) in (int, float) and isinstance(typed, str) and part != 'loss_scale':
            raise UsageError(f'--cfg-options {key}: "{typed}" is no number, as {node} is')
        return
    here = '.'.join(parts[:i])
    known, complete = _readable(typed, here, cfg.get('default_scope', 'mmengine'))
    if part in known or here == 'default_hooks' and 'type' in typed[part]:
        return
    beside = {str(k) for k in node} | known - {'self', 'args', 'kwargs'}
    near = [
        '.'.join([*parts[:i], name, *parts[i + 1:]])
        for name in difflib.get_close_matches(part, sorted(beside))
    ]
    exist = [path for path in near if _exists(cfg, path)]
    elsewhere = _paths_to(cfg.to_dict(), parts[-1])
    hint = _hint(exist or near or elsewhere if here or exist else elsewhere or near)
    place = f' in {here}' if here else ''
    if complete:
        raise UsageError(f'--cfg-options {key}: nothing reads "{part}"{place}{hint}')
    print_log(f'--cfg-options {key}: "{part}" is new{place}, and may be read by nothing{hint}',
              'current', logging.WARNING)


def _exists(cfg: Config, path: str) -> bool:
    try:
        for part in path.split('.'):
            cfg = cfg[int(part) if isinstance(cfg, (list, tuple)) else part]
    except (KeyError, TypeError):
        return False
    return True


def _readable(node: dict, here: str, scope: str) -> Tuple[Set[str], bool]:
    """Keys that are read of a dict at a place, and whether these are all."""
    if not here:
        return SECTIONS, True
    if 'type' not in node:
        return _UNTYPED.get(here, set()), here in _UNTYPED
    found = [_parameters(kind) for kind in _classes(str(node['type']), scope)]
    names = set().union(_OF_BUILDERS, *(names for names, _ in found))
    return names, bool(found) and all(complete for _, complete in found)


def _classes(name: str, scope: str) -> List[type]:
    """Whatever is registered under a name."""
    found = []
    for root in _REGISTRIES:
        with root.switch_scope_and_registry(scope) as current:
            found.append(current.get(name))
    return [kind for kind in found if inspect.isclass(kind)]


def _parameters(kind: type) -> Tuple[Set[str], bool]:
    """Names of the arguments, those that go to base classes too, and whether these are all."""
    names = set()
    for base in kind.__mro__[:-1]:
        if '__init__' in vars(base):
            found = inspect.signature(base.__init__).parameters.values()
            names |= {p.name for p in found}
            if all(p.kind is not p.VAR_KEYWORD for p in found):
                return names, True
    return names, False


def _paths_to(cfg: dict, name: str, value: Any = None) -> List[str]:
    """Keys in the sections of a config whose last part is a name, or whose value is a value."""
    found = [(key, leaf) for section in cfg if section in SECTIONS
             for key, leaf in _walk(cfg[section], section)]
    same = [key for key, leaf in found if value is not None and leaf == value]
    return (same or [key for key, _ in found if key.split('.')[-1] == name])[:3]


def _walk(node: Any, key: str) -> Iterator[Tuple[str, Any]]:
    yield key, node
    items = node.items() if isinstance(node, dict) else ()
    for name, value in items:
        yield from _walk(value, f'{key}.{name}')


def _hint(keys: List[str]) -> str:
    return f'; did you mean {" or ".join(keys)}?' if keys else ''


def warn_of_unread(cfg: Config) -> None:
    """Warn of variables in a config whose names are those of sections, but for a slip."""
    for name in cfg:
        near = difflib.get_close_matches(name, SECTIONS, n=1, cutoff=0.85)
        if near and name not in SECTIONS and not name.endswith('_pipeline'):
            print_log(f'{cfg.filename}: nothing but the config itself reads "{name}"{_hint(near)}',
                      'current', logging.WARNING)
