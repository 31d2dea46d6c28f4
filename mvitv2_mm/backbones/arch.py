"""Plan of an MViTv2: presets, validation, and the list of blocks. Pure Python, no torch.

The network is data: image, video and detection models are different lists of :class:`BlockSpec`,
not different branches of the code.
"""
from dataclasses import dataclass
from typing import Dict, FrozenSet, List, Optional, Sequence, Tuple, Union

PRESETS = {
    'tiny': dict(embed_dims=96, num_layers=10, num_heads=1, downscale_indices=(1, 3, 8)),
    'small': dict(embed_dims=96, num_layers=16, num_heads=1, downscale_indices=(1, 3, 14)),
    'base': dict(embed_dims=96, num_layers=24, num_heads=1, downscale_indices=(2, 5, 21)),
    'large': dict(embed_dims=144, num_layers=48, num_heads=2, downscale_indices=(2, 8, 44)),
    'huge': dict(embed_dims=192, num_layers=80, num_heads=3, downscale_indices=(4, 12, 72)),
}
_REQUIRED = ('embed_dims', 'num_layers', 'num_heads', 'downscale_indices')
_OPTIONAL = ('dim_mul_indices', )
_OUT_TYPES = ('featmap', 'cls_token', 'featmap_and_cls_token', 'avg_featmap', 'avg_then_norm')


@dataclass(frozen=True)
class Arch:
    """Size of a network. ``last_blocks[s]`` is the index of the last block of stage ``s``."""
    embed_dims: int
    num_layers: int
    num_heads: int
    downscale_indices: Tuple[int, ...]
    dim_mul_indices: Tuple[int, ...]

    @property
    def last_blocks(self) -> Tuple[int, ...]:
        return tuple(i - 1 for i in self.downscale_indices) + (self.num_layers - 1, )

    @property
    def num_scales(self) -> int:
        return len(self.downscale_indices) + 1

    @property
    def stage_indices(self) -> Dict[int, int]:
        """Index of the stage that ends with a block, by the index of that block."""
        return {last: stage for stage, last in enumerate(self.last_blocks)}


@dataclass(frozen=True)
class BlockSpec:
    """One block: widths in channels, grid and strides in tokens, ``window_size`` 0 = global."""
    in_dims: int
    attn_dims: int
    out_dims: int
    num_heads: int
    grid_size: Tuple[int, ...]
    stride_q: Tuple[int, ...]
    stride_kv: Tuple[int, ...]
    window_size: int
    drop_path: float


def check_input_size(input_size: Union[int, Sequence[int]]) -> Tuple[int, ...]:
    """Size of an input as (H, W) or (T, H, W).

    Raises:
        ValueError: If it is none.
    """
    size = tuple(input_size) if isinstance(input_size, (list, tuple)) else (input_size, ) * 2
    if len(size) not in (2, 3) or not all(isinstance(n, int) and n > 0 for n in size):
        raise ValueError('"input_size" should be an int or (H, W) for images, (T, H, W) for clips, '
                         f'but got {input_size}')
    return size


def resolve_arch(arch: Union[str, dict]) -> Arch:
    """Look up a preset by name or check a custom size.

    Args:
        arch (str | dict): 'tiny', 'small', 'base', 'large', 'huge' or a dict with ``embed_dims``,
            ``num_layers``, ``num_heads``, ``downscale_indices`` (0-based blocks that pool the
            queries) and optionally ``dim_mul_indices`` (blocks at which channels and heads double,
            default: ``downscale_indices``).

    Raises:
        ValueError: Naming the key or value and what is allowed.
    """
    if not isinstance(arch, dict):
        if str(arch).lower() not in PRESETS:
            raise ValueError(f'"arch" should be one of {", ".join(PRESETS)} or a dict with '
                             f'{", ".join(_REQUIRED)}, but got {arch!r}')
        arch = PRESETS[arch.lower()]
    missing = [key for key in _REQUIRED if key not in arch]
    unknown = [key for key in arch if key not in _REQUIRED + _OPTIONAL]
    if missing or unknown:
        raise ValueError(f'a custom "arch" needs the keys {", ".join(_REQUIRED)} (optional: '
                         f'{", ".join(_OPTIONAL)}); missing {missing}, unknown {unknown}')
    indices = {
        key: tuple(arch.get(key, arch['downscale_indices']))
        for key in ('downscale_indices', 'dim_mul_indices')
    }
    for key, value in indices.items():
        if list(value) != sorted(set(value)) or not all(0 < i < arch['num_layers'] for i in value):
            raise ValueError(f'"{key}" should be increasing block indices between 1 and '
                             f'num_layers - 1 = {arch["num_layers"] - 1}, but got {list(value)}')
    return Arch(**{**arch, **indices})


