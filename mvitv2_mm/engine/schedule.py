"""The schedule of a training fits its length, also when it goes on with another config."""
import difflib
import logging
import warnings
from typing import Any, Collection, Dict, List

from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.registry import OPTIMIZERS, PARAM_SCHEDULERS, Registry
from mmengine.runner import Runner
from torch import nn

from ..checkpoints import CheckpointError
from ..registry import HOOKS
from .position import convert_position

# what of a scheduler changes during a training, apart from the number of its steps
_VARIES = ('last_step', '_last_value')


def fit_schedule(cfg: Config) -> None:
    """Drop schedulers that begin after a training ends, and warn of what it does not reach.

    Args:
        cfg (Config): The whole config; its ``param_scheduler`` is changed.

    Raises:
        ValueError: If there is no such scheduler or optimizer.
    """
    schedulers = cfg.get('param_scheduler') or []
    schedulers = schedulers if isinstance(schedulers, list) else [schedulers]
    optimizer = cfg.get('optim_wrapper', {}).get('optimizer')
    if optimizer is not None:
        _check_type('optim_wrapper.optimizer', optimizer, OPTIMIZERS)
    if not cfg.get('train_cfg') or any('type' not in scheduler for scheduler in schedulers):
        return  # one schedule for each of several optimizers
    if cfg.train_cfg.get('val_interval', 1) < 1:
        raise ValueError('train_cfg.val_interval should be at least 1; --no-validate does without')
    for i, scheduler in enumerate(schedulers):
        _check_type(f'param_scheduler.{i}', scheduler, PARAM_SCHEDULERS)
    cfg.param_scheduler = [
        scheduler for i, scheduler in enumerate(schedulers)
        if _fits(scheduler, f'param_scheduler.{i}', cfg.train_cfg)
    ]


def _check_type(key: str, cfg: dict, registry: Registry) -> None:
    name = cfg['type']
    if isinstance(name, str) and registry.get(name) is None:
        near = difflib.get_close_matches(name, registry.module_dict, cutoff=0.4)
        raise ValueError(f'{key}.type: there is no "{name}"; similar: {", ".join(near) or "none"}')


def _fits(scheduler: dict, key: str, train_cfg: dict) -> bool:
    unit = 'max_epochs' if scheduler.get('by_epoch', True) else 'max_iters'
    length = train_cfg.get(unit)
    if length is None:
        return True
    begin, end = scheduler.get('begin', 0), scheduler.get('end', length)
    milestones = [step for step in scheduler.get('milestones', ()) if step >= length]
    problem = None
    if begin >= length:
        problem = f'begins at {begin}, so it is left out'
    elif end > length:
        problem = f'ends at {end}, so the rate does not get there; set {key}.end or leave it out'
    elif milestones:
        problem = f'waits for {milestones}, so the rate stays; set {key}.milestones'
    elif end < length and scheduler['type'].startswith('Cosine'):
        problem = f'ends at {end}, so the rate stays there; set {key}.end or leave it out'
    if problem:
        print_log(f'train_cfg.{unit}={length}, but {key} ({scheduler["type"]}) {problem}',
                  'current', logging.WARNING)
    return begin < length


