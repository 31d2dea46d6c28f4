"""A loss that is no number ends a training before it spoils a checkpoint."""
from typing import List

import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner

from ..registry import HOOKS

# after so many steps a loss scale that is halved each time has become small
_MAX_SCALED = 16


class NotFiniteError(ValueError):
    """The loss or a weight of a training is NaN or infinite."""


@HOOKS.register_module()
class FiniteLossHook(Hook):
    """End a training when its loss is NaN or infinite, and never save such weights.

    With a loss scale (mixed precision in float16) the training ends only when the loss has stayed
    so while the scale was lowered.

    Raises:
        NotFiniteError: Naming iteration, learning rate, norm of the gradient and the files of the
            batch.
    """
    # before the checkpoint of this iteration is written
    priority = 'NORMAL'

    def __init__(self) -> None:
        self.num_bad = 0

    def after_train_iter(self,
                         runner: Runner,
                         batch_idx: int,
                         data_batch=None,
                         outputs=None) -> None:
        loss = runner.message_hub.get_scalar('train/loss').current()
        self.num_bad = 0 if torch.tensor(loss).isfinite() else self.num_bad + 1
        scaler = getattr(runner.optim_wrapper, 'loss_scaler', None)
        is_scaled = scaler is not None and scaler.is_enabled()
        if self.num_bad > (_MAX_SCALED if is_scaled else 0):
            raise NotFiniteError(
                f'the loss is {loss} in iteration {runner.iter + 1} ({_rates(runner)}) on '
                f'{", ".join(_files(data_batch)) or "unnamed samples"}. The training ends here and '
                'the last checkpoint is good. Look at these samples, lower the learning rate, or '
                'limit the gradient with optim_wrapper.clip_grad')

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        for name, value in checkpoint['state_dict'].items():
            if value.is_floating_point() and not value.isfinite().all():
                raise NotFiniteError(f'the weight "{name}" holds NaN or infinity after iteration '
                                     f'{checkpoint["meta"]["iter"]} ({_rates(runner)}); nothing is '
                                     'saved and the last checkpoint is good')


def _rates(runner: Runner) -> str:
    rates = sorted({rate for group in runner.optim_wrapper.get_lr().values() for rate in group})
    text = f'learning rate {rates[-1]:.3g}'
    norm = runner.message_hub.log_scalars.get('train/grad_norm')
    return text if norm is None else f'{text}, norm of the gradient {norm.current():.3g}'


def _files(batch) -> List[str]:
    samples = batch.get('data_samples', ()) if isinstance(batch, dict) else ()
    samples = [s for sample in samples for s in (sample if isinstance(sample, list) else [sample])]
    paths = [sample.get('img_path') or sample.get('filename') for sample in samples]
    return [str(path) for path in paths if path]
