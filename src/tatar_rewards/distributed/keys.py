"""Keys that are equal in every process, unlike `hash`."""

from collections.abc import Hashable, Iterable
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import NDArray


def stable_key(*parts: Any) -> int:
    """A signed 64-bit key of strings, integers and None: the same in every process.

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
        >>> bool(keys[0] == keys[2] != keys[1])
        True
    """
    rows = list(rows)
    known = {row: stable_key(*row) for row in dict.fromkeys(rows)}
    return np.array([known[row] for row in rows], np.int64)
