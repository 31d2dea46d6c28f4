"""Load and convert every published MViTv2 checkpoint. See ``docs/checkpoints.md``."""
from .conversion import convert
from .io import CheckpointError
from .loading import load_into, read_source
from .zoo import ZOO

__all__ = ['CheckpointError', 'ZOO', 'convert', 'load_into', 'read_source']
