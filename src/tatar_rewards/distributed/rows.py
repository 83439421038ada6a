"""Rows from every rank, in one collective."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tatar_rewards.distributed.calls import Kind, exchange, exchange_texts
from tatar_rewards.distributed.groups import rank


class GatheredRows(NamedTuple):
    """The rows of all ranks, rank after rank."""

    keys: NDArray[np.int64]  # (n, k)
    values: NDArray[np.float64]  # (n, v)
    lengths: tuple[int, ...]  # rows of each rank
    rank: int  # this process's

    @property
    def local(self) -> slice:
        """Where this rank's own rows sit."""
        start = sum(self.lengths[: self.rank])
        return slice(start, start + self.lengths[self.rank])

    def place(self, row: int) -> tuple[int, int]:
        """The rank that a row came from, and its number there."""
        ends = np.cumsum(self.lengths)
        rank = int(np.searchsorted(ends, row, side="right"))
        return rank, row - int(ends[rank]) + self.lengths[rank]


def gather_rows(keys: NDArray[np.int64], values: NDArray[np.float64], *, caller: str = "") -> GatheredRows:
    """Gather integer keys and floats, row by row, from all ranks.

    One collective carries up to 4,096 64-bit words a rank (about 800 rows of two keys and three floats). Ranks may
    bring different numbers of rows, or none. Every rank must call it, in the same order.

    Args:
        keys: (n, k) integer keys of this rank's rows; see `stable_keys` for strings.
        values: (n, v) floats, NaN and infinities included.
        caller: What is being gathered for; ranks that meet with different callers raise instead of mixing rows.

    Returns:
        The rows of all ranks and where the local ones sit.

    Raises:
        ValueError: keys and values are not two-dimensional, or differ in length.
        RuntimeError: another rank gathers for another caller, in another call or other columns, or failed within
            `failing_together`.

    Examples:
        >>> import numpy as np
        >>> rows = gather_rows(np.array([[7], [9]]), np.array([[0.5], [1.5]]))
        >>> rows.keys[rows.local].tolist(), rows.place(1)
        ([[7], [9]], (0, 1))
    """
    keys, values = np.asarray(keys, np.int64), np.asarray(values, np.float64)
    if keys.ndim != 2 or values.ndim != 2 or len(keys) != len(values):
        raise ValueError(
            f"keys and values must be (n, k) and (n, v), one row a completion; got shapes {keys.shape} and "
            f"{values.shape}"
        )
    n_keys, n_values = keys.shape[1], values.shape[1]
    what = f"{caller or 'a call without a name'} ({n_keys} keys, {n_values} values)"
    bodies = exchange(
        Kind.ROWS, what, np.concatenate([keys.ravel(), np.ascontiguousarray(values).view(np.int64).ravel()])
    )
    lengths = tuple(len(body) // max(1, n_keys + n_values) for body in bodies)
    all_keys = [body[: n * n_keys] for body, n in zip(bodies, lengths, strict=True)]
    all_values = [body[n * n_keys :].view(np.float64) for body, n in zip(bodies, lengths, strict=True)]
    n = sum(lengths)
    keys, values = np.concatenate(all_keys).reshape(n, n_keys), np.concatenate(all_values).reshape(n, n_values)
    return GatheredRows(keys, values, lengths, rank())


def gather_texts(text: str) -> list[str]:
    """A text from each rank, to say on all of them what only one of them knows; every rank must call it.

    Args:
        text: This rank's, of any length.

    Returns:
        The texts of all ranks, in order of rank.

    Raises:
        RuntimeError: another rank does something else, or failed within `failing_together`.

    Examples:
        >>> gather_texts("row 3 is a.jpg")
        ['row 3 is a.jpg']
    """
    return exchange_texts(text)
