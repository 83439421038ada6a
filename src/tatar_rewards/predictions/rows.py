"""What a row of predictions holds, and the error that names a row with something else."""

import ast
import contextlib
import json
import math
from collections.abc import Mapping
from numbers import Integral
from typing import Annotated, Any, NamedTuple

import numpy as np
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, PlainValidator, ValidationError

from tatar_rewards.scales import is_missing
from tatar_rewards.wording import problem_in_words

REQUIRED = ("task", "image_id", "mos", "completion")
UNKNOWN_TASK = "-"  # where a log does not tell it
UNNAMED = "unnamed"  # the data set of rows that name none
INSTEAD = ("completions", "prediction")  # of a completion
_NO_NUMBER = ("", "na", "n/a", "nan", "null", "none")
KNOWN_RATERS = ("mos_std", "raters", "mos_error")


class LoggedAnswer(NamedTuple):
    """What a reward has already read in a completion, as its trainer logged it."""

    status: str
    score: float | None  # in points on 0-100


class RowError(ValueError):
    """A row of predictions is wrong.

    Attributes:
        rows: Its number, and that of another one with which it collides; from 0, over all files.
    """

    def __init__(self, message: str, *rows: int) -> None:
        super().__init__(message)
        self.rows = rows


class CompletionError(RowError, TypeError):
    """What stands in the place of a row's completion can be none."""


def _name(value: Any) -> str:
    """A text of any characters: file names may hold bytes that are no UTF-8, which Python has as lone surrogates."""
    if not isinstance(value, str) or not value:
        raise ValueError("a name is a text of at least one character")
    return str(value)


def _dataset(value: Any) -> str:
    return UNNAMED if is_missing(value) else _name(value)


def _name_or_number(value: Any) -> str | int:
    if isinstance(value, Integral | float) and not isinstance(value, bool) and value == value // 1:
        return int(value)
    return _name(value)


def without_number(value: Any) -> bool:
    """Whether a cell for a number holds none: nothing, or what tables write in its place.

    Examples:
        >>> [without_number(value) for value in (None, " ", "N/A", "null", 0, "good")]
        [True, True, True, True, False, False]
    """
    return is_missing(value) or (isinstance(value, str) and value.strip().lower() in _NO_NUMBER)


def _number_or_missing(value: Any) -> Any:
    if isinstance(value, bool | np.bool_):
        raise ValueError(f"{value} is no number")
    return None if without_number(value) else value


def messages_in_text(completion: Any) -> Any:
    """Messages that a table holds as a text, in JSON or as Python prints a list, as messages; all else as it is.

    Examples:
        >>> messages_in_text("[{'role': 'assistant', 'content': 'Good.'}]")
        [{'role': 'assistant', 'content': 'Good.'}]
        >>> messages_in_text("Good.")
        'Good.'
    """
    if not isinstance(completion, str) or not completion.lstrip().startswith(("[{", "{")) or "role" not in completion:
        return completion
    value = _value_in(completion)
    messages = [value] if isinstance(value, dict) else value
    known = isinstance(messages, list) and all(isinstance(one, dict) and "role" in one for one in messages)
    return messages if known and messages else completion


def _value_in(text: str) -> Any:
    """What a text holds in JSON or as Python prints it; None where it holds neither."""
    for read in (json.loads, ast.literal_eval):
        with contextlib.suppress(ValueError, SyntaxError, RecursionError, MemoryError):
            return read(text.strip())
    return None


def _whole_number_or_missing(value: Any) -> int | None:
    number = _number_or_missing(value)
    if number is None:
        return None
    try:
        whole = float(number)
    except (TypeError, ValueError):
        whole = -1.0
    if math.isnan(whole):
        return None
    if not 0 <= whole < 2**31 or whole != whole // 1:
        raise ValueError("number the sampled answers to a picture 0, 1, 2, and leave the field out of a greedy one")
    return int(whole)


def _several(value: Any) -> list[Any] | None:
    """The sampled answers that stand in one row, as JSON or as Python prints a list where a cell is a text."""
    if not _has_samples(value):
        return None
    if isinstance(value, str):
        value = _value_in(value)
    if not isinstance(value, list | tuple | np.ndarray) or getattr(value, "ndim", 1) != 1:
        raise ValueError("must be a list of completions, one a sample, in a text as JSON")
    return [messages_in_text(one) for one in value]


