#!/usr/bin/env python
"""``python -m mvitv2_mm test`` as a file, for scripts and launchers that want one."""
import sys
from functools import partial

from mvitv2_mm.commands.frame import run_command

main = partial(run_command, 'test')

if __name__ == '__main__':
    sys.exit(main())
