"""Read the architecture off the tensors of a checkpoint: names and shapes only.

Works on this package's backbone names without prefix (``blocks.0.attn.qkv.weight``).
"""
import re
from dataclasses import dataclass
from typing import List, Mapping, Optional, Tuple

from torch import Tensor

from ..backbones.arch import PRESETS

_PATCH_STRIDE = {2: (4, 4), 3: (2, 4, 4)}
_AXES = {2: 'hw', 3: 'thw'}


@dataclass(frozen=True)
class ArchInfo:
    """What shapes can tell. ``input_size`` is the (T,) H, W of the position tables, if it has any.

    Not recoverable: key/value stride of the first stage, head pooling, windows, mean and std.
    """
    ndim: int
    embed_dims: int
    num_heads: int
    num_layers: int
    downscale_indices: Tuple[int, ...]
    dim_mul_indices: Tuple[int, ...]
    dim_mul_in_attention: bool
    with_cls_token: bool
    input_size: Optional[Tuple[int, ...]]
    num_classes: Optional[int] = None

    @property
    def last_scale(self) -> int:
        """Index of the last scale, whose norm is ``norm{last_scale}``."""
        return len(self.downscale_indices)

    @property
    def name(self) -> str:
        """'MViTv2-small' and so on, or a description of a custom size."""
        for name, preset in PRESETS.items():
            if (preset['embed_dims'] == self.embed_dims and preset['num_heads'] == self.num_heads
                    and preset['num_layers'] == self.num_layers
                    and preset['downscale_indices'] == self.dim_mul_indices):
                return f'MViTv2-{name}'
        return 'a custom MViTv2'

    def describe(self) -> str:
        """One line for people."""
        parts = [
            'video' if self.ndim == 3 else 'image', f'{self.num_layers} blocks',
            f'{self.embed_dims} channels', f'{self.num_heads} head(s)',
            f'widening {_widening(self)}', f'{"with" if self.with_cls_token else "no"} class token'
        ]
        if self.downscale_indices != self.dim_mul_indices:
            parts.append(f'downscaling only at {list(self.downscale_indices)}')
        if self.input_size:
            parts.append('position tables for ' + 'x'.join(map(str, self.input_size)))
        if self.num_classes:
            parts.append(f'{self.num_classes} classes')
        return f'{self.name} ({", ".join(parts)})'

    def differences(self, other: 'ArchInfo') -> List[str]:
        """What keeps the weights of ``self`` from fitting a model ``other``, with the remedy."""
        found = []
        for key in ('embed_dims', 'num_heads', 'num_layers', 'dim_mul_indices'):
            mine, its = getattr(self, key), getattr(other, key)
            if mine != its:
                found.append(f'{key} is {_show(mine)} in the file, {_show(its)} in the model')
        if self.dim_mul_indices and self.dim_mul_in_attention != other.dim_mul_in_attention:
            found.append(f'the file widens {_widening(self)}, the model {_widening(other)}: set '
                         f'dim_mul_in_attention={self.dim_mul_in_attention}, or take other weights '
                         '(of the published ones only ImageNet-1K large and MaskFeat widen in the '
                         'MLP)')
        return found


def _widening(arch: ArchInfo) -> str:
    return 'in attention' if arch.dim_mul_in_attention else 'in the MLP'


def _show(value) -> str:
    return str(list(value) if isinstance(value, tuple) else value)


def infer_arch(state: Mapping[str, Tensor], num_classes: Optional[int] = None) -> ArchInfo:
    """Infer the architecture from backbone tensors.

    Args:
        state (Mapping[str, Tensor]): Backbone tensors under this package's names, no prefix.
        num_classes (int, optional): Rows of the classifier, if there is one.

    Raises:
        ValueError: If blocks or tensors that every MViTv2 has are missing, naming one.
    """
    indices = {int(m[1]) for m in map(re.compile(r'blocks\.(\d+)\.').match, state) if m}
    _check_complete(state, indices)
    patch = state['patch_embed.projection.weight']
    num_layers = len(indices)
    head_dim = len(state['blocks.0.attn.norm_q.weight'])
    widening = [i for i in range(num_layers) if f'blocks.{i}.proj.weight' in state]
    in_attention = all(
        len(state[f'blocks.{i}.attn.proj.weight']) == len(state[f'blocks.{i}.proj.weight'])
        for i in widening)
    dim_mul = tuple(i if in_attention else i + 1 for i in widening)
    ndim = patch.dim() - 2
    return ArchInfo(
        ndim=ndim,
        embed_dims=len(patch),
        num_heads=len(state['blocks.0.attn.proj.weight']) // head_dim,
        num_layers=num_layers,
        downscale_indices=_downscale_indices(state, dim_mul),
        dim_mul_indices=dim_mul,
        dim_mul_in_attention=in_attention,
        with_cls_token='cls_token' in state,
        input_size=_input_size(state, ndim),
        num_classes=num_classes)


def _check_complete(state: Mapping[str, Tensor], indices: set) -> None:
    needed = ['patch_embed.projection.weight', 'blocks.0.attn.proj.weight']
    needed += [
        f'blocks.{i}.attn.{name}.weight' for i in range(max(indices, default=0) + 1)
        for name in ('qkv', 'pool_q', 'norm_q')
    ]
    for key in needed:
        if key not in state:
            raise ValueError(f'"{key}" is missing, and every MViTv2 has it (MViTv1 and plain ViT '
                             'are other architectures)')


def _downscale_indices(state: Mapping[str, Tensor], dim_mul: Tuple[int, ...]) -> Tuple[int, ...]:
    """The doublings at which queries are pooled: all, but in MaskFeat pre-training not the last.

    Inside a stage the tables have ``2 * grid - 1`` rows, so they tell whether the grid shrank.
    Where they cannot (no tables, one-block stage, grid of one token), a mask token marks MaskFeat.
    """
    first = state.get('blocks.0.attn.rel_pos_h')
    grid = (len(first) + 1) // 2 if first is not None else 1
    found = []
    for i in dim_mul:
        after = state.get(f'blocks.{i + 1}.attn.rel_pos_h')
        if grid > 1 and after is not None:
            downscales = len(after) < 2 * grid - 1
        else:
            downscales = i != dim_mul[-1] or 'mask_token' not in state
        if downscales:
            found.append(i)
            grid //= 2
    return tuple(found)


def _input_size(state: Mapping[str, Tensor], ndim: int) -> Optional[Tuple[int, ...]]:
    """Pixels and frames of the first block's tables, of length 2 * grid - 1."""
    tables = [state.get(f'blocks.0.attn.rel_pos_{axis}') for axis in _AXES[ndim]]
    if any(table is None for table in tables):
        return None
    return tuple((len(t) + 1) // 2 * s for t, s in zip(tables, _PATCH_STRIDE[ndim]))
