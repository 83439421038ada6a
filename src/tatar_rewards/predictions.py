"""A model's predictions as rows: one completion and the label of its picture each."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError


class PredictionRow(BaseModel):
    """One completion and the label of its picture; other fields are passed over."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    dataset: str
    task: str
    image_id: str | int
    mos: float | None
    completion: Any


def parse_jsonl(content: bytes, path: Path) -> dict[int, Any]:
    r"""The values of a JSONL file by line number. Only line feeds end a line: a string may hold other separators.

    Raises:
        ValueError: a line is no JSON, or the file is not in UTF-8; the message names file and line.

    Examples:
        >>> parse_jsonl(b'{"a": 1}\n\n[2]', Path("x.jsonl"))
        {1: {'a': 1}, 3: [2]}
    """
    try:
        lines = content.decode("utf-8-sig").split("\n")
    except UnicodeDecodeError as error:
        number = content[: error.start].count(b"\n") + 1
        raise ValueError(f"{path}, line {number} is not in UTF-8 ({error.reason}); save the file in UTF-8") from None
    values = {}
    for number, line in enumerate(lines, start=1):
        if line.strip():
            try:
                values[number] = json.loads(line)
            except json.JSONDecodeError as error:
                message = f"{path}, line {number} is no JSON ({error.msg}); write one object a line"
                raise ValueError(message) from None
    return values


def read_predictions(paths: Sequence[Path]) -> list[dict[str, Any]]:
    """The rows of JSONL files, one JSON object a line.

    Raises:
        ValueError: a line is no JSON object; the message names file and line.
    """
    rows = []
    for path in paths:
        for number, row in parse_jsonl(path.read_bytes(), path).items():
            if not isinstance(row, dict):
                raise ValueError(f"{path}, line {number} must hold a JSON object; got {str(row)!r:.60}")
            rows.append(row)
    return rows


def check_row(number: int, raw: Mapping[str, Any]) -> PredictionRow:
    """A row of predictions, or an error that names it and what it lacks."""
    try:
        return PredictionRow.model_validate(dict(raw))
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"]))
        raise ValueError(
            f"row {number}: {field}: {first['msg']}; every row needs dataset, task, image_id, mos and completion"
        ) from None
