"""One check of a GPU: right numbers, speed and memory, and what holds the slowest kernels."""
import multiprocessing
import re
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from importlib.util import find_spec
from itertools import product
from typing import Callable, Dict, Iterator, List, Optional, Sequence

import torch

from ..devices import usual_device
from ..files import repository_folder
from .agreement import Agreement, compare_all, paths_of
from .kernels import Kernel, copy_peak
from .peers import VARIANTS, Case
from .processes import ImplementationError, machine, prepare
from .session import NetworkRow, matmul_peak, profile_case, run_case

CASES = (
    Case('image', 'base', (224, 224), 64, ('mmpretrain', 'timm', 'hiera')),
    Case('image', 'base', (384, 384), 16, ('mmpretrain', 'timm')),
    Case('video', 'small', (16, 224, 224), 8, ('mmaction2', 'torchvision')),
    Case('detection', 'tiny', (1024, 1024), 2, ('windowed reference', )),
)
# of the same kinds, to try the check itself
SMALL_CASES = (
    Case('image', 'tiny', (64, 64), 2, ('timm', )),
    Case('video', 'tiny', (8, 64, 64), 1, ()),
    Case('detection', 'tiny', (64, 96), 1, ('windowed reference', )),
)
MODES = ('inference', 'training')
NUM_KERNELS = 3
_NO_TESTS = 5  # exit code of pytest where a checkout has none
# what a peer needs beside PyTorch; our weights in names of others need what reads checkpoints
_PACKAGES = {
    'mmpretrain': ('mmpretrain', ),
    'timm': ('timm', 'mmengine'),
    'hiera': ('timm', ),
    'mmaction2': ('mmaction', ),
    'torchvision': ('torchvision', 'mmengine'),
    'ours, triton pooling': ('triton', ),
}


@dataclass
class Result:
    """What was found; ``left_out`` says of everything else why not.

    Peaks are operations and bytes per second that the device reached.
    """
    machine: str
    device: str
    dtype: str
    agreements: List[Agreement] = field(default_factory=list)
    tests: str = ''
    rows: List[NetworkRow] = field(default_factory=list)
    ablations: List[NetworkRow] = field(default_factory=list)
    kernels: Dict[str, List[Kernel]] = field(default_factory=dict)
    peak_flops: float = 0.
    peak_bytes: float = 0.
    left_out: List[str] = field(default_factory=list)
    seconds: float = 0.

    @property
    def agrees(self) -> bool:
        """Whether all paths computed, and computed right, and no test failed."""
        complete = self.agreements and not any(
            text.startswith(('numbers of', 'tests: Timeout')) for text in self.left_out)
        right = all(found.agrees for found in self.agreements)
        return bool(complete) and right and not re.search('failed|error|exit code', self.tests)

    def as_dict(self) -> dict:
        """For one line of JSON."""
        kernels = {
            name: [self._kernel(kernel) for kernel in found]
            for name, found in self.kernels.items()
        }
        agreements = [dict(asdict(found), agrees=found.agrees) for found in self.agreements]
        return dict(
            vars(self),
            agrees=self.agrees,
            agreements=agreements,
            rows=[row.as_dict() for row in self.rows],
            ablations=[row.as_dict() for row in self.ablations],
            kernels=kernels)

    def _kernel(self, kernel: Kernel) -> dict:
        held_by, compute, memory = kernel.held_by(self.peak_flops, self.peak_bytes)
        return dict(asdict(kernel), held_by=held_by, compute_share=compute, memory_share=memory)


