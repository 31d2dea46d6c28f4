"""The models of the quickstart, and files for them."""
from quick_models import quick

__all__ = ['quick']
