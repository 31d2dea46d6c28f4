import torch.nn as nn

from ..layers import MultiScaleBlock
from ..registry import FUNCTIONS


@FUNCTIONS.register_module()
def wrap_blocks(module: nn.Module, recurse: bool, nonwrapped_numel: int) -> bool:
    """Policy of ``MMFullyShardedDataParallel`` that makes every block of MViTv2 a unit of its own.

    Args:
        module (nn.Module): A module of the model.
        recurse (bool): Whether the question is to look inside the module, or to wrap it.
        nonwrapped_numel (int): Parameters of the module that are in no unit yet.
    """
    return recurse or isinstance(module, MultiScaleBlock)