class Check:
    """Does one part after the other while there is time.

    Args:
        cases (Sequence[Case]): What is timed; the numbers are compared at the same sizes.
        setting (dict): Device, dtype and threads.
        repeats (int): Timed rounds of each implementation.
        seconds (float): Time for all; a part that would not end within it is left out.
    """

    def __init__(self, cases: Sequence[Case], setting: dict, repeats: int, seconds: float) -> None:
        self.cases, self.setting, self.repeats = cases, setting, repeats
        self.start, self.limit = time.monotonic(), seconds
        self.slowest: Dict[str, float] = {}  # kind of part: seconds for its unit of size
        self.result = Result(machine(setting['device']), setting['device'], setting['dtype'])

    def run(self) -> Result:
        """Numbers first, then the times beside the peers, kernels, ablations and tests."""
        found = self.result
        for path in paths_of(self.setting['device']):
            self._part('numbers', f'numbers of path {path}', 1, self._compare, path)
        for case in self.cases:
            names = list(self._possible(case, case.peers))
            self._part('time', f'time of {case.name}',
                       len(names) + 1, self._time, case, names, found.rows)
        self._part('peaks', 'peaks of the device', 1, self._find_peaks)
        if found.peak_bytes:
            for case, mode in product(self.cases, MODES):
                self._part('kernels', f'kernels of {case.name}, {mode}', 1, self._profile, case,
                           mode)
        for case in self.cases:
            names = list(self._possible(case, VARIANTS))
            if names:
                self._part('time', f'ablations of {case.name}',
                           len(names) + 1, self._time, case, names, found.ablations)
        self._part('tests', 'tests', 1, self._test)
        self.result.seconds = self._elapsed()
        return self.result

    def _elapsed(self) -> float:
        return time.monotonic() - self.start

    def _find_peaks(self) -> None:
        self.result.peak_flops = matmul_peak(**self.setting)
        self.result.peak_bytes = copy_peak(self.setting['device'])
        if torch.cuda.is_initialized():
            torch.cuda.empty_cache()  # what follows may need it

    def _part(self, kind: str, name: str, size: int, function: Callable, *args) -> None:
        """Run a part unless it would not end in time, by the slowest of its kind so far."""
        started = self._elapsed()
        if started + size * self.slowest.get(kind, 0) > self.limit:
            self.result.left_out.append(f'{name}: no time was left')
            return
        print(f'{started:4.0f} s  {name}', flush=True)
        try:
            function(*args)
        except Exception as error:  # a fault on one path is a result like others
            self.result.left_out.append(f'{name}: {type(error).__name__}: {_first_line(error)}')
        self.slowest[kind] = max(self.slowest.get(kind, 0), (self._elapsed() - started) / size)

    def _compare(self, path: str) -> None:
        cases = [at_once(case) for case in self.cases]
        # a fault of a kernel takes its process with it, and no more
        with ProcessPoolExecutor(1, multiprocessing.get_context('spawn')) as pool:
            found = pool.submit(compare_all, cases, path, self.setting['device']).result()
        self.result.agreements += found

    def _time(self, case: Case, names: List[str], rows: List[NetworkRow]) -> None:
        """Time ours beside others; what fails is noted, and the others go on without it."""
        while True:
            try:
                rows += run_case(case, MODES, **self.setting, repeats=self.repeats, names=names)
                return
            except ImplementationError as error:
                if error.name not in names:
                    raise
                self.result.left_out.append(f'time of {case.name}: {_first_line(error)}')
                names.remove(error.name)

    def _possible(self, case: Case, names: Sequence[str]) -> Iterator[str]:
        for name in names:
            if 'triton' in name and self.setting['device'] == 'cpu':
                continue  # its kernels are for a GPU
            missing = [package for package in _PACKAGES.get(name, ()) if not _is_there(package)]
            if missing:
                self.result.left_out.append(
                    f'time of {case.name}: {name}: {missing[0]} is not installed')
            else:
                yield name

    def _profile(self, case: Case, mode: str) -> None:
        found = profile_case(case, mode, 'kernels', **self.setting)
        self.result.kernels[f'{case.name}, {mode}'] = found[:NUM_KERNELS]

    def _test(self) -> None:
        """The tests that need a GPU, where there is a checkout with what tests need."""
        folder = repository_folder() / 'tests'
        if not folder.is_dir() or not all(map(_is_there, ('pytest', 'mmengine', 'mmpretrain'))):
            self.result.left_out.append(
                'tests: they need a checkout, pytest and OpenMMLab packages')
            return
        left = max(30., self.limit - self._elapsed())
        done = subprocess.run([sys.executable, '-m', 'pytest', '-q', '-m', 'gpu', folder],
                              cwd=folder.parent,
                              capture_output=True,
                              text=True,
                              timeout=left)
        lines = (done.stdout.strip() or done.stderr.strip() or 'nothing').splitlines()
        ended = f' (exit code {done.returncode})' * (done.returncode not in (0, _NO_TESTS))
        self.result.tests = re.sub('=+', '', lines[-1]).strip() + ended


def at_once(case: Case) -> Case:
    """One input and few blocks of a case, which float64 and the plain formulas have room for."""
    return replace(case, arch='tiny', batch_size=1)


def _is_there(package: str) -> bool:
    """Whether a package is installed; a stand-in is none."""
    return getattr(sys.modules.get(package), '__spec__', True) is not None and bool(
        find_spec(package))


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [''])[0]


def check(device: Optional[str] = None,
          dtype: Optional[str] = None,
          batch_size: Optional[int] = None,
          small: bool = False,
          repeats: int = 3,
          minutes: float = 7.) -> Result:
    """Check the numbers, the speed and the memory of the network on a device.

    Args:
        device (str, optional): Defaults to None, a GPU if there is one.
        dtype (str, optional): Type of what is timed. Defaults to None, bfloat16 where the device
            has it, else float16.
        batch_size (int, optional): Defaults to None, that of each case.
        small (bool): Take tiny networks and inputs, to try the check itself. Defaults to False.
        repeats (int): Timed rounds of each implementation. Defaults to 3.
        minutes (float): No part begins that would not end within them. Defaults to 7.

    Returns:
        Result: All that was found.

    Raises:
        UsageError: If there is no such device.
    """
    device = device or usual_device()
    prepare(device)
    if dtype is None:
        has_bf16 = device == 'cpu' or torch.cuda.is_bf16_supported(including_emulation=False)
        dtype = 'bfloat16' if has_bf16 else 'float16'
    cases = SMALL_CASES if small else CASES
    if batch_size:
        cases = [replace(case, batch_size=batch_size) for case in cases]
    setting = dict(device=device, dtype=dtype, threads=torch.get_num_threads())
    return Check(cases, setting, repeats, 60 * minutes).run()
