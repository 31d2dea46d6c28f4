"""From a config to a Runner that is ready to train, and to a training that may be stopped."""
from contextlib import nullcontext
from typing import Any, Dict, Optional, Union

from mmengine.config import Config, ConfigDict
from mmengine.device import get_device
from mmengine.runner import FlexibleRunner, Runner

from ..checkpoints.zoo import check_exists
from ..errors import UsageError
from ..files import full_disk_named
from .agreement import explained_peers
from .alone import alone_in
from .checks import check_config, check_runner
from .checks.output import check_work_dir
from .determinism import ask_for_determinism, make_deterministic
from .hooks import SameClassesHook
from .launch import build_runner, load_runner_config
from .lost_workers import explained_workers, limit_waiting
from .memory import ReleaseHook
from .origin import OriginHook
from .resuming import find_resume
from .schedule import fit_schedule
from .slow_loading import SlowLoadingHook
from .stopping import Signals, StopHook


def prepare_config(config: str,
                   cfg_options: Optional[dict] = None,
                   work_dir: Optional[str] = None,
                   launcher: str = 'none',
                   local_rank: int = 0,
                   resume: Optional[str] = None,
                   amp: bool = False,
                   amp_dtype: Optional[str] = None,
                   auto_scale_lr: bool = False,
                   no_validate: bool = False,
                   on_nan: Optional[str] = None,
                   deterministic: bool = False) -> Config:
    """Read a config and set in it what a command line sets for a training.

    Args:
        config (str): Path of a config, or the name of one of the zoo.
        cfg_options (dict, optional): Dotted keys and values that change it. Defaults to None.
        work_dir (str, optional): See :func:`load_runner_config`. Defaults to None.
        launcher (str): See :func:`load_runner_config`. Defaults to 'none'.
        local_rank (int): See :func:`load_runner_config`. Defaults to 0.
        resume (str, optional): Checkpoint to continue from, or 'auto' for the latest in the work
            dir. Defaults to None.
        amp (bool): Train in mixed precision. Defaults to False.
        amp_dtype (str, optional): 'float16' or 'bfloat16'; implies ``amp``. Defaults to None:
            bfloat16 on a CPU, else float16.
        auto_scale_lr (bool): Scale the learning rate by the batch size. Defaults to False.
        no_validate (bool): Do not evaluate during the training. Defaults to False.
        on_nan (str, optional): See :class:`FiniteLossHook`. Defaults to None, what the config says.
        deterministic (bool): Make runs equal, bit for bit on a CPU, for any number of data workers.
            Defaults to False.

    Raises:
        UsageError: If config or options are wrong.
        OSError: If files are missing.
        ImportError: If the config needs a library that is not installed.
    """
    cfg = load_runner_config(config, cfg_options, work_dir, launcher, local_rank)
    _set_start(cfg, resume)
    _set_precision(cfg, amp, amp_dtype)
    if auto_scale_lr:
        _scale_learning_rate(cfg)
    if no_validate:
        cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
    _set_on_nan(cfg, on_nan)
    if deterministic:
        ask_for_determinism(cfg)
    return cfg


def prepare_runner(cfg: Config) -> Union[Runner, FlexibleRunner]:
    """Check a config of :func:`prepare_config` and its data, and build its Runner.

    Raises:
        ValueError: If the data does not fit the config.
        OSError: If files are missing.
        ImportError: If the config needs a library that is not installed.
    """
    fit_schedule(cfg)
    check_config(cfg, ['train', 'val'])
    limit_waiting(cfg, ['train', 'val'])
    check_work_dir(cfg.work_dir)
    runner = build_runner(cfg)
    if cfg.get('randomness', {}).get('deterministic'):
        make_deterministic(runner)
    check_runner(runner, ['train', 'val'])
    if get_device() == 'cpu':
        runner.register_hook(ReleaseHook())
    if cfg.get('resume'):
        runner.register_hook(SameClassesHook('train'))
    return runner


def train(runner: Union[Runner, FlexibleRunner]) -> None:
    """Train, alone in the work dir; a signal to end saves the training first.

    Raises:
        OSError: If another process trains in the work dir, a checkpoint cannot be written, or a
            data worker or another process of the training is lost.
        NotFiniteError: If the loss is no number.
        SystemExit: With 128 and the number of the signal, if there was one.
    """
    alone = alone_in(runner.work_dir) if runner.rank == 0 else nullcontext()
    # a checkpoint names itself, the log and the curves do not
    named = full_disk_named(runner.work_dir)
    with alone, named, explained_peers(), explained_workers(runner), Signals() as signals:
        runner.register_hook(StopHook(signals))
        runner.register_hook(OriginHook())
        runner.register_hook(SlowLoadingHook())
        runner.train()


def _set_start(cfg: Config, resume: Optional[str]) -> None:
    if resume:
        cfg.load_from = find_resume(cfg) if resume == 'auto' else resume
        cfg.resume = True
    if cfg.get('load_from'):
        check_exists(cfg.load_from)


def _set_precision(cfg: Config, amp: bool, dtype: Optional[str]) -> None:
    if amp or dtype:
        cfg.optim_wrapper.type = 'mvitv2_mm.AmpOptimWrapper'
        cfg.optim_wrapper.setdefault('loss_scale', 'dynamic')
    if dtype:
        if dtype == 'float16' and get_device() == 'cpu':
            raise UsageError('--amp-dtype float16 needs a GPU; on a CPU use bfloat16')
        cfg.optim_wrapper.dtype = dtype


def _set_on_nan(cfg: Config, on_nan: Optional[str]) -> None:
    if on_nan:
        hook = ConfigDict(type='mvitv2_mm.FiniteLossHook', on_nan=on_nan)
        cfg.setdefault('default_hooks', ConfigDict()).finite = hook


def _scale_learning_rate(cfg: Config) -> None:
    if 'base_batch_size' not in cfg.get('auto_scale_lr', {}):
        raise UsageError(f'--auto-scale-lr: "{cfg.filename}" does not say for which batch size '
                         'its learning rate is; add auto_scale_lr=dict(base_batch_size=...)')
    cfg.auto_scale_lr.enable = True


def summarize(runner: Union[Runner, FlexibleRunner]) -> Dict[str, Any]:
    """What a training left: its folder, its last and best checkpoints, its last validation.

    Args:
        runner (Runner): After ``train()``.
    """
    hub = runner.message_hub
    metrics = {
        name.removeprefix('val/'): buffer.current()
        for name, buffer in hub.log_scalars.items()
        if name.startswith('val/') and name not in ('val/time', 'val/data_time')
    }
    checkpoints = {
        name.replace('_ckpt', ''): path
        for name, path in hub.runtime_info.items() if name.startswith(('last_ckpt', 'best_ckpt'))
    }
    return dict(work_dir=runner.work_dir, checkpoints=checkpoints, metrics=metrics)
