"""Rows of JSONL, JSON and CSV, one after the other: a file may be larger than the memory."""

import csv
import io
import json
import sys
from codecs import BOM_UTF8
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from tatar_rewards.predictions.rows import messages_in_text

Row = dict[str, Any]

_UTF_16_MARKS = (b"\xff\xfe", b"\xfe\xff")
TO_UTF8 = "save the file in UTF-8, for example with: iconv -f LATIN1 -t UTF-8"


def decoded_lines(lines: Iterable[bytes], path: Path) -> Iterator[str]:
    """Lines of a file in UTF-8, with or without a byte order mark.

    Raises:
        ValueError: bytes are no UTF-8; the message names file, line, byte and the cure.
    """
    offset = 0
    for number, line in enumerate(lines, start=1):
        mark = len(BOM_UTF8) if number == 1 and line.startswith(BOM_UTF8) else 0
        try:
            text = line[mark:].decode()
        except UnicodeDecodeError as error:
            cure = TO_UTF8.replace("LATIN1", "UTF-16") if line[:2] in _UTF_16_MARKS else TO_UTF8
            place = offset + mark + error.start
            raise ValueError(
                f"{path}, line {number} is not in UTF-8 ({error.reason}, 0x{error.object[error.start]:02X} at byte "
                f"{place} of the file); {cure}"
            ) from None
        offset += len(line)
        yield text


# ---------------------------------------------------------------- JSONL


def read_jsonl(path: Path) -> Iterator[Row]:
    """The objects of a JSONL file, one a line.

    Raises:
        ValueError: a line is no JSON object; the message names file and line.
    """
    with path.open("rb") as file:
        for number, row in jsonl_values(file, path):
            if not isinstance(row, dict):
                raise ValueError(f"{path}, line {number} must hold a JSON object; got {str(row)!r:.60}")
            yield row


def jsonl_values(lines: Iterable[bytes], path: Path) -> Iterator[tuple[int, Any]]:
    """Line number and value of each line that is not blank."""
    for number, line in enumerate(decoded_lines(lines, path), start=1):
        if line.strip():
            try:
                value = json.loads(line)
            except (ValueError, RecursionError) as error:
                reason = error.msg if isinstance(error, json.JSONDecodeError) else error
                raise ValueError(f"{path}, line {number} is no JSON ({reason}); write one object a line") from None
            yield number, value


def parse_jsonl(content: bytes, path: Path) -> dict[int, Any]:
    r"""The values of a JSONL file by line number. Only line feeds end a line: a string may hold other separators.

    Raises:
        ValueError: a line is no JSON, or the file is not in UTF-8; the message names file and line.

    Examples:
        >>> parse_jsonl(b'{"a": 1}\n\n[2]', Path("x.jsonl"))
        {1: {'a': 1}, 3: [2]}
    """
    return dict(jsonl_values(io.BytesIO(content), path))


# ---------------------------------------------------------------- CSV


def read_csv(path: Path, choose: Callable[[Sequence[str], Path], list[str]]) -> Iterator[Row]:
    """The rows of a CSV file with a header; an empty cell is None, except that of a completion.

    Raises:
        ValueError: the file is no CSV, or a row has another number of cells than the header; the message names the row.
    """
    with path.open("rb") as file:
        reader = csv.reader(decoded_lines(file, path), strict=True)
        header = _next_cells(reader, f"{path}, header")
        if header is None:
            return
        separator = other_separator(header)
        if separator is not None:
            raise ValueError(
                f"{path}, header: the cells are separated by {separator!r} and not by commas: {header[0]!r:.60}; save "
                f"the file with commas"
            )
        refuse_twins(header, choose(header, path), f"{path}, header")
        number = 0
        while (cells := _next_cells(reader, f"{path}, row {number}")) is not None:
            if cells and len(cells) != len(header):
                more = "more" if len(cells) > len(header) else "fewer"
                raise ValueError(
                    f"{path}, row {number} (line {reader.line_num}): {more} cells than columns, {len(cells)} and "
                    f"{len(header)}; quote cells that hold commas or line breaks"
                )
            if cells:
                row = {name: _cell(name, cell) for name, cell in zip(header, cells, strict=True)}
                if row.get("completions") is not None and row.get("completion") == "":
                    del row["completion"]  # of another kind of row
                yield row
                number += 1


def other_separator(names: Sequence[str]) -> str | None:
    """What the cells of a table are separated by, if not by commas: its header is then one cell."""
    return next((one for one in (";", "\t") if len(names) == 1 and one in names[0]), None)


def refuse_twins(names: Sequence[str], chosen: Iterable[str], place: str) -> None:
    """A ValueError where two of a table's columns have one name that is read: which of them is meant?"""
    for name in chosen:
        if names.count(name) > 1:
            raise ValueError(f"{place}: {names.count(name)} columns are called {name!r}; keep one of them")


def _next_cells(reader: Any, place: str) -> list[str] | None:
    """The next record; None at the end."""
    limit = csv.field_size_limit(sys.maxsize)  # a completion may be long; the limit is one of the process
    try:
        cells: list[str] | None = next(reader, None)
    except csv.Error as error:
        raise ValueError(
            f"{place} (line {reader.line_num}) is no CSV ({error}); quote cells that hold commas, quotes or line "
            f"breaks, and double the quotes in them"
        ) from None
    finally:
        csv.field_size_limit(limit)
    return cells


def _cell(name: str, cell: str) -> Any:
    """An empty cell is no value, but for a completion: a model may say nothing."""
    return messages_in_text(cell) if name == "completion" else cell or None
