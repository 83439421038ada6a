"""Label files: JSON lists, JSONL, CSV and declared layouts, and the pictures that their rows declare.

The configuration declares the scale of the labels; a label off it is an error with its row.
"""

import json
import math
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from recipe.config import PictureSet, Task
from recipe.label_tables import cell_of, is_empty, name_of, read_file, read_table, rows_of_pictures
from recipe.layouts import Layout
from recipe.picture_files import find_files
from tatar_rewards.findings import squeezed_labels
from tatar_rewards.predictions import decoded_lines, parse_jsonl


class Picture(NamedTuple):
    """One labelled picture; MOS and standard deviation in points on 0-100."""

    path: Path
    image_id: str
    dataset: str
    task: Task
    mos: float
    mos_std: float | None
    digest: str | None = None  # of its file, once it has been decoded
    raters: int | None = None  # how many people judged it

    @property
    def key(self) -> str:
        """Of the picture in its task: a data set may have labels of both."""
        return picture_key(self.task, self.dataset, self.image_id)


def picture_key(task: str, dataset: str, image_id: str) -> str:
    """The one name of a picture in every file of a run."""
    return f"{task}/{dataset}/{image_id}"


def read_labels(path: Path) -> list[dict[str, Any]]:
    """The rows of a file of JSON, JSONL or CSV."""
    if not path.is_file():
        raise SystemExit(f"label file {path} does not exist; mend its path in the config")
    if path.suffix not in (".json", ".jsonl", ".csv"):
        raise SystemExit(f"labels must be .json, .jsonl or .csv; got {path}; declare how others are written: layout")
    return read_file(path, Layout()) if path.suffix == ".csv" else _read_json(path)


def _read_json(path: Path) -> list[dict[str, Any]]:
    content = path.read_bytes()
    try:
        if path.suffix == ".jsonl":
            rows = list(parse_jsonl(content, path).values())
        else:
            rows = json.loads("".join(decoded_lines(BytesIO(content), path)))
    except (json.JSONDecodeError, RecursionError) as error:
        raise SystemExit(f"{path} is no {path.suffix[1:]}: {error}") from None
    except ValueError as error:
        raise SystemExit(str(error)) from None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise SystemExit(f"{path} must hold a list of objects, one a picture")
    return rows


def _rows_of_pictures(spec: PictureSet) -> list[dict[str, Any]]:
    layout = spec.layout or Layout()
    is_table = spec.labels.suffix == ".csv" or (
        spec.layout is not None and spec.labels.suffix not in (".json", ".jsonl")
    )
    return rows_of_pictures(read_table(spec, layout) if is_table else read_labels(spec.labels), spec, layout)


def read_pictures(spec: PictureSet) -> list[Picture]:
    """The labelled pictures of a set, in the order of its label file; this opens no picture."""
    rows = _rows_of_pictures(spec)
    for column in spec.where:
        if rows and not any(column in row for row in rows):
            raise SystemExit(f"{spec.labels}: no row has {column!r}, which data.*.where asks for")
    numbered = [(number, row) for number, row in enumerate(rows) if _belongs(spec, row, number)][: spec.limit]
    if not numbered:
        raise SystemExit(f"{spec.labels}: none of {len(rows)} rows belongs to {spec.name}; mend where, share or limit")
    _refuse_empty(spec, numbered)
    names = [name_of(row, spec, number) for number, row in numbered]
    _refuse_duplicates(spec, numbered, names)
    raters = _raters(spec, numbered)
    points, stds = _labels_in_points(spec, numbered, raters)
    files = {n: _file_name(spec, row, name, n) for (n, row), name in zip(numbered, names, strict=True)}
    return [
        Picture(path, name, spec.name, spec.task, mos, std, raters=people)
        for path, name, mos, std, people in zip(find_files(spec, files), names, points, stds, raters, strict=True)
    ]


def _refuse_empty(spec: PictureSet, numbered: Sequence[tuple[int, Mapping[str, Any]]]) -> None:
    """Exits where several rows have no label, with their numbers; a single one is told with its cell."""
    empty = [number for number, row in numbered if spec.mos_key in row and is_empty(row[spec.mos_key])]
    if len(empty) > 1:
        shown = ", ".join(map(str, empty[:10])) + ", ..." * (len(empty) > 10)
        raise SystemExit(
            f"{spec.labels}: {spec.mos_key} is empty in {len(empty)} of {len(numbered)} rows ({shown}); take the rows "
            f"out, or fill them in: the recipe needs a label for every picture"
        )


def check_labels(spec: PictureSet, pictures: Sequence[Picture]) -> list[str]:
    """What is suspicious of a set's labels, one line each."""
    points = np.array([picture.mos for picture in pictures], float)
    return [
        f"{spec.name}: {finding.problem}; mend data.*.scale if it is not that"
        for finding in squeezed_labels(points, spec.mos_key, spec.score_scale)
    ]


def _same(cell: Any, value: Any) -> bool:
    """Whether a cell holds what the configuration says, whatever type a file gives it."""
    if isinstance(value, list):
        return any(_same(cell, one) for one in value)
    if str(cell).strip().lower() == str(value).strip().lower():
        return True
    try:
        return not isinstance(cell, str) and float(cell) == float(value)
    except (TypeError, ValueError):
        return False


