"""What chosen points of an input attend to, block by block."""
from typing import Iterator, List, NamedTuple, Sequence, Tuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .block_attention import BlockAttention
from .recording import find_backbone, recording


class PointAttention(NamedTuple):
    """Attention of points in one block.

    Attributes:
        block (int): Number of the block.
        grid (tuple[int]): Grid of the keys.
        weights (Tensor): (points, heads, *grid). Each head of a point sums to 1, less what a class
            token gets.
    """
    block: int
    grid: Tuple[int, ...]
    weights: Tensor


def attention_of_points(model: nn.Module, inputs: Tensor,
                        points: Sequence[Sequence[float]]) -> Iterator[PointAttention]:
    """Yield what points attend to in every block, as the attention is computed again.

    Args:
        model (nn.Module): A model with an MViTv2, in eval mode.
        inputs (Tensor): One input, (1, C, H, W) or (1, C, T, H, W).
        points (Sequence): Places from 0 to 1 in the order of the axes, (y, x) or (t, y, x), each of
            which is the query whose token covers it.

    Raises:
        ValueError: If a point is outside of the input.
    """
    if not all(0 <= share <= 1 for point in points for share in point):
        raise ValueError(f'points should have places from 0 to 1, but got {points}')
    with torch.no_grad(), recording(model) as record:
        find_backbone(model)(inputs)
    for number, block in enumerate(record.blocks):
        with torch.no_grad():
            attention = BlockAttention(block)
            extra = block.num_extra_tokens
            places = [extra + _index(point, attention.q_grid) for point in points]
            rows = F.one_hot(torch.tensor(places), attention.num_queries)
            weights = attention.pull_heads(rows.to(block.tokens))[..., extra:]
            yield PointAttention(number, attention.k_grid, weights.unflatten(2, attention.k_grid))


def _index(point: Sequence[float], grid: Sequence[int]) -> int:
    index = 0
    for share, size in zip(point, grid):
        index = index * size + min(int(share * size), size - 1)
    return index


def middles(counts: Sequence[int]) -> List[Tuple[float, ...]]:
    """Middles of the cells of a grid, as places from 0 to 1, in row-major order."""
    axes = [(torch.arange(n) + 0.5) / n for n in counts]
    return [tuple(point.tolist()) for point in torch.cartesian_prod(*axes)]
