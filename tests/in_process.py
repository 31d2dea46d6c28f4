"""Run commands, and use the scripts of the checkout, in the process of the tests."""
import contextlib
import importlib.util
import io
from pathlib import Path
from types import ModuleType
from typing import Sequence

from mvitv2_mm.commands.frame import run_command

ROOT = Path(__file__).resolve().parents[1]


def run(name: str, argv: Sequence) -> None:
    """Run a command; raises SystemExit with the line it ends with if it fails.

    Args:
        name (str): Of the command, for instance 'check-data'.
        argv (Sequence): Its arguments, as text or what can be made text.
    """
    errors = io.StringIO()
    with contextlib.redirect_stderr(errors):
        code = run_command(name, [str(arg) for arg in argv])
    if code:
        _, mark, message = errors.getvalue().partition(f'mvitv2_mm {name}: ')
        assert mark, errors.getvalue()
        raise SystemExit(mark + message.rstrip())


def script(path: str) -> ModuleType:
    """A script such as 'tools/soak.py' as a new module."""
    spec = importlib.util.spec_from_file_location(f'script_{Path(path).stem}', ROOT / path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
