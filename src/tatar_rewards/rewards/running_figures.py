"""What a reward saw lately, in figures: how well it goes, and whether the policy looks for a way round the picture.

Every figure is over the completions of all ranks, and is NaN until there is something to compute it from.
"""

from collections import deque
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
    length: float  # of thinking, in the budget's unit; NaN for an unreadable answer or without a budget
    within_budget: float  # what the length gate multiplied with; NaN for an unreadable answer or without a budget


class RunningFigures:
    """The last completions that a reward graded, and whether the groups among them had anything to tell apart."""

    def __init__(self) -> None:
        self._completions: deque[list[float]] = deque(maxlen=RECENT)
        self._flat_groups: deque[bool] = deque(maxlen=RECENT // 2)

    def add(self, graded: NDArray[np.float64], groups: NDArray[np.int64]) -> None:
        """Take in the completions of one call, (n, 5) as in `Graded`; those with one key are of one group.

        Without keys (n, 0) no group is known.
        """
        self._flat_groups.extend(_flat_groups(graded[:, Graded._fields.index("reward")], groups))
        self._completions.extend(graded[-RECENT:].tolist())  # lists: another thread sees all of them or none

    def figures(self, *, unit: str | None) -> dict[str, float]:
        """The figures by name: the same names at every call. With the `unit` of a budget also those of its gate."""
        columns = np.array(self._completions.copy(), dtype=float).reshape(-1, len(Graded._fields)).T
        predictions, targets, rewards, lengths, within_budget = columns
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
        if unit is not None:
            off_budget = np.where(np.isnan(within_budget), np.nan, within_budget < 1)
            figures |= {f"mean_{unit}": _mean(lengths), "off_budget_share": _mean(off_budget)}
        return figures


def _flat_groups(rewards: NDArray[np.float64], groups: NDArray[np.int64]) -> list[bool]:
    """Of each group with several rewards, in the order of their first rows, whether they are all the same."""
    if groups.size == 0:
        return []
    by_group: dict[int, list[float]] = {}
    for reward, group in zip(rewards.tolist(), groups.ravel().tolist(), strict=True):
        if reward == reward:
            by_group.setdefault(group, []).append(reward)
    return [max(group) - min(group) < FLAT for group in by_group.values() if len(group) > 1]


def saturated_share(rewards: NDArray[np.float64]) -> float:
    """Share of the rewards that are at the same end, all or nothing: between them there is nothing to climb."""
    known = rewards[~np.isnan(rewards)]
    return float(max(np.mean(known <= LOW_END), np.mean(known >= HIGH_END))) if len(known) else float("nan")


def _mean(values: NDArray[np.float64]) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else float("nan")
