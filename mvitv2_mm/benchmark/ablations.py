"""Ours with one thing done the plain way, to measure what that thing brings."""
import torch.nn.functional as F
from torch import Tensor

from ..layers import attention, block
from ..ops.pooling import reference_depthwise_conv


def _project_all(self, x: Tensor, grid, weight: Tensor, bias):
    return F.linear(x, weight, bias), grid, self.pool_k.stride


# name: where, what, what instead
ABLATIONS = {
    'whole hidden layers': (block, 'split_tokens', lambda x, width: [x]),
    'all keys projected': (attention.MultiScaleAttention, '_project_kv', _project_all),
    'plain convolution': (attention, 'depthwise_conv', reference_depthwise_conv),
}


def ablate(name: str) -> None:
    """Replace one thing for the rest of the process."""
    setattr(*ABLATIONS[name])
