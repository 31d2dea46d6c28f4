import logging
import math
from typing import List, Optional, Sequence, Tuple, Union

import torch
import torch.nn as nn
import torch.utils.checkpoint as cp
from mmcv.cnn import build_norm_layer
from mmengine.logging import print_log
from mmengine.model import BaseModule
from torch import Tensor
from torch.fx import Proxy

from ..layers import MultiScaleBlock, PatchEmbed, compute_path, get_compute_path
from ..ops import conv_out_size, keep_freed, recompute, resize_abs_pos, to_ntuple
from ..registry import MODELS
from .arch import (check_frozen_stages, check_input_size, check_window_size, plan_blocks,
                   resolve_arch, resolve_out_scales, resolve_out_type, resolve_with_cp)
from .initial_values import complete_init_cfg

_PATCH = {
    2: dict(kernel_size=(7, 7), stride=(4, 4), padding=(3, 3)),
    3: dict(kernel_size=(3, 7, 7), stride=(2, 4, 4), padding=(1, 3, 3)),
}
_KV_STRIDE = {2: (4, 4), 3: (1, 8, 8)}


@MODELS.register_module()
class MViTv2(BaseModule):
    """Multiscale Vision Transformer v2 for images, clips and dense prediction.

    One implementation: the length of ``input_size`` selects 2D or 3D. Parameter names equal
    mmpretrain's (2D) and mmaction2's (3D) ``MViT``.

    Args:
        arch (str | dict): 'tiny', 'small', 'base', 'large', 'huge', or a dict with ``embed_dims``,
            ``num_layers``, ``num_heads``, ``downscale_indices`` and optionally
            ``dim_mul_indices``. Defaults to 'base'.
        input_size (int | Sequence[int]): Size the position tables are built for: an int or (H, W)
            in pixels for images, (T, H, W) in frames and pixels for clips. Other sizes work at run
            time. Defaults to 224.
        in_channels (int): Channels of the input. Defaults to 3.
        out_scales (int | Sequence[int]): Indices of the scales to return, -1 is the last. Each
            returned scale has its own norm; the next stage reads the tokens before that norm.
            Defaults to -1. Blocks after the last of them are not built.
        drop_path_rate (float): Stochastic depth rate of the last block, growing linearly from 0.
            Defaults to 0.
        use_abs_pos_embed (bool): Add absolute position embeddings. Defaults to False.
        pool_kernel (int | Sequence[int]): Kernel of the q, k, v pooling, in tokens. Defaults to 3.
        dim_mul (int): Channel factor at downscale blocks. Defaults to 2.
        head_mul (int): Head factor at downscale blocks. Defaults to 2.
        adaptive_kv_stride (int | Sequence[int], optional): Key/value stride of the first stage.
            Defaults to 4 in 2D and (1, 8, 8) in 3D.
        rel_pos_embed (bool): Decomposed relative position embeddings. Defaults to True.
        residual_pooling (bool): Add the pooled query to the attention output. Defaults to True.
        dim_mul_in_attention (bool): Widen in attention (True) or in the MLP of the block before
            (ImageNet-1k large, MaskFeat). Defaults to True.
        with_cls_token (bool, optional): Prepend a class token. Defaults to False in 2D, True in 3D.
        out_type (str, optional): What to return per scale: 'featmap' (B, C, *grid), 'cls_token'
            (B, C), 'featmap_and_cls_token', which is the list of both, 'avg_featmap' (B, C), the
            mean of the normed map, or 'avg_then_norm' (B, C), the norm of the mean (MaskFeat
            fine-tuning). Defaults to 'featmap_and_cls_token' with a class token, else 'featmap'.
        window_size (int, optional): Hybrid window attention for detection: side of the windows of
            the first stage in tokens, 56 in the released detectors; 2D only. Defaults to None.
        rel_pos_zero_init (bool): Start position tables at zero. Defaults to False.
        mlp_ratio (float): Hidden over input channels of the MLPs. Defaults to 4.
        qkv_bias (bool): Bias of the qkv projections. Defaults to True.
        norm_cfg (dict, optional): All norm layers. Defaults to ``dict(type='LN', eps=1e-6)``.
        patch_cfg (dict, optional): Overrides ``kernel_size``, ``stride``, ``padding`` of the patch
            embedding. Defaults: 7, 4, 3 in space and 3, 2, 1 in time.
        frozen_stages (int): -1 trains all; 0 freezes the patch embedding (with class token and
            absolute positions), ``s`` also the first ``s`` stages. Defaults to -1.
        with_cp (bool | str | Sequence[int] | dict): What to compute again in the backward pass, to
            save memory. 'cheap': cheap steps such as norms, GELU and pooling, which halves what is
            kept of a block. True: whole blocks; a sequence of stages such as ``(0, 1)``: the
            blocks of those; ``dict(blocks=(0, 1, 2))``: single blocks; in all three also the cheap
            steps. False: nothing, which trains fastest. Defaults to 'cheap'.
        init_cfg (dict | list, optional): Weight initialisation; the defaults are those of the
            official image and video code, also for what a single ``Pretrained`` lacks.

    Examples:
        >>> import torch
        >>> from mvitv2_mm import MViTv2
        >>> model = MViTv2('tiny', out_scales=(0, 1, 2, 3))
        >>> for feat in model(torch.rand(1, 3, 224, 224)):
        ...     print(tuple(feat.shape))
        (1, 96, 56, 56)
        (1, 192, 28, 28)
        (1, 384, 14, 14)
        (1, 768, 7, 7)
        >>> model = MViTv2('small', input_size=(16, 224, 224))
        >>> patch_token, cls_token = model(torch.rand(1, 3, 16, 224, 224))[-1]
        >>> print(tuple(patch_token.shape), tuple(cls_token.shape))
        (1, 768, 8, 7, 7) (1, 768)

    Source: MViTv2 paper (arXiv 2112.01526), table 1; facebookresearch/mvit (images), SlowFast
    (video), detectron2 (detection).
    """

    def __init__(self,
                 arch: Union[str, dict] = 'base',
                 input_size: Union[int, Sequence[int]] = 224,
                 in_channels: int = 3,
                 out_scales: Union[int, Sequence[int]] = -1,
                 drop_path_rate: float = 0.,
                 use_abs_pos_embed: bool = False,
                 pool_kernel: Union[int, Sequence[int]] = 3,
                 dim_mul: int = 2,
                 head_mul: int = 2,
                 adaptive_kv_stride: Union[int, Sequence[int], None] = None,
                 rel_pos_embed: bool = True,
                 residual_pooling: bool = True,
                 dim_mul_in_attention: bool = True,
                 with_cls_token: Optional[bool] = None,
                 out_type: Optional[str] = None,
                 window_size: Optional[int] = None,
                 rel_pos_zero_init: bool = False,
                 mlp_ratio: float = 4.,
                 qkv_bias: bool = True,
                 norm_cfg: Optional[dict] = None,
                 patch_cfg: Optional[dict] = None,
                 frozen_stages: int = -1,
                 with_cp: Union[bool, str, Sequence[int], dict] = 'cheap',
                 init_cfg: Union[dict, List[dict], None] = None) -> None:
        size = check_input_size(input_size)
        ndim = len(size)
        super().__init__(init_cfg=complete_init_cfg(init_cfg, ndim))
        self.input_size = size
        self.arch = resolve_arch(arch)
        # the names that mmpretrain's and mmaction2's MViT have, and their tools read
        self.embed_dims, self.num_layers = self.arch.embed_dims, self.arch.num_layers
        self.num_heads, self.num_scales = self.arch.num_heads, self.arch.num_scales
        self.downscale_indices = self.arch.downscale_indices
        self.stage_indices = self.arch.stage_indices
        self.out_scales = resolve_out_scales(out_scales, self.arch.num_scales)
        self.with_cls_token = ndim == 3 if with_cls_token is None else with_cls_token
        self.num_extra_tokens = int(self.with_cls_token)
        self.out_type = resolve_out_type(out_type, self.with_cls_token)
        self.rel_pos_zero_init = rel_pos_zero_init
        self.frozen_stages = check_frozen_stages(frozen_stages, self.arch.num_scales)
        self.with_cp = with_cp
        self.recomputed_blocks = resolve_with_cp(with_cp, self.arch)
        check_window_size(window_size, size, self.with_cls_token)

        self._build_stem(in_channels, patch_cfg or {}, use_abs_pos_embed)
        kv_stride = _KV_STRIDE[ndim] if adaptive_kv_stride is None else adaptive_kv_stride
        self.block_specs = plan_blocks(
            self.arch,
            self.grid_size,
            adaptive_kv_stride=to_ntuple(kv_stride, ndim, 'adaptive_kv_stride'),
            drop_path_rate=drop_path_rate,
            dim_mul=dim_mul,
            head_mul=head_mul,
            dim_mul_in_attention=dim_mul_in_attention,
            window_size=window_size)
        norm_cfg = norm_cfg or dict(type='LN', eps=1e-6)
        self.blocks = nn.ModuleList(
            MultiScaleBlock(
                **vars(spec),
                pool_kernel=_check_pool_kernel(pool_kernel, ndim),
                mlp_ratio=mlp_ratio,
                norm_cfg=norm_cfg,
                rel_pos_embed=rel_pos_embed,
                residual_pooling=residual_pooling,
                qkv_bias=qkv_bias,
                with_cls_token=self.with_cls_token,
                keeps_less=with_cp is not False)
            for spec in self.block_specs[:self.arch.last_blocks[self.out_scales[-1]] + 1])
        for scale, dims in zip(self.out_scales, self.out_channels):
            self.add_module(f'norm{scale}', build_norm_layer(norm_cfg, dims)[1])
        self._freeze()
        keep_freed()

    def _build_stem(self, in_channels: int, patch_cfg: dict, use_abs_pos_embed: bool) -> None:
        ndim, dims = len(self.input_size), self.arch.embed_dims
        if not set(patch_cfg) <= set(_PATCH[ndim]):
            raise ValueError(f'"patch_cfg" may hold {", ".join(_PATCH[ndim])}, but got '
                             f'{", ".join(patch_cfg)}')
        patch_cfg = {
            key: to_ntuple(value, ndim, f'patch_cfg.{key}')
            for key, value in {
                **_PATCH[ndim],
                **patch_cfg
            }.items()
        }
        self.patch_embed = PatchEmbed(in_channels, dims, **patch_cfg)
        self.grid_size = conv_out_size(self.input_size, **patch_cfg)
        self.cls_token = self.pos_embed = None
        if self.with_cls_token:
            self.cls_token = nn.Parameter(torch.zeros(1, 1, dims))
        if use_abs_pos_embed:
            num_tokens = torch.Size(self.grid_size).numel() + int(self.with_cls_token)
            self.pos_embed = nn.Parameter(torch.zeros(1, num_tokens, dims))

    def _load_from_state_dict(self, state_dict: dict, prefix: str, *args) -> None:
        """Drop what this model has no use for, and say so: a class token, blocks after the last."""
        if self.cls_token is None and state_dict.pop(prefix + 'cls_token', None) is not None:
            print_log(
                f'{prefix}cls_token in the checkpoint is not used: this model has '
                'with_cls_token=False', 'current', logging.WARNING)
        built, planned = len(self.blocks), self.num_layers
        spare = tuple(f'{prefix}blocks.{i}.' for i in range(built, planned))
        unused = [key for key in state_dict if key.startswith(spare)] if spare else []
        if unused:
            print_log(
                f'{len(unused)} weights of the blocks {built} to {planned - 1} in the checkpoint '
                f'are not used: out_scales={self.out_scales} needs none of these blocks', 'current',
                logging.WARNING)
        for key in unused:
            del state_dict[key]
        super()._load_from_state_dict(state_dict, prefix, *args)

    def forward(self, x: Tensor) -> Tuple[Union[Tensor, List[Tensor]], ...]:
        """Images (B, C, H, W) or clips (B, C, T, H, W) -> one output per scale, see ``out_type``.

        Raises:
            ValueError: If the rank of ``x`` is not the one the model was built for.
        """
        return self.forward_tokens(*self.embed_patches(x))

    def embed_patches(self, x: Tensor) -> Tuple[Tensor, Tuple[int, ...]]:
        """Images or clips -> patch tokens (B, prod(grid), C) and their grid; for masking."""
        if isinstance(x, Proxy):  # torch.fx: no size is known, so the graph is for the nominal one
            return self.patch_embed(x)[0], self.grid_size
        if x.dim() != len(self.input_size) + 2:
            raise ValueError(f'expected {len(self.input_size) + 2}-D input for input_size='
                             f'{self.input_size}, but got shape {tuple(x.shape)}')
        tokens, grid = self.patch_embed(x)
        if torch.jit.is_tracing():
            grid = tuple(int(n) for n in grid)  # numbers, not tensors: the graph is for one size
        return tokens, grid

    def forward_tokens(self, x: Tensor,
                       grid: Sequence[int]) -> Tuple[Union[Tensor, List[Tensor]], ...]:
        """Patch tokens (B, prod(grid), C) and their grid -> one output per scale."""
        if self.cls_token is not None:
            x = torch.cat([self.cls_token.expand(x.shape[0], -1, -1), x], dim=1)
        if self.pos_embed is not None:
            x = x + resize_abs_pos(self.pos_embed, self.grid_size, grid)

        outs = []
        for i, block in enumerate(self.blocks):
            if self.training and i in self.recomputed_blocks:
                x, grid = _checkpoint(block, x, grid)
            else:
                x, grid = block(x, grid)
            if i in self.arch.last_blocks:
                scale = self.arch.last_blocks.index(i)
                if scale in self.out_scales:
                    outs.append(self._output(x, grid, getattr(self, f'norm{scale}')))
        return tuple(outs)

    def _output(self, x: Tensor, grid: Sequence[int], norm: nn.Module):
        """Tokens of one scale -> what ``out_type`` asks for."""
        num_extra = self.num_extra_tokens
        if self.out_type == 'avg_then_norm':
            return norm(x[:, num_extra:].mean(dim=1))
        if self.out_type == 'cls_token':
            return norm(x[:, 0])
        x = norm(x)
        if self.out_type == 'avg_featmap':
            return x[:, num_extra:].mean(dim=1)
        # mmcv's RoIAlign reads the raw buffer, so the map must really be (B, C, *grid) in memory.
        feat = x[:, num_extra:].transpose(1, 2).unflatten(2, grid).contiguous()
        return feat if self.out_type == 'featmap' else [feat, x[:, 0]]

    @property
    def out_channels(self) -> Tuple[int, ...]:
        """Channels of what is returned, per scale of ``out_scales``."""
        return tuple(self.block_specs[self.arch.last_blocks[s]].out_dims for s in self.out_scales)

    @property
    def out_strides(self) -> Tuple[Tuple[int, ...], ...]:
        """Strides of the maps per axis, in pixels and frames of the input, per scale."""
        strides = []
        for scale in self.out_scales:
            specs = self.block_specs[:self.arch.last_blocks[scale] + 1]
            per_axis = zip(self.patch_embed.stride, *(spec.stride_q for spec in specs))
            strides.append(tuple(math.prod(axis) for axis in per_axis))
        return tuple(strides)

    def train(self, mode: bool = True) -> 'MViTv2':
        """Switch mode; frozen stages stay in eval mode. Returns the model, as ``nn.Module``."""
        super().train(mode)
        for module in self._frozen_modules():
            module.eval()
        return self

    def _frozen_modules(self) -> List[nn.Module]:
        if self.frozen_stages < 0:
            return []
        ends = (-1, ) + self.arch.last_blocks
        norms = [f'norm{s}' for s in self.out_scales if s < self.frozen_stages]
        return [
            self.patch_embed, *self.blocks[:ends[self.frozen_stages] + 1],
            *[getattr(self, name) for name in norms]
        ]

    def _freeze(self) -> None:
        frozen = [p for module in self._frozen_modules() for p in module.parameters()]
        if self.frozen_stages >= 0:
            frozen += [p for p in (self.cls_token, self.pos_embed) if p is not None]
        for param in frozen:
            param.requires_grad = False

    def get_layer_depth(self, param_name: str, prefix: str = '') -> Tuple[int, int]:
        """Depth of a parameter for layer-wise learning rate decay.

        Args:
            param_name (str): Full name of the parameter.
            prefix (str): Prefix of the backbone in the name, e.g. 'backbone.'. Defaults to ''.

        Returns:
            tuple[int, int]: Depth (stem 0, block ``i`` is ``i + 1``, the rest last) and the number
            of depths, ``num_layers + 2``.
        """
        num_depths = self.arch.num_layers + 2
        name = param_name[len(prefix):] if param_name.startswith(prefix) else ''
        if name.startswith(('patch_embed', 'cls_token', 'pos_embed')):
            return 0, num_depths
        if name.startswith('blocks.'):
            return int(name.split('.')[1]) + 1, num_depths
        return num_depths - 1, num_depths


def _checkpoint(block: nn.Module, x: Tensor, grid: Sequence[int]):
    """Run a block whose backward pass runs it again, on the same compute path."""
    if torch.compiler.is_compiling():
        return cp.checkpoint(block, x, grid, use_reentrant=False)

    def on_path(x: Tensor):
        with compute_path(path):
            return block(x, grid)

    path = get_compute_path()
    return recompute(on_path, x, is_random=True)


def _check_pool_kernel(pool_kernel: Union[int, Sequence[int]], ndim: int) -> Tuple[int, ...]:
    kernel = to_ntuple(pool_kernel, ndim, 'pool_kernel')
    if not all(k > 0 and k % 2 for k in kernel):
        raise ValueError(f'"pool_kernel" should be odd on every axis, but got {pool_kernel}')
    return kernel
