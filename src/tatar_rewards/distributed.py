"""Rows from every rank: what makes a ranking right on any number of processes.

A trainer calls a reward with one process's slice. `gather_rows` gives every rank the rows of all of them in one
collective, and `fail_together` takes the place of it where a rank cannot go on, so that none waits for it for ever.
Both must be called by all ranks alike. Without `torch.distributed`, or with one process, nothing is sent.
"""

import sys
from collections.abc import Hashable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from hashlib import blake2b
from typing import Any, NamedTuple, NoReturn

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.int64]

INLINE = 4096  # 64-bit words that travel in the first collective; what is longer takes a second one
_ROWS, _FAILURE, _TEXT = range(3)

_alone: ContextVar[bool] = ContextVar("tatar_rewards_alone", default=False)


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

    One collective where no rank has more than 4,096 64-bit words (about 800 rows of two keys and three floats), two
    beyond. Ranks may bring different numbers of rows, or
    none. Every rank must call it, in the same order.

    Args:
        keys: (n, k) integer keys of this rank's rows; see `stable_keys` for strings.
        values: (n, v) floats, NaN and infinities included.
        caller: What is being gathered for; ranks that meet with different callers raise instead of mixing rows.

    Returns:
        The rows of all ranks and where the local ones sit.

    Raises:
        ValueError: keys and values are not two-dimensional, or differ in length.
        RuntimeError: another rank called `fail_together`, or gathers for another caller or other columns.

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
    header = np.array([_ROWS, stable_key(caller), n_keys, n_values], np.int64)
    parts = _exchange(np.concatenate([header, keys.ravel(), np.ascontiguousarray(values).view(np.int64).ravel()]))
    _raise_failures(parts)
    if any(not np.array_equal(part[: len(header)], header) for part in parts):
        callers = gather_texts(f"{caller or 'a call without a name'} ({n_keys} keys, {n_values} values)")
        met = "; ".join(f"rank {rank}: {text}" for rank, text in enumerate(callers))
        raise RuntimeError(
            f"the ranks gather for different things ({met}); give every rank the same rewards in one order"
        )
    bodies = [part[len(header) :] for part in parts]
    lengths = tuple(len(body) // max(1, n_keys + n_values) for body in bodies)
    all_keys = [body[: n * n_keys] for body, n in zip(bodies, lengths, strict=True)]
    all_values = [body[n * n_keys :].view(np.float64) for body, n in zip(bodies, lengths, strict=True)]
    n = sum(lengths)
    keys, values = np.concatenate(all_keys).reshape(n, n_keys), np.concatenate(all_values).reshape(n, n_values)
    return GatheredRows(keys, values, lengths, rank())


def fail_together(error: Exception) -> NoReturn:
    """Take part in the other ranks' `gather_rows` with an error instead of rows: it is raised here and on all of them.

    Args:
        error: What keeps this rank from going on.

    Raises:
        Exception: the error itself; on the other ranks a RuntimeError with its text and this rank's number.
    """
    _exchange(_to_words(_FAILURE, f"{type(error).__name__}: {error}"))
    raise error


def gather_texts(text: str) -> list[str]:
    """A text from each rank, to say on all of them what only one of them knows; every rank must call it.

    Args:
        text: This rank's, of any length.

    Returns:
        The texts of all ranks, in order of rank.

    Raises:
        RuntimeError: another rank called `fail_together`.

    Examples:
        >>> gather_texts("row 3 is a.jpg")
        ['row 3 is a.jpg']
    """
    parts = _exchange(_to_words(_TEXT, text))
    _raise_failures(parts)
    return [_to_text(part) for part in parts]


def rank() -> int:
    """This process's number among those that gather; 0 where there is one."""
    distributed = _process_group()
    return 0 if distributed is None else int(distributed.get_rank())


@contextmanager
def on_this_rank_alone() -> Iterator[None]:
    """Within it nothing is gathered: for calling a reward on one rank of many, to try it out for example.

    Examples:
        >>> with on_this_rank_alone():
        ...     rank()
        0
    """
    token = _alone.set(True)
    try:
        yield
    finally:
        _alone.reset(token)


# ---------------------------------------------------------------- keys


def stable_key(*parts: Any) -> int:
    """A signed 64-bit key of strings, integers and None: the same in every process, unlike `hash`.

    Examples:
        >>> stable_key("iaa", "AVA", "1.jpg") == stable_key("iaa", "AVA", "1.jpg")
        True
        >>> stable_key("1") == stable_key(1)
        False
    """
    text = "".join(f"{'s' if isinstance(part, str) else 'o'}{len(str(part))}:{part}" for part in parts)
    return int.from_bytes(blake2b(text.encode(errors="surrogatepass"), digest_size=8).digest(), "big", signed=True)


def stable_keys(rows: Iterable[tuple[Hashable, ...]]) -> NDArray[np.int64]:
    """`stable_key` of each row, (n,) int64; equal rows are hashed once.

    Args:
        rows: n tuples of strings, integers and None.

    Examples:
        >>> keys = stable_keys([("AVA", "1.jpg"), ("AVA", "2.jpg"), ("AVA", "1.jpg")])
        >>> keys[0] == keys[2] != keys[1]
        np.True_
    """
    rows = list(rows)
    known = {row: stable_key(*row) for row in dict.fromkeys(rows)}
    return np.array([known[row] for row in rows], np.int64)


# ---------------------------------------------------------------- words between processes


def _process_group() -> Any:
    """`torch.distributed` where several processes share a group; torch is never imported for it."""
    distributed = getattr(sys.modules.get("torch"), "distributed", None)
    if _alone.get() or distributed is None or not distributed.is_available() or not distributed.is_initialized():
        return None
    return distributed if distributed.get_world_size() > 1 else None


def _exchange(words: Words) -> list[Words]:
    """The words of every rank, in order of rank."""
    distributed = _process_group()
    if distributed is None:
        return [words]
    first = _all_gather(distributed, np.concatenate([np.array([len(words)], np.int64), words[:INLINE]]), INLINE + 1)
    lengths = first[:, 0]
    parts = first[:, 1:]
    if lengths.max() > INLINE:
        parts = np.concatenate([parts, _all_gather(distributed, words[INLINE:], int(lengths.max()) - INLINE)], axis=1)
    return [part[:length] for part, length in zip(parts, lengths, strict=True)]


def _all_gather(distributed: Any, words: Words, capacity: int) -> Words:
    torch = sys.modules["torch"]
    padded = np.zeros(capacity, np.int64)
    padded[: len(words)] = words
    mine = torch.from_numpy(padded).to(_device(distributed))
    everyones = mine.new_empty(distributed.get_world_size() * capacity)
    all_gather = getattr(distributed, "all_gather_single", None) or distributed.all_gather_into_tensor  # its old name
    all_gather(everyones, mine)
    gathered: Words = everyones.numpy(force=True).reshape(-1, capacity)
    return gathered


def _device(distributed: Any) -> str:
    """Where the process group takes its tensors: gloo's on the host, nccl's on the current CUDA device."""
    devices = [pair.partition(":")[0] for pair in distributed.get_backend_config().split(",")]
    return "cpu" if "cpu" in devices else devices[0]


def _raise_failures(parts: list[Words]) -> None:
    failures = [f"rank {rank} failed: {_to_text(part)}" for rank, part in enumerate(parts) if part[0] == _FAILURE]
    if failures:
        raise RuntimeError("; ".join(failures))


def _to_words(kind: int, text: str) -> Words:
    message = text.encode(errors="replace")  # nothing in a text may keep a rank from answering
    padded = message.ljust(-(-len(message) // 8) * 8, b"\0")
    return np.concatenate([np.array([kind, len(message)], np.int64), np.frombuffer(padded, np.int64)])


def _to_text(part: Words) -> str:
    return part[2:].tobytes()[: int(part[1])].decode()
