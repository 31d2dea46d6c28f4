"""All processes of a training decide alike."""
from datetime import timedelta
from typing import Any, List

import torch
from mmengine.dist import get_world_size
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
