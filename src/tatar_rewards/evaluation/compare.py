"""What changed from one model to another, on the pictures that both answered."""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from tatar_rewards import metrics
from tatar_rewards.evaluation.columns import Columns, Reading, read_columns, reading_of
from tatar_rewards.evaluation.figures import Floats
from tatar_rewards.evaluation.results import as_json_value
from tatar_rewards.evaluation.samples import mean_by_picture
from tatar_rewards.evaluation.table import align, bounds_of, three
from tatar_rewards.metrics import Interval
from tatar_rewards.predictions import RowError
from tatar_rewards.scales import POINTS, Scale, ScalesByDataset

GREEDY, MEAN = "greedy answers", "mean of samples"
_KINDS = {GREEDY: "greedy answers", MEAN: "sampled answers"}


class SrccChange(NamedTuple):
    """Counts of pictures, SRCC of two models, and the interval of its change, as `Change` has them."""

    asked: int
    pictures: int
    before: float
    after: float
    interval: Interval


class Change(NamedTuple):
    """The change of SRCC on one data set.

    Attributes:
        task: Its task.
        dataset: Its name.
        answers: What is compared: `"greedy answers"` or `"mean of samples"`.
        asked: How many labelled pictures both models were asked about.
        pictures: How many of them both gave a readable answer to; the figures are over these.
        before: SRCC of the first model.
        after: SRCC of the second one.
        interval: 95 % of the change, from resamples of the pictures.
    """

    task: str
    dataset: str
    answers: str
    asked: int
    pictures: int
    before: float
    after: float
    interval: Interval

    @property
    def gain(self) -> float:
        """After less before."""
        return self.after - self.before


class Comparison(NamedTuple):
    """Every data set that both models were asked about, and those that only one was.

    Attributes:
        changes: By data set and kind of answers.
        only_before: Data sets that only the first model was asked about.
        only_after: Those that only the second one was.
        not_compared: Why there is no change of a data set that both were asked about, by its name.
    """

    changes: list[Change]
    only_before: list[str]
    only_after: list[str]
    not_compared: dict[str, str]

    def to_json(self) -> str:
        """All of it at full precision; NaN as null."""
        changes = [as_json_value(one) | {"gain": as_json_value(one.gain)} for one in self.changes]
        return json.dumps({**self._asdict(), "changes": changes}, indent=2)

    def __str__(self) -> str:
        header = ["task", "data set", "answers", "pictures", "before", "after", "change", "(95 %)"]
        rows = []
        for one in self.changes:
            change = "-" if math.isnan(one.gain) else f"{one.gain:+.3f}"
            pictures = str(one.pictures) if one.pictures == one.asked else f"{one.pictures} of {one.asked}"
            figures = [pictures, three(one.before), three(one.after), change, bounds_of(one.interval, "+")]
            rows.append([one.task, one.dataset, one.answers, *figures])
        left_out = [
            f"only in the {which}: {', '.join(names)}"
            for which, names in (("baseline", self.only_before), ("new predictions", self.only_after))
            if names
        ]
        left_out += [f"{name} is not compared: {why}" for name, why in self.not_compared.items()]
        table = align([header, *rows], words=3) if rows else []
        return "\n".join(["change of SRCC", *table, *left_out])


def compare_predictions(
    before: Iterable[Mapping[str, Any]],
    after: Iterable[Mapping[str, Any]],
    *,
    mos_scale: Scale | ScalesByDataset = POINTS,
    other_mos_scale: Scale | None = None,
    answer_scale: Scale = POINTS,
    think_prefilled: bool = False,
    lenient: bool = False,
    n_resamples: int = 1000,
    unbounded: bool = False,
) -> Comparison:
    """What the second model's SRCC gains over the first one's, picture by picture.

    Only pictures that both models answered readably are compared, so that neither gains by answering fewer. The
    interval is a percentile bootstrap over these pictures. Where both have sampled answers, their means are compared
    too: they tell small changes from noise where greedy answers do not.

    Args:
        before: Rows of the baseline, as `evaluate_predictions` takes them.
        after: Rows of the model that is compared with it.
        mos_scale: As of `evaluate_predictions`, and so are the other settings.
        other_mos_scale: Of data sets that `mos_scale` does not name.
        answer_scale: That both models were asked to answer on.
        think_prefilled: True where the chat template writes `<think>` into the prompt.
        lenient: Read the lenient grammar.
        n_resamples: Of the bootstrap; 0 leaves the intervals out.
        unbounded: Plain numbers in `prediction` are on no scale.

    Returns:
        A change for each data set and kind of answers.

    Raises:
        TypeError: as `evaluate_predictions`.
        ValueError: as `evaluate_predictions`; or the two give a picture two labels, or have no data set in common.

    Examples:
        >>> def rows(*scores):
        ...     base = {"dataset": "mine", "task": "iqa"}
        ...     return [
        ...         base | {"image_id": k, "mos": 10 * k, "completion": f"<answer>{score}</answer>"}
        ...         for k, score in enumerate(scores)
        ...     ]
        >>> print(compare_predictions(rows(30, 10, 20, 40), rows(10, 20, 30, 40), n_resamples=0))
        change of SRCC
        task  data set  answers         pictures  before  after  change  (95 %)
        iqa   mine      greedy answers         4   0.400  1.000  +0.600
    """
    reading = reading_of(mos_scale, other_mos_scale, answer_scale, think_prefilled, lenient, unbounded)
    new = read_named(after, reading, "new predictions")
    return compare_columns(read_named(before, reading, "baseline"), new, n_resamples)


