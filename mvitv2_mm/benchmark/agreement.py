"""Outputs and gradients of the paths on a device, held against the formulas in float64."""
import math
from dataclasses import dataclass
from importlib.util import find_spec
from statistics import median
from typing import Dict, Iterator, List, Sequence

import torch
from torch import Tensor, nn

from ..layers import COMPUTE_PATHS, compute_path
from .peers import OURS, Case, build
from .processes import prepare

DTYPES = ('float32', 'bfloat16', 'float16')
# times the error of the formulas themselves in the same type; a gradient that is wrong has 20 times
# that in bfloat16, and more in other types
_OUTPUT, _GRADIENT = 2., 10.


@dataclass
class Agreement:
    """Errors of a path, and those that the formulas of the paper make in the same type.

    An error is a root mean square relative to that of the true values. ``gradient`` is the median
    over the input and all parameters; ``worst`` is the one whose error is largest beside that of
    the formulas, and ``ratio`` how many times as large.
    """
    case: str
    path: str
    dtype: str
    device: str
    output: float
    plain_output: float
    gradient: float
    plain_gradient: float
    worst: str
    ratio: float

    @property
    def agrees(self) -> bool:
        """Whether the path is as good as the formulas, up to the rounding of one number."""
        eps = torch.finfo(getattr(torch, self.dtype)).eps
        return self.output <= _OUTPUT * self.plain_output + eps and self.ratio <= _GRADIENT


def paths_of(device: str) -> List[str]:
    """The paths that are compared with 'reference' on a device."""
    has_triton = device != 'cpu' and find_spec('triton') is not None
    return [
        path for path in COMPUTE_PATHS if path != 'reference' and (has_triton or path != 'triton')
    ]


def compare(case: Case, path: str, dtypes: Sequence[str], device: str) -> Iterator[Agreement]:
    """Compare a path with the formulas of the paper.

    Args:
        case (Case): The network, and the size of its random input.
        path (str): See :func:`mvitv2_mm.layers.compute_path`.
        dtypes (Sequence[str]): 'float32', or types of autocast.
        device (str): Where all is computed.

    Yields:
        Agreement: Of every type.
    """
    place = prepare(device)
    model = build(case, OURS).to(place)
    torch.manual_seed(1)
    x = case.inputs().to(place)
    with torch.no_grad():
        weight = torch.randn_like(model(x))
    truth = _results(model.double(), x.double(), weight, 'reference', 'float64')
    model.float()
    for dtype in dtypes:
        plain = _errors(_results(model, x, weight, 'reference', dtype), truth)
        ours = _errors(_results(model, x, weight, path, dtype), truth)
        outputs = ours.pop('output'), plain.pop('output')
        medians = median(ours.values()), median(plain.values())
        ratios = {name: error / max(plain[name], medians[1]) for name, error in ours.items()}
        worst = max(ratios, key=lambda name: math.inf if math.isnan(ratios[name]) else ratios[name])
        yield Agreement(case.name, path, dtype, device, *outputs, *medians, worst, ratios[worst])


def _results(model: nn.Module, x: Tensor, weight: Tensor, path: str,
             dtype: str) -> Dict[str, Tensor]:
    """Output and gradients of the input and all parameters, by name."""
    x = x.detach().requires_grad_()
    names, params = zip(*model.named_parameters())
    with compute_path(path):
        enabled = dtype in ('bfloat16', 'float16')
        with torch.autocast(x.device.type, getattr(torch, dtype), enabled=enabled):
            out = model(x)
        grads = torch.autograd.grad((out.to(x.dtype) * weight).sum(), [x, *params])
    return dict(zip(('output', 'input', *names), (out.detach(), *grads)))


def _errors(results: Dict[str, Tensor], truth: Dict[str, Tensor]) -> Dict[str, float]:
    """Relative errors by name; what is nearly zero, as the gradient of a bias of keys, is not
    held against itself."""
    norms = {name: value.norm().item() for name, value in truth.items()}
    least = 1e-3 * max(norms.values())
    return {
        name: (results[name].double() - value).norm().item() / max(norms[name], least)
        for name, value in truth.items()
    }


def compare_all(cases: Sequence[Case], path: str, device: str) -> List[Agreement]:
    """Compare a path in all types on all networks; for a process of its own."""
    return [found for case in cases for found in compare(case, path, DTYPES, device)]
