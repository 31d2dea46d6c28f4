"""How the official image and video code start their weights."""
from typing import List, Union

import torch.nn as nn
from mmengine.model.weight_init import trunc_normal_, update_init_info

# The image code starts biases at 0, the video code at 0.02 and draws its convolutions too.
_OFFICIAL = {
    2: [
        dict(type='TruncNormal', layer='Linear', std=0.02, bias=0.),
        dict(type='Constant', layer='LayerNorm', val=1., bias=0.),
    ],
    3: [
        dict(type='TruncNormal', layer='Conv3d', std=0.02),
        dict(type='TruncNormal', layer='Linear', std=0.02, bias=0.02),
        dict(type='Constant', layer='LayerNorm', val=1., bias=0.02),
    ],
}


class TokenInit:
    """Draw what no ``layer`` of an ``init_cfg`` reaches: the class token and position tables.

    Args:
        std (float): Standard deviation of the truncated normal distribution.
    """

    def __init__(self, std: float) -> None:
        self.std = std

    def __call__(self, model: nn.Module) -> None:
        tokens = [model.cls_token, model.pos_embed]
        if not model.rel_pos_zero_init:
            tokens += [table for block in model.blocks for table in block.attn.rel_pos or ()]
        for token in tokens:
            if token is not None:
                trunc_normal_(token, std=self.std)
        update_init_info(model, f'TokenInit: truncated normal distribution, std={self.std}')


def complete_init_cfg(init_cfg: Union[dict, List[dict], None], ndim: int) -> List[dict]:
    """The initialisation asked for, or the official one, after that of tokens and tables.

    Args:
        init_cfg (dict | list, optional): What the user asks for.
        ndim (int): 2 for the image code, 3 for the video code.

    Returns:
        list[dict]: Configs for mmengine, which reads a checkpoint last.
    """
    if init_cfg is None:
        init_cfg = _OFFICIAL[ndim]
    elif isinstance(init_cfg, dict):
        # A checkpoint of another task lacks some norms.
        is_pretrained = str(init_cfg.get('type')).endswith('Pretrained')
        init_cfg = [*_OFFICIAL[ndim], init_cfg] if is_pretrained else [init_cfg]
    return [dict(type=TokenInit, std=0.02), *init_cfg]
