"""Whether one run is really better than another: the same samples, drawn again and again."""
from dataclasses import dataclass
from typing import List

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

    @property
    def is_real(self) -> bool:
        """Whether the interval leaves zero out."""
        return self.low > 0 or self.high < 0

    @property
    def verdict(self) -> str:
        """In words."""
        if not self.is_real:
            return 'noise: the difference could as well come from the choice of the test samples'
        return f'real: {"better" if self.low > 0 else "worse"} on samples like these'


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
    if type(before) is not type(after) or not pairs:
        raise ValueError('the runs have no test samples in common: they cannot be compared')
    first, second = (np.array(column) for column in zip(*pairs))
    weights = _Weights(before, first), _Weights(after, second)
    once = np.ones(len(pairs))
    values = [result.score(w(once)) for result, w in zip((before, after), weights)]
    draws = _DRAWS[hasattr(before, 'predicted')]
    rng, differences = np.random.default_rng(_SEED), np.empty(draws)
    for i in range(draws):
        times = rng.multinomial(len(pairs), once / len(pairs)).astype(float)
        differences[i] = after.score(weights[1](times)) - before.score(weights[0](times))
    low, high = np.quantile(differences, [(1 - _LEVEL) / 2, (1 + _LEVEL) / 2])
    was, now = before.correct[first], after.correct[second]
    keys = np.array(after.keys, object)[second]
    return Comparison(metric, *values, float(low), float(high), draws, len(pairs),
                      keys[~was & now].tolist(), keys[was & ~now].tolist())


class _Weights:
    """Spreads the weights of common samples over all samples of a result."""

    def __init__(self, result: Result, places: np.ndarray) -> None:
        self._places, self._count = places, result.num_samples

    def __call__(self, times: np.ndarray) -> np.ndarray:
        weights = np.zeros(self._count)
        weights[self._places] = times
        return weights
