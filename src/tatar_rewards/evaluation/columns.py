"""Rows into arrays, one data set beside the other: a million rows take some hundred megabytes, whatever they say."""

import math
import warnings
from array import array
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, NamedTuple

import numpy as np

from tatar_rewards.answers import AnswerStatus, completion_text
from tatar_rewards.answers.cures import as_text, cure_of
from tatar_rewards.evaluation.figures import Floats
from tatar_rewards.evaluation.raters import error_of_mos
from tatar_rewards.evaluation.read_answers import Answers, counts_of
from tatar_rewards.predictions import CompletionError, LoggedAnswer, PlainNumber, PredictionRow, RowError, check_row
from tatar_rewards.scales import OTHERS, POINTS, Scale, ScalesByDataset, ScoreScale, as_scale, as_scales, scale_for


class Reading(NamedTuple):
    """How completions and labels are read."""

    mos_scales: ScoreScale | Mapping[str, ScoreScale]
    answer_scale: ScoreScale
    think_prefilled: bool
    lenient: bool
    unbounded: bool = False  # plain numbers are on no scale

    def mos_scale(self, row: PredictionRow) -> ScoreScale:
        if row.logged_answer is not None:
            return POINTS  # a reward has converted both
        if isinstance(self.mos_scales, ScoreScale):
            return self.mos_scales
        scale = scale_for(self.mos_scales, row.dataset)
        if scale is None:
            names = sorted(self.mos_scales)
            raise ValueError(f"mos_scale declares no scale for {row.dataset!r}, only for {names}; declare it too")
        return scale

    def answer(
        self, completion: Any, number: int, logged_answer: LoggedAnswer | None, name: str
    ) -> tuple[str, float, str | None]:
        """Status, score in points (NaN where there is none), and the cure of an answer that cannot be read."""
        if isinstance(completion, PlainNumber):
            return self._number(completion.value, number)
        if logged_answer is not None:
            status, logged = logged_answer
            shown = completion_text(completion).whole if isinstance(completion, str | list) else ""
            return status, math.nan if logged is None else logged, self._cure(status, shown, logged=True)
        try:
            text = completion_text(completion, name=name)
        except TypeError as error:
            raise CompletionError(f"row {number}: {error}", number) from None
        answer = text.parse(scale=self.answer_scale, think_prefilled=self.think_prefilled, lenient=self.lenient)
        points = math.nan if answer.score is None else self.answer_scale.to_points(answer.score)
        return answer.status, points, None if answer.ok else self._cure(answer.status, as_text(text).whole)

    def _number(self, value: float, number: int) -> tuple[str, float, str | None]:
        """A plain number, on the scale of answers unless it is on none."""
        if math.isnan(value):
            return "missing", math.nan, "give a number for every picture"
        if self.unbounded:
            return AnswerStatus.OK, value, None
        if value not in self.answer_scale:
            raise RowError(
                f"row {number}: prediction is {value:g}, off the scale of answers {self.answer_scale}; declare it with "
                f"answer_scale (--answer-scale), or unbounded=True (--unbounded) for correlations alone",
                number,
            )
        return AnswerStatus.OK, self.answer_scale.to_points(value), None

    def _cure(self, status: str, text: str, *, logged: bool = False) -> str | None:
        if status == AnswerStatus.OK:
            return None
        lenient = self.lenient or logged  # what a reward has read is not read again
        return cure_of(AnswerStatus(status), text, think_prefilled=self.think_prefilled, lenient=lenient)


def reading_of(
    mos_scale: Scale | ScalesByDataset,
    other_mos_scale: Scale | None,
    answer_scale: Scale,
    think_prefilled: bool,
    lenient: bool,
    unbounded: bool = False,
) -> Reading:
    """How rows are read, from scales in any form."""
    scales, others = as_scales(mos_scale), {} if other_mos_scale is None else {OTHERS: as_scale(other_mos_scale)}
    scales = {**scales, **others} if isinstance(scales, dict) else scales
    return Reading(scales, as_scale(answer_scale), think_prefilled, lenient, unbounded)


