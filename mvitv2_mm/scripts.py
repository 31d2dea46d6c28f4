"""Run scripts of host libraries with the repairs applied."""
import runpy
import sys
from importlib import import_module
from pathlib import Path
from typing import List

from .errors import UnknownName
from .files import repository_folder


def find_script(script: str) -> Path:
    """Path of a script, which may be given as ``package:path/in/its/repository``.

    Args:
        script (str): A path, or for instance ``mmdet:tools/test.py``.

    Returns:
        Path: The script.

    Raises:
        UnknownName: If there is no such package or file.
    """
    package, separator, inside = script.partition(':')
    try:
        path = repository_folder(package) / inside if separator else Path(script)
    except FileNotFoundError as error:
        raise UnknownName(str(error)) from None
    if not path.is_file():
        raise UnknownName(f'"{script}": there is no file {path}')
    return path


def run_script(script: str, args: List[str]) -> None:
    """Run a script as ``python SCRIPT ARGS`` would, with the repairs already applied."""
    import_module('mvitv2_mm.repairs')
    switch = import_module('mvitv2_mm.compat.switch')
    switch.switch_on(*switch.ALL)
    path = str(find_script(script))
    sys.argv = [path, *args]
    sys.path[0] = str(Path(path).parent)
    runpy.run_path(path, run_name='__main__')
