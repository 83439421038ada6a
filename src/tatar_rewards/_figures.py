"""What a reward saw lately, in figures: how well it goes, and whether the policy looks for a way round the picture.

Every figure is over the completions of all ranks, and is NaN until there is something to compute it from.
"""

from collections import deque
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tatar_rewards import metrics

RECENT = 1024  # completions that the figures look back on
FLAT = 1e-6  # rewards of a group that differ by less are equal but for rounding
LOW_END, HIGH_END = 0.01, 0.99  # rewards beyond these have no slope left


class Graded(NamedTuple):
    """One completion with what became of it."""

    prediction: float  # points; NaN for an unreadable answer
    target: float  # points; NaN without a label
    reward: float  # NaN: left out
    words: float  # of thinking; NaN for an unreadable answer
    within_budget: float  # what the length gate multiplied with; NaN for an unreadable answer


class Recent:
    """The last completions that a reward graded, and whether the groups among them had anything to tell apart."""

    def __init__(self) -> None:
        self._completions: deque[Graded] = deque(maxlen=RECENT)
        self._flat_groups: deque[bool] = deque(maxlen=RECENT // 2)

    def add(self, completions: Iterable[Graded], groups: NDArray[np.int64]) -> None:
        """Take in the completions of one call; those with one key are of one group."""
        completions = list(completions)
        rewards: dict[int, list[float]] = {}
        for completion, group in zip(completions, groups.tolist(), strict=False):
            if completion.reward == completion.reward:
                rewards.setdefault(group, []).append(completion.reward)
        self._flat_groups.extend([max(group) - min(group) < FLAT for group in rewards.values() if len(group) > 1])
        self._completions.extend(completions)  # lists, not generators: another thread sees all of them or none

    def figures(self, *, budget: bool) -> dict[str, float]:
        """The figures by name: the same names at every call. With `budget` also those of the length gate."""
        columns = np.array(self._completions.copy(), dtype=float).reshape(-1, len(Graded._fields)).T
        predictions, targets, rewards, words, within_budget = columns
        figures = {
            "parse_failure_rate": 1 - metrics.coverage(predictions),
            "mae": metrics.mae(predictions, targets),
            "srcc": metrics.srcc(predictions, targets),
            "constant_share": metrics.constant_share(predictions, targets),
            "spread_ratio": metrics.spread_ratio(predictions, targets),
            "calibration_slope": metrics.calibration_slope(predictions, targets),
            "flat_group_share": _mean(np.array(self._flat_groups.copy(), dtype=float)),
            "saturated_share": saturated_share(rewards),
        }
        if budget:
            off_budget = np.where(np.isnan(within_budget), np.nan, within_budget < 1)
            figures |= {"mean_words": _mean(words), "off_budget_share": _mean(off_budget)}
        return figures


def saturated_share(rewards: NDArray[np.float64]) -> float:
    """Share of the rewards that are at the same end, all or nothing: between them there is nothing to climb."""
    known = rewards[~np.isnan(rewards)]
    return float(max(np.mean(known <= LOW_END), np.mean(known >= HIGH_END))) if len(known) else float("nan")


def _mean(values: NDArray[np.float64]) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else float("nan")
