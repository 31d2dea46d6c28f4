"""One parser for all commands, which says what a mistyped word may have meant."""
import argparse
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, Dict, List, NoReturn, Optional

from ...names import hint
from .outcome import USAGE

PROGRAM = 'python -m mvitv2_mm'
_FIRST = ('finetune', 'predict', 'features', 'train', 'test')
_EXIT_CODES = ('Exit codes: 0 done; 1 an input failed or a mark was missed; 2 wrong usage; 3 a '
               'library is missing or broken;\n130 interrupted, 143 ended by SIGTERM.')


class _Help(argparse.RawDescriptionHelpFormatter):
    """Leaves the commands to the text that :func:`make_parser` writes about them."""

    def add_argument(self, action: argparse.Action) -> None:
        if not isinstance(action, argparse._SubParsersAction):
            super().add_argument(action)


class Parser(argparse.ArgumentParser):
    """A parser that names similar commands and options."""

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, formatter_class=_Help, **kwargs)

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        try:
            super()._check_value(action, value)
        except argparse.ArgumentError as error:
            error.message += hint(str(value), map(str, action.choices))
            raise

    def error(self, message: str) -> NoReturn:
        """End with one line and exit code 2."""
        program = self.prog.removeprefix('python -m ')
        self.exit(USAGE, f'{program}: {message}; "{self.prog} --help" shows what there is\n')

    def reject(self, unknown: List[str]) -> NoReturn:
        """End with a message about arguments that nobody asked for."""
        options = [text.partition('=')[0] for text in unknown if text.startswith('-')]
        hints = [hint(option, self._option_string_actions) for option in options]
        self.error(f'unrecognized arguments: {" ".join(unknown)}{"".join(hints)}')


def commands() -> Dict[str, ModuleType]:
    """All commands by their names, in the order of the help."""
    folder = Path(__file__).parents[1]
    names = [path.stem for path in folder.glob('*.py') if path.stem != '__init__']
    places = {name: i for i, name in enumerate(_FIRST)}
    names.sort(key=lambda name: (places.get(name, len(_FIRST)), name))
    return {name.replace('_', '-'): import_module(f'mvitv2_mm.commands.{name}') for name in names}


def make_parser() -> Parser:
    """Build the parser of all commands."""
    found = commands()
    width = max(map(len, found))
    lines = [
        f'  {name:{width}}  {module.HELP}\n  {"":{width}}  {module.EXAMPLE}'
        for name, module in found.items()
    ]
    parser = Parser(
        prog=PROGRAM,
        usage=f'{PROGRAM} COMMAND ...',
        description='MViTv2 for image classification, object detection and video recognition.',
        epilog='\n'.join([
            'commands:', *lines, '', f'"{PROGRAM} COMMAND --help" shows the arguments of each.',
            _EXIT_CODES
        ]))
    subparsers = parser.add_subparsers(dest='command', required=True, metavar='COMMAND')
    for name, module in found.items():
        _add_command(subparsers, name, module)
    return parser


def _add_command(subparsers: argparse._SubParsersAction, name: str, module: ModuleType) -> None:
    parser = subparsers.add_parser(
        name,
        prog=f'{PROGRAM} {name}',
        help=module.HELP,
        description=module.HELP,
        epilog=f'example:\n  {module.EXAMPLE}')
    parser.set_defaults(json=False, _module=module, _parser=parser)
    module.add_arguments(parser)
    result = getattr(module, 'JSON', 'the result')
    if result:
        parser.add_argument(
            '--json',
            action='store_true',
            help=f'print {result} as JSON to the standard output, all else to the standard error')
    parser.add_argument(
        '--debug', action='store_true', help='show the traceback of errors that are one line')


def parse_args(argv: Optional[List[str]] = None) -> argparse.Namespace:
    """Parse a command line; ends the program with exit code 2 if it is wrong.

    Args:
        argv (list[str], optional): Words after ``python -m mvitv2_mm``. Defaults to None, those of
            the running program.

    Returns:
        argparse.Namespace: The arguments; ``_module`` is the command's.
    """
    args, unknown = make_parser().parse_known_args(argv)
    if unknown:
        args._parser.reject(unknown)
    return args
