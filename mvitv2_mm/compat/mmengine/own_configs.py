"""Let ``_base_`` and ``mmengine.hub`` name configs of this package as ``mvitv2_mm::PATH``.

Symptom:
    ``mmengine does not support to load mvitv2_mm config``, although the configs are in the wheel
    where mmengine looks for those of other packages.
Cause:
    mmengine has a fixed list of packages.
Repair:
    This package is added to the list.
Inert:
    For all other packages.
"""
from types import ModuleType

from ..versions import Window

WINDOWS = (Window('mmengine', '0.10.7', '0.12', tested='0.10.7'), )


def _add_package(utils: ModuleType) -> None:
    utils.MODULE2PACKAGE['mvitv2_mm'] = 'mvitv2-mm-zoo'


HOOKS = {'mmengine.config.utils': _add_package}
