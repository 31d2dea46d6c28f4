"""The page and the line of JSON that :mod:`.gpu_check` ends in."""
from pathlib import Path
from typing import List, Sequence

from ..files import to_json, write_text
from .agreement import Agreement
from .gpu_check import Result
from .kernels import Kernel
from .report import markdown_table, to_markdown

PAGE, LINE = 'gpu_check.md', 'gpu_check.json'
_INTRODUCTION = """# Check of {machine}

{verdict} Everything was computed on `{device}`, and timed in {dtype}, in {seconds:.0f} s. The
device reached {tflops:.3g} TFLOP/s in a product of two matrices and copied {gigabytes:.3g} GB/s;
these are the peaks below. Tests that need a GPU: {tests}.
"""
_AGREEMENT = """## Numbers

Errors are relative to the same network in float64. In brackets are those of the formulas of the
paper in the same type. A path agrees where its output has at most 2 times their error and every
gradient at most 10 times.
"""
_KERNELS = """## The slowest kernels of a step

A kernel is held by the peak that it is nearer to: that of arithmetic, or that of memory. Where it
is far from both, it waits for something else, for instance because it is small.
"""


def write_result(result: Result, folder: Path) -> None:
    """Write the page and the line of JSON into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    write_text(folder / PAGE, to_page(result))
    write_text(folder / LINE, to_json(result.as_dict()) + '\n')


def to_page(result: Result) -> str:
    """The page, in Markdown."""
    return '\n'.join([
        _INTRODUCTION.format(
            machine=result.machine,
            verdict=verdict(result),
            device=result.device,
            dtype=result.dtype,
            seconds=result.seconds,
            tflops=result.peak_flops / 1e12,
            gigabytes=result.peak_bytes / 1e9,
            tests=result.tests or 'not run'),
        _AGREEMENT,
        *_agreement_table(result.agreements),
        '## Speed and memory beside others\n',
        to_markdown(result.rows),
        '## Ours with one thing done in another way\n',
        to_markdown(result.ablations),
        _KERNELS,
        *(line for name, found in result.kernels.items()
          for line in _kernel_table(name, found, result)),
        '## Left out\n',
        *(f'- {text}' for text in result.left_out or ['nothing']),
        '',
    ])


def verdict(result: Result) -> str:
    """Whether the numbers are right, in a sentence."""
    wrong = [found for found in result.agreements if not found.agrees]
    if wrong:
        names = ', '.join(f'{found.path} in {found.dtype} ({found.case})' for found in wrong)
        return f'The numbers are WRONG: {names}.'
    if not result.agrees:
        return 'Tests failed, or not all numbers could be compared (see the end).'
    return f'All {len(result.agreements)} comparisons of outputs and gradients agree.'


def _agreement_table(agreements: Sequence[Agreement]) -> List[str]:
    columns = ('network', 'path', 'type', 'error of output', 'median error of gradients',
               'worst gradient', 'agrees')
    return markdown_table(
        columns,
        ((found.case, found.path, found.dtype, f'{found.output:.1e} ({found.plain_output:.1e})',
          f'{found.gradient:.1e} ({found.plain_gradient:.1e})',
          f'{found.ratio:.2g}x ({found.worst.removeprefix("net.")})',
          'yes' if found.agrees else '**NO**') for found in agreements))


def _kernel_table(name: str, kernels: Sequence[Kernel], result: Result) -> List[str]:
    columns = ('operator', 'kernel', 'calls', 'ms', 'share of the step', 'of peak compute',
               'of peak memory', 'held by')
    rows = []
    for kernel in kernels:
        held_by, compute, memory = kernel.held_by(result.peak_flops, result.peak_bytes)
        rows.append((kernel.operator, kernel.kernel
                     or '-', str(kernel.calls), f'{1e3 * kernel.seconds:.2f}',
                     f'{kernel.share:.0%}', f'{compute:.0%}', f'{memory:.0%}', held_by))
    return [f'**{name}**', '', *markdown_table(columns, rows)]
