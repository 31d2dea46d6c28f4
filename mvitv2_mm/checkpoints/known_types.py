"""What a config of unknown origin may name.

A config that is only data still decides what is built: mmengine imports any function whose dotted
path stands for a ``type``, and calls it with the rest of the dict. The config of a model that came
from elsewhere may therefore name registered classes of the OpenMMLab libraries and of this package
only, and of these none that loads files, downloads or evaluates text on its own.
"""
import re
from importlib import import_module
from inspect import isclass
from typing import Any, Iterator, Optional, Set, Tuple

from mmengine.config import Config
from mmengine.registry import (DATA_SAMPLERS, DATASETS, EVALUATOR, FUNCTIONS, HOOKS, LOG_PROCESSORS,
                               LOOPS, METRICS, MODELS, TASK_UTILS, TRANSFORMS, VISBACKENDS,
                               VISUALIZERS, WEIGHT_INITIALIZERS)
from mmengine.utils import get_object_from_string

LIBRARIES = ('mvitv2_mm', 'mmpretrain', 'mmdet', 'mmaction', 'mmengine', 'mmcv')
# 'Type', 'scope.Type', or the path of a class in this package
_NAME = re.compile(r'(?:([A-Za-z_]\w*)\.)?((?:(?<=^mvitv2_mm\.)(?:\w+\.)+)?[A-Za-z_]\w*)', re.ASCII)
# Registered classes in these modules unpickle or download what their arguments name, or evaluate
# them as Python.
_REACHING_OUT = ('mmpretrain.models.multimodal.', 'mmpretrain.models.retrievers.',
                 'mmpretrain.models.classifiers.hugging_face', 'mmpretrain.models.classifiers.timm',
                 'mmpretrain.models.backbones.timm_backbone', 'mmpretrain.datasets.cifar',
                 'mmpretrain.models.utils.vector_quantizer', 'mmpretrain.engine.hooks.swav_hook',
                 'mmaction.models.multimodal.', 'mmaction.models.roi_heads.shared_heads.',
                 'mmaction.datasets.charades_sta_dataset', 'mmdet.models.language_models.',
                 'mmdet.models.task_modules.tracking.', 'mmdet.models.mot.',
                 'mmdet.datasets.transforms.text_transformers', 'mmcv.cnn.rfsearch.')
# what a model and a test are built from; functions come with the others
_REGISTRIES = (MODELS, TASK_UTILS, DATASETS, DATA_SAMPLERS, TRANSFORMS, METRICS, EVALUATOR, HOOKS,
               LOOPS, LOG_PROCESSORS, VISUALIZERS, VISBACKENDS, WEIGHT_INITIALIZERS, FUNCTIONS)


def import_named(cfg: Config, where: str) -> None:
    """Import the modules in ``custom_imports`` of a config from elsewhere.

    Raises:
        ValueError: If it names other libraries than OpenMMLab's and this package.
    """
    modules = (cfg.get('custom_imports') or {}).get('imports') or []
    modules = [modules] if isinstance(modules, str) else modules
    for module in modules:
        if not isinstance(module, str) or module.split('.')[0] not in LIBRARIES:
            raise ValueError(f'{where} is refused: it wants to import {module!r}, which is not of '
                             f'{", ".join(LIBRARIES)}. If you trust its authors, save its config '
                             'as a file (.py) and give that with the checkpoint.')
    for module in modules:
        import_module(module)


def check_types(cfg: Config, where: str) -> None:
    """See that a config from elsewhere builds known classes only.

    Args:
        cfg (Config): What will be built of it.
        where (str): Its origin, for messages.

    Raises:
        ValueError: Naming the key and the type.
        ImportError: If a library it needs is not installed.
    """
    default = cfg.get('default_scope', 'mmengine')
    found = [('default_scope', default, None), *_types(cfg, '')]
    for key, scope, name in found:
        if scope is not None and scope not in LIBRARIES:
            raise _refusal(where, key, f'{scope}.{name}' if name else scope)
    scopes = {'mmengine'} | {scope for _, scope, _ in found if scope is not None}
    known = set().union(*map(_registered, scopes))
    names = {name for _, name in known}
    for key, scope, name in found[1:]:
        if scope is None:
            is_known = name in names or _is_operator(name)
        else:
            is_known = (scope, name) in known or scope == LIBRARIES[0] and _is_ours(name)
        if name is not None and not is_known:
            raise _refusal(where, key, name if scope is None else f'{scope}.{name}')


