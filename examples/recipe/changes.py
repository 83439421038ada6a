"""What GRPO changed: the SRCC of two models on the pictures that both answered, and the interval of the difference."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from recipe.predictions import Floats, Row, pair_rows, scores_of
from tatar_rewards import metrics
from tatar_rewards.evaluation import compare
from tatar_rewards.evaluation.compare import srcc_gain
from tatar_rewards.metrics import Interval

UNKNOWN = Interval(math.nan, math.nan)


class Pairs(NamedTuple):
    """The scores of two models and the MOS, in points, of the pictures that both were asked about."""

    first: Floats  # NaN where the answer could not be read
    second: Floats
    mos: Floats

    def readable(self) -> "Pairs":
        """Those whose answers could be read from both."""
        known = ~np.isnan(np.sum(self, axis=0))
        return Pairs(*(column[known] for column in self))


class Change(NamedTuple):
    """SRCC before and after, NaN where there is none, with the 95 % interval of what was gained."""

    before: float
    after: float
    interval: Interval
    pictures: int  # whose answers could be read from both models
    asked: int

    @property
    def gain(self) -> float:
        return self.after - self.before

    def __str__(self) -> str:
        if math.isnan(self.gain):
            return f"not known, {self.pictures} pictures"
        low, high = self.interval
        bounds = "" if math.isnan(low) else f" ({low:+.3f} to {high:+.3f})"
        left_out = getattr(self.interval, "left_out", 0)  # resamples in which one of the two has no SRCC
        return f"{self.gain:+.3f}{bounds}, {self.pictures} pictures" + (
            f", {left_out} resamples had none" if left_out else ""
        )


def pair_answers(before: Sequence[Row], after: Sequence[Row]) -> Pairs:
    """The answers of two models to the pictures of one data set, picture by picture."""
    first, second = pair_rows(before, after)
    return Pairs(scores_of(first), scores_of(second), np.array([row["mos"] for row in second], float))


def srcc_change(before: Sequence[Row], after: Sequence[Row], resamples: int) -> Change:
    """What the second model gained in SRCC on the pictures that both answered, and its paired 95 % interval."""
    change = compare.srcc_change(*pair_answers(before, after), resamples)
    return Change(change.before, change.after, change.interval, change.pictures, change.asked)


def mean_change(every: Sequence[Pairs], resamples: int) -> Change:
    """The mean of the changes of several data sets, each resampled by itself."""
    known = [pairs.readable() for pairs in every]
    before, after = ([metrics.srcc(pairs[k], pairs.mos) for pairs in known] for k in (0, 1))
    rng, gains = np.random.default_rng(0), []
    for _ in range(resamples if not math.isnan(sum(before) + sum(after)) else 0):
        draws = [rng.integers(len(pairs.mos), size=len(pairs.mos)) for pairs in known]
        each = [srcc_gain(*(column[draw] for column in pairs)) for pairs, draw in zip(known, draws, strict=True)]
        gains.append(float(np.mean(each)))
    exist = [gain for gain in gains if not math.isnan(gain)]
    bounds = np.percentile(exist, [2.5, 97.5]).tolist() if exist and len(exist) >= 0.9 * resamples else UNKNOWN
    counts = sum(len(pairs.mos) for pairs in known), sum(len(pairs.mos) for pairs in every)
    return Change(float(np.mean(before)), float(np.mean(after)), Interval(*bounds), *counts)
