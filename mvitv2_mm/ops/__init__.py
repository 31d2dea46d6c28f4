"""Pure PyTorch functions without state; importable without any OpenMMLab package."""
from .abs_pos import resize_abs_pos
from .attention import KERNELS, attention_weights, pooling_attention, reference_pooling_attention
from .memory import autocast_dtype, keep_freed, recompute, split_tokens
from .ndim import (channels_last, conv_out_size, get_conv_class, get_max_pool_class, pooled_grid,
                   to_ntuple)
from .pooling import depthwise_conv, drop_unread, fill_stride, read_grid
from .products import linear, matmul
from .rel_pos import rel_pos_index, rel_pos_terms, resize_rel_pos
from .tracing import is_traced
from .triton_pooling import triton_pool_norm
from .window import merge_windows, split_windows

__all__ = [
    'KERNELS', 'attention_weights', 'autocast_dtype', 'channels_last', 'conv_out_size',
    'depthwise_conv', 'drop_unread', 'fill_stride', 'get_conv_class', 'get_max_pool_class',
    'is_traced', 'keep_freed', 'linear', 'matmul', 'merge_windows', 'pooled_grid',
    'pooling_attention', 'read_grid', 'recompute', 'reference_pooling_attention', 'rel_pos_index',
    'rel_pos_terms', 'resize_abs_pos', 'resize_rel_pos', 'split_tokens', 'split_windows',
    'to_ntuple', 'triton_pool_norm'
]
