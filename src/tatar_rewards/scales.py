"""Declared score scales, and the way between them and points on 0-100.

A MOS of 4.2 means one thing on a 1-5 scale and another on 0-100, and no number says by itself which is meant. So the
caller declares the scale once, every value is checked against it, and inside the package a score is always in points:
0 the worst, 100 the best.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Self

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, model_validator
from pydantic.dataclasses import dataclass


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class ScoreScale:
    """The scale that scores are written on.

    Args:
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
            raise ValueError(f"a ScoreScale needs finite low < high; got low={self.low:g}, high={self.high:g}")
        if not math.isfinite(self.high - self.low):
            raise ValueError(f"high - low is too large for a float; got low={self.low:g}, high={self.high:g}")
        return self

    def __contains__(self, score: float) -> bool:
        return self.low <= score <= self.high

    def __str__(self) -> str:
        return f"{self.low:g} to {self.high:g}" + ("" if self.higher_is_better else " (lower is better)")

    def to_points(self, score: float) -> float:
        """One score of this scale, in points on 0-100.

        Raises:
            ValueError: the score is off the scale or not finite.
        """
        if score not in self:
            raise ValueError(
                f"a score of {score:g} is off the declared scale {self}; declare the scale it was given on"
            )
        fraction = (score - self.low) / (self.high - self.low)
        return 100.0 * (fraction if self.higher_is_better else 1.0 - fraction)

    def from_points(self, points: float) -> float:
        """Points on 0-100, as a score of this scale.

        Raises:
            ValueError: the points are outside 0-100 or not finite.
        """
        if not 0 <= points <= 100:
            raise ValueError(f"points must lie on 0 to 100; got {points:g}")
        fraction = points / 100 if self.higher_is_better else 1.0 - points / 100
        score = self.low * (1.0 - fraction) + self.high * fraction
        return min(max(score, self.low), self.high)  # rounding alone can step past an end

    def column_to_points(self, scores: Sequence[float | None], *, column: str = "mos") -> NDArray[np.float64]:
        """A column of scores, in points; None and NaN (no label) become NaN.

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
        numbers = _numbers(scores, column)
        wrong = ~(np.isnan(numbers) | ((numbers >= self.low) & (numbers <= self.high)))
        if wrong.any():
            row = int(wrong.argmax())
            raise ValueError(
                f"{column}[{row}] is {numbers[row]:g}, off its declared scale {self}; declare the scale that the "
                f"labels were given on, for example ScoreScale(1, 5), or mend the label"
            )
        fractions = (numbers - self.low) / (self.high - self.low)
        points: NDArray[np.float64] = 100.0 * (fractions if self.higher_is_better else 1.0 - fractions)
        return points

    def stds_to_points(self, stds: Sequence[float | None], *, column: str = "mos_std") -> NDArray[np.float64]:
        """A column of standard deviations of raters, in points; None and NaN (not known) become NaN.

        Args:
            stds: (B,) standard deviations, in the units of this scale.
            column: What to call the column in an error.

        Returns:
            (B,) standard deviations in points, float64.

        Raises:
            TypeError: a value is not a number.
            ValueError: a value is negative or infinite; the message names its row.

        Examples:
            >>> ScoreScale(1, 5).stds_to_points([0.5, None])
            array([12.5,  nan])
        """
        return np.array([self._std_to_points(std, row, column) for row, std in enumerate(stds)], dtype=float)

    def _std_to_points(self, std: float | None, row: int, column: str) -> float:
        cure = f"give a finite number of at least 0 on the scale of the MOS ({self}), or None where it is not known"
        try:
            number = math.nan if std is None else float(std)
        except (TypeError, ValueError):
            raise TypeError(f"{column}[{row}] is {std!r}; {cure}") from None
        if number < 0 or math.isinf(number):
            raise ValueError(f"{column}[{row}] is {number:g}; {cure}")
        return number * 100 / (self.high - self.low)


_PLAIN = (float, int, type(None))


def _numbers(scores: Sequence[float | None], column: str) -> NDArray[np.float64]:
    if isinstance(scores, list) and all(type(score) in _PLAIN for score in scores):
        return np.array(scores, dtype=float)  # the same in a fraction of the time; None becomes NaN
    return np.array([_number(score, row, column) for row, score in enumerate(scores)], dtype=float)


def _number(score: float | None, row: int, column: str) -> float:
    try:
        return math.nan if score is None else float(score)
    except (TypeError, ValueError):
        raise TypeError(f"{column}[{row}] must be a number or None; got {score!r}") from None


Scale = ScoreScale | tuple[float, float]
"""A scale, or the pair (low, high) of one where higher is better."""

ScalesByDataset = Mapping[str, Scale]
"""The scale of each data set."""


def as_scale(scale: Scale) -> ScoreScale:
    """A scale from a pair (low, high); a scale as it is.

    Raises:
        TypeError: `scale` is neither.
        ValueError: the pair is no scale.

    Examples:
        >>> as_scale((1, 5))
        ScoreScale(low=1.0, high=5.0, higher_is_better=True)
    """
    if isinstance(scale, ScoreScale):
        return scale
    if not isinstance(scale, tuple | list) or len(scale) != 2:
        raise TypeError(f"a scale must be a ScoreScale or a pair such as (1, 5); got {scale!r}")
    return ScoreScale(*scale)


def as_scales(scale: Scale | ScalesByDataset) -> ScoreScale | dict[str, ScoreScale]:
    """`as_scale` of one scale, or of each data set's in the order of their names.

    Raises:
        TypeError: a scale is no scale.
        ValueError: a pair is no scale.

    Examples:
        >>> sorted(as_scales({"AVA": (1, 10), "SPAQ": (0, 100)}))
        ['AVA', 'SPAQ']
    """
    if isinstance(scale, Mapping) and {"low", "high"} <= set(scale):  # a dumped ScoreScale
        return ScoreScale(**scale)  # type: ignore[arg-type]
    if isinstance(scale, Mapping):
        return {name: as_scale(scale[name]) for name in sorted(scale)}
    return as_scale(scale)


POINTS = ScoreScale(0, 100)
"""The package's own scale."""

BENCHMARK_SCALES: dict[str, ScoreScale] = {
    "KonIQ-10k": ScoreScale(0, 100),
    "SPAQ": ScoreScale(0, 100),
    "KADID-10k": ScoreScale(1, 5),
    "PIPAL": ScoreScale(1, 5),
    "ArtiMuse-10K": ScoreScale(1, 10),
    "AVA": ScoreScale(1, 10),
    "TAD66K": ScoreScale(1, 10),
    "FLICKR-AES": ScoreScale(0, 1),
}
"""The scales of the label files that the eight benchmarks of the TATAR paper are published with.

KonIQ-10k's is the MOS rescaled to 0-100; PIPAL's the Elo score rescaled to 1-5; FLICKR-AES's the mean of one to five
stars divided by five, so that its worst possible label is 0.2.
"""
