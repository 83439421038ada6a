"""A declared scale: what its scores are in points on 0-100."""

import math
from collections.abc import Sequence
from typing import Self

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, model_validator
from pydantic.dataclasses import dataclass

from tatar_rewards.scales.cells import (
    ROUNDING,
    DeviationOf,
    first_row,
    is_between,
    largest_deviation,
    shown,
    to_numbers,
)


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class ScoreScale:
    """The scale that scores are written on.

    Attributes:
        low: Lowest score that the scale allows.
        high: Highest score that the scale allows.
        higher_is_better: False for a scale of impairment (DMOS), where `low` is the best picture.

    Raises:
        ValueError: `low` is not below `high`, or one of them is not finite.

    Examples:
        >>> five = ScoreScale(1, 5)
        >>> five.to_points(4.2)
        80.0
        >>> five.from_points(80.0)
        4.2
        >>> ScoreScale(0, 9, higher_is_better=False).to_points(9)
        0.0
    """

    low: float
    high: float
    higher_is_better: bool = True

    @model_validator(mode="after")
    def _check_order(self) -> Self:
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high):
            raise ValueError(
                f"a ScoreScale needs finite low < high, and higher_is_better=False where the lowest is the best; got "
                f"low={self.low:g}, high={self.high:g}"
            )
        span = self.high - self.low
        if not math.isfinite(span) or not math.isfinite(100 / span):
            size = "large" if span > 1 else "small"
            raise ValueError(f"high - low is too {size} for a float; got low={self.low:g}, high={self.high:g}")
        return self

    def __contains__(self, score: float) -> bool:
        return self.low <= score <= self.high

    def __str__(self) -> str:
        return f"{self.low:g} to {self.high:g}" + ("" if self.higher_is_better else " (lower is better)")

    def to_points(self, score: float) -> float:
        """One score of this scale, in points on 0-100. At the ends a rounding error is allowed, as in a column.

        Raises:
            ValueError: the score is off the scale or not finite.
        """
        if not is_between(np.array([score], dtype=float), self.low, self.high)[0]:
            raise ValueError(
                f"a score of {score!r} is off the declared scale {self}; declare the scale it was given on"
            )
        fraction = min(max((score - self.low) / (self.high - self.low), 0.0), 1.0)
        return 100.0 * (fraction if self.higher_is_better else 1.0 - fraction)

    def from_points(self, points: float) -> float:
        """Points on 0-100, as a score of this scale.

        Raises:
            ValueError: the points are outside 0-100 or not finite.
        """
        if not -ROUNDING * 100 <= points <= 100 * (1 + ROUNDING):
            raise ValueError(f"points must lie on 0 to 100; got {points!r}")
        points = min(max(points, 0.0), 100.0)
        fraction = points / 100 if self.higher_is_better else 1.0 - points / 100
        score = self.low * (1.0 - fraction) + self.high * fraction
        return min(max(score, self.low), self.high)  # rounding alone can step past an end

    def column_to_points(self, scores: Sequence[float | None], *, column: str = "mos") -> NDArray[np.float64]:
        """A column of scores, in points; None and NaN (no label) become NaN.

        A score may lie beyond an end of the scale by a rounding error, 1e-9 of the scale or what float32 cannot tell,
        and counts as the end.

        Args:
            scores: (B,) scores of this scale.
            column: What to call the column in an error.

        Returns:
            (B,) points on 0-100, float64.

        Raises:
            TypeError: a value is not a number.
            ValueError: a value is off the scale; the message names its row.

        Examples:
            >>> ScoreScale(1, 5).column_to_points([1, 3.0, None])
            array([ 0., 50., nan])
        """
        numbers = to_numbers(scores, column)
        wrong = ~(np.isnan(numbers) | is_between(numbers, self.low, self.high))
        if wrong.any():
            row = int(wrong.argmax())
            declare, mend = "declare the scale that the labels were given on", "mend the label"
            undeclared = (self.low, self.high) == (0, 100)
            example = ", for example ScoreScale(1, 5) (--mos-scale 1 5)"
            cure = f"{declare}{example}, or {mend}" if undeclared else f"{mend}, or {declare}"
            raise ValueError(f"{column}[{row}] is {shown(numbers[row])}, off its declared scale {self}; {cure}")
        fractions = np.clip((numbers - self.low) / (self.high - self.low), 0.0, 1.0)
        points: NDArray[np.float64] = 100.0 * (fractions if self.higher_is_better else 1.0 - fractions)
        return points

    def stds_to_points(
        self,
        stds: Sequence[float | None],
        *,
        column: str = "mos_std",
        of: DeviationOf = "ratings",
        raters: Sequence[float | None] | None = None,
    ) -> NDArray[np.float64]:
        """A column of standard deviations of ratings on this scale, in points; None and NaN (not known) become NaN.

        Ratings on a bounded scale cannot deviate by more than half of it, and a little more where a small panel's
        deviation was computed with n - 1: a larger number was given on another scale.

        Args:
            stds: (B,) standard deviations, in the units of this scale.
            column: What to call the column in an error.
            of: What deviates: `"ratings"`, single ratings of one image, or `"mean"`, their mean (a standard error).
            raters: (B,) how many ratings each image has; None and NaN are not known, and taken for ten or more.

        Returns:
            (B,) standard deviations in points, float64.

        Raises:
            TypeError: a value is not a number.
            ValueError: a value is negative, infinite or larger than ratings on this scale allow; the message names its
                row.

        Examples:
            >>> ScoreScale(1, 5).stds_to_points([0.5, None])
            array([12.5,  nan])
        """
        span = self.high - self.low
        numbers = to_numbers(stds, column)
        counts = np.full(len(numbers), math.nan) if raters is None else to_numbers(raters, "raters")
        largest = span * largest_deviation(counts, of)
        row = first_row(~(np.isnan(numbers) | ((numbers >= 0) & (numbers < math.inf))))
        if row is not None:
            raise ValueError(
                f"{column}[{row}] is {shown(numbers[row])}; give a finite number of at least 0, on the scale of "
                f"the MOS ({self}) or on that of mos_std_scale=, or None where it is not known"
            )
        row = first_row(numbers > largest)
        if row is not None:
            what, other = ("ratings", "variances") if of == "ratings" else ("the mean of ratings", "spreads of ratings")
            cure = "take their square root" if of == "ratings" else "set mos_std_of='ratings'"
            raise ValueError(
                f"{column}[{row}] is {shown(numbers[row])}, but {what} on a scale of {self} cannot deviate by more "
                f"than {largest[row]:.4g}; declare the scale of the deviations with mos_std_scale=, or the number of "
                f"ratings of each image with raters= or raters_column= where there were few; if they are "
                f"{other}, {cure}"
            )
        return numbers * (100 / span)
