#!/usr/bin/env python
"""Compare speed and memory of MViTv2 implementations with the same weights."""
import argparse
from dataclasses import replace
from pathlib import Path
from typing import List, Optional

import torch

from mvitv2_mm.benchmark.peers import CASES, PEERS, Case
from mvitv2_mm.benchmark.report import (append_rows, plot_rows, print_profile, print_rows,
                                        read_rows, to_markdown, write_page)
from mvitv2_mm.benchmark.session import Row, profile_case, run_case
from mvitv2_mm.engine.launch import one_line_errors
from mvitv2_mm.files import write_text


def parse_args(argv: Optional[List[str]] = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--task', choices=['image', 'video', 'detection'], help='default: all')
    parser.add_argument('--arch', help='only cases of this size, for instance tiny')
    parser.add_argument('--mode', choices=['inference', 'training'], help='default: both')
    parser.add_argument('--peers', nargs='+', choices=list(PEERS), help='default: all')
    parser.add_argument('--device', default='cuda' if torch.cuda.is_available() else 'cpu')
    parser.add_argument(
        '--dtype',
        choices=['float32', 'bfloat16', 'float16'],
        default='float32',
        help='float32, or autocast to another type')
    parser.add_argument('--batch-size', type=int, help='default: that of the case')
    parser.add_argument('--threads', type=int, default=torch.get_num_threads())
    parser.add_argument('--repeats', type=int, default=5, help='timed steps of each')
    parser.add_argument(
        '--sweep',
        nargs='+',
        type=int,
        metavar='SIZE',
        help='run the cases at these sides (images) or clip lengths (videos) instead')
    parser.add_argument(
        '--out-dir', type=Path, help='append to rows.jsonl; write tables and plots of all its rows')
    parser.add_argument(
        '--page', type=Path, help='Markdown page that gets the tables too (with --out-dir)')
    parser.add_argument(
        '--profile', action='store_true', help='show where the time of ours goes; compare nothing')
    return parser.parse_args(argv)


def select_cases(args: argparse.Namespace) -> List[Case]:
    cases = [
        case for case in CASES if args.task in (None, case.task) and args.arch in (None, case.arch)
    ]
    if not cases:
        known = ', '.join(sorted({case.arch for case in CASES}))
        raise ValueError(f'no case of task {args.task} has --arch {args.arch}; there are {known}')
    if args.batch_size:
        cases = [replace(case, batch_size=args.batch_size) for case in cases]
    return list(dict.fromkeys(resized for case in cases for resized in _sweep(case, args.sweep)))


def _sweep(case: Case, sizes: Optional[List[int]]) -> List[Case]:
    if not sizes:
        return [case]
    if case.task == 'video':
        return [replace(case, input_size=(size, *case.input_size[1:])) for size in sizes]
    return [replace(case, input_size=(size, size)) for size in sizes]


def _profile(case: Case, modes: List[str], args: argparse.Namespace) -> None:
    for mode in modes:
        profile = profile_case(
            case, mode, device=args.device, dtype=args.dtype, threads=args.threads)
        print_profile(f'{case.name}, {mode}, {args.dtype} on {args.device}', profile)


def main(argv: Optional[List[str]] = None) -> List[Row]:
    args = parse_args(argv)
    with one_line_errors():
        cases = select_cases(args)
        if args.page and not args.out_dir:
            raise ValueError('--page shows the rows of a folder; name it with --out-dir')
    rows: List[Row] = []
    for case in cases:
        modes = [args.mode] if args.mode else ['inference', 'training']
        if args.profile:
            _profile(case, modes, args)
            continue
        new = run_case(case, modes, args.device, args.dtype, args.threads, args.repeats, args.peers)
        print_rows(new)
        rows += new
        if args.out_dir:
            append_rows(new, args.out_dir)
    if rows and args.out_dir:
        known = read_rows(args.out_dir)
        write_text(args.out_dir / 'benchmark.md', to_markdown(known))
        plot_rows(known, args.out_dir)
        if args.page:
            with one_line_errors():
                write_page(known, args.page)
    return rows


if __name__ == '__main__':
    main()
