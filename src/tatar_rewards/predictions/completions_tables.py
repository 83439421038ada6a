"""Files of predictions by suffix, and among them the completions table that TRL's trainer writes.

`log_completions=True` makes the trainer write `completions/*.parquet`, a row for each completion of a step. Rewards
with labels add what they have read and what they compare it with: a column `<reward>/row` of JSON, earlier
`<reward>/score`, `<reward>/target` and `<reward>/status`. Each reward's rows become a data set, in points.
"""

import json
import math
import re
import warnings
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import partial
from hashlib import blake2b
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from tatar_rewards.predictions.columns import NamedColumns
from tatar_rewards.predictions.json_files import read_json
from tatar_rewards.predictions.parquet_files import read_parquet
from tatar_rewards.predictions.rows import INSTEAD, KNOWN_RATERS, REQUIRED, UNKNOWN_TASK, LoggedAnswer
from tatar_rewards.predictions.text_files import Row, read_csv, read_jsonl

_EARLIER = ("/score", "/target", "/status")
_NO_OTHER_NAMES: Mapping[str, str] = MappingProxyType({})
_ROUNDING = 1e-6  # points
_TASK_IN_NAME = re.compile(r"(.+)_(?:gaussian_score|threshold_score|pairwise_rank|thurstone_rank)")


def choose_columns(names: Sequence[str], path: Path, *, named: NamedColumns) -> list[str]:
    """Those of a table's columns that are read: others may hold pictures.

    Raises:
        ValueError: what a row needs is missing.
    """
    place = f"{path}, header" if path.suffix.lower() == ".csv" else str(path)
    named.check_has(names, place, logged=bool(logged_rewards(names)))
    known = {"dataset", *REQUIRED, *INSTEAD, *KNOWN_RATERS, "sample", "step", *named.named.values()}
    return [name for name in names if name in known or name.endswith(("/row", *_EARLIER))]


Choose = Callable[[Sequence[str], Path], list[str]]
READERS: dict[str, Callable[[Path, Choose], Iterator[Row]]] = {
    ".jsonl": lambda path, _: read_jsonl(path),
    "": lambda path, _: read_jsonl(path),  # of a pipe
    ".json": lambda path, _: read_json(path),
    ".csv": read_csv,
    ".parquet": read_parquet,
}


def read_rows(path: Path, choose: Choose) -> Iterator[Row]:
    """The rows of a file whose suffix says what it is; `choose` picks the columns of a table.

    Raises:
        ImportError: the file is Parquet, and pyarrow is not installed.
        ValueError: the suffix says nothing, or the file cannot be read.
    """
    if path.suffix.lower() not in READERS:
        known = ", ".join(filter(None, READERS))
        raise ValueError(f"{path} has a suffix that says nothing of what it holds; name it one of {known}")
    return READERS[path.suffix.lower()](path, choose)


def read_predictions(
    paths: Sequence[Path | str], *, columns: Mapping[str, str] = _NO_OTHER_NAMES, task: str | None = None
) -> Iterator[Row]:
    """The rows of files of predictions, read one after the other while they are asked for.

    Args:
        paths: Files whose suffix says what they are: .jsonl with an object a line, .json with a list of objects or an
            object of columns, .csv with a header, .parquet. Any of them may be a completions table of TRL.
        columns: Columns that have another name than the field that they hold, by field: `{"mos": "rating"}`.
        task: Of all rows, where no column has it.

    Yields:
        Rows with `task`, `image_id`, `mos` and `completion`, as `evaluate_predictions` takes them.

    Raises:
        ImportError: a file is Parquet, and pyarrow is not installed.
        ValueError: a file cannot be read; the message names it and its line or row. A row lacks columns that it must
            have. No row has a column of `columns`.

    Warns:
        UserWarning: two completions tables hold the same rows. Every row has a task, none of them the given one.
    """
    names, before, named = _DatasetNames(), None, NamedColumns(columns, task)
    choose = partial(choose_columns, named=named)
    for path in map(Path, [paths] if isinstance(paths, str | Path) else paths):
        table = None  # the contents of a completions table, as a hash
        for number, as_written in enumerate(read_rows(path, choose)):
            rewards = [] if columns.get("mos", "mos") in as_written else logged_rewards(as_written)
            named.check_has(as_written, f"{path}, row {number}", logged=bool(rewards))
            row = named.as_fields(as_written, path) if columns else as_written
            if not rewards:
                yield named.with_task(row)
                continue
            table = table or blake2b(digest_size=16)
            contents = [row.get("completion"), *(row[column] for column in row if "/" in column)]
            table.update(repr(contents).encode(errors="replace"))
            for one in _rows_of_rewards(row, rewards, number, path, names):
                yield named.with_task(one)
        if table is not None and table.digest() == before:
            warnings.warn(
                f"{path} repeats the rows of the table before it; a trainer that logs more often than it generates "
                f"writes them several times: give one table for each generation",
                stacklevel=2,
            )
        before = table and table.digest()
    named.check()


