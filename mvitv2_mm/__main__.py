"""``python -m mvitv2_mm``; see :mod:`mvitv2_mm.commands`."""
import sys

from .commands.frame import main

if __name__ == '__main__':
    sys.exit(main())
