"""The models of the quickstart, and files for them."""
from quick_models import photo, quick

__all__ = ['photo', 'quick']
