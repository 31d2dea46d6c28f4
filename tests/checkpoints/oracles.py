"""Small random models of other code bases, and files in the layouts of those not installed.

The renamings here are written out from the published key tables, independently of the package's.
"""
import re

import torch
from torch import nn

from mvitv2_mm import MViTv2

# four scales, both kinds of first blocks, a stage of two blocks in the middle
DEPTHS = (1, 1, 2, 1)
ARCH = dict(embed_dims=16, num_layers=5, num_heads=1, downscale_indices=[1, 2, 4])
SIZE, FRAMES, CLASSES = 64, 8, 7
LAST_DIMS = 128


def randomise(model):
    """Give every tensor values that matter, also those that start at 0 or 1."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for param in model.parameters():
            noise = torch.randn(param.shape, generator=generator)
            param.copy_(noise * 0.2 if param.dim() > 1 else param + noise * 0.2)
        for name, buffer in model.named_buffers():
            if name.endswith('running_var'):
                buffer.uniform_(0.5, 1.5, generator=generator)
    return model.eval()


class Net(nn.Module):
    """Backbone and linear head under a host's names: ``head.fc`` or ``cls_head.fc_cls``."""

    def __init__(self, num_classes=CLASSES, arch=ARCH, **kwargs):
        super().__init__()
        self.backbone = MViTv2(arch, **kwargs)
        is_video = len(self.backbone.input_size) == 3
        fc = nn.Linear(LAST_DIMS, num_classes)
        if is_video:
            self.cls_head = nn.ModuleDict(dict(fc_cls=fc))
        else:
            self.head = nn.ModuleDict(dict(fc=fc))
        self.fc = [fc]  # not a second registration

    def forward(self, x):
        return self.fc[0](self.backbone(x)[-1])


def image_net(**kwargs):
    return Net(**{**dict(input_size=SIZE, out_type='avg_featmap'), **kwargs}).eval()


def video_net(**kwargs):
    return Net(**{**dict(input_size=(FRAMES, SIZE, SIZE), out_type='cls_token'), **kwargs}).eval()


def images():
    return torch.rand(2, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(1))


def clips():
    return torch.rand(2, 3, FRAMES, SIZE, SIZE, generator=torch.Generator().manual_seed(1))


def to_meta(state):
    """Names of OpenMMLab to those that facebookresearch/mvit and SlowFast share."""
    renamed = {}
    for key, value in state.items():
        key = key.replace('backbone.', '').replace('patch_embed.projection', 'patch_embed.proj')
        key = re.sub(r'^norm\d', 'norm', key)
        key = re.sub(r'^(head\.fc|cls_head\.fc_cls)', 'head.projection', key)
        renamed[key] = value
    return renamed


def to_detectron2(state):
    """Names of mmdet to those of detectron2."""
    rules = [
        (r'^backbone\.norm(\d)\.', lambda m: f'backbone.bottom_up.scale{int(m[1]) + 2}_norm.'),
        (r'^backbone\.patch_embed\.projection', 'backbone.bottom_up.patch_embed.proj'),
        (r'^backbone\.blocks', 'backbone.bottom_up.blocks'),
        (r'^neck\.lateral_convs\.(\d)', lambda m: f'backbone.fpn_lateral{int(m[1]) + 2}'),
        (r'^neck\.fpn_convs\.(\d)', lambda m: f'backbone.fpn_output{int(m[1]) + 2}'),
        (r'^rpn_head\.rpn_conv\.(\d)\.conv', r'proposal_generator.rpn_head.conv.conv\1'),
        (r'^rpn_head\.rpn_conv', 'proposal_generator.rpn_head.conv'),
        (r'^rpn_head\.rpn_cls', 'proposal_generator.rpn_head.objectness_logits'),
        (r'^rpn_head\.rpn_reg', 'proposal_generator.rpn_head.anchor_deltas'),
        (r'^roi_head\.bbox_head\.((?:\d\.)?)fc_cls', r'roi_heads.box_predictor.\1cls_score'),
        (r'^roi_head\.bbox_head\.((?:\d\.)?)fc_reg', r'roi_heads.box_predictor.\1bbox_pred'),
        (r'^roi_head\.bbox_head\.((?:\d\.)?)shared_fcs\.(\d)',
         lambda m: f'roi_heads.box_head.{m[1]}fc{int(m[2]) + 1}'),
        (r'^roi_head\.bbox_head\.((?:\d\.)?)shared_convs\.(\d)',
         lambda m: f'roi_heads.box_head.{m[1]}conv{int(m[2]) + 1}'),
        (r'^roi_head\.mask_head\.convs\.(\d)',
         lambda m: f'roi_heads.mask_head.mask_fcn{int(m[1]) + 1}'),
        (r'^roi_head\.mask_head\.upsample', 'roi_heads.mask_head.deconv'),
        (r'^roi_head\.mask_head\.conv_logits', 'roi_heads.mask_head.predictor'),
        (r'^(backbone\.fpn|roi_heads)(.*)\.conv\.', r'\1\2.'),
        (r'^(backbone\.fpn|roi_heads)(.*)\.(bn|ln)\.', r'\1\2.norm.'),
    ]
    renamed = {}
    for key, value in state.items():
        for pattern, replacement in rules:
            key = re.sub(pattern, replacement, key)
        renamed[key] = value
    return renamed
