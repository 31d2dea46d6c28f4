"""How far a training is, in the batches and epochs that it has now."""
from typing import Any, Dict, Optional

from mmengine.dist import get_world_size
from mmengine.runner import BaseLoop, IterBasedTrainLoop, Runner
from torch.utils.data import DataLoader

from ..checkpoints import CheckpointError


def samples_per_iter(loader: DataLoader) -> int:
    """How many samples all processes together take in one iteration."""
    return getattr(loader.batch_sampler, 'batch_size', 1) * get_world_size()


def describe_position(runner: Runner, meta: Dict[str, Any]) -> Dict[str, Any]:
    """What a checkpoint says of its position, besides epoch and iteration.

    Args:
        runner (Runner): The runner.
        meta (dict): ``epoch`` and ``iter``: how many are done.
    """
    loader = runner.train_dataloader
    position = dict(samples_per_iter=samples_per_iter(loader))
    if not isinstance(runner.train_loop, IterBasedTrainLoop):
        length = len(loader)
        done = meta['iter'] - meta['epoch'] * length
        position.update(batches_of_epoch=done, epoch_length=length)
    return position


def convert_position(meta: Dict[str, Any], loop: BaseLoop) -> Optional[str]:
    """Count what a checkpoint has done in the iterations of a training that goes on from it.

    Samples and epochs stay the same where a batch has another size than before.

    Args:
        meta (dict): Of the checkpoint; its ``iter`` and ``batches_of_epoch`` are changed.
        loop (BaseLoop): Of the training.

    Returns:
        str | None: What has changed, in a sentence.

    Raises:
        CheckpointError: If it is in the middle of an epoch of other data, or if as many samples
            are more than the whole training.
    """
    before, now = meta['iter'], samples_per_iter(loop.dataloader)
    size = meta.get('samples_per_iter', now)
    if isinstance(loop, IterBasedTrainLoop):
        meta['iter'] = before * size // now
        if before < loop.max_iters <= meta['iter']:
            raise CheckpointError(
                f'the checkpoint was saved after {before} iterations of {size} samples, which are '
                f'{meta["iter"]} of {now} samples, but train_cfg.max_iters is {loop.max_iters}; '
                f'for as many samples as before it is {-(-loop.max_iters * size // now)}')
    else:
        length, done = len(loop.dataloader), meta.get('batches_of_epoch', 0)
        if done and size == now and meta['epoch_length'] != length:
            raise CheckpointError(
                'the checkpoint was saved in the middle of an epoch that had '
                f'{meta["epoch_length"]} batches and now has {length}; resume with the same data, '
                'or from the checkpoint of the epoch before with --resume CHECKPOINT')
        meta['batches_of_epoch'] = min(done * size // now, length)
        meta['iter'] = meta['epoch'] * length + meta['batches_of_epoch']
    if meta['iter'] == before:
        return None
    what = f'iteration {before} of the checkpoint is {meta["iter"]} of {loop.max_iters} now'
    return what if size == now else f'{what}, with {now} samples each instead of {size}'