def _has_samples(value: Any) -> bool:
    """Whether a cell for several answers holds any."""
    return not (is_missing(value) or (isinstance(value, list | tuple | np.ndarray) and np.size(value) == 0))


class NoSingleAnswer:
    """Stands for the completion of a row that has `completions` alone."""


class PlainNumber(NamedTuple):
    """Stands for the completion of a row that has a number in `prediction`; NaN where it is missing."""

    value: float


def _finite(value: float | None) -> float | None:
    if value is not None and math.isinf(value):
        raise ValueError("must be a finite number, or nothing where it is not known")
    return value


MaybeNumber = Annotated[float | None, BeforeValidator(_number_or_missing), AfterValidator(_finite)]


class PredictionRow(BaseModel):
    """The label of a picture, and a completion about it or several; other fields are passed over.

    Attributes:
        task: Of the data set.
        image_id: Names the picture within task and data set.
        mos: Mean opinion score; None or NaN without a label.
        dataset: Name of the data set; rows without it are one, which is called unnamed.
        completion: What the model wrote, a text or messages. A row with a number in `prediction` needs none.
        sample: Its number among the sampled answers to the picture; None for the greedy answer, or the only one.
        completions: Sampled answers to the picture, numbered by place; a row that has them needs no `completion`.
        mos_std: Standard deviation of the raters' single judgements, on the scale of the MOS.
        raters: How many there were.
        mos_error: Standard error of the MOS, on its scale, where it is known without the other two.
        logged_answer: What a reward has read in the completion; then `mos` is in points.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    task: Annotated[str, PlainValidator(_name)]
    image_id: Annotated[str | int, PlainValidator(_name_or_number)]
    mos: MaybeNumber
    dataset: Annotated[str, PlainValidator(_dataset)] = UNNAMED
    completion: Annotated[Any, BeforeValidator(messages_in_text)]
    sample: Annotated[int | None, BeforeValidator(_whole_number_or_missing)] = None
    completions: Annotated[list[Any] | None, BeforeValidator(_several)] = None
    mos_std: MaybeNumber = None
    raters: MaybeNumber = None
    mos_error: MaybeNumber = None
    logged_answer: LoggedAnswer | None = None

    def answers(self) -> list[tuple[int | None, Any]]:
        """Each completion with its number among the samples; None for the one that is none."""
        single = [] if isinstance(self.completion, NoSingleAnswer) else [(self.sample, self.completion)]
        return [*single, *enumerate(self.completions or [])]


def _plain_number(value: Any, number: int) -> PlainNumber:
    try:
        known = _finite(None if (given := _number_or_missing(value)) is None else float(given))
        return PlainNumber(math.nan if known is None else known)
    except (TypeError, ValueError, OverflowError):
        raise RowError(f"row {number}: prediction is {value!r:.60}, no finite number", number) from None


def check_row(number: int, raw: Mapping[str, Any]) -> PredictionRow:
    """A row of predictions, or an error that names it and all that it lacks.

    Raises:
        TypeError: the row is no mapping.
        RowError: a field is missing or holds something else.

    Examples:
        >>> check_row(3, {"task": "iqa", "image_id": 7, "mos": None, "completion": "Good."}).dataset
        'unnamed'
    """
    if not isinstance(raw, Mapping):
        raise TypeError(
            f"row {number} must be a mapping with {', '.join(REQUIRED)}; got {raw!r:.60}; of a DataFrame give "
            f'df.to_dict("records")'
        )
    row = dict(raw)
    if is_missing(row.get("completion")):
        if _has_samples(row.get("completions")):
            row["completion"] = NoSingleAnswer()
        elif "prediction" in row:
            row["completion"] = _plain_number(row["prediction"], number)
    try:
        return PredictionRow.model_validate(row)
    except ValidationError as error:
        problems = error.errors()
        lacking = [repr(problem["loc"][0]) for problem in problems if problem["type"] == "missing"]
        problem = f"no {', '.join(lacking)} among {list(row)}" if lacking else problem_in_words(problems[0])
        raise RowError(f"row {number}: {problem}; every row needs task, image_id, mos and completion", number) from None
