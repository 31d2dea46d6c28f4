"""``python -m mvitv2_mm doctor`` and ``python -m mvitv2_mm run SCRIPT [ARGS]``."""
import argparse
import runpy
import sys
from importlib import import_module
from pathlib import Path
from typing import List, Optional

from . import doctor
from .files import repository_folder


def find_script(script: str) -> Path:
    """Path of a script, which may be given as ``package:path/in/its/repository``.

    Args:
        script (str): A path, or for instance ``mmdet:tools/test.py``.

    Returns:
        Path: The script.

    Raises:
        FileNotFoundError: If there is no such package or file.
    """
    package, separator, inside = script.partition(':')
    path = repository_folder(package) / inside if separator else Path(script)
    if not path.is_file():
        raise FileNotFoundError(f'"{script}": there is no file {path}')
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


def parse_args(argv: Optional[List[str]] = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog='python -m mvitv2_mm')
    commands = parser.add_subparsers(dest='command', required=True)
    commands.add_parser('doctor', help='show versions, what works, and how to repair the rest')
    run = commands.add_parser('run', help="run a host library's tool with the repairs applied")
    run.add_argument('script', help='a path, or PACKAGE:PATH such as mmdet:tools/test.py')
    run.add_argument('args', nargs=argparse.REMAINDER, help='arguments of the script')
    return parser.parse_args(argv)


def main() -> None:
    args = parse_args()
    if args.command == 'doctor':
        sys.exit(doctor.main())
    try:
        find_script(args.script)
    except FileNotFoundError as error:
        sys.exit(f'mvitv2_mm run: {error}')
    run_script(args.script, args.args)


if __name__ == '__main__':
    main()
