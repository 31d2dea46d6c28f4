"""Let mmaction2 import beside a recent ``transformers``.

Symptom:
    ``TypeError: NoneType takes no arguments`` or an ImportError from ``import mmaction.models``.
Cause:
    As in mmpretrain, from which mmaction2 has its multimodal models.
Repair:
    As in mmpretrain.
Inert:
    Without transformers, and with an older one.
"""
from ..mmpretrain.transformers import disable_multimodal
from ..versions import Window

WINDOWS = (Window('mmaction2', '1.2', '1.3', tested='1.2.0'), )
HOOKS = {'mmaction.utils.dependency': disable_multimodal}