def check_data_files(cfg: Config, where: str) -> None:
    """See that the test of a config from elsewhere reads no pickled lists of samples.

    mmengine unpickles them, and a pickle can run code. The datasets of this package do not.

    Raises:
        ValueError: Naming the key and the file.
    """
    if cfg.filename is not None:
        return  # a config that its user chose
    for key, value in _texts({key: cfg.get(key) for key in ('test_dataloader', 'test_evaluator')}):
        if value.endswith(('.pkl', '.pickle')):
            raise ValueError(f'{where}: {key} is {value}, and reading a pickle could run code. If '
                             'you trust it, test with a config (.py) and the checkpoint.')


def _texts(node: Any, path: str = '') -> Iterator[Tuple[str, str]]:
    """Key and value of all strings in a config, except what datasets of this package read."""
    if isinstance(node, str):
        yield path, node
    elif isinstance(node, dict):
        if not str(node.get('type')).startswith(f'{LIBRARIES[0]}.'):
            for key, value in node.items():
                yield from _texts(value, f'{path}.{key}' if path else str(key))
    elif isinstance(node, (list, tuple)):
        for key, value in enumerate(node):
            yield from _texts(value, f'{path}.{key}')


def _types(node: Any, path: str) -> Iterator[Tuple[str, Optional[str], Optional[str]]]:
    """Key, scope and name of all types in a config; a scope alone where one is switched to."""
    if isinstance(node, (Config, dict)):
        if node.get('_scope_') is not None:
            yield f'{path}._scope_', node['_scope_'], None
        if isinstance(node.get('type'), str):
            match = _NAME.fullmatch(node['type'])
            # what is no name is a scope of its own, which nobody knows
            yield (f'{path}.type', *(match.groups() if match else (node['type'], None)))
        items = [(key, value) for key, value in node.items() if key != 'metainfo']
    else:
        items = enumerate(node) if isinstance(node, (list, tuple)) else ()
    for key, value in items:
        yield from _types(value, f'{path}.{key}' if path else str(key))


def _registered(scope: str) -> Set[Tuple[str, str]]:
    """The scope, and the name, of every class that a library registers and that may be built."""
    import_module(f'{scope}.registry')
    found = set()
    for registry in _REGISTRIES:
        own = registry if scope == registry.scope else registry.children.get(scope)
        if own is not None:
            if registry is not FUNCTIONS:  # mmaction's are said to be where no module is
                own.import_from_location()
            found |= {(scope, name)
                      for name, kind in own.module_dict.items()
                      if isclass(kind) or registry is FUNCTIONS
                      if not f'{kind.__module__}.'.startswith(_REACHING_OUT)}
    return found


def _is_operator(name: str) -> bool:
    """Whether mmcv's operators have one of this name, such as the 'nms' of a detector."""
    return callable(getattr(import_module('mmcv.ops'), name, None))


def _is_ours(path: str) -> bool:
    """Whether this package has a class of its own at a path that starts inside it."""
    found = get_object_from_string(f'{LIBRARIES[0]}.{path}')
    return isclass(found) and found.__module__.startswith(f'{LIBRARIES[0]}.')


def _refusal(where: str, key: str, name: str) -> ValueError:
    return ValueError(f'{where} is refused: {key} is {name[:80]!r}, which is no class of '
                      f'{", ".join(LIBRARIES)} that only computes. If you trust its authors, save '
                      'its config as a file (.py) and give that with the checkpoint.')
