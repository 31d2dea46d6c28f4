"""Small models and their exported files."""
from small_exports import small

__all__ = ['small']
