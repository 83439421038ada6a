"""Rows of a Parquet file, by pyarrow, which is imported here and nowhere else."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from tatar_rewards.predictions.text_files import Row, refuse_twins
from tatar_rewards.wording import in_words

ROWS_AT_ONCE = 1024


def read_parquet(path: Path, choose: Callable[[Sequence[str], Path], list[str]]) -> Iterator[Row]:
    """The rows of a Parquet file, in the columns that `choose` picks.

    Raises:
        ImportError: pyarrow is not installed.
        ValueError: the file is no Parquet that can be read, or two of its columns have one name.
    """
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise ImportError(
            f"{path}: Parquet is read by pyarrow, which is not installed; pip install pyarrow",
            name="pyarrow",
        ) from None
    damage = (pyarrow.ArrowException, OSError, OverflowError, UnicodeDecodeError)
    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            names = file.schema_arrow.names
            chosen = choose(names, path)
            refuse_twins(names, chosen, str(path))
            for batch in file.iter_batches(ROWS_AT_ONCE, columns=chosen):
                yield from batch.to_pylist()
    except damage as error:
        raise ValueError(f"{path} is no Parquet file that can be read ({in_words(error)}); write it anew") from None
