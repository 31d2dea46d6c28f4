"""Let mmengine find configs of this package, and fill in the classes of those for own data.

Symptom:
    ``mmengine does not support to load mvitv2_mm config``; or, where the package is installed from
    a checkout, ``No such file or directory: .../.mim/model-index.yml``. Of a config in
    ``configs/finetune``, the tools of the hosts build no model: ``'<=' not supported between
    instances of 'NoneType' and 'int'``.
Cause:
    mmengine has a fixed list of packages, and looks for the configs of one only in a wheel. Configs
    for own data leave the classes open (None), which only our commands fill in.
Repair:
    Names that begin with ``mvitv2_mm::`` are looked up in the folder ``configs``, wherever it is.
    ``Config.fromfile`` fills in the classes if the training data is there, and ``Runner.from_cfg``
    does so or says why it cannot.
Inert:
    For all other packages, and for configs that state the number of classes.
"""
from contextlib import suppress
from functools import wraps
from importlib import import_module
from types import ModuleType
from typing import Any, Optional

from ...files import repository_folder
from ...names import find_config, read_zoo
from ..versions import Window

WINDOWS = (Window('mmengine', '0.10.7', '0.12', tested='0.10.7'), )
_PREFIX = 'mvitv2_mm::'


def _own_config(name: str) -> Optional[str]:
    """Path of what a name stands for; None if it is not ours."""
    if not name.startswith(_PREFIX):
        return None
    return find_config(str(repository_folder() / 'configs' / name.removeprefix(_PREFIX)))


def _fill_in_classes(cfg: Any) -> None:
    """The classes of the training data, where a config leaves their number open."""
    if None in (cfg.get('num_classes', 0), cfg.get('num_actions', 0)):
        import_module('mvitv2_mm.engine.own_classes').fit_classes(cfg)


def _read_classes(config: ModuleType) -> None:
    original = config.Config.fromfile

    @wraps(original)
    def fromfile(*args, **kwargs) -> Any:
        cfg = original(*args, **kwargs)
        with suppress(FileNotFoundError, ValueError):  # the start of a run tells
            _fill_in_classes(cfg)
        return cfg

    config.Config.fromfile = staticmethod(fromfile)


def _read_classes_at_start(runner: ModuleType) -> None:
    original = runner.Runner.from_cfg.__func__

    @wraps(original)
    def from_cfg(cls: type, cfg: Any) -> Any:
        _fill_in_classes(cfg)
        return original(cls, cfg)

    runner.Runner.from_cfg = classmethod(from_cfg)


def _find_bases(config: ModuleType) -> None:
    _read_classes(config)
    original = config.Config._get_cfg_path

    @wraps(original)
    def get_cfg_path(cfg_path: str, filename: str) -> tuple:
        own = _own_config(cfg_path)
        # without a scope: our configs name the scope of each type that is not their host's
        return (own, None) if own else original(cfg_path, filename)

    config.Config._get_cfg_path = staticmethod(get_cfg_path)


def _find_configs(hub: ModuleType) -> None:
    original = hub.get_config

    @wraps(original)
    def get_config(cfg_path: str, pretrained: bool = False):
        own = _own_config(cfg_path)
        if own is None:
            return original(cfg_path, pretrained)
        cfg = hub.Config.fromfile(own)
        if pretrained:
            cfg.model_path = _find_weights(own)
        return cfg

    hub.get_config = get_config


def _find_weights(config: str) -> str:
    """URL of the first published weights of a config."""
    for published in read_zoo().values():
        if config.endswith(f'/{published.config}.py'):
            return published.url
    raise ValueError(f'no weights are published for {config}')


HOOKS = {
    'mmengine.config.config': _find_bases,
    'mmengine.hub.hub': _find_configs,
    'mmengine.runner.runner': _read_classes_at_start
}
