"""One line a completion: what it earns of each reward, what was read, and the cure where nothing was."""

import csv
import json
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from tatar_rewards.answers.cures import cure_of
from tatar_rewards.scoring.calls import OF_OUTPUT, OWN, Scored
from tatar_rewards.scoring.figures import words_of

OutputRow = dict[str, Any]
Write = Callable[[Sequence[OutputRow]], None]


def output_rows(scored: Scored, rows: Sequence[int] | None = None) -> list[OutputRow]:
    """A line for each of the rows, or for all of them.

    Each has `step`, `row` (its number over all files), `task`, `dataset`, `image_id`, `target` (MOS), `status`,
    `score`, `error` (all three of them in points), `words` of thinking, each reward by its name, their `total`, the
    `cure` of an answer that cannot be read, what the rewards log of the row, and the `completion`.
    """
    words, labels, extra = words_of(scored), scored.labels, _extra_columns(scored)
    return [
        {
            "step": scored.table.step,
            "row": scored.table.first + row,
            **{name: _cell(column, row) for name, column in _names(labels.task, labels.dataset, labels.image_id)},
            "target": _number(scored.targets[row]),
            "status": str(scored.answers[row].status),
            "score": _number(scored.predictions[row]),
            "error": _number(abs(scored.predictions[row] - scored.targets[row])),
            "words": _number(words[row]),
            **{name: _number(paid[row]) for name, paid in scored.rewards.items()},
            "total": _number(scored.total[row]),
            "cure": _cure(scored, row),
            **{name: _cell(column, row) for name, column in extra.items()},
            "completion": scored.texts[row].whole,
        }
        for row in (range(len(scored.answers)) if rows is None else rows)
    ]


def _extra_columns(scored: Scored) -> dict[str, list[Any]]:
    """The columns that rewards log, by names that nothing else has: a taken one is written after its reward's."""
    columns: dict[str, list[Any]] = {}
    for (reward, name), column in scored.extra.items():
        taken = name in OF_OUTPUT or name in scored.rewards or name in columns
        columns[f"{reward}/{name}" if taken else name] = column
    return columns


@contextmanager
def open_output(path: Path | None) -> Iterator[Write]:
    """A function that writes lines to a file, whose suffix says how: .jsonl, .csv or .parquet; None writes nothing.

    Raises:
        ImportError: the file is Parquet, and pyarrow is not installed.
        ValueError: the suffix is another one.
    """
    if path is None:
        yield lambda rows: None
        return
    writers = {".jsonl": _jsonl, ".csv": _csv, ".parquet": _parquet}
    if path.suffix.lower() not in writers:
        raise ValueError(f"--out must end in .jsonl, .csv or .parquet; got {str(path)!r}")
    unfinished = path.with_name(f".{path.name}.part")
    try:
        with writers[path.suffix.lower()](unfinished) as write:
            yield write
        unfinished.replace(path)  # what stood there before stays until all of it has been written
    finally:
        unfinished.unlink(missing_ok=True)


@contextmanager
def _jsonl(path: Path) -> Iterator[Write]:
    with path.open("w", encoding="utf-8", errors="surrogateescape") as file:
        yield lambda rows: file.writelines(json.dumps(row, ensure_ascii=True) + "\n" for row in rows)


@contextmanager
def _csv(path: Path) -> Iterator[Write]:
    with _spooled() as (write, names, batches):
        yield write
        with path.open("w", encoding="utf-8", errors="replace", newline="") as file:
            writer = csv.DictWriter(file, list(names), restval="")
            if names:
                writer.writeheader()
            for rows in batches():
                writer.writerows(rows)


@contextmanager
def _parquet(path: Path) -> Iterator[Write]:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise ImportError(
            "--out: Parquet is written by pyarrow, which is not installed; pip install pyarrow",
            name="pyarrow",
        ) from None
    with _spooled() as (write, names, batches):
        yield write
        schema = _schema(list(names), pyarrow)
        texts = {field.name for field in schema if pyarrow.types.is_string(field.type)}
        with pyarrow.parquet.ParquetWriter(path, schema) as writer:
            for rows in batches():
                cells = [{name: _text(row[name]) if name in texts else row[name] for name in row} for row in rows]
                writer.write_table(pyarrow.Table.from_pylist(cells, schema=schema))


@contextmanager
def _spooled() -> Iterator[tuple[Write, dict[str, None], Callable[[], Iterator[list[OutputRow]]]]]:
    """Keeps rows on disk until all of their columns are known: a reward may log one at a later step."""
    names: dict[str, None] = {}
    with TemporaryFile("w+", encoding="utf-8") as file:

        def write(rows: Sequence[OutputRow]) -> None:
            for row in rows:
                names.update(dict.fromkeys(row))
            file.write(json.dumps(rows) + "\n")

        def batches() -> Iterator[list[OutputRow]]:
            file.seek(0)
            yield from map(json.loads, file)

        yield write, names, batches


def _schema(names: list[str], pyarrow: Any) -> Any:
    """Texts but for numbers: a column may hold nothing in the first step."""
    kinds = {"step": pyarrow.int64(), "row": pyarrow.int64()}
    texts = {"task", "dataset", "image_id", "status", "cure"}
    numbers = [*OWN, *names[names.index("words") : names.index("total")]] if names else []
    return pyarrow.schema(
        [
            (name, kinds.get(name, pyarrow.float64() if name in numbers and name not in texts else pyarrow.string()))
            for name in names
        ]
    )


def _text(value: Any) -> str | None:
    """Anything as a text that UTF-8 can write."""
    return None if value is None else str(value).encode("utf-8", "replace").decode()


def _names(*columns: list[Any] | None) -> list[tuple[str, list[Any] | None]]:
    return list(zip(("task", "dataset", "image_id"), columns, strict=True))


def _cell(column: Sequence[Any] | None, row: int) -> Any:
    value = None if column is None else column[row]
    if isinstance(value, float) and not math.isfinite(value):
        return None  # JSON has no such numbers
    return value if isinstance(value, str | int | float | None) else str(value)


def _number(value: float) -> float | None:
    return None if math.isnan(value) else float(value)


def _cure(scored: Scored, row: int) -> str | None:
    answer, text = scored.answers[row], scored.texts[row]
    if answer.ok:
        return None
    prefilled = scored.think_prefilled and not text.reasoning
    return cure_of(answer.status, text.whole, think_prefilled=prefilled, lenient=True)  # no reward reads that grammar
