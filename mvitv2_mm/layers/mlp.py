from typing import Optional

import torch.nn as nn
from torch import Tensor

from .lean import is_inference, is_lean, is_samplewise, is_unwatched, lean_mlp


class MLP(nn.Module):
    """Two linear layers with a GELU between; output channels may differ from input channels.

    Args:
        in_dims (int): Channels of the input tokens.
        hidden_dims (int): Channels between the two layers.
        out_dims (int): Channels of the output tokens.
        keeps_less (bool): :func:`run_mlp` keeps less for the backward pass. Defaults to True.
    """

    def __init__(self,
                 in_dims: int,
                 hidden_dims: int,
                 out_dims: int,
                 keeps_less: bool = True) -> None:
        super().__init__()
        self.hidden_dims = hidden_dims
        self.keeps_less = keeps_less
        self.fc1 = nn.Linear(in_dims, hidden_dims)
        self.act = nn.GELU()
        self.fc2 = nn.Linear(hidden_dims, out_dims)

    def forward(self, x: Tensor) -> Tensor:
        """Tokens (B, N, C) -> (B, N, C')."""
        return self.fc2(self.act(self.fc1(x)))


def run_mlp(mlp: nn.Module, x: Tensor, norm: Optional[nn.Module] = None) -> Tensor:
    """``mlp(norm(x))`` of tokens (B, N, C), or ``mlp(x)``; in the lean way where all is plain."""
    norms = () if norm is None else (norm, )
    if _is_lean(mlp, *norms):
        return lean_mlp(x, mlp, *norms)
    return mlp(x if norm is None else norm(x))


def add_mlp(x: Tensor, mlp: nn.Module, norm: nn.Module, drop_path: nn.Module) -> Tensor:
    """``x + drop_path(mlp(norm(x)))`` of tokens (B, N, C) that the caller needs no more."""
    if is_inference() and is_samplewise(drop_path) and _is_lean(mlp, norm) and x.is_contiguous():
        return lean_mlp(x, mlp, norm, adds=True)
    return x + drop_path(run_mlp(mlp, x, norm))


def _is_lean(mlp: nn.Module, *norms: nn.Module) -> bool:
    return (type(mlp) is MLP and is_unwatched(mlp) and is_lean(*norms, kind=nn.LayerNorm)
            and is_lean(mlp.fc1, mlp.fc2, kind=nn.Linear) and is_lean(mlp.act))
