"""Several answers to one picture as a forecast of what people say: its score, and how far the answers lie apart.

Every figure takes `predictions`, `targets` and `pictures`, (B,) each: a row is an answer, its MOS and the key of its
picture. Rows with a NaN on either side are left out.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tatar_rewards.metrics.agreement import Scores, all_pairs

Keys = Sequence[Any] | NDArray[Any]


def crps(predictions: Scores, targets: Scores, pictures: Keys) -> float:
    """Continuous ranked probability score, the mean over pictures; 0 is best.

    Of m answers x_i to a picture with the MOS y, with as many answers taken into account as there are (the fair score):

        mean_i |x_i - y| - sum_{i < j} |x_i - x_j| / (m (m - 1))

    Of one answer it is the absolute error.

    Returns:
        The score in the units of the predictions; NaN without a pair.

    Raises:
        TypeError: predictions or targets hold something other than numbers.
        ValueError: the columns are not equally long.

    Reference:
        Ferro (2014), Fair scores for ensemble forecasts.

    Examples:
        >>> crps([70.0, 90.0, 50.0], [80.0, 80.0, 40.0], ["a", "a", "b"])
        5.0
    """
    x, y, places, counts = _known_answers(predictions, targets, pictures)
    if not len(x):
        return math.nan
    order = np.lexsort((x, places))
    starts = np.cumsum(counts) - counts
    ranks = np.empty(len(x))
    ranks[order] = np.arange(len(x)) - np.repeat(starts, counts)
    apart = np.bincount(places, (2 * ranks - counts[places] + 1) * x)  # sum over pairs of what lies between them
    errors = np.bincount(places, np.abs(x - y)) / counts
    return float(np.mean(errors - apart / np.maximum(1, counts * (counts - 1))))


def spread_within(predictions: Scores, targets: Scores, pictures: Keys) -> float:
    """Standard deviation (n - 1) of the answers to a picture, the mean over the pictures that have two or more.

    Returns:
        The deviation in the units of the predictions; NaN where no picture has two answers.

    Raises:
        TypeError: predictions or targets hold something other than numbers.
        ValueError: the columns are not equally long.

    Examples:
        >>> spread_within([70.0, 74.0, 50.0], [80.0, 80.0, 40.0], ["a", "a", "b"])
        2.8284271247461903
    """
    x, _, places, counts = _known_answers(predictions, targets, pictures)
    several = counts > 1
    if not several.any():
        return math.nan
    means = np.bincount(places, x) / counts
    squares = np.bincount(places, (x - means[places]) ** 2)
    return float(np.mean(np.sqrt(squares[several] / (counts[several] - 1))))


def _numbered(pictures: Keys) -> NDArray[Any]:
    """Keys as numbers; 1 and "1" are two pictures."""
    if isinstance(pictures, np.ndarray) and pictures.dtype != object:
        return pictures
    places: dict[Any, int] = {}
    return np.array([places.setdefault(key, len(places)) for key in pictures], np.int64)


def _known_answers(
    predictions: Scores, targets: Scores, pictures: Keys
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]:
    """Predictions and targets of the rows that have both, the place of each row's picture, and the rows of each."""
    x, y = all_pairs(predictions, targets)
    keys = _numbered(pictures)
    if keys.shape != x.shape:
        raise ValueError(f"pictures must hold a key for each prediction; got shape {keys.shape} for {len(x)} of them")
    known = ~np.isnan(x + y)
    _, places, counts = np.unique(keys[known], return_inverse=True, return_counts=True)
    return x[known], y[known], places, counts
