"""A look at a training before it begins: what it will do, what it costs, and what is wrong."""
from .summary import finding_lines, plan_line, read_dry_run, summarize

__all__ = ['finding_lines', 'plan_line', 'read_dry_run', 'summarize']
