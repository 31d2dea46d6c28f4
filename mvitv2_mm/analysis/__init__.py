"""Numbers about models that need no data."""
from .complexity import Complexity, measure
from .flops import Macs, count_macs

__all__ = ['Complexity', 'Macs', 'count_macs', 'measure']