@dataclass
class Columns:
    """The rows of a data set by picture: its label, and what has been answered about it."""

    task: str
    dataset: str
    mos_scale: ScoreScale
    places: dict[bytes, int] = field(default_factory=dict)  # of a picture in the next three, by a hash of its name
    mos: "array[float]" = field(default_factory=lambda: array("d"))  # on its scale; NaN without a label
    errors: "array[float]" = field(default_factory=lambda: array("d"))  # of the MOS, on its scale; NaN where not known
    rows: "array[int]" = field(default_factory=lambda: array("q"))  # of its label
    single: Answers = field(default_factory=Answers)  # the greedy answer to a picture, or the only one
    row_of_single: dict[int, int] = field(default_factory=dict)  # by place
    samples: Answers = field(default_factory=Answers)
    repeated: RowError | None = None  # two rows of one picture without a number

    def add(self, row: PredictionRow, number: int, reading: Reading) -> None:
        place = self._place_of(row, number)
        labelled = not math.isnan(self.mos[place])
        for sample, completion in row.answers():
            if sample is None:
                self._note_second(row, place, number)
            answers = self.single if sample is None else self.samples
            name = "completion" if row.completions is None or sample is None else f"completions[{sample}]"
            status, points, cure = reading.answer(completion, number, row.logged_answer, name)
            answers.add(points, place, sample or 0, number)
            if labelled and status != AnswerStatus.OK:
                answers.count_failure(status, cure)

    def _place_of(self, row: PredictionRow, number: int) -> int:
        """Of the row's picture; all of its rows must give it one label."""
        mos = math.nan if row.mos is None else row.mos
        error = math.nan if math.isnan(mos) else error_of_mos(row, number, self.mos_scale)
        place = self.places.setdefault(_hash_of(row.image_id), len(self.mos))
        if place == len(self.mos):
            self.mos.append(mos)
            self.rows.append(number)
            self.errors.append(error)
            return place
        self._refuse_another("MOS", row, number, self.mos[place], mos)
        if math.isnan(self.errors[place]):
            self.errors[place] = error
        elif not math.isnan(error):
            self._refuse_another("standard error of the MOS", row, number, self.errors[place], error)
        return place

    def _refuse_another(self, what: str, row: PredictionRow, number: int, known: float, now: float) -> None:
        if math.isclose(known, now, rel_tol=1e-6, abs_tol=1e-9) or (math.isnan(known) and math.isnan(now)):
            return
        first = self.rows[self.places[_hash_of(row.image_id)]]
        raise RowError(
            f"rows {first} and {number} give image_id {row.image_id!r} of {self.dataset!r} the {what} {known:g} and "
            f"{now:g}; give every row of a picture its one label",
            first,
            number,
        )

    def _note_second(self, row: PredictionRow, place: int, number: int) -> None:
        first = self.row_of_single.setdefault(place, number)
        if first != number and self.repeated is None:
            self.repeated = RowError(
                f"rows {first} and {number} are both of image_id {row.image_id!r} of {self.dataset!r}; keep one "
                f"prediction a picture, or number sampled ones in a field 'sample': 0, 1, 2",
                first,
                number,
            )

    def check_samples(self, *, numbered: bool) -> None:
        """RowError names two rows that are the same answer to a picture.

        Args:
            numbered: Whether rows say which answers are samples. If none does, several answers to a picture are.
        """
        if self.repeated is not None:
            if numbered:
                raise self.repeated
            self._take_for_samples(self.repeated)
        if (same := self.samples.first_repeated()) is not None:
            first, second, sample = same
            raise RowError(
                f"rows {first} and {second} are both sample {sample} of one picture of {self.dataset!r}; number its "
                f"sampled answers 0, 1, 2",
                first,
                second,
            )

    def _take_for_samples(self, repeated: RowError) -> None:
        self.samples, self.single = self.single, Answers()
        self.samples.number()
        counts = counts_of(np.array(self.samples.pictures, np.int64))
        if counts.min() < counts.max():
            warnings.warn(
                f"pictures of {self.dataset!r} have {counts.min()} to {counts.max()} answers, which count as sampled "
                f"ones, since no row has a field 'sample'; {repeated}",
                stacklevel=4,
            )

    def targets_in_points(self) -> Floats:
        """The MOS by picture; RowError names one that is off its scale."""
        try:
            return self.mos_scale.column_to_points(self.mos.tolist(), column=f"mos of {self.dataset}")
        except ValueError as error:
            number = next(row for row, mos in zip(self.rows, self.mos, strict=True) if self._is_off_scale(mos))
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
        ValueError: a row lacks a field, holds something else or repeats an answer to a picture, or a data set has no
            scale.

    Warns:
        UserWarning: no answers are numbered, and some pictures have more of them than others.
    """
    columns, numbered = dict[tuple[str, str, bool], Columns](), False
    for number, raw in enumerate(rows):
        row = check_row(number, raw)
        key = (row.task, row.dataset, row.logged_answer is None)
        if key not in columns:
            columns[key] = Columns(row.task, row.dataset, reading.mos_scale(row))
        columns[key].add(row, number, reading)
        numbered = numbered or row.sample is not None or row.completions is not None
    if not columns:
        raise RowError("there are no rows to evaluate; give one for each picture")
    for (_, _, plain), one in columns.items():
        one.check_samples(numbered=numbered or not plain)  # a log's rows are no pictures
    return list(columns.values())


def _hash_of(image_id: str | int) -> bytes:
    """Sixteen bytes for a name of any length; 1 and "1" are two pictures."""
    return blake2b(repr(image_id).encode(errors="surrogatepass"), digest_size=16).digest()
