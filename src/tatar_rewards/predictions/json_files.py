"""Rows of a JSON file: a list of objects, read one after the other, or an object of columns, as pandas writes it."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

from tatar_rewards.predictions.text_files import Row, decoded_lines

_CHUNK = 1 << 16  # characters
_LONGEST_ESCAPE = 12  # characters of a pair such as \ud83d\ude00, which a chunk may cut in two
_SPACE = re.compile(r"[ \t\r\n]*")


def read_json(path: Path) -> Iterator[Row]:
    """The rows of a JSON file.

    Raises:
        ValueError: the file holds something else; the message names the row.
    """
    with path.open(encoding="utf-8-sig", newline="") as file:
        try:
            text = file.read(_CHUNK).lstrip()
            if text.startswith("["):
                yield from _rows_of_list(_ListReader(text, file, path), path)
            elif text:
                yield from _rows_of_columns(_parse(text + file.read(), path), path)
        except UnicodeDecodeError as error:
            with path.open("rb") as binary:
                for _ in decoded_lines(binary, path):
                    pass  # names line and byte; the error knows its place in a chunk only
            raise ValueError(f"{path} is not in UTF-8 ({error.reason})") from None


def _rows_of_list(reader: "_ListReader", path: Path) -> Iterator[Row]:
    for number, value in enumerate(reader.values()):
        if not isinstance(value, dict):
            raise ValueError(f"{path}, row {number} must be a JSON object; got {str(value)!r:.60}")
        yield value


class _ListReader:
    """Reads the values of a list that begins with `text`, and keeps no more text than the longest value takes."""

    def __init__(self, text: str, file: TextIO, path: Path) -> None:
        self.text, self.place = text, 0
        self.file, self.path, self.number = file, path, 0

    def values(self) -> Iterator[Any]:
        mark = self._take()  # the bracket
        if self._peek() == "]":
            mark = self._take()
        while mark != "]":
            yield self._value()
            self.number += 1
            mark = self._take()
            if mark not in (",", "]"):
                problem = f"after row {self.number - 1}: expected a comma or the end of the list; got {mark!r}"
                raise ValueError(f"{self.path}, {problem}")
        if self._peek():
            raise ValueError(f"{self.path}: something follows the list; write one list of objects")

    def _peek(self) -> str:
        """The next character that is no white space; "" at the end of the file."""
        while True:
            self.place = _SPACE.match(self.text, self.place).end()  # type: ignore[union-attr]
            if self.place < len(self.text) or not self._read_on(_CHUNK):
                return self.text[self.place : self.place + 1]

    def _take(self) -> str:
        character = self._peek()
        self.place += len(character)
        return character

    def _read_on(self, characters: int) -> bool:
        more = self.file.read(characters)
        self.text, self.place = self.text[self.place :] + more, 0
        return bool(more)

    def _value(self) -> Any:
        self._peek()
        while True:
            try:
                value, self.place = json.JSONDecoder().raw_decode(self.text, self.place)
                return value
            except json.JSONDecodeError as error:
                cut_off = error.msg.startswith("Unterminated string") or error.pos > len(self.text) - _LONGEST_ESCAPE
                near = self.text[error.pos :][:20]
                if not (cut_off and self._read_on(max(_CHUNK, len(self.text)))):
                    problem = f"is no JSON ({error.msg}: {near!r})"
                    raise ValueError(f"{self.path}, row {self.number} {problem}; write a list of objects") from None
            except (ValueError, RecursionError) as error:  # a number of too many digits, lists in lists in lists
                raise ValueError(f"{self.path}, row {self.number} is no JSON that can be read ({error})") from None


def _parse(text: str, path: Path) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        hint = "; name it .jsonl if it holds one object a line" if "Extra data" in str(error) else ""
        raise ValueError(f"{path} is no JSON ({error}){hint}") from None


def _rows_of_columns(columns: Any, path: Path) -> Iterator[Row]:
    """Columns are lists, or objects by row."""
    if not isinstance(columns, dict):
        raise ValueError(f"{path} must hold a list of objects, or an object of columns; got {str(columns)!r:.60}")
    names: dict[str, list[str | int]] = {}
    for name, column in columns.items():
        if not isinstance(column, dict | list):
            raise ValueError(
                f"{path}: column {name!r} must be a list, or an object by row; got {str(column)!r:.60}; put a single "
                f"row in a list"
            )
        names[name] = list(column) if isinstance(column, dict) else list(range(len(column)))
    first = next(iter(names), "")
    for name, rows in names.items():
        if rows != names[first]:
            raise ValueError(f"{path}: columns {first!r} and {name!r} must have the same rows")
    for row in names.get(first, []):
        yield {name: column[row] for name, column in columns.items()}
