"""Columns that have another name in the files than here, as a user says, and those that a file lacks."""

import warnings
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from tatar_rewards.predictions.rows import INSTEAD, REQUIRED, UNKNOWN_TASK
from tatar_rewards.wording import did_you_mean, nearest


class NamedColumns:
    """The columns that a user has named, and whether any row has them.

    Args:
        named: The name of the column in the files, by field.
        task: Of all rows, where no column has it.
    """

    def __init__(self, named: Mapping[str, str], task: str | None = None) -> None:
        self.named, self.task = dict(named), task
        self._task_taken = False
        self._other_task: Any = None
        self._unseen, self._seen = dict(named), dict[str, None]()
        optional = {"task"} - set(named) if task is not None else set[str]()
        self._needed = [(field, named.get(field, field)) for field in REQUIRED if field not in optional]
        self._needed += [("dataset", named["dataset"])] if "dataset" in named else []
        self._renamed = {field: name for field, name in self.named.items() if field != name}

    def see(self, row: Mapping[str, Any]) -> None:
        """Look at a row; this costs nothing when each column has been seen."""
        if self._unseen:
            self._seen |= dict.fromkeys(row)
            self._unseen = {field: name for field, name in self._unseen.items() if name not in row}

    def check(self) -> None:
        """After the last row: a ValueError names a column that no row has, and the one that was probably meant.

        Warns:
            UserWarning: a task was given, and every row has another one.
        """
        for field, name in self._unseen.items() if self._seen else ():
            raise ValueError(
                f"no row has a column {name!r}, as {_option(field)} says; {did_you_mean(name, self._seen)}"
            )
        if self._other_task is not None and not self._task_taken:
            warnings.warn(
                f"--task {self.task} has no effect: every row has a task of its own, such as {self._other_task!r}; "
                f"leave it out",
                stacklevel=3,
            )

    def check_has(self, known: Collection[str], place: str, *, logged: bool) -> None:
        """A ValueError names all columns that a row must have and that are not known, each with its option.

        Args:
            known: Names of the columns.
            place: Whose they are.
            logged: Whether rewards have logged what the rows need, so that only columns that a user has named count.
        """
        lacking = [field for field, name in self._needed if name not in known and (field in self.named or not logged)]
        if "completion" in lacking and any(name in known for name in INSTEAD):
            lacking.remove("completion")
        if lacking:
            several = "no column" if len(lacking) == 1 else "no columns"
            log = (
                "; the rewards of this package that read labels would have logged them" if "advantage" in known else ""
            )
            each = ", ".join(self._lack(field, known) for field in lacking)
            raise ValueError(f"{place}: {several} {each} among {list(known)}{log}")

    def _lack(self, field: str, known: Collection[str]) -> str:
        name, option = self.named.get(field, field), _option(field)
        how = f"as {option} says" if field in self.named else f"name yours with {option}"
        near = nearest(name, map(str, known), 0.6 if field in self.named else 0.7)
        task = ", or give --task" if field == "task" and self.task is None else ""
        return f"{name!r} ({how}{task}{'' if near is None else f'; did you mean {near!r}?'})"

    def with_task(self, row: dict[str, Any]) -> dict[str, Any]:
        """The row; with the task of all rows, where it has none."""
        if self.task is None:
            return row
        own = row.get("task", UNKNOWN_TASK)
        if own == UNKNOWN_TASK:
            self._task_taken = True
            return {**row, "task": self.task}
        if own != self.task:
            self._other_task = own
        return row

    def as_fields(self, row: Mapping[str, Any], path: Path) -> dict[str, Any]:
        """The row with its columns under the names of their fields."""
        self.see(row)
        fields = {name: value for name, value in row.items() if name not in self._renamed}
        for field, name in self._renamed.items():
            if name in row:
                fields[field] = value_of(row, name, path) if field == "completion" else row[name]
        return fields


def value_of(row: Mapping[str, Any], column: str, path: Path) -> Any:
    """The completion of a row: an empty cell of a CSV file is one, where the model said nothing."""
    value = row.get(column)
    return "" if value is None and column in row and path.suffix.lower() == ".csv" else value


def _option(field: str) -> str:
    return f"--{field.replace('_', '-')}-column"
