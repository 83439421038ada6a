"""From columns in any order to the sorted rows of each comparison, and back to rewards in the caller's order."""

import math
from typing import Any, NamedTuple

from tatar_rewards.functional import _arrays, _pair_sums
from tatar_rewards.functional._arrays import namespace_of, take
from tatar_rewards.functional._checks import check_columns, check_keys, check_scores, check_truth_values, first_row
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

    def check(self) -> None:
        """Check that they are columns of one call, and hold keys and truth values where they must."""
        check_columns(**self._asdict())
        check_keys("groups", self.groups)
        if self.comparisons is not None:
            check_keys("comparisons", self.comparisons)
        if self.wanted is not None:
            check_truth_values("wanted", self.wanted)


def rank_rows(columns: Columns, settings: PairSettings) -> Any:
    settings = settings.checked()
    columns.check()
    if _arrays.is_cpu_tensor(columns.predictions):
        in_numpy = Columns(*map(_arrays.to_numpy, columns))
        return _arrays.to_tensor(rank_rows(in_numpy, settings), columns.predictions)
    rewards = _rank_checked(columns, settings)
    return _arrays.like_predictions(rewards, columns.predictions)


def _rank_checked(columns: Columns, settings: PairSettings) -> PerRow:
    settings = settings.in_units_of_link()
    q, readable, g, stds = check_scores(columns.predictions, columns.targets, columns.target_stds)
    xp = namespace_of(q)
    labelled = xp.logical_not(xp.isnan(g))
    rows = rows_by_image(columns, labelled, g)
    row_stds = None if stds is None else one_deviation_an_image(columns, rows, stds)
    rewarded = comparable = labelled & readable
    if columns.wanted is not None:
        rewarded, labelled = comparable & columns.wanted, labelled & columns.wanted
    kept = take(comparable, rows)
    rows, row_stds = _arrays.keep(rows, kept), None if row_stds is None else _arrays.keep(row_stds, kept)

    order, rewards = [], []
    for start, stop in _comparisons(columns.comparisons, rows):
        part = rows[start:stop]
        predictions, part_stds = take(q, part), None if row_stds is None else row_stds[start:stop]
        images = describe_images(predictions, take(g, part), part_stds, take(columns.groups, part), settings)
        chosen = xp.nonzero(take(rewarded, part))[0]
        order.append(take(part, chosen))
        rewards.append(_pair_sums.rank_rewards(predictions, images, chosen, settings))
    if sum(ranked.shape[0] for ranked in order) < q.shape[0] or not order:
        left_out = xp.nonzero(xp.logical_not(rewarded))[0]
        order.append(left_out)
        zeros = xp.zeros_like(take(g, left_out))
        rewards.append(xp.where(take(labelled, left_out), zeros, xp.full_like(zeros, math.nan)))
    return _arrays.put(_arrays.join(rewards), _arrays.join(order))


def rows_by_image(columns: Columns, labelled: PerRow, targets: PerRow) -> PerRow:
    """The labelled rows, sorted by comparison and in it by image, each of which must have one target."""
    xp = namespace_of(labelled)
    rows = xp.argsort(columns.groups, stable=True)
    if columns.comparisons is not None:
        rows = take(rows, xp.argsort(take(columns.comparisons, rows), stable=True))
    rows = _arrays.keep(rows, take(labelled, rows))
    _check_one_each(columns, rows, targets, "targets", "MOS")
    return rows


def _comparisons(comparisons: PerRow | None, rows: PerRow) -> list[tuple[int, int]]:
    """(start, stop) of the rows of each comparison."""
    if comparisons is None:
        return [(0, rows.shape[0])] if rows.shape[0] else []
    return _arrays.runs_of_equal_keys(take(comparisons, rows))


def _check_one_each(columns: Columns, rows: PerRow, values: PerRow, name: str, label: str) -> None:
    """Check that no image has two different values in sorted rows that all have one."""
    if rows.shape[0] == 0:
        return
    groups, sorted_values = columns.groups, take(values, rows)
    differ = sorted_values[1:] != sorted_values[:-1]
    pair = first_row(differ & namespace_of(differ).logical_not(starts_of_images(columns, rows)))
    if pair is not None:
        first, second = int(rows[pair]), int(rows[pair + 1])
        raise ValueError(
            f"groups[{first}] and groups[{second}] are both {groups[first]!s}, but their {name} differ: "
            f"{float(values[first]):g} and {float(values[second]):g}; one image has one {label}, so give different "
            f"images different keys"
        )


def starts_of_images(columns: Columns, rows: PerRow) -> PerRow:
    """Of all sorted rows but the first, whether another image begins there.

    One key in two comparisons is two images.
    """
    keys = take(columns.groups, rows)
    starts = keys[1:] != keys[:-1]
    if columns.comparisons is not None:
        keys = take(columns.comparisons, rows)
        starts = starts | (keys[1:] != keys[:-1])
    return starts


def one_deviation_an_image(columns: Columns, rows: PerRow, stds: PerRow) -> PerRow:
    """The rater deviation of each sorted row's image: one that a row knows serves where another lacks it.

    An image without any has the median of its comparison's images; where none of them has one, 0.
    """
    if rows.shape[0] == 0:
        return take(stds, rows)
    xp = namespace_of(stds)
    sorted_stds = take(stds, rows)
    known = xp.logical_not(xp.isnan(sorted_stds))
    _check_one_each(columns, rows[known], stds, "target_stds", "rater deviation")
    numbers = _arrays.number_starts(starts_of_images(columns, rows))
    count = int(numbers[-1]) + 1
    totals = _arrays.segment_sum(xp.where(known, sorted_stds, xp.zeros_like(sorted_stds)), numbers, count)
    n_known = _arrays.segment_sum(_arrays.astype(known, stds.dtype), numbers, count)
    if first_row(n_known == 0) is None:
        return take(totals / n_known, numbers)
    of_image = totals / xp.where(n_known > 0, n_known, xp.full_like(n_known, math.nan))
    parts = []
    for start, stop in _comparisons(columns.comparisons, rows):
        theirs = of_image[int(numbers[start]) : int(numbers[stop - 1]) + 1]
        parts.append(_arrays.fill_missing(theirs, _arrays.median_of_known(theirs), 0.0))
    return take(_arrays.join(parts), numbers)
