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


def read_predictions(paths: Sequence[Path]) -> list[dict[str, Any]]:
    """The rows of JSONL files, one JSON object a line.

    Raises:
        ValueError: a line is no JSON object; the message names file and line.
    """
    rows = []
    for path in paths:
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except json.JSONDecodeError as error:
                raise ValueError(f"{path}, line {number} is no JSON ({error.msg}); write one object a line") from None
            if not isinstance(row, dict):
                raise ValueError(f"{path}, line {number} must hold a JSON object; got {line.strip()!r:.60}")
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
