"""``python -m mvitv2_mm doctor`` and ``python -m mvitv2_mm run SCRIPT [ARGS]``."""
import argparse
import importlib.util
import runpy
import sys
from importlib import import_module
from pathlib import Path
from typing import List, Optional

from . import doctor


def find_script(script: str) -> Path:
    """Path of a script, which may be given as ``package:path/in/its/repository``.

    Args:
        script (str): A path, or for instance ``mmdet:tools/test.py``.

    Returns:
        Path: The script; for a package, below its ``.mim`` folder (wheels) or beside the package
        (source checkouts).

    Raises:
        FileNotFoundError: If there is no such package or file.
    """
    package, separator, inside = script.partition(':')
    if not separator:
        candidates = [Path(script)]
    else:
        spec = importlib.util.find_spec(package)
        if spec is None or spec.origin is None:
            raise FileNotFoundError(f'"{script}": the package "{package}" is not installed')
        folder = Path(spec.origin).parent
        candidates = [folder / '.mim' / inside, folder.parent / inside]
    for candidate in candidates:
        if candidate.is_file():
            return candidate
    raise FileNotFoundError(f'"{script}": there is no file {candidates[0]}')


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
