"""How sure a MOS is: its standard error, from the spread and the number of its raters."""

import math
from functools import lru_cache

import numpy as np

from tatar_rewards.predictions import PredictionRow, RowError
from tatar_rewards.scales import DeviationOf, ScoreScale
from tatar_rewards.scales.cells import largest_deviation

MOST_RATERS = 1e9


def error_of_mos(row: PredictionRow, number: int, scale: ScoreScale) -> float:
    """Standard error of a row's MOS, on the scale of the MOS; NaN where the row does not tell.

    Raises:
        RowError: a value is none that ratings on the scale can have; the message names the row and the cure.
    """
    raters, std, error = _number_of_raters(row, number), _known(row.mos_std), _known(row.mos_error)
    span = scale.high - scale.low
    cure = f"on the scale of the MOS ({scale}), or None where it is not known"
    by = "" if raters is None else f" by {raters} raters"
    for name, value, bound, what in (
        ("mos_std", std, span * _largest("ratings", raters), "deviate"),
        ("mos_error", error, span * _largest("mean", raters), "have a mean that errs"),
    ):
        if value is not None and not 0 <= value <= bound:
            raise RowError(
                f"row {number}: {name} is {value:g}, but ratings on {scale}{by} cannot {what} by less than 0 or more "
                f"than {bound:.3g}; give it {cure}, or say how many raters there were",
                number,
            )
    if error is not None:
        return error
    if std is None or raters is None or (raters == 1 and std == 0):  # one rating has no spread to know
        return math.nan
    return std / math.sqrt(raters)


@lru_cache(maxsize=4096)
def _largest(of: DeviationOf, raters: int | None) -> float:
    return float(largest_deviation(np.array([math.nan if raters is None else raters]), of)[0])


def _number_of_raters(row: PredictionRow, number: int) -> int | None:
    raters = _known(row.raters)
    if raters is None:
        return None
    if not 1 <= raters <= MOST_RATERS or raters != raters // 1:
        raise RowError(
            f"row {number}: raters is {raters:g}, no number of raters; give a whole number of at least 1, or None "
            f"where it is not known",
            number,
        )
    return int(raters)


def _known(value: float | None) -> float | None:
    return None if value is None or math.isnan(value) else value
