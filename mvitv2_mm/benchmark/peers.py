"""The implementations that are compared, each as a function from input to one tensor.

All MViTv2 peers get our weights, so their outputs must agree before anything is timed.
"""
import contextlib
from dataclasses import dataclass
from typing import Callable, Dict, Tuple

import torch
import torch.nn as nn
from torch import Tensor

from ..backbones import MViTv2
from ..checkpoints.conversion import export
from ..checkpoints.formats import parse
from ..ops import attention_path

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

    def __init__(self, net: nn.Module, pick: Callable, path: str = 'auto') -> None:
        super().__init__()
        self.net, self.pick, self.path = net, pick, path

    def forward(self, x: Tensor) -> Tensor:
        with attention_path(self.path) if self.path != 'auto' else contextlib.nullcontext():
            return self.pick(self.net(x))


def _flatten(maps: Tuple[Tensor, ...]) -> Tensor:
    return torch.cat([feat.flatten(1) for feat in maps], dim=1)


def _ours(case: Case, path: str = 'auto') -> nn.Module:
    if case.task == 'detection':
        net = MViTv2(case.arch, out_scales=(0, 1, 2, 3), window_size=56)
        return _Output(net, _flatten, path)
    out_type = 'avg_featmap' if case.task == 'image' else 'cls_token'
    return _Output(MViTv2(case.arch, case.input_size, out_type=out_type), lambda out: out[-1], path)


def _their_weights(weights: Dict[str, Tensor], layout: str) -> Dict[str, Tensor]:
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


def _windowed_reference(case: Case, weights: dict) -> nn.Module:
    """detectron2's scheme: the whole attention matrix, and every key and value projected."""
    model = _ours(case, 'reference')
    model.net.load_state_dict(weights)
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
}
OTHER_NETWORKS = ('hiera', )


def build(case: Case, name: str) -> nn.Module:
    """Build one implementation; all MViTv2 ones hold the same random weights."""
    torch.manual_seed(0)
    ours = _ours(case)
    with torch.no_grad():
        for param in ours.parameters():
            # position tables and norms that start at a constant would hide a difference
            param.add_(torch.randn_like(param) * 0.02)
    if name == OURS:
        return ours
    return PEERS[name](case, ours.net.state_dict())
