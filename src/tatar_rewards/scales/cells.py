"""Cells of a column of scores as numbers, and what of a scale they may be."""

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

ROUNDING = 1e-9  # of the scale: how far a score may lie beyond an end
FLOAT32_ROUNDING = 4 * float(np.finfo(np.float32).eps)  # of the end, for scores that were computed in float32
FEWEST_UNKNOWN = 10  # ratings of an image, where their number is not known

DeviationOf = Literal["ratings", "mean"]
"""What a standard deviation tells the spread of: single ratings of an image, or their mean (a standard error)."""


def largest_deviation(raters: Floats, of: DeviationOf) -> Floats:
    """Largest standard deviation of ratings on a scale from 0 to 1, by their number: half of them at either end.

    A thousandth more is allowed: published deviations have two or three digits.
    """
    known = np.maximum(np.where(np.isnan(raters), FEWEST_UNKNOWN, raters), 2)
    of_ratings: Floats = 0.5005 * np.sqrt(known / (known - 1))
    if of == "ratings":
        return of_ratings
    of_mean: Floats = np.where(
        np.isnan(raters), 0.5005, of_ratings / np.sqrt(np.maximum(np.nan_to_num(raters, nan=1), 1))
    )
    return of_mean


def is_between(numbers: Floats, low: float, high: float) -> NDArray[np.bool_]:
    """Which numbers lie on a scale, or beyond an end by no more than rounding."""
    with np.errstate(over="ignore", invalid="ignore"):
        in_float32 = numbers == numbers.astype(np.float32)  # such a number may have been computed in float32
    rounding = np.where(in_float32, FLOAT32_ROUNDING * max(abs(low), abs(high)), 0.0)
    rounding = np.clip(rounding, ROUNDING * (high - low), 1e-4 * (high - low))
    return (numbers >= low - rounding) & (numbers <= high + rounding)


def first_row(wrong: NDArray[np.bool_]) -> int | None:
    return int(wrong.argmax()) if wrong.any() else None


def shown(number: float) -> str:
    """A number as it was compared, with all digits that matter."""
    number = float(number)
    return str(int(number)) if number.is_integer() and abs(number) < 1e15 else repr(number)


_PLAIN = (float, int, type(None))


def to_numbers(scores: Sequence[float | None], column: str) -> Floats:
    if isinstance(scores, list) and all(type(score) in _PLAIN for score in scores):
        return np.array(scores, dtype=float)  # the same in a fraction of the time; None becomes NaN
    return np.array([_number(score, row, column) for row, score in enumerate(scores)], dtype=float)


def is_missing(value: object) -> bool:
    """Whether a cell of a table holds nothing: None, NaN, or what pandas writes for a missing value.

    Examples:
        >>> [is_missing(value) for value in (None, float("nan"), 0, "")]
        [True, True, False, False]
    """
    return (
        value is None or type(value).__name__ in ("NAType", "NaTType") or (isinstance(value, float) and value != value)
    )


def _number(score: float | None, row: int, column: str) -> float:
    if isinstance(score, bool | np.bool_):
        raise TypeError(f"{column}[{row}] must be a number or None; got {score!r}")
    try:
        return math.nan if is_missing(score) else float(score)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        raise TypeError(f"{column}[{row}] must be a number or None; got {score!r}") from None
