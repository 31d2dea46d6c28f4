"""The lean way through a layer: the same numbers with fewer copies, less memory and less work.

A layer calls its modules one after the other. Where all of them are plain, nobody can tell whether
they were called, and the functions of this file may take their weights instead: keys and values
are projected only where pooling reads them, all heads are pooled side by side, the MLP runs in
chunks, and cheap steps are computed again in the backward pass instead of kept.
"""
from typing import Callable, List, Optional, Sequence, Tuple, Type

import torch
import torch.nn as nn
import torch.nn.functional as F
from mmcv.cnn.bricks import DropPath
from torch import Tensor
from torch.nn.modules import module as torch_module

from ..ops import (autocast_dtype, depthwise_conv, drop_unread, get_conv_class, is_traced, linear,
                   read_grid, recompute, split_tokens, triton_pool_norm)
from .path import get_compute_path
from .pooling import pool_tokens

_PLAIN_FORWARDS = {
    cls: cls.forward
    for cls in (nn.Linear, nn.LayerNorm, nn.GELU, nn.Identity, nn.Conv2d, nn.Conv3d, nn.MaxPool2d,
                nn.MaxPool3d)
}
_CALL = nn.Module.__call__
_HOOKS = ('_forward_hooks', '_forward_pre_hooks', '_backward_hooks', '_backward_pre_hooks')
_GLOBAL_HOOKS = [getattr(torch_module, f'_global{hooks}') for hooks in _HOOKS]
_MAP_BYTES = 2**23
_PLAIN_TENSORS = (Tensor, nn.Parameter)


def is_unwatched(module: nn.Module) -> bool:
    """Whether calling a module is the ``forward`` of its class: no hook, patch or ``compile()``."""
    return (not any(getattr(module, hooks) for hooks in _HOOKS) and not any(_GLOBAL_HOOKS)
            and 'forward' not in vars(module) and module._compiled_call_impl is None
            and type(module).__call__ is _CALL)


def is_plain(module: nn.Module) -> bool:
    """Whether a module is one of PyTorch's as it came: no adapter, quantisation, hook or patch.

    Pruning masks, weight norm and spectral norm are hooks or change the class, quantised weights
    are tensors of another class.
    """
    kind = type(module)
    return (kind in _PLAIN_FORWARDS and kind.forward is _PLAIN_FORWARDS[kind]
            and is_unwatched(module) and all(
                type(param) in _PLAIN_TENSORS
                for param in module._parameters.values() if param is not None))


def is_lean(*modules: nn.Module, kind: Type[nn.Module] = nn.Module) -> bool:
    """Whether the lean way may replace calls of ``modules``, each of which it takes for a kind."""
    return (get_compute_path() != 'reference' and not is_traced()
            and all(isinstance(module, kind) and is_plain(module) for module in modules))


def is_inference() -> bool:
    """Whether nothing is recorded: results may replace in place what is not needed any more."""
    is_recorded = nn.Module.__call__ is not _CALL or torch.compiler.is_compiling() or is_traced()
    return not (torch.is_grad_enabled() or is_recorded or get_compute_path() == 'reference')


def is_samplewise(module: nn.Module) -> bool:
    """Whether a module treats samples one by one, and nobody can tell how often it is called."""
    children = list(module.children())
    if children:  # a method that somebody has replaced is an attribute that can be called
        is_untouched = is_unwatched(module) and not any(map(callable, vars(module).values()))
        return is_untouched and all(map(is_samplewise, children))
    if type(module) is DropPath:
        return is_unwatched(module) and not module.training
    return is_plain(module)


