"""Which kernels take the time of a step, and what holds them: memory or arithmetic."""
import re
from dataclasses import dataclass
from typing import Any, Callable, Dict, List, Tuple

import torch
from torch import Tensor
from torch.autograd import DeviceType
from torch.profiler import profile, record_function
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry

_MARK = 'mvitv2_mm call '


@dataclass
class Kernel:
    """All calls of an operator that run the same kernel; on a CPU all calls of an operator.

    ``seconds``, ``flops`` and ``nbytes`` are sums. Operations are those of matrix products,
    convolutions and attention; bytes are those of the tensors that go in and come out.
    """
    operator: str
    kernel: str
    calls: int = 0
    seconds: float = 0.
    share: float = 0.
    flops: float = 0.
    nbytes: float = 0.

    def held_by(self, peak_flops: float, peak_bytes: float) -> Tuple[str, float, float]:
        """'compute' or 'memory', whichever is nearer to its peak, and the shares of both peaks."""
        compute = self.flops / self.seconds / peak_flops
        memory = self.nbytes / self.seconds / peak_bytes
        return 'compute' if compute > memory else 'memory', compute, memory


def copy_peak(device: str) -> float:
    """Bytes per second, read and written, of the fastest of a few large copies."""
    from torch.utils.benchmark import Timer
    x = torch.ones(2**(26 if device == 'cpu' else 29), dtype=torch.uint8, device=device)
    timer = Timer('y.copy_(x)', globals=dict(x=x, y=x.clone()), num_threads=torch.get_num_threads())
    return 2 * x.nbytes / min(timer.timeit(3).mean for _ in range(3))


class _Counter(TorchDispatchMode):
    """Gives every operator a range in the profile, and counts its operations and bytes."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: List[Tuple[str, float, float]] = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        with record_function(f'{_MARK}{len(self.calls)}'):
            out = func(*args, **kwargs)
        flops = _FLOPS.get(func._overloadpacket, _no_flops)(*args, **kwargs, out_val=out)
        self.calls.append((func._schema.name, flops, _bytes_of((args, kwargs, out))))
        return out


def _no_flops(*args, **kwargs) -> int:
    return 0


def _conv_backward_flops(grad: Tensor, x: Tensor, weight: Tensor, *args, **kwargs) -> int:
    """PyTorch's own count takes no notice of groups, of which each channel here has one."""
    wanted = args[-1]
    return 2 * grad.numel() * weight[0].numel() * sum(wanted[:2])


_FLOPS = {**flop_registry, torch.ops.aten.convolution_backward: _conv_backward_flops}


def _bytes_of(tree: Any) -> float:
    """Of all tensors; one that repeats its values counts what lies in memory."""
    tensors = (leaf for leaf in tree_leaves(tree) if isinstance(leaf, torch.Tensor))
    return sum(min(x.numel() * x.itemsize, x.untyped_storage().nbytes()) for x in tensors)


def count(run: Callable[[], None], device: str) -> List[Kernel]:
    """Kernels of one run, those with the most time first.

    Args:
        run (Callable): What is run, once.
        device (str): 'cuda' or 'cpu', where it runs.

    Raises:
        RuntimeError: If the profiler cannot see what a GPU does.
    """
    with profile() as profiler, _Counter() as counter:
        run()
    kernels: Dict[Tuple[str, str], Kernel] = {}
    for event in profiler.events():
        if not event.name.startswith(_MARK) or event.device_type != DeviceType.CPU:
            continue
        operator, flops, nbytes = counter.calls[int(event.name[len(_MARK):])]
        launched = _kernels_in(event)
        name = _short_name(launched)
        kernel = kernels.setdefault((operator, name), Kernel(operator, name))
        kernel.calls += 1
        microseconds = event.cpu_time_total if device == 'cpu' else sum(part.duration
                                                                        for part in launched)
        kernel.seconds += microseconds / 1e6
        kernel.flops += flops
        kernel.nbytes += nbytes
    total = sum(kernel.seconds for kernel in kernels.values())
    if not total:
        raise RuntimeError('the profiler of PyTorch sees no kernel; another profiler may run, or '
                           'the driver may not allow it')
    for kernel in kernels.values():
        kernel.share = kernel.seconds / total
    return sorted(kernels.values(), key=lambda kernel: -kernel.seconds)


def _short_name(kernels: list) -> str:
    """Name of the kernel that takes the most time, without types and arguments; '' of none."""
    if not kernels:
        return ''
    name = max(kernels, key=lambda kernel: kernel.duration).name
    name = re.sub(r'^(void|std::enable_if<.*?>::type) |\(anonymous namespace\)::', '', name)
    return re.sub(r'[<(].*$', '', name)


def _kernels_in(event) -> list:
    """Kernels that an operator launched; the range itself is no kernel, but may be listed."""
    own = (kernel for kernel in event.kernels if not kernel.name.startswith(_MARK))
    inner = (kernel for child in event.cpu_children for kernel in _kernels_in(child))
    return [*own, *inner]