def read_named(rows: Iterable[Mapping[str, Any]], reading: Reading, which: str) -> list[Columns]:
    """The data sets of one of the two; an error says of which."""
    try:
        return read_columns(rows, reading)
    except RowError as error:
        raise type(error)(f"{which}, {error}", *error.rows) from None


def compare_columns(before: Sequence[Columns], after: Sequence[Columns], n_resamples: int) -> Comparison:
    """`compare_predictions` of rows that have been read.

    Raises:
        ValueError: the two give a picture two labels, or have no data set in common.
    """
    first, second = ({(one.task, one.dataset): one for one in some} for some in (before, after))
    common = [key for key in second if key in first]
    if not common:
        raise ValueError(
            f"the two have no data set in common: {sorted(name for _, name in first)} and "
            f"{sorted(name for _, name in second)}; give predictions about the same pictures"
        )
    by_key = {key: _changes(first[key], second[key], n_resamples) for key in common}
    old, new = ([name for task, name in some if (task, name) not in common] for some in (first, second))
    why_not = {key[1]: _why_not(first[key], second[key]) for key, changes in by_key.items() if not changes}
    return Comparison([change for changes in by_key.values() for change in changes], old, new, why_not)


def _why_not(before: Columns, after: Columns) -> str:
    """Why two models cannot be compared on a data set that both were asked about."""
    if not any(key in before.places for key in after.places):
        return "they have no picture in common; give predictions about the same ones, under the same image_id"
    kinds = [[kind for kind in (GREEDY, MEAN) if _asked(columns, kind).any()] for columns in (before, after)]
    if not set(kinds[0]) & set(kinds[1]):
        has, have = (_KINDS[some[0]] for some in kinds)
        return (
            f"the baseline has {has} only, the new predictions {have} only; give both the same kind (a field 'sample' "
            f"numbers sampled answers, and a greedy one has none)"
        )
    return "no picture that both have answers of one kind to has a MOS; add the labels"


def _changes(before: Columns, after: Columns, n_resamples: int) -> list[Change]:
    both = [key for key in after.places if key in before.places]
    places = [np.array([columns.places[key] for key in both], np.int64) for columns in (before, after)]
    old, mos = before.targets_in_points()[places[0]], after.targets_in_points()[places[1]]
    _refuse_other_labels(before, after, places, old, mos)
    mos = np.where(np.isnan(mos), old, mos)
    changes = []
    for kind in (GREEDY, MEAN):
        answers = [_answers(columns, kind)[place] for columns, place in zip((before, after), places, strict=True)]
        asked = [_asked(columns, kind)[place] for columns, place in zip((before, after), places, strict=True)]
        counted = asked[0] & asked[1] & ~np.isnan(mos)
        if counted.any():
            change = srcc_change(answers[0][counted], answers[1][counted], mos[counted], n_resamples)
            changes.append(Change(after.task, after.dataset, kind, *change))
    return changes


def srcc_change(before: Floats, after: Floats, mos: Floats, n_resamples: int) -> SrccChange:
    """SRCC of two models on the pictures that both gave a readable answer to, and the interval of its change."""
    read = ~np.isnan(before + after)
    pairs = before[read], after[read], mos[read]
    srcc, interval = (metrics.srcc(pairs[0], pairs[2]), metrics.srcc(pairs[1], pairs[2])), Interval(math.nan, math.nan)
    if n_resamples and not math.isnan(sum(srcc)):  # predictions that are all equal have no rank correlation
        interval = metrics.percentile_interval(srcc_gain, pairs, n_resamples=n_resamples)
    return SrccChange(len(mos), int(read.sum()), *srcc, interval)


def srcc_gain(before: Floats, after: Floats, mos: Floats) -> float:
    """The change of SRCC, of answers that all could be read."""
    return metrics.srcc(after, mos) - metrics.srcc(before, mos)


def _answers(columns: Columns, kind: str) -> Floats:
    """The score of each picture, NaN where it was not asked about or not read."""
    answers = columns.single if kind == GREEDY else columns.samples
    return mean_by_picture(np.array(answers.points), np.array(answers.pictures, np.int64), len(columns.mos))


def _asked(columns: Columns, kind: str) -> np.ndarray:
    answers = columns.single if kind == GREEDY else columns.samples
    return np.bincount(np.array(answers.pictures, np.int64), minlength=len(columns.mos)) > 0


def _refuse_other_labels(before: Columns, after: Columns, places: list[Any], old: Floats, new: Floats) -> None:
    differ = np.flatnonzero(np.abs(old - new) > 1e-6 * 100)
    if len(differ):
        rows = [columns.rows[place[differ[0]]] for columns, place in zip((before, after), places, strict=True)]
        raise RowError(
            f"row {rows[0]} of the baseline and row {rows[1]} of the new predictions are of one picture of "
            f"{after.dataset!r} and give it the MOS {old[differ[0]]:g} and {new[differ[0]]:g} points "
            f"({len(differ)} such pictures); compare on the same labels",
            *rows,
        )
