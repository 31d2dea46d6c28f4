"""Can the network learn one batch by heart? If not, what is to blame?"""
import copy
import math
from typing import Any, Iterator, List, NamedTuple

import torch
from mmengine.optim import OptimWrapper
from mmengine.runner import Runner
from torch import nn

from .findings import ERROR, Finding

NUM_STEPS = 50


class Overfit(NamedTuple):
    """Losses of one batch that is trained on again and again, and what was found.

    Attributes:
        losses (list[float]): Before each step.
        suspect (str): Why they do not fall by half; '' if they do.
    """
    losses: List[float]
    suspect: str


def overfit(runner: Runner, batch: Any) -> Overfit:
    """Train on one batch, which is not mixed, at the highest learning rate of the training.

    The weights are those at the start of the training, and are so again afterwards.

    Args:
        runner (Runner): Of the training; its model has the weights to start from.
        batch (Any): Of its data loader.
    """
    losses = _train(runner, batch, 1.)
    if _has_learnt(losses):
        return Overfit(losses, '')
    return Overfit(losses, _suspect(runner, batch, losses))


def _train(runner: Runner, batch: Any, factor: float) -> List[float]:
    """Losses before each step with a multiple of the learning rate; the weights are put back."""
    model = getattr(runner.model, 'module', runner.model).train()
    start = copy.deepcopy(model.state_dict())
    settings = copy.deepcopy(dict(runner.cfg.optim_wrapper))
    settings['optimizer']['lr'] *= factor
    wrapper = runner.build_optim_wrapper(settings)
    runner.scale_lr(wrapper, runner.cfg.get('auto_scale_lr'))
    try:
        return list(_losses(model, wrapper, batch))
    finally:
        model.load_state_dict(start)


def _losses(model: nn.Module, wrapper: OptimWrapper, batch: Any) -> Iterator[float]:
    first = None
    for _ in range(NUM_STEPS):
        torch.manual_seed(0)  # the same dropout, and the same proposals
        with wrapper.optim_context(model):
            data = model.data_preprocessor(copy.deepcopy(batch), False)
            found = model(**data, mode='loss')
        loss, _ = model.parse_losses(found)
        first = loss.item() if first is None else first
        yield loss.item()
        if not math.isfinite(loss.item()) or loss.item() <= 0.5 * first:
            return
        if loss.requires_grad:
            wrapper.update_params(loss)


def _has_learnt(losses: List[float]) -> bool:
    return losses[-1] <= 0.5 * losses[0]  # not with NaN


def _suspect(runner: Runner, batch: Any, losses: List[float]) -> str:
    """What keeps the loss from falling by half, where it can be tried out."""
    parameters = list(runner.model.parameters())
    trained = sum(p.numel() for p in parameters if p.requires_grad)
    share = trained / max(sum(p.numel() for p in parameters), 1)
    if share < 0.01:
        return (f'only {share:.2%} of the parameters are trained: freeze less '
                '(model.backbone.frozen_stages)')
    rate = runner.cfg.optim_wrapper.optimizer.lr
    for factor, word in ((0.1, 'high'), (10., 'low'), (100., 'low'), (0.01, 'high')):
        if _has_learnt(_train(runner, batch, factor)):
            return (f'the learning rate {rate:.3g} is too {word}: with {rate * factor:.3g} the '
                    'loss falls by half')
    if not math.isfinite(losses[-1]):
        return 'the loss is no number at any learning rate: look at the pictures and the labels'
    return ('no learning rate helps: labels or pictures are the suspects, look at whether they '
            'belong together on the sheet of the batch')


def check_overfit(result: Overfit) -> Iterator[Finding]:
    """Say so if the loss does not fall by half."""
    if result.suspect:
        yield Finding(
            ERROR, 'overfit', f'one batch is not learnt by heart (loss {result.losses[0]:.3g}, '
            f'{result.losses[-1]:.3g} after {len(result.losses)} steps): {result.suspect}')
