"""The models of the quickstart, and files for them."""
from ava_model import ava
from quick_models import quick

__all__ = ['ava', 'quick']
