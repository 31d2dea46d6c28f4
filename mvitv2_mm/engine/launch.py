"""Loading of configs and building of Runners, for all commands that need them."""
import itertools
import os
from pathlib import Path
from typing import Optional, Union

from mmengine.config import Config
from mmengine.registry import MODELS, RUNNERS, init_default_scope
from mmengine.runner import FlexibleRunner, Runner
from torch import nn

from ..compat import switch
from ..config_files import load_config
from ..config_keys import MMENGINES_HOOKS, warn_of_unread
from .own_classes import fit_classes

# what is added to the name of a config in its work dir where mmengine writes all settings
RESOLVED, TESTED = '_resolved', '_tested'  # endings of copies in the work dir
_NUMBERS = itertools.count()  # of the runners of this process


def load_runner_config(config: str,
                       options: Optional[dict] = None,
                       work_dir: Optional[str] = None,
                       launcher: str = 'none',
                       local_rank: int = 0) -> Config:
    """Read the config of a training or test and set what a command line sets for both.

    Args:
        config (str): See :func:`load_config`.
        options (dict, optional): See :func:`load_config`. Defaults to None.
        work_dir (str, optional): Folder for logs and checkpoints. Defaults to None: what the config
            says, or ``work_dirs/`` and its name.
        launcher (str): How the processes of a distributed run were started. Defaults to 'none'.
        local_rank (int): Of this process, where its environment does not say. Defaults to 0.
    """
    cfg = load_config(config, options)
    warn_of_unread(cfg)
    fit_classes(cfg)
    return set_run(cfg, Path(cfg.filename).stem, work_dir, launcher, local_rank)


def set_run(cfg: Config, name: str, work_dir: Optional[str], launcher: str,
            local_rank: int) -> Config:
    """Set in a config what a command line sets for a training or test, which has a name."""
    os.environ.setdefault('LOCAL_RANK', str(local_rank))
    cfg.launcher = launcher
    cfg.work_dir = work_dir or cfg.get('work_dir') or os.path.join('work_dirs', name)
    return cfg


def build_model(config: str) -> nn.Module:
    """Build the model of a config; see :func:`load_config`."""
    cfg = load_config(config)
    init_default_scope(cfg.get('default_scope', 'mmengine'))
    return MODELS.build(cfg.model)


def build_runner(cfg: Config, ending: str = RESOLVED) -> Union[Runner, FlexibleRunner]:
    """Build the runner that ``runner_type`` names; a single process has nothing to share out.

    Args:
        cfg (Config): All settings of the run.
        ending (str): What the name of the copy of them gets, where a file would be lost otherwise.
            Defaults to that of trainings.
    """
    if cfg.launcher == 'none':
        cfg.pop('strategy', None)
    else:
        switch.switch_on('mmengine.cpu_distributed')
    _name_apart(cfg)
    _name_collate_scopes(cfg)
    _drop_hooks(cfg)
    _keep_config(cfg, ending)
    return RUNNERS.build(cfg)


def _name_apart(cfg: Config) -> None:
    """Give a later runner of this process a name of its own.

    Names end with the second, and mmengine lets runners of one name share the log, the collected
    values and the visualizer, with its folder.
    """
    number = next(_NUMBERS)
    if number:
        name = cfg.get('experiment_name') or Path(cfg.filename or 'run').stem
        cfg.experiment_name = f'{name}_{number}'


def _keep_config(cfg: Config, ending: str) -> None:
    """Let mmengine write all settings of a run beside a config, not over it.

    Kept is the config that was asked for, and by a test also that of the training.
    """
    path = Path(cfg.work_dir, Path(cfg.filename).name) if cfg.filename else None
    if path is not None and path.exists() and (ending == TESTED or path.samefile(cfg.filename)):
        object.__setattr__(cfg, '_filename', str(path.with_stem(path.stem + ending)))


def _drop_hooks(cfg: Config) -> None:
    """Let None switch every default hook off, and not only mmengine's own."""
    hooks = cfg.get('default_hooks') or {}
    for name in {name for name, hook in hooks.items() if hook is None} - MMENGINES_HOOKS:
        del hooks[name]


def _name_collate_scopes(cfg: Config) -> None:
    """Let collate functions of an inherited config keep their library.

    mmengine marks them with ``_scope_`` as it does everything inherited from another library, but
    then calls them with the mark as an argument.
    """
    for name in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        collate = (cfg.get(name) or {}).get('collate_fn')
        scope = collate.pop('_scope_', None) if isinstance(collate, dict) else None
        if scope and '.' not in collate['type']:
            collate['type'] = f'{scope}.{collate["type"]}'
