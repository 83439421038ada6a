"""What a reward saw lately, in figures: how well it goes, and whether the policy looks for a way round the picture.

Figures look back on whole calls, the newest ones that hold at least 1,024 completions together, each with the
completions of all ranks. So they are the same on any number of ranks and in any order of the rows. A figure is NaN
until there is something to compute it from.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tatar_rewards import metrics

Floats = NDArray[np.float64]

RECENT = 1024  # completions that the figures look back on, at least
FLAT = 1e-6  # rewards of a group that differ by less are equal but for rounding
LOW_END, HIGH_END = 0.01, 0.99  # rewards beyond these have no slope left


class Graded(NamedTuple):
    """The completions of one call, on all ranks; every array is (n,)."""

    predictions: Floats  # points; NaN for an unreadable answer
    targets: Floats  # points; NaN without a label
    rewards: Floats  # NaN: left out
    lengths: Floats  # of thinking, in the budget's unit; NaN for an unreadable answer or without a budget
    within_budget: Floats  # what the length gate multiplied with; NaN for an unreadable answer or without a budget
    groups: NDArray[np.int64]  # key of the image; (0,) where no image is known
    comparisons: NDArray[np.int64] = np.zeros(0, np.int64)  # key of task and data set; (0,) where no image is known


class _Call(NamedTuple):
    """What is kept of a call."""

    rows: Floats  # (5, n) of `Graded`
    flat: int  # groups that had nothing to tell apart, and all groups
    n_groups: int
    images: NDArray[np.int64]  # (n,) by key, else by label
    comparisons: NDArray[np.int64]  # (n,)


class RunningFigures:
    """The last calls of a reward: their completions, and how many groups had nothing to tell apart. Never changed."""

    def __init__(self, calls: tuple[_Call, ...] = ()) -> None:
        self._calls = calls

    def with_call(self, graded: Graded) -> "RunningFigures":
        """These and one call more, without the oldest ones that the others can do without."""
        if not len(graded.rewards):
            return self
        known = len(graded.groups) == len(graded.comparisons) > 0
        images = graded.groups if known else graded.targets.view(np.int64)
        comparisons = graded.comparisons if known else np.zeros(len(graded.targets), np.int64)
        flat, n_groups = count_flat_groups(graded.rewards, graded.groups)
        calls = (*self._calls, _Call(np.stack(graded[:5]), flat, n_groups, images, comparisons))
        sizes = [call.rows.shape[1] for call in calls]
        while len(sizes) > 1 and sum(sizes[1:]) >= RECENT:
            del sizes[0]
        return RunningFigures(calls[-len(sizes) :])

    def figures(self, *, unit: str | None) -> dict[str, float]:
        """The figures by name: the same names at every call. With the `unit` of a budget also those of its gate."""
        calls = self._calls
        columns = np.concatenate([np.zeros((5, 0)), *(call.rows for call in calls)], axis=1)
        predictions, targets, rewards, lengths, within_budget = columns
        figures = {
            "parse_failure_rate": 1 - metrics.coverage(predictions),
            "mae": metrics.mae(predictions, targets),
            "srcc": metrics.srcc(predictions, targets),
            "constant_share": metrics.constant_share(predictions, targets),
            "spread_ratio": metrics.spread_ratio(predictions, targets),
            "calibration_slope": metrics.calibration_slope(predictions, targets),
            "flat_group_share": _share(sum(call.flat for call in calls), sum(call.n_groups for call in calls)),
            "saturated_share": saturated_share(rewards, targets),
        }
        if unit is not None:
            off_budget = np.where(np.isnan(within_budget), np.nan, within_budget < 1)
            figures |= {f"mean_{unit}": _mean(lengths), "off_budget_share": _mean(off_budget)}
        return figures

    def by_image(self) -> dict[int, tuple[Floats, Floats]]:
        """By task and data set, the mean readable prediction of each labelled image (NaN: none), and its MOS."""
        if not self._calls:
            return {}
        rows = np.concatenate([call.rows[:2] for call in self._calls], axis=1)
        images = np.concatenate([call.images for call in self._calls])
        comparisons = np.concatenate([call.comparisons for call in self._calls])
        labelled = ~np.isnan(rows[1])
        found = {}
        for comparison in dict.fromkeys(comparisons[labelled].tolist()):
            its = labelled & (comparisons == comparison)
            _, first, number = np.unique(images[its], return_index=True, return_inverse=True)
            predictions, targets = rows[0, its], rows[1, its]
            readable = ~np.isnan(predictions)
            count = np.bincount(number[readable], minlength=len(first))
            total = np.bincount(number[readable], predictions[readable], minlength=len(first))
            means = np.where(count > 0, total / np.maximum(count, 1), np.nan)
            found[comparison] = (means, targets[first])
        return found


def count_flat_groups(rewards: Floats, groups: NDArray[np.int64]) -> tuple[int, int]:
    """Of the groups with several rewards, how many earn one and the same, and how many there are."""
    if groups.size == 0:
        return 0, 0
    known = ~np.isnan(rewards)
    keys, numbers, sizes = np.unique(groups[known], return_inverse=True, return_counts=True)
    lowest, highest = np.full(len(keys), np.inf), np.full(len(keys), -np.inf)
    np.minimum.at(lowest, numbers, rewards[known])
    np.maximum.at(highest, numbers, rewards[known])
    several = sizes > 1
    return int(np.sum((highest - lowest < FLAT) & several)), int(np.sum(several))


def saturated_share(rewards: Floats, targets: Floats) -> float:
    """Share of the labelled completions that earn all, or nothing: between them there is nothing to climb.

    A completion without a reward, which found nothing to be compared with, is one of those that earn neither.
    """
    of_labelled = rewards[~np.isnan(targets)]
    if np.isnan(of_labelled).all():
        return float("nan")
    return float(max(np.mean(of_labelled <= LOW_END), np.mean(of_labelled >= HIGH_END)))


def _mean(values: Floats) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else float("nan")


def _share(count: int, total: int) -> float:
    return count / total if total else float("nan")
