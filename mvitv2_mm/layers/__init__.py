from .attention import MultiScaleAttention
from .block import MultiScaleBlock
from .mlp import MLP
from .patch_embed import PatchEmbed
from .path import COMPUTE_PATHS, compute_path, get_compute_path
from .pooling import pool_tokens

__all__ = [
    'COMPUTE_PATHS', 'MLP', 'MultiScaleAttention', 'MultiScaleBlock', 'PatchEmbed', 'compute_path',
    'get_compute_path', 'pool_tokens'
]
