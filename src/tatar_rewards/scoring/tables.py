"""Completions from files, step by step, as a trainer hands them to its rewards: one call a step."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import blake2b
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from tatar_rewards.predictions import NamedColumns, messages_in_text, read_rows, value_of
from tatar_rewards.scales import is_missing
from tatar_rewards.wording import did_you_mean

PICTURES = ("image", "images")


class ColumnNames(NamedTuple):
    """How the columns of the files are called."""

    completion: str = "completion"
    step: str = "step"
    mos: str = "mos"
    task: str = "task"
    image_id: str = "image_id"
    dataset: str = "dataset"


class Table(NamedTuple):
    """The completions of one step, and the other columns: lists with a value a completion, None for nothing."""

    step: int | None
    files: list[tuple[int, Path, int]]  # from which of its rows on: the file, and the number of that row there
    first: int  # number of its first row, over all files
    completions: list[Any]
    columns: dict[str, list[Any]]

    def place_of(self, row: int) -> str:
        """Where a row stands."""
        start, file, number = next(part for part in reversed(self.files) if part[0] <= row)
        return f"{file}, row {number + row - start}"

    @property
    def name(self) -> str:
        """What an error calls it."""
        return self.place_of(0) if self.step is None else f"step {self.step} ({self.place_of(0)})"

    def fingerprint(self) -> bytes:
        """Equal for a table that is written twice: whatever it holds but the step."""
        contents = blake2b(digest_size=16)
        for column in (self.completions, *self.columns.values()):
            contents.update(repr(column).encode(errors="replace"))
        return contents.digest()


def read_tables(
    files: Sequence[Path], names: ColumnNames, *, named: Mapping[str, str] | None = None, pictures: bool = False
) -> Iterator[Table]:
    """The completions of the files, one table a step; all of them are one where there is no step.

    Args:
        files: As `find_files` gives them; several are put into the order of their first steps.
        names: What the columns are called.
        named: Those that a row must have, by field, since a user has named them.
        pictures: Whether columns of pictures are wanted, which are large.

    Raises:
        ImportError: a file is Parquet, and pyarrow is not installed.
        ValueError: a file cannot be read, a row has no completion, no row has a column that is named, or steps are not
            in order.
    """
    asked_for = NamedColumns(named or {})
    rows, parts, step, first = list[Mapping[str, Any]](), list[tuple[int, Path, int]](), None, 0
    for number, (file, in_file, row) in enumerate(_rows(_by_first_step(files, names), names, pictures)):
        here = f"{file}, row {in_file}"
        asked_for.see(row)
        its_step = _step_of(row, names.step, here)
        if rows and its_step != step:
            if its_step is None or step is None:
                has, have = ("none", "one") if its_step is None else ("one", "none")
                raise ValueError(
                    f"{here} has {has} in {names.step!r}, and rows before it have {have}; give every row its step, "
                    f"or none"
                )
            if its_step < step:
                raise ValueError(f"{here}: step {its_step} comes after step {step}; sort the rows by {names.step!r}")
            yield _table(rows, step, parts, first, names)
            rows, parts = [], []
        if not rows:
            step, first = its_step, number
        if not parts or parts[-1][1] is not file:
            parts.append((len(rows), file, in_file))
        rows.append({**row, names.completion: _completion(row, names.completion, file, here)})
    asked_for.check()
    if rows:
        yield _table(rows, step, parts, first, names)


def _rows(files: Sequence[Path], names: ColumnNames, pictures: bool) -> Iterator[tuple[Path, int, Mapping[str, Any]]]:
    def choose(columns: Sequence[str], path: Path) -> list[str]:
        if names.completion not in columns:
            raise ValueError(f"{path}: {_no_completion(names.completion, columns)}")
        return [name for name in columns if name and (pictures or name not in PICTURES or name in names)]

    for file in files:
        for number, row in enumerate(read_rows(file, choose)):
            yield file, number, row


def _by_first_step(files: Sequence[Path], names: ColumnNames) -> Sequence[Path]:
    """A shell lists `completions_100000` before `completions_99999`."""
    if len(files) < 2 or not all(file.is_file() for file in files):  # a pipe is read once
        return files
    firsts = [next((row.get(names.step) for _, _, row in islice(_rows([file], names, False), 1)), 0) for file in files]
    if any(is_missing(step) for step in firsts):
        return files
    steps = [
        _step_of({names.step: step}, names.step, f"{file}, row 0") for file, step in zip(files, firsts, strict=True)
    ]
    return [files[k] for k in sorted(range(len(files)), key=lambda k: steps[k] or 0)]


def _step_of(row: Mapping[str, Any], column: str, place: str) -> int | None:
    value = row.get(column)
    if is_missing(value):
        return None
    try:
        number = float(value)  # type: ignore[arg-type]  # the error is told
        if number == number // 1 and not isinstance(value, bool):
            return int(number)
    except (TypeError, ValueError, OverflowError):
        pass
    raise ValueError(f"{place}: {column} must be a whole number; got {value!r:.60}; name another with --step-column")


def _completion(row: Mapping[str, Any], column: str, file: Path, place: str) -> Any:
    if column not in row:
        raise ValueError(f"{place}: {_no_completion(column, row)}")
    value = value_of(row, column, file)
    if is_missing(value):
        raise ValueError(f'{place}: {column} is missing; give "" where the model said nothing')
    return messages_in_text(value)


def _no_completion(column: str, known: Iterable[str]) -> str:
    return f"no column {column!r}; name yours with --completion-column; {did_you_mean(column, known)}"


def _table(
    rows: list[Mapping[str, Any]],
    step: int | None,
    parts: list[tuple[int, Path, int]],
    first: int,
    names: ColumnNames,
) -> Table:
    columns = dict.fromkeys(name for row in rows for name in row if name not in (names.completion, names.step))
    return Table(
        step,
        parts,
        first,
        [row[names.completion] for row in rows],
        {name: [None if is_missing(row.get(name)) else row[name] for row in rows] for name in columns},
    )
