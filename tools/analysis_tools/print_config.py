#!/usr/bin/env python
"""Print a config with everything it inherits."""
import argparse
from typing import List, Optional

from mvitv2_mm.engine.launch import add_config_arguments, load_config, one_line_errors


def main(argv: Optional[List[str]] = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    add_config_arguments(parser)
    args = parser.parse_args(argv)
    with one_line_errors():
        cfg = load_config(args.config, args.cfg_options)
    print(cfg.pretty_text)


if __name__ == '__main__':
    main()
