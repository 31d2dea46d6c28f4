"""Pure PyTorch functions without state; importable without any OpenMMLab package."""
from .abs_pos import resize_abs_pos
from .attention import pooling_attention, reference_pooling_attention
from .memory import recompute, split_tokens
from .ndim import conv_out_size, get_conv_class, get_max_pool_class, to_ntuple
from .path import (ATTENTION_PATHS, POOLING_PATHS, attention_path, get_attention_path,
                   get_pooling_path, pooling_path)
from .pooling import depthwise_conv, drop_unread
from .rel_pos import rel_pos_index, rel_pos_terms, resize_rel_pos
from .triton_pooling import triton_pool_norm
from .window import merge_windows, split_windows

__all__ = [
    'ATTENTION_PATHS', 'POOLING_PATHS', 'attention_path', 'conv_out_size', 'depthwise_conv',
    'drop_unread', 'get_attention_path', 'get_conv_class', 'get_max_pool_class', 'get_pooling_path',
    'merge_windows', 'pooling_attention', 'pooling_path', 'recompute',
    'reference_pooling_attention', 'rel_pos_index', 'rel_pos_terms', 'resize_abs_pos',
    'resize_rel_pos', 'split_tokens', 'split_windows', 'to_ntuple', 'triton_pool_norm'
]