@HOOKS.register_module()
class ResumeHook(Hook):
    """Let a resumed training follow its config, where mmengine takes the values of the checkpoint.

    If schedule or hyper-parameters of the optimizer are others than those of the checkpoint, the
    training goes on where the schedule of the config would be by now. With the same ones nothing
    changes. Iterations are counted anew where they have another number of samples.
    """

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Check the checkpoint of a training to resume, and put the new values into it.

        Raises:
            CheckpointError: If it is of no training, or one of another model or another optimizer.
        """
        if not runner._resume:
            return
        _check_origin(checkpoint)
        changed = convert_position(checkpoint['meta'], runner.train_loop)
        if changed:
            runner.logger.warning(f'--resume: {changed}')
        if 'optimizer' not in checkpoint:
            runner.logger.warning('The checkpoint to resume from holds no state of the optimizer, '
                                  'which therefore starts anew')
            return
        strategy = getattr(runner, 'strategy', None)
        _check_model(getattr(strategy, 'shapes', runner.model), checkpoint['state_dict'])
        _check_groups(runner, checkpoint)
        schedulers = runner.param_schedulers or []
        if isinstance(schedulers, list):  # not several optimizers
            _follow_config(runner, schedulers, checkpoint)


_RESUME = 'The checkpoint to resume from is of'
_REMEDY = ('Resume with the config that it was trained with, or start a new training from its '
           'weights: --cfg-options load_from=CHECKPOINT, without --resume')


def _check_origin(checkpoint: Dict[str, Any]) -> None:
    """Refuse what MMEngine did not write in a training, and let it run nothing of another one."""
    meta = checkpoint.get('meta') or {}
    lacking = [key for key in ('iter', 'epoch') if key not in meta]
    lacking += [key for key in ('message_hub', ) if key not in checkpoint]
    if lacking:
        raise CheckpointError(f'{_RESUME} no training with MMEngine: it lacks '
                              f'{" and ".join(lacking)}. {_REMEDY}')
    meta.pop('config', None)  # the code of a config in checkpoints of MMCV, which would be run


def _check_model(model: nn.Module, state: Dict[str, Any]) -> None:
    model = getattr(model, 'module', model)
    own = {name: tuple(value.shape) for name, value in model.state_dict().items()}
    other = {name.removeprefix('module.'): tuple(value.shape) for name, value in state.items()}
    wrong = [
        f'{name} is {other.get(name, "missing")} and not {own.get(name, "part of the model")}'
        for name in sorted({*own, *other}) if own.get(name) != other.get(name)
    ]
    if wrong:
        raise CheckpointError(f'{_RESUME} another model, or one for another number of classes: '
                              f'{"; ".join(wrong[:2])}. {_REMEDY}')


def _check_groups(runner: Runner, checkpoint: dict) -> None:
    states = checkpoint['optimizer'], runner.optim_wrapper.state_dict()
    saved, own = ([set(group) - {'initial_lr'} for group in _groups(state)] for state in states)
    if saved != own:
        raise CheckpointError(
            f'{_RESUME} an optimizer of another kind, or one with other groups of '
            f'parameters. {_REMEDY}')


def _follow_config(runner: Runner, schedulers: list, checkpoint: dict) -> None:
    """Put what a config says of schedule and optimizer into a checkpoint that says other things."""
    saved, own = _groups(checkpoint['optimizer']), _groups(runner.optim_wrapper.state_dict())
    epochs, steps = checkpoint['meta']['epoch'], checkpoint['meta']['iter']
    old = [_without(state, _VARIES) for state in checkpoint.get('param_schedulers', [])]
    new = [
        dict(
            _without(scheduler.state_dict(), _VARIES),
            _global_step=epochs if scheduler.by_epoch else steps) for scheduler in schedulers
    ]
    varies = {'params', *(('lr', 'momentum', 'betas') if new else ())}
    settings = [[_without(group, varies) for group in part] for part in (saved, own)]
    if old == new and settings[0] == settings[1]:
        return
    _advance(schedulers, steps, len(runner.train_dataloader) if epochs else steps + 1)
    checkpoint['param_schedulers'] = [scheduler.state_dict() for scheduler in schedulers]
    before = saved[0]['lr']
    for group, now in zip(saved, _groups(runner.optim_wrapper.state_dict())):
        group.update(_without(now, ['params']))
    runner.logger.warning(
        '--resume: schedule or optimizer of the config differ from those of the checkpoint, '
        f'whose rate is {before:.3g}; the training goes on at {saved[0]["lr"]:.3g}')


def _groups(state: dict) -> List[dict]:
    """Those that schedulers change, from the state of an OptimWrapper."""
    return state['param_groups'] + [state[k] for k in ('base_param_settings', ) if k in state]


def _without(state: dict, keys: Collection[str]) -> dict:
    return {key: value for key, value in state.items() if key not in keys}


def _advance(schedulers: list, steps: int, length: int) -> None:
    """Step new schedulers to where a training is, with epochs of a length."""
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')  # there were no steps of this optimizer
        for step in range(1, steps + 1):
            for scheduler in schedulers:
                if not scheduler.by_epoch or step % length == 0:
                    scheduler.step()
