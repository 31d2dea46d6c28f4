"""Numbers stay numbers: a loss or gradient that is none does not spoil a training."""
from math import isfinite
from typing import Any, List, Optional

import numpy as np
import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch.nn.utils import clip_grad_norm_

from ..registry import HOOKS
from .agreement import Agreement

# after so many steps a loss scale that is halved each time has become small
_MAX_IN_ROW = 16
# steps of which the norm of the gradient is compared with that of the next one
_WINDOW = 100
_SPIKE = 10  # times their median is too much


class NotFiniteError(ValueError):
    """The loss, the gradient or a weight of a training is NaN or infinite."""


@HOOKS.register_module()
class FiniteLossHook(Hook):
    """Let no loss or gradient that is NaN or infinite spoil the weights, and save none that are.

    With a loss scale (mixed precision in float16), which skips such steps itself, a training ends
    only when the loss has stayed so while the scale was lowered. All processes do the same.

    Args:
        on_nan (str): 'stop' ends the training; 'skip' goes on without the step, but ends after
            more than 16 in a row. Defaults to 'stop'.

    Raises:
        NotFiniteError: Naming iteration, learning rate, norm of the gradient and the files of the
            batch.
    """
    # before the checkpoint of this iteration is written
    priority = 'NORMAL'

    def __init__(self, on_nan: str = 'stop') -> None:
        if on_nan not in ('stop', 'skip'):
            raise ValueError(f'on_nan should be "stop" or "skip", but is "{on_nan}"')
        self.skips = on_nan == 'skip'
        self.num_bad = self.num_skipped = 0

    def before_train(self, runner: Runner) -> None:
        self.agreement = Agreement(runner)
        scaler = getattr(runner.optim_wrapper, 'loss_scaler', None)
        self.is_scaled = scaler is not None and scaler.is_enabled()
        self.skips = self.skips and not self.is_scaled
        if self.skips:
            runner.optim_wrapper.optimizer.register_step_pre_hook(self._drop)

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None) -> None:
        self.dropped = False

    def _drop(self, optimizer: torch.optim.Optimizer, args: tuple, kwargs: dict) -> None:
        """Take a gradient that is no number away, without which the optimizer does nothing."""
        parameters = [p for group in optimizer.param_groups for p in group['params']]
        norm = clip_grad_norm_(parameters, float('inf'))  # changes nothing
        if self.agreement.highest(not isfinite(norm)):
            optimizer.zero_grad()
            self.dropped = True

    def after_train_iter(self,
                         runner: Runner,
                         batch_idx: int,
                         data_batch: Any = None,
                         outputs: Any = None) -> None:
        loss, norm = runner.message_hub.get_scalar('train/loss').current(), _norm(runner)
        is_bad = not isfinite(loss) or not self.is_scaled and not isfinite(norm or 0)
        is_bad = self.dropped if self.skips else self.agreement.highest(is_bad)
        self.num_bad = self.num_bad + 1 if is_bad else 0
        if not is_bad:
            return
        if self.num_bad > (_MAX_IN_ROW if self.is_scaled or self.skips else 0):
            row = f' The {self.num_bad} steps up to it were not taken.' if self.num_bad > 1 else ''
            raise NotFiniteError(
                f'{self._what(runner, loss, data_batch)}.{row} The training ends here and the last '
                'checkpoint is good. Look at these samples, lower the learning rate, or limit the '
                'gradient with optim_wrapper.clip_grad')
        self.num_skipped += 1
        if self.skips and self.num_skipped & (self.num_skipped - 1) == 0:  # 1, 2, 4, 8, ...
            runner.logger.warning(f'{self._what(runner, loss, data_batch)}: the step is not taken, '
                                  f'the {self.num_skipped}. that is skipped')

    def after_train(self, runner: Runner) -> None:
        if self.skips and self.num_skipped:
            runner.logger.warning(
                f'{self.num_skipped} steps were skipped, since their gradient was '
                'NaN or infinite')

    def _what(self, runner: Runner, loss: float, batch: Any) -> str:
        """What is no number, and where; of the processes the one whose loss is none says it."""
        losses = self.agreement.all((loss, _files(batch)))
        loss, files = next((each for each in losses if not isfinite(each[0])), losses[0])
        if isfinite(loss):  # that of the sum of all processes
            files = [file for _, some in losses for file in some]
        what = f'the gradient is no number, with a loss of {loss:.3g},' if isfinite(loss) else \
            f'the loss is {loss}'
        return (f'{what} in iteration {runner.iter + 1} ({_rates(runner)}) on '
                f'{", ".join(files) or "unnamed samples"}')

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        for name, value in checkpoint['state_dict'].items():
            if value.is_floating_point() and not value.isfinite().all():
                raise NotFiniteError(f'the weight "{name}" holds NaN or infinity after iteration '
                                     f'{checkpoint["meta"]["iter"]} ({_rates(runner)}); nothing is '
                                     'saved and the last checkpoint is good')


@HOOKS.register_module()
class GradientSpikeHook(Hook):
    """Warn of a gradient that is more than 10 times the median of the last 100 steps.

    The norm is known where ``optim_wrapper.clip_grad`` limits it; elsewhere this does nothing.
    """

    def after_train_iter(self,
                         runner: Runner,
                         batch_idx: int,
                         data_batch: Any = None,
                         outputs: Any = None) -> None:
        buffer = runner.message_hub.log_scalars.get('train/grad_norm')
        if buffer is None or not getattr(runner.optim_wrapper, 'should_update', bool)():
            return
        *before, norm = buffer.data[0][-_WINDOW - 1:]
        before = np.array(before)[np.isfinite(before)]
        if len(before) < _WINDOW // 5 or not isfinite(norm):
            return
        median = np.median(before)
        if norm > _SPIKE * median:
            runner.logger.warning(
                f'iteration {runner.iter + 1}: the norm of the gradient is {norm:.3g}, '
                f'{norm / median:.0f} times the median of the last {len(before)} steps '
                f'({_rates(runner)}), on {", ".join(_files(data_batch)) or "unnamed samples"}')


def _norm(runner: Runner) -> Optional[float]:
    """Norm of the gradient of the last step, where it is known."""
    buffer = runner.message_hub.log_scalars.get('train/grad_norm')
    return None if buffer is None else buffer.current()


def _rates(runner: Runner) -> str:
    rates = sorted({rate for group in runner.optim_wrapper.get_lr().values() for rate in group})
    text, norm = f'learning rate {rates[-1]:.3g}', _norm(runner)
    return text if norm is None else f'{text}, norm of the gradient {norm:.3g}'


def _files(batch: Any) -> List[str]:
    samples = batch.get('data_samples', ()) if isinstance(batch, dict) else ()
    samples = [s for sample in samples for s in (sample if isinstance(sample, list) else [sample])]
    paths = [sample.get('img_path') or sample.get('filename') for sample in samples]
    return [str(path) for path in paths if path]
