"""Run a command, and end with its exit code."""
import gc
import os
import select
import sys
import traceback
from importlib import import_module
from signal import Signals
from typing import List, Optional

from ...children import Ended, tidy_end
from ...heap import reuse
from ...waiting import give_way
from .outcome import DONE, FAILED, Unexpected, describe, exit_code
from .output import json_alone
from .parser import parse_args
from .start import lasting


def main(argv: Optional[List[str]] = None) -> int:
    """Run ``python -m mvitv2_mm ARGV``.

    Args:
        argv (list[str], optional): The command and its arguments. Defaults to None, those of the
            running program.

    Returns:
        int: Exit code: 0 done, 1 failed, 2 usage, 3 environment, 128 and the number of a signal
            that ended it. What is no mistake of a user is shown with its traceback.

    Raises:
        SystemExit: After ``--help``, and with code 2 if ``argv`` is wrong.
    """
    argv = list(sys.argv[1:] if argv is None else argv)
    give_way()
    reuse()
    try:
        with tidy_end():
            return _run(argv)
    except Ended as end:
        print(f'mvitv2_mm {argv[0]}: ended by {Signals(end.code - 128).name}', file=sys.stderr)
        return end.code
    except Unexpected as error:
        traceback.print_exception(error.__cause__)
        return FAILED
    except (Exception, KeyboardInterrupt) as error:
        return FAILED if _reader_has_left(error) else _explain(error, argv)


def run_command(name: str, argv: Optional[List[str]] = None) -> int:
    """Run one command; what the scripts in ``tools/`` do.

    Args:
        name (str): Of the command, for instance 'check-data'.
        argv (list[str], optional): Its arguments. Defaults to None, those of the running program.

    Returns:
        int: See :func:`main`.
    """
    return main([name, *(sys.argv[1:] if argv is None else argv)])


def _run(argv: List[str]) -> int:
    args = parse_args(argv)
    try:
        with json_alone(args.json):
            if getattr(args._module, 'REPAIRS', True):
                with lasting():
                    import_module('mvitv2_mm.repairs')
            code = args._module.run(args) or DONE
            sys.stdout.flush()
    finally:
        gc.unfreeze()  # a program may run several commands
    return code


def _explain(error: BaseException, argv: List[str]) -> int:
    """Print an error as its kind and ``--debug`` want it; its exit code."""
    code = exit_code(error)
    if code is None or '--debug' in argv:
        traceback.print_exception(error)
    if code is None:
        return FAILED
    print(f'mvitv2_mm {argv[0]}: {describe(error)}', file=sys.stderr)
    return code


def _reader_has_left(error: BaseException) -> bool:
    """Whether nobody reads the standard output any more, as after ``| head``."""
    if not isinstance(error, BrokenPipeError):
        return False
    poll = select.poll()
    poll.register(1, select.POLLOUT)
    if not any(event & select.POLLERR for _, event in poll.poll(0)):
        return False  # another pipe broke
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # for what Python still wants to write
    return True
