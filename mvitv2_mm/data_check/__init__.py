"""Verify datasets on disk before a long run; see tools/check_data.py."""
from .check import check
from .known import KNOWN, NAMES, PLAIN, Expected, Split, find_splits
from .report import KINDS, Problem, Report

__all__ = [
    'KINDS', 'KNOWN', 'NAMES', 'PLAIN', 'Expected', 'Problem', 'Report', 'Split', 'check',
    'find_splits'
]
