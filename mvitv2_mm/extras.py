"""Libraries that only some features need; imports nothing but the standard library."""
from importlib import import_module
from types import ModuleType

from .files import repository_folder

# import names that are not the names of their distributions
_DISTRIBUTIONS = {'cv2': 'opencv-python', 'yaml': 'PyYAML', 'PIL': 'pillow'}


def require(module: str, why: str) -> ModuleType:
    """Import an optional library.

    Args:
        module (str): Its import name, for instance 'shtab' or 'pyarrow.parquet'.
        why (str): What needs it, for instance 'tracks' or '--format parquet'.

    Returns:
        ModuleType: The module.

    Raises:
        ImportError: If it is not installed; the message has the command that installs it in a
            version that the host libraries survive.
    """
    package = module.partition('.')[0]
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if (error.name or '').partition('.')[0] != package:
            raise
        constraints = repository_folder() / 'requirements' / 'constraints.txt'
        raise ImportError(f'{why} needs {package}, which is not installed; run: pip install -c '
                          f'{constraints} {_DISTRIBUTIONS.get(package, package)}') from None
