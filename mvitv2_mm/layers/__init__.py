from .attention import MultiScaleAttention
from .block import MLP, MultiScaleBlock
from .patch_embed import PatchEmbed
from .pooling import pool_tokens

__all__ = ['MLP', 'MultiScaleAttention', 'MultiScaleBlock', 'PatchEmbed', 'pool_tokens']
