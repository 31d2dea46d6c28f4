"""Choose cases of networks, measure them, and keep what was measured."""
from dataclasses import replace
from pathlib import Path
from typing import Iterator, List, Optional, Sequence, Tuple

import torch

from ..devices import usual_device
from ..errors import UsageError
from ..files import write_text
from ..names import check_names
from .peers import CASES, PEERS, Case
from .processes import prepare
from .report import append_rows, plot_rows, read_rows, to_markdown, write_page
from .rows import Row
from .session import NetworkRow, profile_case, run_case


def select_cases(task: Optional[str], arch: Optional[str], batch_size: Optional[int],
                 sweep: Optional[Sequence[int]]) -> List[Case]:
    """Cases of a task and an architecture, None for all.

    Args:
        task (str, optional): 'image', 'video' or 'detection'.
        arch (str, optional): For instance 'tiny'.
        batch_size (int, optional): Replaces that of the cases.
        sweep (Sequence[int], optional): Sides of images or lengths of clips, in place of the
            cases' own.

    Raises:
        UsageError: If there is no such case.
    """
    cases = [case for case in CASES if task in (None, case.task) and arch in (None, case.arch)]
    if not cases:
        known = ', '.join(sorted({case.arch for case in CASES}))
        raise UsageError(f'no case of task {task} has --arch {arch}; there are {known}')
    if batch_size:
        cases = [replace(case, batch_size=batch_size) for case in cases]
    return list(dict.fromkeys(resized for case in cases for resized in _sweep(case, sweep)))


def _sweep(case: Case, sizes: Optional[Sequence[int]]) -> List[Case]:
    if not sizes:
        return [case]
    if case.task == 'video':
        return [replace(case, input_size=(size, *case.input_size[1:])) for size in sizes]
    return [replace(case, input_size=(size, size)) for size in sizes]


def measure_cases(cases: Sequence[Case],
                  mode: Optional[str] = None,
                  device: Optional[str] = None,
                  dtype: str = 'float32',
                  threads: Optional[int] = None,
                  repeats: int = 5,
                  peers: Optional[Sequence[str]] = None) -> Iterator[List[NetworkRow]]:
    """Measure cases one after the other.

    Args:
        cases (Sequence[Case]): See :func:`select_cases`.
        mode (str, optional): 'inference' or 'training'. Defaults to None, both.
        device (str, optional): Defaults to None, a GPU if there is one.
        dtype (str): Type of the computation. Defaults to 'float32'.
        threads (int, optional): Defaults to None, those of torch.
        repeats (int): Timed steps of each. Defaults to 5.
        peers (Sequence[str], optional): Names of implementations. Defaults to None, all.

    Yields:
        list[NetworkRow]: What was measured of a case.

    Raises:
        UsageError: If a peer or the device does not exist.
        RuntimeError: If an implementation fails or its output differs from ours.
    """
    check_names('--peers', peers, PEERS)
    how = _setting(device, dtype, threads)
    for case in cases:
        yield run_case(case, _modes(mode), repeats=repeats, names=peers, **how)


def keep(measured: Iterator[List[Row]],
         out_dir: Optional[Path] = None,
         page: Optional[Path] = None) -> Iterator[List[Row]]:
    """Pass on what is measured, and write it down.

    Args:
        measured (Iterator[list[Row]]): Rows of any kind.
        out_dir (Path, optional): Gets ``rows.jsonl``, and tables and plots of all its rows at the
            end. Defaults to None.
        page (Path, optional): Markdown page that gets the tables too. Defaults to None.
    """
    for rows in measured:
        if out_dir:
            append_rows(rows, out_dir)
        yield rows
    if out_dir:
        known = read_rows(out_dir)
        write_text(out_dir / 'benchmark.md', to_markdown(known))
        plot_rows(known, out_dir)
        if page:
            write_page(known, page)


def profile_cases(cases: Sequence[Case],
                  mode: Optional[str] = None,
                  device: Optional[str] = None,
                  dtype: str = 'float32',
                  threads: Optional[int] = None) -> Iterator[Tuple[str, List[tuple]]]:
    """See where the time of ours goes; the arguments are those of :func:`measure_cases`.

    Yields:
        tuple: A title, and (operator, calls, share of the time), the largest first.
    """
    how = _setting(device, dtype, threads)
    for case in cases:
        for name in _modes(mode):
            title = f'{case.name}, {name}, {dtype} on {how["device"]}'
            yield title, profile_case(case, name, **how)


def _modes(mode: Optional[str]) -> List[str]:
    return [mode] if mode else ['inference', 'training']


def _setting(device: Optional[str], dtype: str, threads: Optional[int]) -> dict:
    """How to measure, on a device that is there; a GPU and all threads of torch by default."""
    device = device or usual_device()
    prepare(device)
    return dict(device=device, dtype=dtype, threads=threads or torch.get_num_threads())
