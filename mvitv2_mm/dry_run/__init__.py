"""A look at a training before it begins: what it will do, what it costs, and what is wrong."""
from ..engine.dry_runs import read_dry_run
from .summary import finding_lines, plan_line, summarize

__all__ = ['finding_lines', 'plan_line', 'read_dry_run', 'summarize']