def _belongs(spec: PictureSet, row: Mapping[str, Any], number: int) -> bool:
    """Whether the row is of the split that the set declares, by columns and by share."""
    if not all(_same(row.get(column), value) for column, value in spec.where.items()):
        return False
    low, high = spec.share
    if (low, high) == (0, 1):
        return True
    name = str(cell_of(row, spec.image_key, spec, number))
    place = int.from_bytes(blake2b(name.encode(errors="replace"), digest_size=8).digest(), "big") / 2**64
    return low <= place < high


def _file_name(spec: PictureSet, row: Mapping[str, Any], name: str, number: int) -> str:
    if spec.file is None:
        return name
    try:
        return spec.file.format_map(row)
    except (KeyError, ValueError, IndexError, AttributeError, TypeError) as error:
        raise SystemExit(
            f"{spec.labels}, row {number}: data.*.file {spec.file!r} asks for {error}, and the row has "
            f"{sorted(map(str, row))}; write columns in braces, such as '{{{spec.image_key}}}.jpg'"
        ) from None


def _labels_in_points(
    spec: PictureSet, numbered: Sequence[tuple[int, Mapping[str, Any]]], raters: Sequence[int | None]
) -> tuple[list[float], list[float | None]]:
    """MOS and standard deviations in points on 0-100; a deviation that is not known is NaN."""
    # at their rows of the file, so that errors name those
    labels: list[Any] = [None] * (numbered[-1][0] + 1)
    stds: list[Any] = [None] * len(labels) if spec.mos_std_key else []
    people: list[int | None] = [None] * len(stds)
    for (number, row), count in zip(numbered, raters, strict=True):
        labels[number] = cell_of(row, spec.mos_key, spec, number)
        if isinstance(labels[number], bool):
            raise SystemExit(f"{spec.labels}, row {number}: {spec.mos_key} is {labels[number]}, no label")
        if spec.mos_std_key:
            stds[number] = None if is_empty(row.get(spec.mos_std_key)) else row[spec.mos_std_key]
            people[number] = count
        if spec.mos_std_key and isinstance(stds[number], bool):
            raise SystemExit(f"{spec.labels}, row {number}: {spec.mos_std_key} is {stds[number]}, no deviation")
    _refuse_missing_column(spec, "mos_std_key", numbered)
    try:
        points = spec.score_scale.column_to_points(labels, column=f"{spec.labels}: {spec.mos_key}").tolist()
        deviations = f"{spec.labels}: {spec.mos_std_key}"
        known = spec.std_scale.stds_to_points(stds, column=deviations, raters=people).tolist()
    except (ValueError, TypeError, OverflowError) as error:
        raise SystemExit(f"{spec.labels}: {error}" if isinstance(error, OverflowError) else str(error)) from None
    chosen = [number for number, _ in numbered]
    missing = [number for number in chosen if math.isnan(points[number])]
    if missing:
        raise SystemExit(
            f"{spec.labels}: {spec.mos_key} of row {missing[0]} is {labels[missing[0]]!r}, no label "
            f"({len(missing)} such rows); take them out, or give their MOS"
        )
    return [points[n] for n in chosen], [known[n] if spec.mos_std_key else None for n in chosen]


def _raters(spec: PictureSet, numbered: Sequence[tuple[int, Mapping[str, Any]]]) -> list[int | None]:
    """How many people judged each picture; None where it is not known."""
    if spec.raters_key is None:
        return [spec.raters] * len(numbered)
    _refuse_missing_column(spec, "raters_key", numbered)
    return [_count_of_people(spec, row.get(spec.raters_key), number) for number, row in numbered]


def _count_of_people(spec: PictureSet, cell: Any, number: int) -> int | None:
    if is_empty(cell):
        return None
    try:
        count = 0.0 if isinstance(cell, bool) else float(cell)
    except (TypeError, ValueError, OverflowError):
        count = 0.0
    if math.isnan(count):  # as pandas writes what is not known
        return None
    if not (count.is_integer() and count >= 1):
        raise SystemExit(
            f"{spec.labels}, row {number}: {spec.raters_key} is {cell!r:.60}, no number of people; give a whole "
            f"number of at least 1, or nothing where it is not known"
        )
    return int(count)


def _refuse_missing_column(spec: PictureSet, key: str, numbered: Sequence[tuple[int, Mapping[str, Any]]]) -> None:
    column = getattr(spec, key)
    if column and not any(column in row for _, row in numbered):
        raise SystemExit(f"{spec.labels}: no row has {column!r}; set {key} to a column that there is")


def _refuse_duplicates(spec: PictureSet, numbered: Sequence[tuple[int, Any]], names: Sequence[str]) -> None:
    row_of: dict[str, int] = {}
    for (number, _), name in zip(numbered, names, strict=True):
        if row_of.setdefault(name, number) != number:
            raise SystemExit(f"{spec.labels}: rows {row_of[name]} and {number} are both of {name!r}; keep one")
