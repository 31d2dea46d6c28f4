"""The implementations that are compared, each as a function from input to one tensor.

All MViTv2 peers get our weights, so their outputs must agree before anything is timed.
"""
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Callable, Dict, Sequence, Tuple

import torch
import torch.nn as nn
from torch import Tensor

from ..backbones import MViTv2
from ..layers import MultiScaleAttention, compute_path
from ..ops import merge_windows, reference_pooling_attention, split_windows
from .ablations import ABLATIONS

OURS = 'mvitv2_mm'


@dataclass(frozen=True)
class Case:
    """One network at one size; ``peers`` are names in :data:`PEERS`."""
    task: str
    arch: str
    input_size: Tuple[int, ...]
    batch_size: int
    peers: Tuple[str, ...]

    @property
    def name(self) -> str:
        return f'{self.task} {self.arch} {"x".join(map(str, self.input_size))}'

    def inputs(self) -> Tensor:
        return torch.randn(self.batch_size, 3, *self.input_size)


_IMAGE = ('mmpretrain', 'timm', 'hiera')
CASES = (
    Case('image', 'tiny', (224, 224), 8, _IMAGE),
    Case('image', 'small', (224, 224), 8, _IMAGE),
    Case('image', 'small', (384, 384), 4, ('mmpretrain', 'timm')),
    Case('video', 'small', (16, 224, 224), 1, ('mmaction2', 'torchvision')),
    Case('detection', 'tiny', (800, 1216), 1, ('windowed reference', )),
    Case('detection', 'tiny', (1024, 1024), 1, ('windowed reference', )),
)


class _Output(nn.Module):
    """A network followed by a function that makes its output one tensor."""

    def __init__(self, net: nn.Module, pick: Callable, path: Callable = nullcontext) -> None:
        super().__init__()
        self.net, self.pick, self.path = net, pick, path

    def forward(self, x: Tensor) -> Tensor:
        with self.path():
            return self.pick(self.net(x))


def _flatten(maps: Tuple[Tensor, ...]) -> Tensor:
    return torch.cat([feat.flatten(1) for feat in maps], dim=1)


def _ours(case: Case, path: Callable = nullcontext, **options) -> nn.Module:
    if case.task == 'detection':
        net = MViTv2(case.arch, out_scales=(0, 1, 2, 3), window_size=56, **options)
        return _Output(net, _flatten, path)
    out_type = 'avg_featmap' if case.task == 'image' else 'cls_token'
    net = MViTv2(case.arch, case.input_size, out_type=out_type, **options)
    return _Output(net, lambda out: out[-1], path)


def _ours_with(case: Case, weights: dict, path: Callable = nullcontext, **options) -> nn.Module:
    """Ours with given weights, and a path or options of the backbone other than the default."""
    model = _ours(case, path, **options)
    model.net.load_state_dict(weights)
    return model


def _ours_without(case: Case, weights: dict, name: str) -> nn.Module:
    """Ours with one thing done the plain way, for the rest of the process."""
    setattr(*ABLATIONS[name])
    return _ours_with(case, weights)


def _their_weights(weights: Dict[str, Tensor], layout: str) -> Dict[str, Tensor]:
    # the network alone needs nothing of what reads checkpoints
    from ..checkpoints.conversion import export
    from ..checkpoints.formats import parse
    return export(parse(weights, 'benchmark'), layout)[0]


def _mmpretrain(case: Case, weights: dict) -> nn.Module:
    from mmpretrain.models.backbones import MViT
    net = MViT(case.arch, img_size=case.input_size[0])
    net.load_state_dict(weights)
    return _Output(net, lambda out: out[-1].mean((2, 3)))


def _timm(case: Case, weights: dict) -> nn.Module:
    import timm
    net = timm.create_model(f'mvitv2_{case.arch}', img_size=case.input_size, num_classes=0)
    net.load_state_dict(_their_weights(weights, 'timm'))
    return _Output(net, lambda out: out)


