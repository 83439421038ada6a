"""Reads label files by their layout: tables of text, workbooks and folders of them; ratings become MOS and deviation.

What is wrong is named with file, row or line, value and cure.
"""

import csv
import math
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

from recipe.config import PictureSet
from recipe.layouts import Layout
from tatar_rewards.predictions import decoded_lines

Row = dict[str, Any]
Lines = Iterable[tuple[str, list[Any]]]  # where a line is, and its cells

_SEPARATORS = {"comma": ",", "semicolon": ";", "tab": "\t"}

# ---------------------------------------------------------------- tables


def read_table(spec: PictureSet, layout: Layout) -> list[Row]:
    """The rows of a set's label file, or of all label files in its folder; text without the white space around it."""
    if layout.files is None or not spec.labels.is_dir():
        return read_file(spec.labels, layout, _columns_read(spec, layout))
    paths = sorted(spec.labels.glob(layout.files))
    if not paths:
        raise SystemExit(f"{spec.labels}: no file is called {layout.files}; mend labels, or files of its layout")
    rows: list[Row] = []
    for path in paths:
        of_file = read_file(path, layout, _columns_read(spec, layout))
        _check_labels_of_file(of_file, path, spec)
        rows += of_file
    return rows


def _check_labels_of_file(rows: Sequence[Row], path: Path, spec: PictureSet) -> None:
    """Later errors count rows over all files of the folder, so that labels are checked here already."""
    if rows and spec.mos_key in rows[0]:
        try:
            spec.score_scale.column_to_points([row[spec.mos_key] for row in rows], column=f"{path}: {spec.mos_key}")
        except (ValueError, TypeError) as error:
            raise SystemExit(str(error)) from None


def _columns_read(spec: PictureSet, layout: Layout) -> set[str]:
    named = {spec.image_key, spec.mos_key, spec.mos_std_key, spec.raters_key, layout.one_row_a_rater}
    return {*layout.counts, *spec.where, *(column for column in named if column is not None)}


def read_file(path: Path, layout: Layout, read: Collection[str] = ()) -> list[Row]:
    """The rows of a table of text or of a workbook; exits where one of the columns that are read is there twice."""
    if path.is_dir():
        raise SystemExit(f"{path} is a folder; name a label file, or those in it by layout: {{files: '*.txt'}}")
    if not path.is_file():
        raise SystemExit(f"label file {path} does not exist; mend its path in the config")
    if path.suffix.lower() in (".xls", ".ods"):
        raise SystemExit(f"{path}: {path.suffix} is not read; save the sheet as .xlsx or as CSV in UTF-8")
    try:
        if path.suffix.lower() == ".xlsx":
            return _to_rows(_lines_of_workbook(path), path, layout, read)
        with path.open("rb") as file:
            return _to_rows(_lines_of_text(decoded_lines(file, path), layout.separator), path, layout, read)
    except csv.Error as error:
        raise SystemExit(f"{path} is no table: {error}; mend it, or separator of its layout") from None
    except ValueError as error:
        raise SystemExit(str(error)) from None


def _lines_of_text(lines: Iterable[str], separator: str) -> Iterator[tuple[str, list[Any]]]:
    if separator == "space":
        yield from ((f"line {number}", line.split()) for number, line in enumerate(lines, start=1))
        return
    reader = csv.reader(lines, delimiter=_SEPARATORS[separator], skipinitialspace=True, strict=True)
    for cells in reader:
        yield f"line {reader.line_num}", [cell.strip() for cell in cells]


def _lines_of_workbook(path: Path) -> Lines:
    """The lines of the first sheet."""
    try:
        import openpyxl  # only for those who have such a file
    except ModuleNotFoundError:
        raise SystemExit(
            f"{path}: .xlsx is read by openpyxl, which is not installed; pip install openpyxl, or save the sheet as CSV"
        ) from None
    try:
        sheet = openpyxl.load_workbook(path, data_only=True).worksheets[0]
    except (BadZipFile, KeyError, IndexError, OSError) as error:
        raise SystemExit(f"{path} is no .xlsx: {error}; save it as one, or as CSV") from None
    rows = enumerate(sheet.iter_rows(values_only=True), start=1)
    return [(f"line {n}", [c.strip() if isinstance(c, str) else c for c in cells]) for n, cells in rows]


def _to_rows(lines: Lines, path: Path, layout: Layout, read: Collection[str]) -> list[Row]:
    """Lines with the names of their columns, those of the first line where the layout gives none."""
    columns, rows = layout.columns, []
    for place, all_cells in lines:
        cells = all_cells if len(all_cells) == len(columns or []) else _without_empty_end(all_cells, len(columns or []))
        if not any(cells) and all(is_empty(cell) for cell in cells):
            continue
        if columns is None:
            columns = ["" if is_empty(cell) else str(cell) for cell in cells]
            _refuse_ambiguous(columns, f"{path}, {place}", read)
        elif len(cells) != len(columns):
            raise SystemExit(
                f"{path}, {place}: {len(cells)} cells for {len(columns)} columns, {cells!r:.80}; mend the line, or "
                f"columns or separator of its layout; a cell that holds a separator needs quotes"
            )
        else:
            rows.append(dict(zip(columns, cells, strict=True)))
    return rows


