"""What the schedule of a training will do: learning rate, weight decay and EMA at every step."""
import copy
import warnings
from pathlib import Path
from typing import Dict, List, NamedTuple, Optional, Sequence

import matplotlib.pyplot as plt
import numpy as np
import torch
from mmengine.hooks import EMAHook
from mmengine.optim import OptimWrapper
from mmengine.runner import Runner

from ..drawing import PALETTE, to_hex
from ..files import replaced

_MAX_GROUPS = 6  # of several dozen, as with a decay of the rate per layer, these say enough
_MAX_POINTS = 400


class Curves(NamedTuple):
    """Values at some of the steps of a training.

    Attributes:
        iterations (list[int]): Passes that are done before.
        groups (list[dict]): Of each group of parameters the "name", the number of "parameters",
            and the lists "lr" and "weight_decay".
        ema (list[float], optional): Share of the new weights in the averaged ones.
    """
    iterations: List[int]
    groups: List[dict]
    ema: Optional[List[float]]


def simulate(runner: Runner) -> Curves:
    """Go through a whole training without training.

    Args:
        runner (Runner): Of the training; it may have been started.
    """
    loop, real = runner.train_loop, runner.optim_wrapper
    wrapper = runner.build_optim_wrapper(copy.deepcopy(dict(runner.cfg.optim_wrapper)))
    runner.scale_lr(wrapper, runner.cfg.get('auto_scale_lr'))
    groups = _spread(list(_distinct(wrapper.param_groups).values()), _MAX_GROUPS)
    small = torch.optim.SGD([
        dict({
            k: v
            for k, v in group.items() if k in ('lr', 'weight_decay', 'momentum')
        },
             params=[torch.zeros(1, requires_grad=True)]) for group in groups
    ])
    runner.optim_wrapper = OptimWrapper(small)
    try:
        schedulers = runner.build_param_scheduler(
            copy.deepcopy(runner.cfg.get('param_scheduler') or []))
    finally:
        runner.optim_wrapper = real
    length = len(runner.train_dataloader)
    rows = _walk(small, schedulers, loop.max_iters, length)
    iterations = sorted(rows)
    return Curves(iterations, [
        dict(
            name=group['name'],
            parameters=group['parameters'],
            lr=[rows[i][index]['lr'] for i in iterations],
            weight_decay=[rows[i][index]['weight_decay'] for i in iterations])
        for index, group in enumerate(groups)
    ], _ema(runner, iterations, length))


def _walk(optimizer: torch.optim.Optimizer, schedulers: list, total: int,
          length: int) -> Dict[int, List[dict]]:
    """Learning rate and weight decay of all groups at some of the iterations."""
    wanted = set(np.linspace(0, max(total - 1, 0), min(total, _MAX_POINTS)).astype(int).tolist())
    rows = {}
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')  # there are no steps of this optimizer
        for done in range(total):
            if done in wanted:
                rows[done] = [
                    dict(lr=group['lr'], weight_decay=group['weight_decay'])
                    for group in optimizer.param_groups
                ]
            for scheduler in schedulers:
                if not scheduler.by_epoch or (done + 1) % length == 0:
                    scheduler.step()
    return rows


def _distinct(groups: Sequence[dict]) -> Dict[tuple, dict]:
    """Groups of parameters that are treated alike, as one; the largest rate first."""
    found: Dict[tuple, dict] = {}
    for group in sorted(groups, key=lambda group: -group['lr']):
        key = group['lr'], group.get('weight_decay', 0)
        count = sum(p.numel() for p in group['params'] if p.requires_grad)
        if not count:
            continue
        if key in found:
            found[key]['parameters'] += count
        else:
            name = f'learning rate {key[0]:.3g}, weight decay {key[1]:.3g}'
            found[key] = dict(group, name=name, parameters=count, weight_decay=key[1])
    return found


def _spread(items: list, count: int) -> list:
    places = np.linspace(0, len(items) - 1, min(count, len(items))).round().astype(int)
    return [items[place] for place in places]


def _ema(runner: Runner, iterations: Sequence[int], length: int) -> Optional[List[float]]:
    """Share of the new weights in the averaged ones, None where no weights are averaged."""
    hook = next((hook for hook in runner.hooks if isinstance(hook, EMAHook)), None)
    model = getattr(hook, 'ema_model', None)
    if model is None:
        return None
    begin = hook.begin_epoch * length if hook.enabled_by_epoch else hook.begin_iter
    steps, shares = model.steps.clone(), []
    for done in iterations:
        average = torch.zeros_like(model.steps, dtype=torch.float32)
        number = max(done - begin, 0) // model.interval * model.interval
        model.steps.fill_(number)
        if number == 0:
            average += 1  # copied
        else:  # from 0, where the new weights are 1
            model.avg_func(average, torch.ones_like(average), model.steps)
        shares.append(average.item())
    model.steps.copy_(steps)
    return shares


def draw_curves(curves: Curves, length: int, path: Path) -> None:
    """Draw all curves over the epochs.

    Args:
        curves (Curves): What to draw.
        length (int): Iterations of an epoch.
        path (Path): Of the PNG file.
    """
    plt.switch_backend('Agg')  # no screen is needed
    number = 3 if curves.ema else 2
    figure, axes = plt.subplots(1, number, figsize=(5 * number, 4), constrained_layout=True)
    epochs = np.array(curves.iterations) / length
    for index, group in enumerate(curves.groups):
        color = to_hex(PALETTE[index % len(PALETTE)])
        style = dict(linestyle=('-', '--', ':', '-.')[index % 4], linewidth=2, color=color)
        label = f'{group["name"]}: {group["parameters"]:,} parameters'
        axes[0].plot(epochs, group['lr'], label=label, **style)
        axes[1].plot(epochs, group['weight_decay'], label=label, **style)
    axes[0].set(title='learning rate', xlabel='epoch', ylim=(0, None))
    axes[1].set(title='weight decay', xlabel='epoch', ylim=(0, None))
    figure.legend(*axes[0].get_legend_handles_labels(), loc='outside lower center', fontsize=8)
    if curves.ema:
        axes[2].plot(epochs, curves.ema, linewidth=2, color=to_hex(PALETTE[0]))
        axes[2].set(title='averaged weights: share of the new ones', xlabel='epoch', yscale='log')
    for axis in axes:
        axis.grid(alpha=0.3)
    with replaced(path) as temporary:
        figure.savefig(temporary, dpi=100)
    plt.close(figure)
