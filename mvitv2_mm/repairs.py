"""Importing this module repairs the installed host libraries; see :mod:`mvitv2_mm.compat`.

Configs name it in ``custom_imports``, and ``mvitv2_mm.registry``, so also ``MViTv2``, imports it.
Scripts that import a host library first and our backbone later import it at their top.
"""
from .compat.versions import check_required

check_required()  # names a missing package and its remedy before the next line needs it

from .compat import switch  # noqa: E402

switch.apply()
