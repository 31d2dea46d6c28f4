"""Parameters and multiply-accumulates of the model that a config describes."""
from dataclasses import dataclass, replace
from typing import Callable, Dict, List, Optional, Sequence, Tuple

import torch
import torch.nn as nn
from mmengine.config import Config
from mmengine.registry import MODELS, init_default_scope
from torch import Tensor

from ..backbones.arch import BlockSpec
from ..backbones.mvitv2 import MViTv2
from ..layers import compute_path
from ..models import MaskFeat
from .flops import Macs, count_macs

DETECTION_SHAPE = (800, 1280)
_NUM_PROPOSALS, _NUM_DETECTIONS = 1000, 100


@dataclass(frozen=True)
class Complexity:
    """Size and cost of a model, each per part ('backbone', 'neck', ...).

    Attributes:
        shape (tuple): Size of the input, (H, W) in pixels or (T, H, W) in frames and pixels.
        params (dict[str, int]): Number of parameters.
        macs (dict[str, Macs]): Multiply-accumulates of one forward.
    """
    shape: Tuple[int, ...]
    params: Dict[str, int]
    macs: Dict[str, Macs]

    @property
    def total_params(self) -> int:
        return sum(self.params.values())

    @property
    def total_macs(self) -> Macs:
        return sum(self.macs.values(), Macs())

    def as_dict(self) -> dict:
        """Input, total and parts as JSON has them."""
        return dict(
            shape=self.shape,
            parameters=self.total_params,
            flops=self.total_macs.total,
            parts={
                name: dict(parameters=self.params[name], flops=macs.total)
                for name, macs in self.macs.items()
            })


def measure(cfg: Config,
            shape: Optional[Sequence[int]] = None,
            published: bool = True) -> Complexity:
    """Build the model of a config without memory for its weights, and count.

    Args:
        cfg (Config): A config with ``model`` and ``default_scope``.
        shape (Sequence[int], optional): Input size. By default the one the backbone is built for,
            one view of a clip; for detectors 800 x 1280, at which the published figures come out.
        published (bool): Count the published formulation (True) or what this implementation
            executes (False). Defaults to True.

    Raises:
        ValueError: If ``shape`` has another length than the backbone's ``input_size``.
    """
    init_default_scope(cfg.get('default_scope', 'mmengine'))
    with torch.device('meta'):
        model = MODELS.build(cfg.model).eval()
    size = model.backbone.input_size
    run = _choose_run(model)
    default = DETECTION_SHAPE if hasattr(model, 'rpn_head') else size
    shape = tuple(shape or default)
    if len(shape) != len(size):
        axes = '(H, W)' if len(size) == 2 else '(T, H, W)'
        raise ValueError(f'"shape" should be {axes} for this model, but got {shape}')
    with compute_path('reference' if published else 'auto'):
        macs = _count_parts(run, model, shape)
    params = {
        name: sum(p.numel() for p in part.parameters())
        for name, part in model.named_children()
    }
    return Complexity(shape, params, macs)


def _count_parts(run: Callable, model: nn.Module, shape: Sequence[int]) -> Dict[str, Macs]:
    """Run a model part by part; ``run`` calls each through the function it is given."""
    parts: Dict[str, Macs] = {}

    def call(name: str, func: Callable, *args):
        macs, out = count_macs(func, *args)
        parts[name] = parts.get(name, Macs()) + macs
        return out

    skipped = _run_equal_blocks_once(model.backbone)
    in_channels = model.backbone.patch_embed.projection.in_channels
    run(model, torch.empty(1, in_channels, *shape, device='meta'), call)
    parts['backbone'] = sum(skipped, parts['backbone'])
    return parts


def _run_equal_blocks_once(backbone: MViTv2) -> List[Macs]:
    """Let a block that equals an earlier one return its output; most of a deep network is such.

    Returns:
        list[Macs]: Filled with what was not run, one entry per block.
    """
    done: Dict[tuple, tuple] = {}
    skipped: List[Macs] = []

    def once(spec: BlockSpec, run_block: Callable) -> Callable:

        def forward(x: Tensor, grid: Sequence[int]):
            key = replace(spec, drop_path=0.), tuple(x.shape), tuple(grid)
            if key in done:
                skipped.append(done[key][0])
            else:
                done[key] = count_macs(run_block, x, grid)
            return done[key][1]

        return forward

    for block, spec in zip(backbone.blocks, backbone.block_specs):
        block.forward = once(spec, block.forward)
    return skipped


def _choose_run(model: nn.Module) -> Callable:
    if isinstance(model, MaskFeat):
        return _run_maskfeat
    if hasattr(model, 'roi_head'):
        return _run_detector if hasattr(model, 'rpn_head') else _run_action_detector
    return _run_classifier


def _run_classifier(model: nn.Module, x: Tensor, call: Callable) -> None:
    """Image classifiers of mmpretrain, recognisers of mmaction2."""
    x = call('backbone', model.backbone, x)
    for name in ('neck', 'head', 'cls_head'):
        if getattr(model, name, None) is not None:
            x = call(name, getattr(model, name), x)


def _run_maskfeat(model: nn.Module, x: Tensor, call: Callable) -> None:
    """MaskFeat's pre-training; it replaces masked tokens, so they cost as much as the others."""
    mask = torch.empty(1, 1, 1, 1, dtype=torch.bool, device='meta')
    feats = call('backbone', model.backbone, x, mask)
    call('neck', model.neck, feats[-1].movedim(1, -1))


def _run_detector(model: nn.Module, x: Tensor, call: Callable) -> None:
    """Two-stage detectors: 1000 proposals through the box heads, 100 through the mask heads.

    Proposals depend on data, which there is none of here, so the heads get RoI features of the
    right shape.
    """
    x = call('backbone', model.backbone, x)
    if getattr(model, 'neck', None) is not None:
        x = call('neck', model.neck, x)
    call('rpn_head', model.rpn_head, x)
    for kind, num_rois in (('bbox', _NUM_PROPOSALS), ('mask', _NUM_DETECTIONS)):
        heads = _stages(model.roi_head, f'{kind}_head')
        extractors = _stages(model.roi_head, f'{kind}_roi_extractor')
        for head, extractor in zip(heads, extractors):
            size = extractor.roi_layers[0].output_size
            rois = torch.empty(num_rois, extractor.out_channels, *size, device='meta')
            call('roi_head', head, rois)


def _run_action_detector(model: nn.Module, x: Tensor, call: Callable) -> None:
    """mmaction2's detectors of people's actions, for one person."""
    feats = call('backbone', model.backbone, x)
    size = model.roi_head.bbox_roi_extractor.roi_layer.output_size
    call('roi_head', model.roi_head.bbox_head, feats[-1].new_empty(1, feats[-1].shape[1], 1, *size))


def _stages(roi_head: nn.Module, name: str) -> List[nn.Module]:
    """A part of the RoI head, one per stage of a cascade; none if the head lacks it."""
    module = getattr(roi_head, name, None)
    if module is None:
        return []
    return list(module) if isinstance(module, nn.ModuleList) else [module]
