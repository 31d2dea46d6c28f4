"""Arguments, config loading and early errors of the scripts in ``tools/``."""
import argparse
import difflib
import importlib.util
import json
import os
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Iterator, List, Optional, Type, Union

import torch
from mmengine.config import Config
from mmengine.registry import RUNNERS
from mmengine.runner import FlexibleRunner, Runner

from ..compat import switch
from ..compat.versions import HOSTS
from ..files import repository_folder, write_text
from .options import OptionAction, apply_options, warn_of_unread
from .own_classes import fit_classes


def add_config_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of every script that reads a config."""
    parser.add_argument('config', help='path of the config')
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=OptionAction,
        metavar='KEY=VALUE',
        help='change settings of the config, e.g. train_dataloader.batch_size=8 "key=[a,b]"')


def add_runner_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that training and testing share."""
    add_config_arguments(parser)
    parser.add_argument(
        '--work-dir',
        help='folder for logs and checkpoints, by default work_dirs/ and the name of the config')
    parser.add_argument(
        '--launcher',
        choices=['none', 'pytorch', 'slurm', 'mpi'],
        default='none',
        help='how the processes of a distributed run were started')
    # torch.distributed.launch passes it in either spelling
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0, help=argparse.SUPPRESS)


@contextmanager
def one_line_errors(*kinds: Type[Exception]) -> Iterator[None]:
    """Turn an error that the user can repair, of ``kinds`` if given, into one line and exit 1."""
    try:
        yield
    except torch.OutOfMemoryError as error:
        sys.exit(f'{Path(sys.argv[0]).name}: {str(error).splitlines()[0]} Take smaller batches: '
                 '--cfg-options train_dataloader.batch_size=..., and for the same training as many '
                 'times more optim_wrapper.accumulative_counts')
    except kinds or (AssertionError, OSError, ImportError, KeyError, TypeError,
                     ValueError) as error:
        message = error.args[0] if isinstance(error, KeyError) else error
        sys.exit(f'{Path(sys.argv[0]).name}: {" ".join(str(message).splitlines())}')


def load_config(path: str, options: Optional[dict] = None) -> Config:
    """Read a config and make sure that its host library is installed.

    Args:
        path (str): Path of the config.
        options (dict, optional): Changes from ``--cfg-options``. Defaults to None.

    Raises:
        FileNotFoundError: If there is no such config; names similar ones.
        ImportError: If the config needs a host library that is not installed.
        ValueError: If nothing reads an option.
    """
    if not os.path.isfile(path):
        raise FileNotFoundError(f'config "{path}" does not exist{_similar_configs(path)}')
    try:
        cfg = Config.fromfile(path)
    except ImportError as error:
        _check_hosts(path, [host for host in HOSTS if host in str(error)])
        raise
    _check_hosts(path, sorted(_scopes(cfg)))
    return apply_options(cfg, options) if options else cfg


def load_runner_config(args: argparse.Namespace) -> Config:
    """Read the config of a training or test and apply the arguments they share."""
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    cfg = load_config(args.config, args.cfg_options)
    warn_of_unread(cfg)
    fit_classes(cfg)
    cfg.launcher = args.launcher
    name = Path(args.config).stem
    cfg.work_dir = args.work_dir or cfg.get('work_dir') or os.path.join('work_dirs', name)
    return cfg


def build_runner(cfg: Config) -> Union[Runner, FlexibleRunner]:
    """Build the runner that ``runner_type`` names; a single process has nothing to share out."""
    if cfg.launcher == 'none':
        cfg.pop('strategy', None)
    else:
        switch.switch_on('mmengine.cpu_distributed')
    _name_collate_scopes(cfg)
    return RUNNERS.build(cfg)


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


def check_output(option: str, path: str, *endings: str) -> None:
    """Make sure, before a long run, that its results can be written.

    Raises:
        OSError: If the folder cannot be written to.
        ValueError: If the path ends in none of the ways that are given.
    """
    if endings and not path.endswith(endings):
        raise ValueError(f'{option}: "{path}" should end with {endings[0]}')
    folder = os.path.dirname(os.path.abspath(path))
    os.makedirs(folder, exist_ok=True)
    if os.path.isdir(path) or not os.access(folder, os.W_OK):
        raise OSError(f'{option}: "{path}" cannot be written')


def dump_atomically(obj: dict, path: str) -> None:
    """Write JSON so that a reader never sees half a file; tensors and arrays become lists."""
    write_text(path, json.dumps(obj, indent=2, default=_plain))


def _plain(value: Any) -> Any:
    """What JSON has for an object: numbers of arrays and tensors, else its text."""
    return value.tolist() if hasattr(value, 'tolist') else str(value)


def _similar_configs(path: str) -> str:
    files = [*(repository_folder() / 'configs').rglob('*.py'), *Path(path).parent.glob('*.py')]
    configs = {file.name: file for file in files}
    names = difflib.get_close_matches(Path(path).name, configs, n=3)
    similar = [os.path.relpath(configs[name]) for name in names]
    return f'; similar ones: {", ".join(similar)}' if similar else ''


def _scopes(cfg) -> Iterator[str]:
    """Scopes of all types in a config: the default one and those written ``scope.Type``."""
    if isinstance(cfg, (Config, dict)):
        yield from filter(None, [cfg.get('default_scope')])
        kind = cfg.get('type')
        if isinstance(kind, str) and '.' in kind:
            yield kind.split('.')[0]
        cfg = [value for _, value in cfg.items()]
    if isinstance(cfg, (list, tuple)):
        for value in cfg:
            yield from _scopes(value)


def _check_hosts(path: str, scopes: List[str]) -> None:
    for host in scopes:
        if host in HOSTS and importlib.util.find_spec(host) is None:
            raise ImportError(f'config "{path}" needs {host}, which is not installed; run: '
                              f'pip install {HOSTS[host]}')
