"""Ours with one thing done the plain way, to measure what that thing brings."""
import torch.nn.functional as F
from torch import Tensor

from ..layers import attention, block
from ..ops import memory


def _plain_conv(x: Tensor, weight: Tensor, stride) -> Tensor:
    conv = {4: F.conv2d, 5: F.conv3d}[x.dim()]
    padding = [k // 2 for k in weight.shape[2:]]
    out = conv(x.movedim(-1, 1), weight, None, stride, padding, groups=len(weight))
    return out.movedim(1, -1)


def _project_all(self, x: Tensor, grid, weight: Tensor, bias):
    return F.linear(x, weight, bias), grid, self.pool_k.stride


# name: where, what, what instead
ABLATIONS = {
    'nothing recomputed': (memory, 'checkpoint', lambda func, *args, **kwargs: func(*args)),
    'whole hidden layers': (block, 'split_tokens', lambda x, width: [x]),
    'all keys projected': (attention.MultiScaleAttention, '_project_kv', _project_all),
    'one convolution': (attention, 'depthwise_conv', _plain_conv),
}


def ablate(name: str) -> None:
    """Replace one thing for the rest of the process."""
    setattr(*ABLATIONS[name])
