"""Let pytorchvideo 0.1.5 import on a current torchvision.

Symptom:
    mmaction2's MViT recipes ask to ``Install pytorchvideo`` though it is installed.
Cause:
    pytorchvideo imports ``torchvision.transforms.functional_tensor``, which torchvision 0.17
    renamed to ``_functional_tensor``.
Repair:
    The old name leads to the new module.
Inert:
    Without pytorchvideo, and where torchvision has the old name.
"""
import importlib
import importlib.util
from types import ModuleType

from ..versions import NotNeeded, Window

WINDOWS = (Window('pytorchvideo', '0.1.5', '0.2', tested='0.1.5'), )


def _alias(name: str) -> ModuleType:
    if importlib.util.find_spec('pytorchvideo') is None:
        raise NotNeeded('pytorchvideo is not installed')
    new = importlib.import_module('torchvision.transforms._functional_tensor')
    module = ModuleType(name, __doc__)
    module.__dict__.update(
        (key, value) for key, value in vars(new).items() if not key.startswith('__'))
    return module


STAND_INS = {'torchvision.transforms.functional_tensor': _alias}
