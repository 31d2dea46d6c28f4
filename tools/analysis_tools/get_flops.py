#!/usr/bin/env python
"""``python -m mvitv2_mm flops`` as a file, for scripts and launchers that want one."""
import sys

from mvitv2_mm.commands.frame import run_command

if __name__ == '__main__':
    sys.exit(run_command('flops'))
