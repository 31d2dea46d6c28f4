"""All processes of a training decide alike, and miss each other."""
import re
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, Iterator, List

import torch
from mmengine.dist import get_rank, get_world_size
from mmengine.runner import Runner
from torch import distributed


class Agreement:
    """Asks all processes of a training, without waiting for a GPU.

    Every process should make one at the same point, and ask the same.

    Args:
        runner (Runner): Whose ``env_cfg.dist_cfg.timeout`` is the longest wait, in seconds.
    """

    def __init__(self, runner: Runner) -> None:
        self.group = None
        if get_world_size() > 1:
            seconds = runner.cfg.get('env_cfg', {}).get('dist_cfg', {}).get('timeout')
            timeout = timedelta(seconds=seconds) if seconds else None
            self.group = distributed.new_group(backend='gloo', timeout=timeout)

    def highest(self, number: int) -> int:
        """The highest of the numbers that the processes give."""
        if self.group is None:
            return int(number)
        tensor = torch.tensor(int(number))
        distributed.all_reduce(tensor, distributed.ReduceOp.MAX, group=self.group)
        return int(tensor)

    def all(self, value: Any) -> List[Any]:
        """What each of the processes gives."""
        values = [value] * get_world_size()
        if self.group is not None:
            distributed.all_gather_object(values, value, group=self.group)
        return values


class LostProcessError(OSError):
    """Another process of a distributed run has ended, or does not answer."""


@contextmanager
def explained_peers() -> Iterator[None]:
    """Turn the errors of an exchange with a lost process into a :class:`LostProcessError`."""
    try:
        yield
    except RuntimeError as error:
        text = ' '.join(str(error).split())
        found = re.search(r'gloo/.*?\] (.*(closed|reset|broken pipe|timed out).*)', text, re.I)
        if found is None:
            raise
        what, timed_out = found[1], found[2].lower() == 'timed out'
        remedy = ('Another process hangs. env_cfg.dist_cfg.timeout is how many seconds this one '
                  'waits' if timed_out else 'Another process has ended: it says why by itself, '
                  'unless it was killed, for instance because memory is short')
        raise LostProcessError(f'process {get_rank()} of {get_world_size()}: {what}. {remedy}') \
            from error
