"""Rows of a Parquet file, by pyarrow, which is imported here and nowhere else."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from tatar_rewards.predictions.text_files import Row

ROWS_AT_ONCE = 1024


def read_parquet(path: Path, choose: Callable[[Sequence[str], Path], list[str]]) -> Iterator[Row]:
    """The rows of a Parquet file, in the columns that `choose` picks.

    Raises:
        ImportError: pyarrow is not installed.
        ValueError: the file is no Parquet that can be read.
    """
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise ImportError(
            f"{path}: Parquet is read by pyarrow, which is not installed; pip install pyarrow",
            name="pyarrow",
        ) from None
    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            for batch in file.iter_batches(ROWS_AT_ONCE, columns=choose(file.schema_arrow.names, path)):
                yield from batch.to_pylist()
    except pyarrow.ArrowException as error:
        raise ValueError(f"{path} is no Parquet file that can be read ({error}); write it anew") from None
