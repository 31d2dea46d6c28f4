"""Run commands in the process of the tests."""
import contextlib
import io
from typing import Sequence

from mvitv2_mm.commands.frame import run_command


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
