"""MOS, task, image and data set of completions: of their own columns, else of what rewards have logged of them."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

from tatar_rewards.predictions import UNKNOWN_TASK, LoggedRow, logged_rewards, logged_row, without_number
from tatar_rewards.scoring.tables import ColumnNames, Table


class Labels(NamedTuple):
    """What is known of the completions of a table; a column is None where nothing tells it."""

    mos: list[float | None] | None
    task: list[Any] | None
    image_id: list[Any] | None
    dataset: list[Any] | None
    in_points: bool  # the MOS are of a log, which has them on 0-100
    logged: list[LoggedRow | None]  # of each row what the first reward that graded it has logged; [] without a log

    def items(self) -> list[tuple[str, list[Any]]]:
        """The columns that are known, by field."""
        fields = {"mos": self.mos, "task": self.task, "image_id": self.image_id, "dataset": self.dataset}
        return [(field, column) for field, column in fields.items() if column is not None]


def labels_of(table: Table, names: ColumnNames, task: str | None = None) -> Labels:
    """The labels of a table.

    Args:
        table: The completions of a step.
        names: Of the columns.
        task: Of all rows, where no column has it.

    Raises:
        ValueError: a MOS is no number, or a log holds something that no reward has written.
    """
    logged, size = _logged(table), len(table.completions)
    of_log = {
        "mos": _known(logged, lambda one: one.target),
        "task": _known(logged, lambda one: None if one.task == UNKNOWN_TASK else one.task),
        "image_id": _known(logged, lambda one: one.image),
        "dataset": _known(logged, lambda one: one.dataset),
    }
    given = {field: table.columns.get(getattr(names, field)) for field in of_log}
    if task is not None and of_log["task"] is None:
        given["task"] = [task if one is None else one for one in given["task"] or [None] * size]
    mos, images = given["mos"], given["image_id"]
    if mos is not None:
        given["mos"] = [label_number(value, f"{table.place_of(row)}: {names.mos}") for row, value in enumerate(mos)]
    if images is not None:
        given["image_id"] = [_whole(value) for value in images]
    found = {field: of_log[field] if column is None else column for field, column in given.items()}
    return Labels(**found, in_points=mos is None and found["mos"] is not None, logged=logged)


def _logged(table: Table) -> list[LoggedRow | None]:
    rewards = logged_rewards(table.columns)
    if not rewards:
        return []
    cells = {
        name: table.columns[name]
        for name in table.columns
        if name.rpartition("/")[0] in rewards and name.rpartition("/")[2] in ("row", "score", "target", "status")
    }
    logged = []
    for row in range(len(table.completions)):
        here = {name: column[row] for name, column in cells.items()}
        each = (logged_row(here, reward, f"{table.place_of(row)}, {reward}") for reward in rewards)
        logged.append(next((one for one in each if one is not None), None))
    return logged


def _known(logged: list[LoggedRow | None], field: Callable[[LoggedRow], Any]) -> list[Any] | None:
    """A column of a log; None where no row has it."""
    column = [None if one is None else field(one) for one in logged]
    return None if all(value is None for value in column) else column


def label_number(value: Any, place: str) -> float | None:
    """A MOS, which a CSV file has as a text."""
    if without_number(value):
        return None
    try:
        if not isinstance(value, bool) and not math.isinf(number := float(value)):
            return number
    except (TypeError, ValueError, OverflowError):
        pass
    cure = "mend it, or name another with --mos-column"
    raise ValueError(f"{place} must be a finite number, or nothing without a label; got {value!r:.60}; {cure}")


def _whole(value: Any) -> Any:
    """A table with missing cells has whole numbers as floats."""
    return int(value) if isinstance(value, float) and value == value // 1 else value
