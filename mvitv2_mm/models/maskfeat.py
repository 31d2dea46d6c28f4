from collections import OrderedDict
from typing import Dict, List, Optional, Tuple, Union

import torch
import torch.nn as nn
import torch.nn.functional as F
from mmengine.model import BaseModel, Sequential
from mmengine.model.weight_init import trunc_normal_
from torch import Tensor

from ..backbones import MViTv2
from ..registry import MODELS
from .maskfeat_hog import CELL_SIZE, NUM_BINS, clip_hog


@MODELS.register_module()
class MaskFeatMViTv2(MViTv2):
    """MViTv2 that replaces masked patches by a learned token. Returns normed maps.

    The masked patches are replaced before the class token is added. The last norm is that of
    MaskFeat's prediction head. Arguments are those of :class:`MViTv2`, but for ``out_type``.
    """

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, out_type='featmap', **kwargs)
        if kwargs.get('init_cfg') is None:
            # the video code starts the other norms at a bias of 0.02
            norm = dict(name=f'norm{self.out_scales[-1]}')
            self.init_cfg.append(dict(type='Constant', val=1., bias=0., override=norm))
        self.mask_token = nn.Parameter(torch.zeros(1, 1, self.arch.embed_dims))

    @property
    def out_grid(self) -> Tuple[int, ...]:
        """Token grid of the output for clips of ``input_size``."""
        last = self.block_specs[-1]
        return tuple(n // s for n, s in zip(last.grid_size, last.stride_q))

    def init_weights(self) -> None:
        """Initialise as :class:`MViTv2`, the mask token like the class token."""
        trunc_normal_(self.mask_token, std=0.02)
        super().init_weights()

    def forward(self, x: Tensor, mask: Tensor) -> Tuple[Tensor, ...]:
        """Clips (B, C, T, H, W) and their masks (B, t, h, w) -> one map per scale."""
        tokens, grid = self.embed_patches(x)
        mask = resize_mask(mask, grid).flatten(1).unsqueeze(2)
        return self.forward_tokens(torch.where(mask, self.mask_token, tokens), grid)


def resize_mask(mask: Tensor, grid: Tuple[int, ...]) -> Tensor:
    """Repeat the cells of masks (B, t, h, w) to fill a token grid.

    Raises:
        ValueError: If the token grid is not a multiple of the mask's grid.
    """
    size = tuple(mask.shape[1:])
    if len(size) != len(grid) or any(n % m for n, m in zip(grid, size)):
        raise ValueError(f'a mask of {size} cells does not divide the token grid {tuple(grid)}; '
                         'change "grid_size" of MaskCubes or the size of the clips')
    return F.interpolate(mask[:, None].float(), size=tuple(grid))[:, 0].bool()


@MODELS.register_module()
class MaskFeat(BaseModel):
    """Self-supervised pre-training: predict the gradient histograms of masked patches.

    The loss is the mean squared error over the masked tokens. Attribute names are those of the
    OpenMMLab checkpoints of MaskFeat.

    Args:
        backbone (dict): Config of a :class:`MaskFeatMViTv2` for clips.
        data_preprocessor (dict, optional): Normalises the clips, of which the targets are computed
            as well.

    Raises:
        ValueError: If the backbone's tokens do not hold whole cells of 8 pixels.

    Source: Masked Feature Prediction for Self-Supervised Visual Pre-Training (arXiv 2112.09133);
    SlowFast ``slowfast/models/masked.py``, ``MaskMViT``.
    """

    def __init__(self, backbone: dict, data_preprocessor: Optional[dict] = None) -> None:
        super().__init__(data_preprocessor)
        self.backbone = MODELS.build(backbone)
        patches = self.backbone.patch_embed.projection
        self.frame_stride = patches.stride[0]
        token_size = self.backbone.input_size[-1] / self.backbone.out_grid[-1]
        if token_size % CELL_SIZE:
            raise ValueError(f'a token covers {token_size:g} pixels, which should be a multiple of '
                             f'{CELL_SIZE}; change "input_size" or "arch" of the backbone')
        num_targets = patches.in_channels * NUM_BINS * int(token_size // CELL_SIZE)**2
        projection = nn.Linear(self.backbone.block_specs[-1].out_dims, num_targets)
        self.neck = Sequential(
            OrderedDict(fc=projection),
            init_cfg=dict(type='TruncNormal', layer='Linear', std=0.02, bias=0.))

    def forward(self,
                inputs: Tensor,
                data_samples: Optional[List] = None,
                mode: str = 'tensor') -> Union[Dict[str, Tensor], Tensor]:
        """Loss, or the predictions of a clip.

        Args:
            inputs (Tensor): Normalised clips of shape (B, 1, C, T, H, W).
            data_samples (list, optional): Samples with a ``mask`` of shape (t, h, w), True where
                patches are replaced. Defaults to None: nothing is masked.
            mode (str): 'loss' or 'tensor'. Defaults to 'tensor'.

        Returns:
            dict | Tensor: ``dict(loss=...)``, or the predictions of all tokens (B, t, h, w, D).

        Raises:
            ValueError: If a sample has no mask, the mask does not fit, or the mode is another.
        """
        clips = inputs.flatten(0, 1)
        if mode == 'tensor':
            mask = clips.new_zeros((len(clips), 1, 1, 1), dtype=torch.bool)
            return self.neck(self._encode(clips, mask))
        if mode != 'loss':
            raise ValueError(f'"mode" should be "loss" or "tensor", but got {mode!r}: MaskFeat '
                             'pre-trains and has nothing to test')
        masks = [sample.get('mask') for sample in data_samples]
        if any(mask is None for mask in masks):
            raise ValueError('a training sample has no "mask"; add mvitv2_mm.MaskCubes to the '
                             'pipeline and algorithm_keys=("mask", ) to PackActionInputs')
        return dict(loss=self.loss(clips, torch.stack(masks)))

    def _encode(self, clips: Tensor, mask: Tensor) -> Tensor:
        return self.backbone(clips, mask)[-1].movedim(1, -1)

    def loss(self, clips: Tensor, mask: Tensor) -> Tensor:
        """Mean squared error over the masked tokens.

        Args:
            clips (Tensor): Normalised clips of shape (B, C, T, H, W).
            mask (Tensor): Masks of shape (B, t, h, w).
        """
        feats = self._encode(clips, mask)
        grid = tuple(feats.shape[1:-1])
        masked = resize_mask(mask, grid)
        targets = clip_hog(clips, self.frame_stride, grid)
        return F.mse_loss(self.neck(feats[masked]), targets[masked])
