# what type checkers read: at run time __init__.py loads these names on first use
from .backbones import MViTv2 as MViTv2
from .classifier import MViTv2Classifier as MViTv2Classifier
from .classifier import create_model as create_model
from .inference.inferencer import Inferencer as Inferencer
from .version import __version__ as __version__
