"""Let ``mmaction.models`` of mmaction2 1.2.0 import.

Symptom:
    ``No module named 'mmaction.models.localizers.drn'``.
Cause:
    That folder lacks ``__init__.py`` and so never got into the wheel.
Repair:
    Empty stand-ins for the folder and its one module. Building the DRN
    localizer (temporal grounding) stays impossible and says so.
Inert:
    Where the files exist.
"""
from types import ModuleType

from ..versions import Window

WINDOWS = (Window('mmaction2', '1.2', '1.3', tested='1.2.0'), )

_PACKAGE = 'mmaction.models.localizers.drn'


class DRN:
    """Placeholder for the localizer that the mmaction2 wheel lacks."""

    def __init__(self, *args, **kwargs) -> None:
        raise ImportError('DRN is missing from the wheel of mmaction2 1.2.0; '
                          'install mmaction2 from source to use it.')


def _stand_in(name: str) -> ModuleType:
    module = ModuleType(name, __doc__)
    if name == _PACKAGE:
        module.__path__ = []
    else:
        module.DRN = DRN
    return module


STAND_INS = {_PACKAGE: _stand_in, f'{_PACKAGE}.drn': _stand_in}