def _mmaction2(case: Case, weights: dict) -> nn.Module:
    from mmaction.models.backbones import MViT
    net = MViT(case.arch, case.input_size[1], case.input_size[0])
    net.load_state_dict(weights)
    return _Output(net, lambda out: out[-1][1])


def _torchvision(case: Case, weights: dict) -> nn.Module:
    from torchvision.models.video import mvit_v2_s
    net = mvit_v2_s(weights=None)
    net.head = nn.Identity()
    net.load_state_dict(_their_weights(weights, 'torchvision'))
    return _Output(net, lambda out: out)


def _copy_heads(attn: MultiScaleAttention, x: Tensor, grid: Sequence[int]):
    """detectron2's attention: each head a map of its own, then whole attention matrices."""
    # (B, N, 3 * M * D) -> three times (B * M, *grid, D)
    maps = attn.qkv(x).unflatten(1, grid).unflatten(-1, (3, attn.num_heads, -1))
    maps = maps.permute(3, 0, 4, 1, 2, 5).flatten(1, 2)
    layers = ((attn.pool_q, attn.norm_q), (attn.pool_k, attn.norm_k), (attn.pool_v, attn.norm_v))
    q, k, v = (norm(pool(feat.permute(0, 3, 1, 2)).permute(0, 2, 3, 1))
               for feat, (pool, norm) in zip(maps, layers))
    window_q, window_kv = attn.window_q or q.shape[1:3], attn.window_kv or k.shape[1:3]
    windows = [
        split_windows(feat, window).flatten(1, 2)[:, None]
        for feat, window in ((q, window_q), (k, window_kv), (v, window_kv))
    ]
    out = reference_pooling_attention(*windows, window_q, window_kv, attn.rel_pos)
    out = q + merge_windows(out[:, 0].unflatten(1, tuple(window_q)), q.shape[1:3])
    # (B * M, *grid, D) -> (B, N, M * D)
    tokens = out.flatten(1, 2).unflatten(0, (-1, attn.num_heads)).transpose(1, 2).flatten(2)
    return attn.proj(tokens), tuple(q.shape[1:3])


def _windowed_reference(case: Case, weights: dict) -> nn.Module:
    """detectron2's scheme, which has no implementation that can be installed."""
    model = _ours_with(case, weights, partial(compute_path, 'reference'))
    for block in model.net.blocks:
        block.attn.forward = partial(_copy_heads, block.attn)
    return model


def _hiera(case: Case, weights: dict) -> nn.Module:
    """Another network of about the same cost: for time per GFLOP only."""
    import timm
    return _Output(timm.create_model(f'hiera_{case.arch}_224', num_classes=0), lambda out: out)


PEERS = {
    'mmpretrain': _mmpretrain,
    'timm': _timm,
    'mmaction2': _mmaction2,
    'torchvision': _torchvision,
    'windowed reference': _windowed_reference,
    'hiera': _hiera,
    'ours, reference': partial(_ours_with, path=partial(compute_path, 'reference')),
    'ours, sdpa': partial(_ours_with, path=partial(compute_path, 'sdpa')),
    'ours, chunked': partial(_ours_with, path=partial(compute_path, 'chunked')),
    'ours, triton pooling': partial(_ours_with, path=partial(compute_path, 'triton')),
    'ours, with_cp=False': partial(_ours_with, with_cp=False),
    **{
        f'ours, {name}': partial(_ours_without, name=name)
        for name in ABLATIONS
    },
}
VARIANTS = tuple(name for name in PEERS if name.startswith('ours'))
OTHER_NETWORKS = ('hiera', )


def build(case: Case, name: str) -> nn.Module:
    """Build one implementation; all MViTv2 ones hold the same random weights."""
    torch.manual_seed(0)
    ours = _ours(case)
    with torch.no_grad():
        for param in ours.parameters():
            # position tables and norms that start at a constant would hide a difference
            param.add_(torch.randn_like(param) * 0.02)
    # Our own model is built a second time too: every process then starts with the same memory.
    builder = _ours_with if name == OURS else PEERS[name]
    return builder(case, ours.net.state_dict())
