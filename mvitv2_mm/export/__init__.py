"""Networks in files that other programs run, and the proof that they compute the same."""
from .job import export_model

__all__ = ['export_model']
