"""Percentile bootstrap intervals, in bounded memory, with a count of the resamples for which a figure does not exist.

A resample of a policy that says nearly always the same may be constant, and has no correlation then. Such resamples are
left out; where they are more than one in ten, the bounds would tell of chance and are NaN.
"""

import math
import warnings
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tatar_rewards.metrics.agreement import Scores, known_pairs

_VALUES_AT_ONCE = 2_000_000  # of the resamples that are in memory together
_MOST_LEFT_OUT = 0.1


class _Bounds(NamedTuple):
    low: float
    high: float


class Interval(_Bounds):
    """Bounds of a confidence interval, a pair (low, high).

    Attributes:
        low: Lower bound; NaN where the figure does not exist, or in more than one in ten of the resamples does not.
        high: Upper bound.
        left_out: In how many resamples the figure does not exist.
        n_resamples: How many there were.
    """

    left_out: int = 0
    n_resamples: int = 0

    def __new__(cls, low: float, high: float, left_out: int = 0, n_resamples: int = 0) -> "Interval":
        interval = super().__new__(cls, low, high)
        interval.left_out, interval.n_resamples = left_out, n_resamples
        return interval


def bootstrap_interval(
    metric: Callable[[Scores, Scores], float],
    predictions: Scores,
    targets: Scores,
    *,
    confidence: float = 0.95,
    n_resamples: int = 1000,
    seed: int = 0,
) -> Interval:
    """Percentile bootstrap interval of a figure of `agreement`, over pairs of prediction and target.

    Args:
        metric: Such as `srcc`, called with predictions and targets.
        predictions: (N,) predicted scores.
        targets: (N,) MOS.
        confidence: Share of the resamples between the bounds.
        n_resamples: How many times N pairs are drawn with replacement.
        seed: Of the draws.

    Returns:
        The bounds; NaN where the figure does not exist. ValueError where a setting is out of its range.

    Reference:
        Efron and Tibshirani (1993), An introduction to the bootstrap; computed by `scipy.stats.bootstrap`.

    Examples:
        >>> from tatar_rewards.metrics import srcc
        >>> x, y = np.arange(50.0), np.arange(50.0) + 10 * np.sin(np.arange(50.0))
        >>> low, high = bootstrap_interval(srcc, x, y)
        >>> low < srcc(x, y) < high
        True
    """
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must lie between 0 and 1; got {confidence!r}")
    if n_resamples < 1:
        raise ValueError(f"n_resamples must be at least 1; got {n_resamples!r}")
    x, y = known_pairs(predictions, targets)
    if len(x) < 2 or math.isnan(metric(x, y)):
        return Interval(math.nan, math.nan)
    return percentile_interval(metric, (x, y), confidence=confidence, n_resamples=n_resamples, seed=seed)


def percentile_interval(
    figure: Callable[..., float],
    columns: Sequence[NDArray[np.float64]],
    *,
    confidence: float = 0.95,
    n_resamples: int = 1000,
    seed: int = 0,
) -> Interval:
    """Percentile bootstrap interval of any figure of paired columns, by `scipy.stats.bootstrap`.

    Resamples for which the figure does not exist, such as one whose predictions are all equal, are left out and
    counted; if they are more than one in ten, the bounds are NaN.

    `figure` is called with a resample of each of the columns, which hold N rows each and no NaN. The other arguments
    are those of `bootstrap_interval`.

    Examples:
        >>> low, high = percentile_interval(lambda x: float(np.mean(x)), [np.arange(100.0)])
        >>> low < 49.5 < high
        True
        >>> half = percentile_interval(lambda x: float(x[0]) if x[0] else float("nan"), [np.arange(2.0)])
        >>> half.left_out > 100, half.n_resamples, half.low
        (True, 1000, nan)
    """
    from scipy.stats import bootstrap

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of resamples without a figure
        resampled = bootstrap(
            columns,
            figure,
            paired=True,
            vectorized=False,
            n_resamples=n_resamples,
            batch=max(1, _VALUES_AT_ONCE // max(1, len(columns[0]))),
            method="percentile",
            rng=np.random.default_rng(seed),
        ).bootstrap_distribution
    known, tail = resampled[~np.isnan(resampled)], 50 * (1 - confidence)
    left_out = n_resamples - len(known)
    low, high = math.nan, math.nan
    if left_out <= _MOST_LEFT_OUT * n_resamples:
        low, high = np.percentile(known, [tail, 100 - tail]).tolist()
    return Interval(low, high, left_out, n_resamples)
