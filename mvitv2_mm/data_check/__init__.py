"""Verify datasets on disk before a long run; see tools/check_data.py."""
from .check import check
from .known import KNOWN, NAMES, PLAIN, Expected, Split, find_splits
from .report import KINDS, DataProblem, SplitReport

__all__ = [
    'KINDS', 'KNOWN', 'NAMES', 'PLAIN', 'DataProblem', 'Expected', 'Split', 'SplitReport', 'check',
    'find_splits'
]
