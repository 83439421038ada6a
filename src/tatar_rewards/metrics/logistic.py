"""The field's logistic fit: PLCC and RMSE after predictions were mapped onto the scale of the MOS by a curve."""

import math
import warnings
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tatar_rewards.metrics.agreement import Scores, known_pairs, plcc, rmse


class FittedFigures(NamedTuple):
    """PLCC and RMSE after the fit; NaN where there is none."""

    plcc: float
    rmse: float


def logistic_fit(predictions: Scores, targets: Scores) -> FittedFigures:
    """PLCC and RMSE of predictions after a four-parameter logistic curve was fitted to them by least squares.

        f(x) = b2 + (b1 - b2) / (1 + exp(-(x - b3) / |b4|))

    The curve is fitted on the same pairs that are then measured, so these figures flatter: they say how well
    predictions could be mapped onto the MOS, and no such map is known for a new picture. Compare them only with figures
    that were fitted too.

    Args:
        predictions: (N,) predicted scores in any units; NaN leaves a pair out.
        targets: (N,) MOS.

    Returns:
        The figures, the RMSE in the units of the MOS; NaN for fewer than five pairs, for constant columns, and where
        the fit does not converge.

    Reference:
        VQEG (2000), Final report from the Video Quality Experts Group.

    Examples:
        >>> x = np.linspace(-3, 3, 50)
        >>> mos = 20 + 60 / (1 + np.exp(-2 * x))
        >>> fitted = logistic_fit(x, mos)
        >>> round(fitted.plcc, 6), round(fitted.rmse, 4), round(plcc(x, mos), 3)
        (1.0, 0.0, 0.964)
    """
    x, y = known_pairs(predictions, targets)
    if len(x) < 5 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return FittedFigures(math.nan, math.nan)
    from scipy.optimize import curve_fit

    scaled = (x - x.mean()) / x.std()
    falling = np.corrcoef(scaled, y)[0, 1] < 0
    start = [y.min(), y.max(), 0.0, 1.0] if falling else [y.max(), y.min(), 0.0, 1.0]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a covariance that is not asked for
            found, _ = curve_fit(_logistic, scaled, y, p0=start, maxfev=20_000)
    except RuntimeError:
        return FittedFigures(math.nan, math.nan)
    mapped = _logistic(scaled, *found)
    return FittedFigures(plcc(mapped, y), rmse(mapped, y))


def _logistic(x: NDArray[np.float64], b1: float, b2: float, b3: float, b4: float) -> NDArray[np.float64]:
    from scipy.special import expit

    return np.asarray(b2 + (b1 - b2) * expit((x - b3) / (abs(b4) + 1e-12)), float)
