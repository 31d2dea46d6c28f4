"""Compare speed and memory of MViTv2 implementations and their input pipelines; what work costs.

Where OpenMMLab's packages are missing, what the network needs of them has a stand-in here, so that
a machine with PyTorch alone can be measured.
"""
from ..compat.versions import check_required

try:
    check_required()
except ImportError:
    from .stand_ins import put_in_place
    put_in_place()
