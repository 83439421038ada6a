"""Reads what the doctor needs of a data set: all column names, the columns of the rewards, a sample of the prompts."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple

import numpy as np

STREAMED_ROWS = 2000  # how much of a stream is looked at
N_PROMPTS = 64  # how many prompts are read

Columns = Mapping[str, Sequence[Any]]


class Data(NamedTuple):
    """A data set, as far as it is looked at."""

    names: list[str]
    columns: Columns  # of the rewards, as a call would get them
    n_rows: int
    prompts: dict[int, Any]  # by row
    streaming: bool
    notes: list[str]  # on what was not looked at
    transformed: bool = False  # whether the columns were read before a transform of the data set's own


def is_stream(dataset: Any) -> bool:
    return not isinstance(dataset, Mapping) and not hasattr(dataset, "__len__")


def splits_of(dataset: Any) -> Mapping[str, Any] | None:
    """The splits of a `DatasetDict` or of a mapping of data sets; None where `dataset` is neither."""
    if isinstance(dataset, Mapping) and dataset and all(map(_is_dataset, dataset.values())):
        return dataset
    return None


def _is_dataset(value: Any) -> bool:
    return hasattr(value, "column_names") or (isinstance(value, list) and bool(value) and _are_rows(value))


def _are_rows(values: Sequence[Any]) -> bool:
    return all(isinstance(value, Mapping) and "prompt" in value for value in values[:3])


def read_data(dataset: Any, wanted: Sequence[str]) -> Data:
    """Read the columns that are `wanted`, as far as there are any, and some prompts. Pictures are not decoded.

    Raises:
        TypeError: `dataset` is no data set, or its rows are no mappings.
    """
    if isinstance(dataset, Mapping):
        return _of_columns(dataset, wanted)
    if hasattr(dataset, "select_columns"):
        return _of_stream(dataset, wanted) if is_stream(dataset) else _of_dataset(dataset, wanted)
    table = _as_columns(dataset)
    if table is not None:
        return _of_columns(table, wanted)
    if isinstance(dataset, str | bytes) or not (isinstance(dataset, Iterable) or hasattr(dataset, "__getitem__")):
        raise TypeError(
            f"dataset must be a datasets.Dataset, a list of rows or a mapping of columns; got {dataset!r:.80}"
        )
    streaming = is_stream(dataset)
    limit = STREAMED_ROWS if streaming else len(dataset)
    return _of_rows(list(islice(iter(dataset), limit)), wanted, streaming=streaming)


def _as_columns(dataset: Any) -> dict[str, Any] | None:
    """A table of pandas, polars or arrow as its columns, with the values that a data set made of it would have."""
    names = getattr(dataset, "column_names", getattr(dataset, "columns", None))
    if isinstance(names, str) or not isinstance(names, Iterable) or not hasattr(dataset, "__getitem__"):
        return None
    return {str(name): as_values(dataset[name]) for name in names}


def _of_columns(columns: Mapping[str, Any], wanted: Sequence[str]) -> Data:
    lengths = [len(column) for column in columns.values() if hasattr(column, "__len__") and not isinstance(column, str)]
    prompts = columns.get("prompt")
    n_rows = len(prompts) if prompts is not None and hasattr(prompts, "__len__") else max(lengths, default=0)
    listed = [] if prompts is None else as_values(prompts)
    sample = {row: listed[row] for row in sample_rows(len(listed))}
    return Data(list(columns), {name: columns[name] for name in wanted if name in columns}, n_rows, sample, False, [])


def as_values(column: Any) -> list[Any]:
    """The values of a column one after another, whatever library holds it."""
    to_list = getattr(column, "to_pylist", None)  # arrow's own values are no Python values
    return list(to_list()) if to_list is not None else list(column)


def sample_rows(n_rows: int) -> list[int]:
    """Some rows, at random: the order of the data may go by task."""
    rng = np.random.default_rng(0)
    return sorted(rng.choice(n_rows, min(n_rows, N_PROMPTS), replace=False).tolist())


def _of_rows(rows: Sequence[Any], wanted: Sequence[str], *, streaming: bool) -> Data:
    for number, row in enumerate(rows):
        if not isinstance(row, Mapping):
            raise TypeError(f"row {number} of the dataset must be a mapping of columns; got {row!r:.80}")
    names = list(dict.fromkeys(name for row in rows for name in row))
    columns = {name: [row.get(name) for row in rows] for name in wanted if name in names}
    prompts = {row: rows[row].get("prompt") for row in sample_rows(len(rows))} if "prompt" in names else {}
    return Data(names, columns, len(rows), prompts, streaming, _beyond(rows) if streaming else [])


def _beyond(rows: Sequence[Any]) -> list[str]:
    return [f"rows beyond {STREAMED_ROWS:,} of the stream"] if len(rows) == STREAMED_ROWS else []


# ---------------------------------------------------------------- of the library datasets


def _of_stream(stream: Any, wanted: Sequence[str]) -> Data:
    if stream.column_names is None:
        return _of_rows(list(islice(stream, STREAMED_ROWS)), wanted, streaming=True)
    names = list(stream.column_names)
    slim = stream.select_columns([name for name in names if name in {*wanted, "prompt"}])
    slim = slim.decode(False) if hasattr(slim, "decode") and slim.features is not None else slim
    return _of_rows(list(islice(slim, STREAMED_ROWS)), wanted, streaming=True)._replace(names=names)


def _of_dataset(dataset: Any, wanted: Sequence[str]) -> Data:
    form, notes = dataset.format, []
    names = list(dataset.column_names if form["output_all_columns"] else form["columns"])
    if form["type"] == "custom":  # a transform may load pictures, and make columns
        dataset = dataset.with_format(None)
        lacking = [name for name in ("prompt", *wanted) if name not in names]
        made = [name for name in (dataset_row(dataset, form) if lacking else ()) if name in lacking]
        notes = [f"the column {name!r}, which a transform makes" for name in made]
        names += made
    stored = [name for name in dataset.column_names if name in names]
    columns = {name: list(dataset.select_columns([name])[name][:]) for name in wanted if name in stored}
    prompts: dict[int, Any] = {}
    if "prompt" in stored and len(dataset):
        rows = sample_rows(len(dataset))
        table = dataset.select_columns(["prompt"]).with_format("arrow")[rows]  # pictures stay bytes
        prompts = dict(zip(rows, table["prompt"].to_pylist(), strict=True))
    return Data(names, columns, len(dataset), prompts, False, notes, form["type"] == "custom")


def dataset_row(dataset: Any, form: Mapping[str, Any]) -> Mapping[str, Any]:
    """The first row through the data set's own transform."""
    if not len(dataset):
        return {}
    row: Mapping[str, Any] = dataset.with_format("custom", **form["format_kwargs"])[0]
    return row
