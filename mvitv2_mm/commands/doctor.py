"""``python -m mvitv2_mm doctor``."""
import argparse

from .frame import print_json

HELP = 'Show versions, what works, and how to repair the rest.'
EXAMPLE = 'python -m mvitv2_mm doctor'
JSON = 'the table'
REPAIRS = False


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command has none of its own."""


def run(args: argparse.Namespace) -> int:
    """Run all checks; exit code 1 if something that our models need is broken."""
    from .. import doctor
    findings = doctor.examine()
    if args.json:
        print_json(doctor.as_dict(findings))
    else:
        doctor.report(findings)
    return int(any(finding.state == 'broken' for finding in findings))
