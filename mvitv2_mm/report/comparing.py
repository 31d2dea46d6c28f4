"""Whether one run is really better than another: the same samples, drawn again and again."""
from dataclasses import dataclass
from math import comb
from typing import List, Tuple

import numpy as np

from .results.make import Result

_SEED = 0
_LEVEL = 0.95
# the mean of average precisions takes longer to compute than an accuracy
_DRAWS = {True: 2000, False: 200}


@dataclass(frozen=True)
class Comparison:
    """A later run against an earlier one, on the samples that both have.

    Args:
        metric (str): What is compared.
        before (float): Value of the earlier run.
        after (float): Value of the later run.
        low (float): Lower end of the 95 % interval of the difference.
        high (float): Upper end.
        draws (int): How often the samples were drawn.
        count (int): Number of samples.
        mended (list[str]): Samples that were wrong and are right.
        broken (list[str]): Samples that were right and are wrong.
        chance (float): Of an accuracy, how likely so many more flip one way than the other if both
            runs are equally good (sign test); else 0.
    """
    metric: str
    before: float
    after: float
    low: float
    high: float
    draws: int
    count: int
    mended: List[str]
    broken: List[str]
    chance: float = 0.

    @property
    def is_real(self) -> bool:
        """Whether the interval leaves zero out, and for an accuracy the sign test agrees.

        The bootstrap alone is too sure where few samples flip.
        """
        return (self.low > 0 or self.high < 0) and self.chance < 1 - _LEVEL

    @property
    def verdict(self) -> str:
        """In words."""
        if np.isnan(self.low):
            return 'not known: nothing is labelled'
        if self.before == self.after and self.low == self.high == 0:
            return 'none: both are equally good on any choice of the test samples'
        if self.is_real:
            return f'real: {"better" if self.low > 0 else "worse"} on samples like these'
        if self.low <= 0 <= self.high:
            return 'noise: the difference could as well come from the choice of the test samples'
        return (
            f'noise: {len(self.mended + self.broken)} samples flipped, and so many one way come by '
            f'chance with a probability of {self.chance:.2f}')


def compare(before: Result, after: Result, metric: str) -> Comparison:
    """Compare two results of the same kind.

    Args:
        before (Result): Of the earlier run.
        after (Result): Of the later run.
        metric (str): Name of what ``score`` gives.

    Raises:
        ValueError: If they have no samples in common.
    """
    places = {key: i for i, key in enumerate(before.keys)}
    pairs = [(places[key], j) for j, key in enumerate(after.keys) if key in places]
    if type(before) is not type(after):
        raise ValueError('the runs have predictions of different tasks: they cannot be compared')
    if not pairs:
        raise ValueError('the runs have no test samples in common (one has '
                         f'{before.keys[0]}, the other {after.keys[0]}): they cannot be compared')
    first, second = (np.array(column) for column in zip(*pairs))
    weights = _Weights(before, first), _Weights(after, second)
    values = [one.score(w(np.ones(len(pairs)))) for one, w in zip((before, after), weights)]
    is_accuracy = hasattr(before, 'predicted')
    draws = _DRAWS[is_accuracy]
    low, high = _interval(before, after, weights, len(pairs), draws)
    was, now = before.correct[first], after.correct[second]
    keys = np.array(after.keys, object)[second]
    mended, broken = keys[~was & now].tolist(), keys[was & ~now].tolist()
    chance = _sign_test(len(mended), len(broken)) if is_accuracy else 0.
    return Comparison(metric, *values, low, high, draws, len(pairs), mended, broken, chance)


def _interval(before: Result, after: Result, weights: Tuple['_Weights', '_Weights'], count: int,
              draws: int) -> Tuple[float, float]:
    """Ends of the interval of the difference; NaN where nothing is labelled."""
    rng, found = np.random.default_rng(_SEED), []
    for _ in range(draws):
        times = rng.multinomial(count, np.full(count, 1 / count)).astype(float)
        found.append(after.score(weights[1](times)) - before.score(weights[0](times)))
    known = [value for value in found if not np.isnan(value)] or [np.nan]
    low, high = np.quantile(known, [(1 - _LEVEL) / 2, (1 + _LEVEL) / 2])
    return float(low), float(high)


def _sign_test(one: int, other: int) -> float:
    """Probability of counts that differ by as much or more if both are equally likely."""
    total = one + other
    return min(1., 2 * sum(comb(total, i) for i in range(min(one, other) + 1)) / 2**total)


class _Weights:
    """Spreads the weights of common samples over all samples of a result."""

    def __init__(self, result: Result, places: np.ndarray) -> None:
        self._places, self._count = places, result.num_samples

    def __call__(self, times: np.ndarray) -> np.ndarray:
        weights = np.zeros(self._count)
        weights[self._places] = times
        return weights
