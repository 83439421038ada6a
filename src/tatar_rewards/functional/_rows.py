"""From columns in any order to the sorted rows of each comparison, and back to rewards in the caller's order."""

import math
from typing import Any, NamedTuple

from tatar_rewards.functional import _arrays, _pair_sums
from tatar_rewards.functional._arrays import namespace_of
from tatar_rewards.functional._checks import check_columns, check_keys, check_scores, check_truth_values
from tatar_rewards.functional._comparison import PairSettings, describe_images
from tatar_rewards.functional._types import PerRow


class Columns(NamedTuple):
    """The columns of a call."""

    predictions: Any
    targets: PerRow
    groups: PerRow
    comparisons: PerRow | None
    target_stds: PerRow | None
    wanted: PerRow | None


def rank_rows(columns: Columns, settings: PairSettings) -> Any:
    settings = settings.checked()
    check_columns(**columns._asdict())
    check_keys("groups", columns.groups)
    if columns.comparisons is not None:
        check_keys("comparisons", columns.comparisons)
    if columns.wanted is not None:
        check_truth_values("wanted", columns.wanted)
    if _arrays.lends_memory(columns.predictions):
        borrowed = Columns(*map(_arrays.borrow, columns))
        return _arrays.give_back(rank_rows(borrowed, settings), columns.predictions)
    rewards = _rank_checked(columns, settings)
    return _arrays.like_predictions(rewards, columns.predictions)


def _rank_checked(columns: Columns, settings: PairSettings) -> PerRow:
    q, readable, g, stds = check_scores(columns.predictions, columns.targets, columns.target_stds)
    xp = namespace_of(q)
    labelled = xp.logical_not(xp.isnan(g))
    by_image = _sort_by_image(columns.groups, columns.comparisons, labelled)
    _check_one_target_each(by_image, g, columns.groups)
    rewarded = comparable = labelled & readable
    if columns.wanted is not None:
        rewarded, labelled = comparable & columns.wanted, labelled & columns.wanted
    by_image = by_image.where(xp.take(comparable, by_image.rows))

    order, rewards = [], []
    for start, stop in by_image.comparisons():
        rows = by_image.rows[start:stop]
        part_stds = None if stds is None else xp.take(stds, rows)
        predictions = xp.take(q, rows)
        images = describe_images(
            predictions, xp.take(g, rows), part_stds, by_image.images[start:stop], settings.dispersion
        )
        chosen = xp.nonzero(xp.take(rewarded, rows))[0]
        order.append(xp.take(rows, chosen))
        rewards.append(_pair_sums.rank_rewards(predictions, images, chosen, settings))
    left_out = xp.nonzero(xp.logical_not(rewarded))[0]
    if left_out.shape[0] or not order:
        order.append(left_out)
        zeros = xp.zeros_like(xp.take(g, left_out))
        rewards.append(xp.where(xp.take(labelled, left_out), zeros, xp.full_like(zeros, math.nan)))
    return xp.take(_arrays.join(rewards), xp.argsort(_arrays.join(order)))


class _SortedRows(NamedTuple):
    """Rows sorted by comparison and image; images are numbered in that order."""

    rows: PerRow
    images: PerRow
    comparison_keys: PerRow | None

    def where(self, chosen: PerRow) -> "_SortedRows":
        keys = None if self.comparison_keys is None else self.comparison_keys[chosen]
        return _SortedRows(self.rows[chosen], self.images[chosen], keys)

    def comparisons(self) -> list[tuple[int, int]]:
        """(start, stop) of the rows of each comparison."""
        if self.comparison_keys is None:
            return [(0, self.rows.shape[0])] if self.rows.shape[0] else []
        return _arrays.runs(self.comparison_keys)


def _sort_by_image(groups: PerRow, comparisons: PerRow | None, chosen: PerRow) -> _SortedRows:
    """The chosen rows; one group key in two comparisons is two images."""
    xp = namespace_of(groups)
    rows = xp.argsort(groups, stable=True)
    if comparisons is not None:
        rows = xp.take(rows, xp.argsort(xp.take(comparisons, rows), stable=True))
    rows = rows[xp.take(chosen, rows)]
    if rows.shape[0] == 0:
        return _SortedRows(rows, rows, None)
    keys = xp.take(groups, rows)
    starts = keys[1:] != keys[:-1]
    comparison_keys = None
    if comparisons is not None:
        comparison_keys = xp.take(comparisons, rows)
        starts = starts | (comparison_keys[1:] != comparison_keys[:-1])
    return _SortedRows(rows, _arrays.number_starts(starts), comparison_keys)


def _check_one_target_each(by_image: _SortedRows, targets: PerRow, groups: PerRow) -> None:
    xp = namespace_of(targets)
    if by_image.rows.shape[0] == 0:
        return
    images, values = by_image.images, xp.take(targets, by_image.rows)
    differ = (images[1:] == images[:-1]) & (values[1:] != values[:-1])
    if bool(xp.any(differ)):
        pair = int(xp.nonzero(differ)[0][0])
        first, second = int(by_image.rows[pair]), int(by_image.rows[pair + 1])
        raise ValueError(
            f"groups[{first}] and groups[{second}] are both {groups[first]!s}, but their targets differ: "
            f"{float(targets[first]):g} and {float(targets[second]):g}; one image has one MOS, so give different "
            f"images different keys"
        )