def _refuse_ambiguous(columns: Sequence[str], place: str, read: Collection[str]) -> None:
    """Exits if two columns have a name that is read; of others the last one counts."""
    for column in sorted(read):
        if columns.count(column) > 1:
            raise SystemExit(f"{place}: {columns.count(column)} columns are called {column!r}; rename the others")


def _without_empty_end(cells: list[Any], wanted: int) -> list[Any]:
    """The cells without those of columns that have no name: workbooks and exports have empty ones to the right."""
    last = max((number for number, cell in enumerate(cells, start=1) if not is_empty(cell)), default=0)
    return cells[: max(last, wanted)]


# ---------------------------------------------------------------- cells


def is_empty(cell: Any) -> bool:
    return cell is None or (isinstance(cell, str) and not cell.strip())


def cell_of(row: Mapping[str, Any], column: str, spec: PictureSet, number: int) -> Any:
    """A cell that must be there; exits where it is missing or empty."""
    if column not in row:
        raise SystemExit(
            f"{spec.labels}, row {number}: no {column!r} among {sorted(map(str, row))}; {_key_that_names(column, spec)}"
        )
    if is_empty(row[column]):
        raise SystemExit(f"{spec.labels}, row {number}: {column} is empty; take the row out, or fill it in")
    return row[column]


def _key_that_names(column: str, spec: PictureSet) -> str:
    keys = [name for name, value in spec if name.endswith("_key") and value == column]
    return f"name yours in the config with {' or '.join(f'{key}:' for key in keys) or 'the keys of its set'}"


def name_of(row: Mapping[str, Any], spec: PictureSet, number: int) -> str:
    """What the row calls its picture."""
    name = cell_of(row, spec.image_key, spec, number)
    if not isinstance(name, str | int) or isinstance(name, bool):
        raise SystemExit(
            f"{spec.labels}, row {number}: {spec.image_key} is {name!r:.60}, no name of a file; give one name"
        )
    return str(name)


def _number(cell: Any) -> float:
    """NaN where the cell holds none."""
    try:
        return math.nan if isinstance(cell, bool) else float(cell)
    except (TypeError, ValueError, OverflowError):
        return math.nan


# ---------------------------------------------------------------- ratings


def rows_of_pictures(rows: list[Row], spec: PictureSet, layout: Layout) -> list[Row]:
    """One row a picture, with its MOS, deviation and number of raters where the file holds ratings."""
    if layout.counts:
        return [{**row, **_moments(layout.values, _counts(row, spec, layout, n))} for n, row in enumerate(rows)]
    return rows if layout.one_row_a_rater is None else _gather_raters(rows, spec, layout.one_row_a_rater)


def _counts(row: Row, spec: PictureSet, layout: Layout, number: int) -> list[int]:
    counts = []
    for column in layout.counts:
        count = _number(row.get(column))
        if not (count >= 0 and count.is_integer()):
            cell = cell_of(row, column, spec, number)
            raise SystemExit(
                f"{spec.labels}, row {number}: {column} is {cell!r:.60}, no number of ratings; give a whole number of "
                f"at least 0 (shares of the raters are none)"
            )
        counts.append(int(count))
    if not any(counts):
        raise SystemExit(f"{spec.labels}, row {number}: nobody has rated it, all counts are 0; take the row out")
    return counts


def _gather_raters(rows: Sequence[Row], spec: PictureSet, column: str) -> list[Row]:
    """A row for each picture, in the order of their first ratings, with the columns that its raters agree on."""
    groups: dict[str, list[Row]] = {}
    ratings: dict[str, Counter[float]] = {}
    for number, row in enumerate(rows):
        name, cell = name_of(row, spec, number), cell_of(row, column, spec, number)
        rating = _number(cell)
        if rating not in spec.score_scale:  # NaN is on none
            raise SystemExit(
                f"{spec.labels}, row {number}: {column} is {cell!r:.60}, no rating on the declared scale "
                f"{spec.score_scale}; mend the rating, or declare the scale that people rated on"
            )
        groups.setdefault(name, []).append(row)
        ratings.setdefault(name, Counter())[rating] += 1
    shared = [key for key in (rows[0] if rows else {}) if all(_agree(group, key) for group in groups.values())]
    return [
        {key: group[0].get(key) for key in shared}
        | {spec.image_key: name}
        | _moments(list(ratings[name]), list(ratings[name].values()))
        for name, group in groups.items()
    ]


def _agree(rows: Sequence[Row], key: str) -> bool:
    return all(row.get(key) == rows[0].get(key) for row in rows)


def _moments(values: Sequence[float], counts: Sequence[int]) -> Row:
    """MOS, standard deviation of single ratings (n - 1; not known of a single one) and the number of ratings."""
    raters = sum(counts)
    mos = math.fsum(value * count for value, count in zip(values, counts, strict=True)) / raters
    squares = math.fsum(count * (value - mos) ** 2 for value, count in zip(values, counts, strict=True))
    return {"mos": mos, "mos_std": math.sqrt(squares / (raters - 1)) if raters > 1 else None, "raters": raters}
