"""Whether a heat map says what a model looks at: pixels are taken away and given back.

Deletion blurs the hottest pixels first and watches the probability of the class fall; insertion
starts from the blurred input and gives the hottest pixels back first (Petsiuk et al., 2018). The
areas under the two curves say more beside those of maps that know nothing of the model.
"""
from typing import Dict, List, Tuple

import torch
import torch.nn.functional as F
from torch import Tensor

from .maps import resize
from .targets import Target

#: a map is not called better for less than what figures show
MARGIN = 0.01
_STEPS = 6
_NUM_RANDOM = 2
_COARSE = 4  # cells per side of what is left of a blurred picture
_BATCH_PIXELS = 2**21


def faithfulness(target: Target, heat: Tensor) -> Dict[str, dict]:
    """Deletion and insertion scores of a map, of random ones and of a centred Gaussian.

    Args:
        target (Target): What is explained.
        heat (Tensor): The map, (H, W) or (T, H, W), on any grid.

    Returns:
        dict: 'map', 'random' and 'centre' with the areas 'deletion' (from 0 to 1, low is good),
        'insertion' (high is good) and their 'difference' insertion - deletion; and 'is_faithful',
        whether the difference of the map is the largest, by a :data:`MARGIN` at least.
    """
    size = (*target.inputs.shape[2:-2], *target.visible)
    blurred = _blur(target.inputs)
    ends = target.probabilities(target.inputs), target.probabilities(blurred)
    maps = dict(map=[heat], random=_random_maps(heat), centre=[_centred(heat)])
    scores = {}
    for name, some in maps.items():
        found = [_areas(target, blurred, resize(one, size), ends) for one in some]
        scores[name] = {key: sum(one[key] for one in found) / len(found) for key in found[0]}
    best = max(scores['random']['difference'], scores['centre']['difference'])
    return dict(scores, is_faithful=scores['map']['difference'] >= best + MARGIN)


def _areas(target: Target, blurred: Tensor, heat: Tensor, ends: Tuple[Tensor,
                                                                      Tensor]) -> Dict[str, float]:
    """Areas of one map; ``ends`` are the probabilities of the whole and of the blurred input."""
    order = heat.flatten().argsort(descending=True, stable=True)
    rank = torch.empty_like(order)
    rank[order] = torch.arange(len(order), device=order.device)
    rank = (rank.view(heat.shape) + 1) / len(order)
    padding = [n for a, b in zip(target.inputs.shape[:1:-1], rank.shape[::-1]) for n in (0, a - b)]
    rank = F.pad(rank, padding, value=2.)  # what a batch is filled up with stays
    shares = torch.linspace(0, 1, _STEPS + 1)
    whole, gone = ends
    curves = dict(
        deletion=[whole, *_between(target, target.inputs, blurred, rank, shares), gone],
        insertion=[gone, *_between(target, blurred, target.inputs, rank, shares), whole])
    areas = {
        name: float(torch.trapezoid(torch.cat(curve).cpu(), shares))
        for name, curve in curves.items()
    }
    return dict(areas, difference=areas['insertion'] - areas['deletion'])


def _between(target: Target, start: Tensor, end: Tensor, rank: Tensor,
             shares: Tensor) -> List[Tensor]:
    """Probabilities while the hottest pixels of ``start`` are replaced by those of ``end``."""
    size = max(1, _BATCH_PIXELS // start[0].numel())
    return [
        target.probabilities(torch.cat([torch.where(rank <= share, end, start) for share in part]))
        for part in shares[1:-1].split(size)
    ]


def _blur(inputs: Tensor) -> Tensor:
    """A picture of a few cells, a clip that stands still."""
    time, size = (1, ) * (inputs.dim() - 4), inputs.shape[2:]
    pool = {4: F.adaptive_avg_pool2d, 5: F.adaptive_avg_pool3d}[inputs.dim()]
    mode = {4: 'bilinear', 5: 'trilinear'}[inputs.dim()]
    return F.interpolate(pool(inputs, (*time, _COARSE, _COARSE)), size=size, mode=mode)


def _random_maps(heat: Tensor) -> List[Tensor]:
    """Noise on a quarter of the grid, so that it is as smooth as a map."""
    random = torch.Generator().manual_seed(0)
    size = [max(1, n // 4) for n in heat.shape]
    maps = [torch.rand(size, generator=random) for _ in range(_NUM_RANDOM)]
    return [resize(one, heat.shape).to(heat) for one in maps]


def _centred(heat: Tensor) -> Tensor:
    """A Gaussian around the middle, a quarter of the side wide, in all frames alike."""
    axes = [torch.linspace(-2, 2, n).square() for n in heat.shape[-2:]]
    return torch.exp(-(axes[0][:, None] + axes[1]) / 2).expand(heat.shape).to(heat)
