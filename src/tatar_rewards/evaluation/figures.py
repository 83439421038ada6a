"""The figures of predictions, of a constant guess, and of another panel of raters."""

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tatar_rewards import metrics
from tatar_rewards.metrics import Interval
from tatar_rewards.panels import other_panels

Floats = NDArray[np.float64]
Metric = Callable[[Any, Any], float]

MOST_PANELS = 20
_PANEL_MEANS = 200_000  # of all panels together: many pictures need fewer panels


class Figures(NamedTuple):
    """Agreement of predictions with MOS, both in points on 0-100; NaN where a figure does not exist."""

    srcc: float
    plcc: float
    krcc: float
    rmse: float
    mae: float


def measure(predictions: Floats, targets: Floats, *, bounded: bool = True) -> Figures:
    """The figures over the rows in which neither is NaN; predictions on no scale have no errors."""
    figures = (metrics.srcc, metrics.plcc, metrics.krcc, metrics.rmse, metrics.mae)
    measured = Figures(*(figure(predictions, targets) for figure in figures))
    return measured if bounded else measured._replace(rmse=math.nan, mae=math.nan)


def interval_of(figure: Metric, predictions: Floats, targets: Floats, n_resamples: int) -> Interval:
    """The bootstrap interval of a figure; NaN without resamples."""
    if n_resamples == 0:
        return Interval(math.nan, math.nan)
    return metrics.bootstrap_interval(figure, predictions, targets, n_resamples=n_resamples)


def mean_figures(figures: Sequence[Figures]) -> Figures:
    """The mean of each figure; NaN where one of them does not exist."""
    return Figures(*(float(np.mean(column)) for column in zip(*figures, strict=True)))


def constant_guess(targets: Floats) -> Figures:
    """What the mean MOS reaches as the answer to every picture: no correlation, and an error to be beaten."""
    if not len(targets):
        return Figures(*[math.nan] * 5)
    return measure(np.full(len(targets), np.mean(targets)), targets)


def another_panel(targets: Floats, errors: Floats, seed: int = 0) -> Figures | None:
    """What the means of other panels of raters, as large as this one, reach against this panel's MOS.

    The figures are means over some panels, drawn by `tatar_rewards.panels`.

    Args:
        targets: (N,) MOS in points.
        errors: (N,) their standard errors in points; NaN where one is not known.
        seed: Of the draws.

    Returns:
        The figures; None where an error is not known.
    """
    if not len(targets) or np.isnan(errors).any():
        return None
    n_panels = min(MOST_PANELS, max(2, _PANEL_MEANS // len(targets)))
    return mean_figures([measure(panel, targets) for panel in other_panels(targets, errors, n_panels, seed)])
