"""Errors that the command line tells apart; see :mod:`mvitv2_mm.commands.frame`."""


class UsageError(ValueError):
    """What the caller asked for cannot be meant: the command line ends with exit code 2."""


class UnknownName(UsageError, FileNotFoundError):
    """There is no config, model or file of this name; the message names similar ones."""
