"""Verify datasets on disk before a long run; see the command ``check-data``."""
from .check import check
from .known import KNOWN, Expected, Split, find_splits
from .report import KINDS, DataProblem, SplitReport

__all__ = [
    'KINDS', 'KNOWN', 'DataProblem', 'Expected', 'Split', 'SplitReport', 'check', 'find_splits'
]
