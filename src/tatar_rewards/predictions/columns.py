"""Columns that have another name in the files than here, as a user says."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tatar_rewards.predictions.rows import INSTEAD, REQUIRED
from tatar_rewards.wording import did_you_mean


class NamedColumns:
    """The columns that a user has named, and whether any row has them.

    Args:
        named: The name of the column in the files, by field.
    """

    def __init__(self, named: Mapping[str, str]) -> None:
        self.named = dict(named)
        self._unseen, self._seen = dict(named), dict[str, None]()

    def see(self, row: Mapping[str, Any]) -> None:
        """Look at a row; this costs nothing when each column has been seen."""
        if self._unseen:
            self._seen |= dict.fromkeys(row)
            self._unseen = {field: name for field, name in self._unseen.items() if name not in row}

    def check(self) -> None:
        """After the last row: a ValueError names a column that no row has, and the one that was probably meant."""
        for field, name in self._unseen.items() if self._seen else ():
            raise ValueError(f"no row has a column {name!r}{_cure(field, name, self._seen)}")

    def as_fields(self, row: Mapping[str, Any], number: int, path: Path) -> dict[str, Any]:
        """The row with its columns under the names of their fields.

        Raises:
            ValueError: it lacks a column that every row must have.
        """
        self.see(row)
        others = {field: name for field, name in self.named.items() if field != name}
        fields = {name: value for name, value in row.items() if name not in others}
        for field, name in others.items():
            if name in row:
                fields[field] = value_of(row, name, path) if field == "completion" else row[name]
            elif field in REQUIRED and not (field == "completion" and set(INSTEAD) & set(row)):
                raise ValueError(f"{path}, row {number} has no column {name!r}{_cure(field, name, row)}")
        return fields


def value_of(row: Mapping[str, Any], column: str, path: Path) -> Any:
    """The completion of a row: an empty cell of a CSV file is one, where the model said nothing."""
    value = row.get(column)
    return "" if value is None and column in row and path.suffix.lower() == ".csv" else value


def _cure(field: str, name: str, known: Mapping[str, Any]) -> str:
    return f", as --{field.replace('_', '-')}-column says; {did_you_mean(name, map(str, known))}"