def split_samples(x: Tensor, width: int, may_split: Callable[[], bool]) -> Sequence[Tensor]:
    """Samples that a block takes at once on a CPU where no gradients are recorded.

    Maps of a large batch do not stay in the cache, and the C library gives so much memory back to
    the system, which hands it out again page by page.

    Args:
        x (Tensor): Tokens (B, N, C).
        width (int): Channels of the widest map in the block.
        may_split (Callable): Whether the block may be called for parts of the batch.

    Returns:
        Sequence[Tensor]: Tokens (b, N, C) of all samples in their order; one part is ``x`` itself.
    """
    if not is_inference():
        return [x]
    num_bytes = x.shape[:-1].numel() * width * autocast_dtype(x).itemsize
    num_parts = min(len(x), -(-num_bytes // _MAP_BYTES))
    if num_parts == 1 or x.device.type != 'cpu' or not may_split():
        return [x]
    return x.chunk(num_parts)


def project(layer: nn.Module, x: Tensor) -> Tensor:
    """``layer(x)``, in the lean way where the layer is plain."""
    if is_lean(layer, kind=nn.Linear):
        return linear(x, layer.weight, layer.bias)
    return layer(x)


def has_lean_heads(attn: nn.Module) -> bool:
    """Whether :func:`lean_heads` gives what the modules of an attention would give."""
    pools = attn.pool_q, attn.pool_k, attn.pool_v
    strides = attn.stride_q, attn.stride_kv, attn.stride_kv
    return (is_lean(attn.qkv, kind=nn.Linear) and is_lean(attn.norm_q, attn.norm_k, attn.norm_v)
            and is_lean(*pools, kind=get_conv_class(len(attn.stride_q)))
            and all(_is_as_built(*pool, attn.pool_kernel) for pool in zip(pools, strides)))


def _is_as_built(pool: nn.Module, stride: Sequence[int], kernel: Sequence[int]) -> bool:
    """Whether a convolution is the pooling that the attention built, and no other."""
    settings = (pool.kernel_size, pool.stride, pool.padding, pool.padding_mode, pool.bias)
    return (settings == (kernel, stride, tuple(k // 2 for k in kernel), 'zeros', None)
            and pool.groups == pool.out_channels and max(pool.dilation) == 1)


def lean_heads(attn: nn.Module, x: Tensor, grid: Sequence[int]) -> Tuple[Tensor, ...]:
    """The lean way through :meth:`MultiScaleAttention.pool_heads`."""
    sizes = (attn.out_dims, 2 * attn.out_dims)
    weights = attn.qkv.weight.split(sizes)
    biases = (None, None) if attn.qkv.bias is None else attn.qkv.bias.split(sizes)
    q, = _pool(attn, linear(x, weights[0], biases[0]), 'q', grid, attn.stride_q)
    read, kv_grid, stride = _read_by_kv(attn, grid)
    kv = linear(x, weights[1], biases[1], read, keeps_less=attn.keeps_less)
    k, v = _pool(attn, kv, 'kv', kv_grid, stride)
    return q, k, v


def drops_unread(kernel: Sequence[int], stride: Sequence[int]) -> bool:
    """Whether a pooling leaves tokens unread."""
    return any(s > k for s, k in zip(stride, kernel))


def _read_by_kv(attn: nn.Module,
                grid: Sequence[int]) -> Tuple[Callable, Sequence[int], Sequence[int]]:
    """What drops the tokens that no key or value reads, and the grid and stride after it."""
    kernel, stride = attn.pool_kernel, attn.stride_kv
    if not drops_unread(kernel, stride):
        return nn.Identity(), grid, stride

    def read(x: Tensor) -> Tensor:
        return pool_tokens(x, grid, lambda feat: drop_unread(feat, kernel, stride),
                           attn.num_extra_tokens)

    return read, read_grid(grid, kernel, stride), [min(s, k) for s, k in zip(stride, kernel)]


def _pool(attn: nn.Module, x: Tensor, names: str, grid: Sequence[int],
          stride: Sequence[int]) -> List[Tensor]:
    """Tokens (B, N, len(names) * M * D) -> pooled and normed heads (B, M, N', D) per name."""
    if get_compute_path() == 'triton':
        heads = _triton_pool(x, attn, names, grid, stride)
    else:
        heads = recompute(_plain_pool, x, attn, names, grid, stride, enabled=attn.keeps_less)
    return [head.transpose(1, 2) for head in heads]


def _triton_pool(x: Tensor, attn: nn.Module, names: str, grid: Sequence[int],
                 stride: Sequence[int]) -> List[Tensor]:
    heads = []
    for name, part in zip(names, x.chunk(len(names), dim=-1)):
        weight, norm = getattr(attn, f'pool_{name}').weight, getattr(attn, f'norm_{name}')
        is_fused = getattr(norm, 'weight', None) is not None and norm.bias is not None
        affine = (norm.weight, norm.bias, norm.eps) if is_fused else ()
        pooled = triton_pool_norm(part, grid, weight, stride, attn.num_extra_tokens, *affine)
        heads.append(pooled if is_fused else norm(pooled))
    return heads


def _plain_pool(x: Tensor, attn: nn.Module, names: str, grid: Sequence[int],
                stride: Sequence[int]) -> List[Tensor]:
    # Heads stay next to each other in the channels, so each repeats the shared kernel.
    weight = torch.cat([
        w.repeat(attn.num_heads, *[1] * (w.dim() - 1))
        for w in (getattr(attn, f'pool_{name}').weight for name in names)
    ])
    x = pool_tokens(x, grid, lambda feat: depthwise_conv(feat, weight, stride),
                    attn.num_extra_tokens)
    heads = x.unflatten(2, (len(names), attn.num_heads, -1)).unbind(2)
    return [getattr(attn, f'norm_{name}')(head) for name, head in zip(names, heads)]


def lean_mlp(x: Tensor,
             mlp: nn.Module,
             norm: Optional[nn.Module] = None,
             adds: bool = False) -> Tensor:
    """``mlp(norm(x))`` of tokens (B, N, C) in chunks, keeping little for the backward pass.

    The hidden channels are kept without GELU, or only ``x`` where they are many. With ``adds`` the
    result is added to ``x`` in place, which has to be contiguous.
    """
    fc1, fc2, affine = mlp.fc1, mlp.fc2, ()
    if norm is not None:  # FSDP's weights are attributes, not always parameters
        affine = [value for value in (norm.weight, norm.bias) if value is not None]
    chunks = split_tokens(x, mlp.hidden_dims)
    is_whole = len(chunks) == 1

    def widen(x: Tensor, weight: Tensor, bias: Tensor, *affine: Tensor) -> Tensor:
        return linear(x, weight, bias, normed, affine, mlp.keeps_less and is_whole)

    def normed(x: Tensor, *affine: Tensor) -> Tensor:
        if norm is None:
            return x
        return F.layer_norm(x, norm.normalized_shape, *affine, eps=norm.eps)

    bias = fc1.weight.new_zeros(fc1.out_features) if fc1.bias is None else fc1.bias
    wide = (fc1.weight, bias, *affine)
    if is_whole:
        out = linear(widen(x, *wide), fc2.weight, fc2.bias, mlp.act, keeps_less=mlp.keeps_less)
        return x.add_(out) if adds else out
    outs = (
        linear(chunk, fc2.weight, fc2.bias, lambda *args: mlp.act(widen(*args)), wide,
               mlp.keeps_less) for chunk in chunks)
    if not adds:
        return torch.cat([*outs]).unflatten(0, x.shape[:2])
    for chunk, out in zip(chunks, outs):
        chunk.add_(out)
    return x