def resolve_out_scales(out_scales: Union[int, Sequence[int]], num_scales: int) -> Tuple[int, ...]:
    """Turn ``out_scales`` into increasing indices in ``[0, num_scales)``; -1 is the last scale.

    Raises:
        ValueError: If an index does not exist or no scale is asked for.
    """
    asked = tuple(out_scales) if isinstance(out_scales, Sequence) else (out_scales, )
    if not asked or not all(isinstance(i, int) and -num_scales <= i < num_scales for i in asked):
        raise ValueError(f'"out_scales" should hold indices between {-num_scales} and '
                         f'{num_scales - 1} (the arch has {num_scales} scales), but got '
                         f'{out_scales}')
    return tuple(sorted({i % num_scales for i in asked}))


def check_frozen_stages(frozen_stages: int, num_scales: int) -> int:
    """Return ``frozen_stages``, or raise ValueError if there are not as many stages."""
    if not -1 <= frozen_stages <= num_scales:
        raise ValueError(f'"frozen_stages" should be between -1 and {num_scales}, but got '
                         f'{frozen_stages}')
    return frozen_stages


def resolve_out_type(out_type: Optional[str], with_cls_token: bool) -> str:
    """Check what a network should return; by default also the class token if there is one.

    Raises:
        ValueError: If nothing of this name can be returned.
    """
    if out_type is None:
        return 'featmap_and_cls_token' if with_cls_token else 'featmap'
    if out_type not in _OUT_TYPES:
        raise ValueError(f'"out_type" should be one of {_OUT_TYPES}, but got {out_type!r}')
    if 'cls_token' in out_type and not with_cls_token:
        raise ValueError(f'out_type={out_type!r} needs a class token; set with_cls_token=True')
    return out_type


def check_window_size(window_size: Optional[int], input_size: Tuple[int, ...],
                      with_cls_token: bool) -> None:
    """Raise ValueError for windows that a network cannot have."""
    if window_size is None:
        return
    if not isinstance(window_size, int) or window_size < 1:
        raise ValueError('"window_size" should be a positive number of tokens, or None for global '
                         f'attention, but got {window_size}')
    if len(input_size) == 3 or with_cls_token:
        raise ValueError(f'"window_size" needs 2D input without class token, but input_size is '
                         f'{input_size} and with_cls_token is {with_cls_token}')


def resolve_with_cp(with_cp: Union[bool, str, Sequence[int], dict], arch: Arch) -> FrozenSet[int]:
    """Turn ``with_cp`` into the indices of the whole blocks to recompute in backward.

    Args:
        with_cp (bool | str | Sequence[int] | dict): True for all blocks, False and 'cheap' for
            none, a sequence of stages for the blocks of those, ``dict(blocks=...)`` for single
            blocks.
        arch (Arch): Network size.

    Raises:
        ValueError: If it is none of these or an index does not exist.
    """
    if isinstance(with_cp, bool) or with_cp == 'cheap':
        return frozenset(range(arch.num_layers if with_cp is True else 0))
    single_blocks = isinstance(with_cp, dict) and list(with_cp) == ['blocks']
    asked = with_cp['blocks'] if single_blocks else with_cp
    limit = arch.num_layers if single_blocks else arch.num_scales
    # a bool is an int too, but [True, False] are no indices
    if not isinstance(asked, (list, tuple, range)) or not all(
            type(i) is int and 0 <= i < limit for i in asked):
        raise ValueError('"with_cp" should be True, False, "cheap", a sequence of stages between 0 '
                         f'and {arch.num_scales - 1}, or dict(blocks=...) with a sequence of '
                         f'blocks between 0 and {arch.num_layers - 1}, but got {with_cp}')
    if single_blocks:
        return frozenset(asked)
    ends = (-1, ) + arch.last_blocks
    return frozenset(i for s in asked for i in range(ends[s] + 1, ends[s + 1] + 1))


