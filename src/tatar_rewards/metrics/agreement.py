"""How well predictions agree with mean opinion scores (MOS): the field's figures, from scipy.

Every figure takes `predictions` and `targets`, (N,) each: predicted scores and MOS, in any units for a correlation
and in the same units otherwise. Pairs with a NaN on either side (an unreadable answer, a missing label) are left out;
count them with `coverage`. A figure that does not exist, such as a correlation with a constant or of fewer than two
pairs, is NaN. TypeError is raised where one of them holds something other than numbers, ValueError where their lengths
differ or one of them is not flat.
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Scores = Sequence[float] | NDArray[np.floating]


def srcc(predictions: Scores, targets: Scores) -> float:
    """Spearman's rank correlation coefficient; ties share their mean rank.

    Examples:
        >>> round(srcc([10, 20, 40, 30], [1.0, 2.0, 3.0, 4.0]), 3)
        0.8
    """
    return _correlation("spearmanr", predictions, targets)


def plcc(predictions: Scores, targets: Scores) -> float:
    """Pearson's linear correlation coefficient, of the raw predictions: no logistic curve is fitted.

    Examples:
        >>> round(plcc([1.0, 2.0, 3.0], [10.0, 20.0, 30.0]), 3)
        1.0
    """
    return _correlation("pearsonr", predictions, targets)


def krcc(predictions: Scores, targets: Scores) -> float:
    """Kendall's rank correlation coefficient, tau-b.

    Examples:
        >>> round(krcc([10, 20, 40, 30], [1.0, 2.0, 3.0, 4.0]), 3)
        0.667
    """
    return _correlation("kendalltau", predictions, targets)


def rmse(predictions: Scores, targets: Scores) -> float:
    """Root mean squared error, in the units of the scores; NaN without a pair.

    Examples:
        >>> rmse([70.0, 50.0], [73.0, 46.0])
        3.5355339059327378
    """
    x, y = known_pairs(predictions, targets)
    return float(np.sqrt(np.mean((x - y) ** 2))) if len(x) else math.nan


def mae(predictions: Scores, targets: Scores) -> float:
    """Mean absolute error, in the units of the scores; NaN without a pair.

    Examples:
        >>> mae([70.0, 50.0], [73.0, 46.0])
        3.5
    """
    x, y = known_pairs(predictions, targets)
    return float(np.mean(np.abs(x - y))) if len(x) else math.nan


def calibration_slope(predictions: Scores, targets: Scores) -> float:
    """How many points predictions rise for a point of MOS, by least squares; 1 is calibrated, 0 looks at nothing.

    Returns:
        The slope; NaN for fewer than two pairs or where the MOS are constant.

    Examples:
        >>> calibration_slope([40.0, 50.0, 60.0], [30.0, 50.0, 70.0])
        0.5
    """
    x, y = known_pairs(predictions, targets)
    return math.nan if _is_constant(y) else float(np.mean((x - x.mean()) * (y - y.mean())) / y.var())


def spread_ratio(predictions: Scores, targets: Scores) -> float:
    """Standard deviation of the predictions by that of the MOS: below 1 the scale has shrunk.

    Returns:
        The ratio; NaN for fewer than two pairs or where the MOS are constant.

    Examples:
        >>> spread_ratio([40.0, 50.0, 60.0], [30.0, 50.0, 70.0])
        0.5
    """
    x, y = known_pairs(predictions, targets)
    return math.nan if _is_constant(y) else float(x.std() / y.std())


def constant_share(predictions: Scores, targets: Scores) -> float:
    """Share of the most frequent prediction: 1 is a constant guess.

    Returns:
        The share on (0, 1]; NaN for fewer than two pairs or where the MOS are constant, so that a constant is right.

    Examples:
        >>> constant_share([50.0, 50.0, 50.0, 80.0], [30.0, 50.0, 70.0, 80.0])
        0.75
    """
    x, y = known_pairs(predictions, targets)
    return math.nan if _is_constant(y) else float(np.unique(x, return_counts=True)[1].max() / len(x))


def coverage(predictions: Scores) -> float:
    """Share of predictions that could be read (are not NaN); NaN without predictions.

    Examples:
        >>> coverage([70.0, float("nan")])
        0.5
    """
    known = ~np.isnan(_floats("predictions", predictions))
    return float(np.mean(known)) if len(known) else math.nan


def known_pairs(predictions: Scores, targets: Scores) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Predictions and targets as arrays, without the rows in which one of them is NaN."""
    x, y = all_pairs(predictions, targets)
    known = ~(np.isnan(x) | np.isnan(y))
    return x[known], y[known]


def all_pairs(predictions: Scores, targets: Scores) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Predictions and targets as arrays."""
    x, y = _floats("predictions", predictions), _floats("targets", targets)
    if len(x) != len(y):
        raise ValueError(f"predictions and targets must be equally long, one pair a row; got {len(x)} and {len(y)}")
    return x, y


def _floats(name: str, values: Scores) -> NDArray[np.float64]:
    try:
        floats = np.asarray(values, dtype=float)
    except (TypeError, ValueError):
        raise TypeError(f"{name} must hold numbers, with NaN for what is missing; got {values!r:.80}") from None
    if floats.ndim != 1:
        raise ValueError(f"{name} must be flat, one value a row; got shape {floats.shape}")
    return floats


def _correlation(name: str, predictions: Scores, targets: Scores) -> float:
    """A coefficient of `scipy.stats`; NaN where one side is constant."""
    x, y = known_pairs(predictions, targets)
    if _is_constant(x) or _is_constant(y):
        return math.nan
    from scipy import stats  # it takes half a second to import

    return float(getattr(stats, name)(x, y).statistic)


def _is_constant(values: NDArray[np.float64]) -> bool:
    return len(values) < 2 or bool(np.all(values == values[0]))
