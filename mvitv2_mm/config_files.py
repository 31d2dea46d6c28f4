"""Read the config of a run, with errors that help."""
import importlib.util
from typing import List, Optional, Set

from mmengine.config import Config

from .compat.versions import HOSTS
from .config_walk import dicts_in, read_config
from .names import find_config


def load_config(path: str, options: Optional[dict] = None, imports: bool = True) -> Config:
    """Read a config and make sure that its host library is installed.

    Args:
        path (str): Path of a config, or the name of one of the zoo.
        options (dict, optional): Changes from ``--cfg-options``. Defaults to None.
        imports (bool): Import what the config names in ``custom_imports``, which whoever builds
            something from it needs. Options need it too. Defaults to True.

    Raises:
        UnknownName: If there is no such config; names similar ones.
        ImportError: If the config needs a host library that is not installed.
        UsageError: If nothing reads an option.
    """
    path = find_config(path)
    try:
        cfg = read_config(path, import_custom_modules=imports or bool(options))
    except ImportError as error:
        _check_hosts(path, [host for host in HOSTS if host in str(error)])
        raise
    _check_hosts(path, sorted(_scopes(cfg)))
    if not options:
        return cfg
    from .config_options import apply_options  # which imports all that a training needs
    return apply_options(cfg, options)


def _scopes(cfg: Config) -> Set[str]:
    """Scopes of all types in a config: the default one and those written ``scope.Type``."""
    found = set()
    for node in dicts_in(dict(cfg.items())):
        found.add(node.get('default_scope'))
        kind = node.get('type')
        if isinstance(kind, str) and '.' in kind:
            found.add(kind.split('.')[0])
    return found - {None}


def _check_hosts(path: str, scopes: List[str]) -> None:
    for host in scopes:
        if host in HOSTS and importlib.util.find_spec(host) is None:
            raise ImportError(f'config "{path}" needs {host}, which is not installed; run: '
                              f'pip install {HOSTS[host]}')
