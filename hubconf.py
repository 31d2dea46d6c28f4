"""``torch.hub.load('OWNER/mvitv2_mm', 'mvitv2_tiny', pretrained=True, num_classes=10)``.

``dependencies`` names what has to be installed; see README.md.
"""
from functools import partial, update_wrapper

from mvitv2_mm import create_model
from mvitv2_mm.classifier import SHORT_NAMES

dependencies = ['torch', 'mmengine', 'mmcv', 'safetensors', 'wrapt']

for _name in SHORT_NAMES:
    globals()[_name] = update_wrapper(partial(create_model, _name), create_model)