# ---------------------------------------------------------------- the completions table


class LoggedRow(NamedTuple):
    """What a reward has logged of a completion."""

    reward: str
    task: str  # UNKNOWN_TASK where nothing tells it
    dataset: str | None
    target: float | None  # points
    answer: LoggedAnswer
    image: str | int | None


class _DatasetNames:
    """A data set has its own name; where several rewards grade it, theirs stand beside it."""

    def __init__(self) -> None:
        self.given: dict[tuple[str, str | None, str], str] = {}

    def of(self, one: LoggedRow, beside: Sequence[LoggedRow]) -> str:
        key = (one.task, one.dataset, one.reward)
        if key not in self.given:
            others = {other.reward for other in beside if (other.task, other.dataset) == key[:2]} - {one.reward}
            taken = (one.task, one.dataset) in (known[:2] for known in self.given)
            plain = one.dataset or one.reward
            self.given[key] = f"{plain} ({one.reward})" if one.dataset and (others or taken) else plain
        return self.given[key]


def logged_rewards(columns: Collection[str]) -> list[str]:
    """Names of the rewards with labels that have logged to a table with these columns."""
    rewards = [name.removesuffix("/row") for name in columns if name.endswith("/row")]
    earlier = [name.removesuffix("/target") for name in columns if name.endswith("/target")]
    return rewards + [
        name for name in earlier if name not in rewards and all(name + kind in columns for kind in _EARLIER)
    ]


def _rows_of_rewards(row: Row, rewards: Sequence[str], number: int, path: Path, names: _DatasetNames) -> Iterator[Row]:
    """A row for each reward that has graded the completion."""
    step = "" if row.get("step") is None else f"step {row['step']}, "
    logged = [one for name in rewards if (one := logged_row(row, name, f"{path}, row {number}, {name}")) is not None]
    for one in logged:
        yield {
            "dataset": names.of(one, logged),
            "task": one.task,
            "image_id": f"{step}row {number}",
            "mos": one.target,
            "completion": row.get("completion"),
            "logged_answer": one.answer,
        }


def logged_row(row: Row, reward: str, place: str) -> LoggedRow | None:
    """What a reward has logged of the row; None where the row is another task's."""
    if f"{reward}/row" in row:
        fields = _json_object(row[f"{reward}/row"], f"{place}/row")
    else:
        fields = {kind[1:]: row[f"{reward}{kind}"] for kind in _EARLIER}
    status = _known(fields.get("status"))
    if status is None or "target" not in fields:
        return None
    score, target = (_points(fields.get(name), f"{place}: {name}") for name in ("score", "target"))
    if status == "ok" and score is None:
        raise ValueError(f"{place}: the status is ok and there is no score; log the table anew")
    in_name = _TASK_IN_NAME.fullmatch(reward)
    task = _known(fields.get("task")) or (in_name[1] if in_name else UNKNOWN_TASK)
    dataset = _known(fields.get("dataset"))
    return LoggedRow(
        reward,
        str(task),
        dataset and str(dataset),
        target,
        LoggedAnswer(str(status), score if status == "ok" else None),
        _known(fields.get("image")),
    )


def _json_object(cell: Any, place: str) -> Mapping[str, Any]:
    """What the cell of a column `<reward>/row` holds; nothing where the reward did not grade the row."""
    try:
        fields = json.loads(cell) if isinstance(cell, str) and cell else _known(cell)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{place} is no JSON ({error}); got {cell!r:.60}") from None
    if not isinstance(fields, Mapping | None):
        raise ValueError(f"{place} must hold a JSON object; got {cell!r:.60}")
    return fields or {}


def _known(value: Any) -> Any:
    """None for what a table holds where nothing is known."""
    return None if value == "" or (isinstance(value, float) and math.isnan(value)) else value


def _points(value: Any, place: str) -> float | None:
    if (value := _known(value)) is None:
        return None
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise ValueError(f"{place} must be a number of points; got {value!r:.60}") from None
    if math.isnan(number):
        return None
    if not -_ROUNDING <= number <= 100 + _ROUNDING:
        raise ValueError(f"{place} must lie on 0 to 100 points; got {value!r:.60}")
    return min(max(number, 0.0), 100.0)
