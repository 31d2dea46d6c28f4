"""The commands of ``python -m mvitv2_mm``, one file each; a new file is a new command.

``check_data.py`` is ``check-data``. Each has ``HELP``, one line; ``EXAMPLE``, a command line;
``add_arguments(parser)``; and ``run(args)``, which returns the exit code or None for 0. All but the
standard library and :mod:`mvitv2_mm.commands.frame` is imported inside of functions, so that help
and completion are quick. ``run`` calls the function that Python users call.

Optional: ``JSON``, what ``--json`` prints, None where a command has no such result; ``REPAIRS``,
False where a command needs no repaired host library.
"""
