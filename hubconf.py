"""``torch.hub.load('OWNER/mvitv2_mm', 'mvitv2_tiny', pretrained=True, num_classes=10)``.

``dependencies`` names what has to be installed; see README.md.
"""
# names with an underscore: torch.hub lists all others as models
from functools import partial as _partial
from functools import update_wrapper as _update_wrapper

from mvitv2_mm import create_model as _create_model
from mvitv2_mm.classifier import SHORT_NAMES as _SHORT_NAMES

dependencies = ['torch', 'torchvision', 'mmengine', 'mmcv', 'safetensors', 'wrapt', 'filelock']

for _name in _SHORT_NAMES:
    globals()[_name] = _update_wrapper(_partial(_create_model, _name), _create_model)
