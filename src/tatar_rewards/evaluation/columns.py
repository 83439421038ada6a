"""Rows into arrays, one data set beside the other: a million rows take some hundred megabytes, whatever they say."""

import math
from array import array
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, NamedTuple

import numpy as np

from tatar_rewards.answers import AnswerStatus, completion_text
from tatar_rewards.answers.cures import as_text, cure_of
from tatar_rewards.evaluation.figures import Floats
from tatar_rewards.evaluation.raters import error_of_mos
from tatar_rewards.predictions import CompletionError, PredictionRow, RowError, check_row
from tatar_rewards.scales import POINTS, ScoreScale


class Reading(NamedTuple):
    """How completions and labels are read."""

    mos_scales: ScoreScale | Mapping[str, ScoreScale]
    other_mos_scale: ScoreScale | None
    answer_scale: ScoreScale
    think_prefilled: bool
    lenient: bool

    def mos_scale(self, row: PredictionRow) -> ScoreScale:
        if row.logged_answer is not None:
            return POINTS  # a reward has converted both
        if isinstance(self.mos_scales, ScoreScale):
            return self.mos_scales
        scale = self.mos_scales.get(row.dataset, self.other_mos_scale)
        if scale is None:
            names = sorted(self.mos_scales)
            raise ValueError(f"mos_scale declares no scale for {row.dataset!r}, only for {names}; declare it too")
        return scale

    def answer(self, row: PredictionRow, number: int) -> tuple[str, float, str | None]:
        """Status, score in points (NaN where there is none), and the cure of an answer that cannot be read."""
        if row.logged_answer is not None:
            status, logged = row.logged_answer
            shown = completion_text(row.completion).whole if isinstance(row.completion, str | list) else ""
            return status, math.nan if logged is None else logged, self._cure(status, shown, logged=True)
        try:
            text = completion_text(row.completion, name="completion")
        except TypeError as error:
            raise CompletionError(f"row {number}: {error}", number) from None
        answer = text.parse(scale=self.answer_scale, think_prefilled=self.think_prefilled, lenient=self.lenient)
        points = math.nan if answer.score is None else self.answer_scale.to_points(answer.score)
        return answer.status, points, None if answer.ok else self._cure(answer.status, as_text(text).whole)

    def _cure(self, status: str, text: str, *, logged: bool = False) -> str | None:
        if status == AnswerStatus.OK:
            return None
        lenient = self.lenient or logged  # what a reward has read is not read again
        return cure_of(AnswerStatus(status), text, think_prefilled=self.think_prefilled, lenient=lenient)


@dataclass
class Columns:
    """The rows of a data set, one value each, and nothing of their texts."""

    task: str
    dataset: str
    mos_scale: ScoreScale
    mos: "array[float]" = field(default_factory=lambda: array("d"))  # on its scale; NaN without a label
    errors: "array[float]" = field(default_factory=lambda: array("d"))  # of the MOS, on its scale; NaN where not known
    predictions: "array[float]" = field(default_factory=lambda: array("d"))  # in points; NaN where not read
    failures: Counter[str] = field(default_factory=Counter)  # of labelled rows
    cures: Counter[str] = field(default_factory=Counter)  # of those failures
    rows: dict[bytes, int] = field(default_factory=dict)  # number of the row, by a hash of its picture's name

    def add(self, row: PredictionRow, number: int, reading: Reading) -> None:
        first = self.rows.setdefault(_hash_of(row.image_id), number)
        if first != number:
            raise RowError(
                f"rows {first} and {number} are both of image_id {row.image_id!r} of {row.dataset!r}; keep one "
                f"prediction a picture",
                first,
                number,
            )
        status, points, cure = reading.answer(row, number)
        labelled = row.mos is not None and not math.isnan(row.mos)
        self.mos.append(row.mos if row.mos is not None else math.nan)
        self.errors.append(error_of_mos(row, number, self.mos_scale) if labelled else math.nan)
        self.predictions.append(points)
        if labelled and status != AnswerStatus.OK:
            self.failures[str(status)] += 1
            self.cures[cure or ""] += 1

    def targets_in_points(self) -> Floats:
        """The MOS; RowError names one that is off its scale."""
        try:
            return self.mos_scale.column_to_points(self.mos.tolist(), column=f"mos of {self.dataset}")
        except ValueError as error:
            number = next(row for row, mos in zip(self.rows.values(), self.mos, strict=True) if self._is_off_scale(mos))
            raise RowError(f"row {number}: {error}", number) from None

    def _is_off_scale(self, mos: float) -> bool:
        try:
            self.mos_scale.column_to_points([mos])
        except ValueError:
            return True
        return False

    def errors_in_points(self) -> Floats:
        return np.array(self.errors) * (100 / (self.mos_scale.high - self.mos_scale.low))


def read_columns(rows: Iterable[Mapping[str, Any]], reading: Reading) -> list[Columns]:
    """Each data set of each task, in the order of the rows.

    Raises:
        TypeError: a row is no mapping, or holds what can be no completion.
        ValueError: a row lacks a field, holds something else or repeats a picture, or a data set has no scale.
    """
    columns: dict[tuple[str, str, bool], Columns] = {}
    for number, raw in enumerate(rows):
        row = check_row(number, raw)
        key = (row.task, row.dataset, row.logged_answer is None)
        if key not in columns:
            columns[key] = Columns(row.task, row.dataset, reading.mos_scale(row))
        columns[key].add(row, number, reading)
    if not columns:
        raise ValueError("there are no rows to evaluate; give one for each picture")
    return list(columns.values())


def _hash_of(image_id: str | int) -> bytes:
    """Sixteen bytes for a name of any length; 1 and "1" are two pictures."""
    return blake2b(repr(image_id).encode(errors="surrogatepass"), digest_size=16).digest()