def plan_blocks(arch: Arch, grid_size: Sequence[int], *, adaptive_kv_stride: Sequence[int],
                drop_path_rate: float, dim_mul: int, head_mul: int, dim_mul_in_attention: bool,
                window_size: Optional[int]) -> List[BlockSpec]:
    """Expand a network's size into its blocks.

    Rules (SlowFast ``models/video_model_builder.py``; with windows detectron2
    ``modeling/backbone/mvit.py``):

    - At a downscale block queries are pooled by 2 in space; the key/value stride is divided by the
      query stride *before* that block, so pooled keys keep about the same grid in every stage.
    - Channels and heads multiply at ``dim_mul_indices``; without ``dim_mul_in_attention`` the MLP
      of the block before does the widening.
    - With windows, the last block of every stage but the first attends globally, and those of the
      middle stages pool keys twice as hard. The window halves *after* the first block of a stage.

    Args:
        arch (Arch): Network size.
        grid_size (Sequence[int]): Token grid after the patch embedding.
        adaptive_kv_stride (Sequence[int]): Key/value stride of the first stage, per axis.
        drop_path_rate (float): Rate of the last block; grows linearly from 0.
        dim_mul (int): Channel factor.
        head_mul (int): Head factor.
        dim_mul_in_attention (bool): Widen in attention or in the MLP of the block before.
        window_size (int | None): Window of the first stage in tokens; None: all blocks global.

    Returns:
        list[BlockSpec]: One record per block.
    """
    spatial = (1, ) * (len(grid_size) - 2) + (2, 2)
    ones = (1, ) * len(grid_size)
    dims, heads = arch.embed_dims, arch.num_heads
    grid, stride_kv, window = tuple(grid_size), tuple(adaptive_kv_stride), window_size or 0
    specs = []
    for i in range(arch.num_layers):
        if i in arch.downscale_indices or i in arch.dim_mul_indices:
            heads *= head_mul
        stride_q = spatial if i in arch.downscale_indices else ones
        stride_kv = tuple(max(k // q, 1) for k, q in zip(stride_kv, stride_q))
        widening_block = i if dim_mul_in_attention else i + 1
        out_dims = dims * dim_mul if widening_block in arch.dim_mul_indices else dims
        is_global = window_size is None or i in arch.last_blocks[1:]
        pools_harder = window_size is not None and i in arch.last_blocks[1:-1]
        spec = BlockSpec(
            in_dims=dims,
            attn_dims=out_dims if dim_mul_in_attention else dims,
            out_dims=out_dims,
            num_heads=heads,
            grid_size=grid,
            stride_q=stride_q,
            stride_kv=tuple(2 * s for s in stride_kv) if pools_harder else stride_kv,
            window_size=0 if is_global else window,
            drop_path=drop_path_rate * i / max(arch.num_layers - 1, 1))
        _check_block(i, spec)
        specs.append(spec)
        dims = out_dims
        grid = tuple(n // s for n, s in zip(grid, stride_q))
        window //= max(stride_q)
    return specs


def _check_block(index: int, spec: BlockSpec) -> None:
    """Raise ValueError for widths or windows that cannot be built, naming block and values."""
    if spec.attn_dims % spec.num_heads:
        raise ValueError(f'block {index} has {spec.attn_dims} attention channels, not divisible by '
                         f'its {spec.num_heads} heads; change "embed_dims" or "num_heads"')
    if min(spec.grid_size) < 1:
        raise ValueError(f'"input_size" is too small: block {index} would get an empty token grid '
                         f'{spec.grid_size}')
    strides = spec.stride_q + spec.stride_kv
    if spec.window_size and any(spec.window_size % s for s in strides):
        raise ValueError(f'the window of block {index} ({spec.window_size} tokens) is not '
                         f'divisible by its strides {spec.stride_q} and {spec.stride_kv}; choose a '
                         'larger power of two or multiple of 56 as "window_size"')
