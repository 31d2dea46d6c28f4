"""Let mmpretrain import beside a recent ``transformers``.

Symptom:
    ``TypeError: NoneType takes no arguments`` or an ImportError from ``import mmpretrain.models``.
Cause:
    Its multimodal models load whenever transformers is installed, and those files do not work with
    its releases from 4.50 on.
Repair:
    With such a release mmpretrain takes its own branch for "multimodal packages not installed".
    Multimodal models are then unavailable.
Inert:
    Without transformers, and with an older one.
"""
from types import ModuleType

from ..versions import NotNeeded, Window, release, version_of

WINDOWS = (Window('mmpretrain', '1.2', '1.3', tested='1.2.0'), )
FIRST_BROKEN = '4.50'


def is_clashing() -> bool:
    """Whether the installed transformers is one the hosts cannot load."""
    version = version_of('transformers')
    return bool(version) and release(version) >= release(FIRST_BROKEN)


def disable_multimodal(module: ModuleType) -> None:
    """Let a host believe that packages for its multimodal models are missing."""
    if not module.WITH_MULTIMODAL or not is_clashing():
        raise NotNeeded(f'there is no transformers>={FIRST_BROKEN}')
    module.WITH_MULTIMODAL = False


HOOKS = {'mmpretrain.utils.dependency': disable_multimodal}
