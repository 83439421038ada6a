"""Sequences of whatever library, as lists: by place, whatever their index."""

from collections.abc import Mapping
from typing import Any

_CONVERSIONS = ("as_py", "to_pylist", "to_list", "tolist")  # Arrow scalars and columns, Series, arrays and tensors


def is_sequence(value: Any) -> bool:
    """Whether a value holds others in one order: a list, tuple, deque, Series, flat array or Arrow column.

    Neither text nor a mapping or a set does, nor what has more than one dimension, such as a table.

    Examples:
        >>> import numpy as np
        >>> [is_sequence(value) for value in ([], "ab", {"a": 1}, np.zeros(3), np.zeros((3, 1)))]
        [True, False, False, True, False]
    """
    if isinstance(value, list | tuple):
        return True
    if isinstance(value, str | bytes | bytearray | Mapping | type):
        return False
    return hasattr(value, "__len__") and hasattr(value, "__getitem__") and n_dimensions(value) == 1


def n_dimensions(value: Any) -> int:
    """Of an array, a tensor or a table; 1 for whatever has no shape."""
    return len(getattr(value, "shape", (0,)))


def as_list(values: Any) -> list[Any]:
    """The values of a sequence in order, as Python's own where its library can give them; a list as it is.

    Examples:
        >>> import numpy as np
        >>> as_list(np.array([1.5, 2.0])), as_list(("a", "b"))
        ([1.5, 2.0], ['a', 'b'])
    """
    if isinstance(values, list):
        return values
    for conversion in _CONVERSIONS:
        if hasattr(values, conversion):
            return [as_python(value) for value in getattr(values, conversion)()]
    return [as_python(value) for value in values]


def as_python(value: Any) -> Any:
    """A scalar of Arrow as Python's own; everything else as it is."""
    return value.as_py() if hasattr(value, "as_py") else value


def shown(value: Any) -> str:
    """A value as an error shows it: on one line, cut where it is long.

    Examples:
        >>> shown("ab" * 200)[-5:], len(shown("ab" * 200))
        ('ab...', 80)
    """
    text = " ".join(repr(value).split())
    return text if len(text) <= 80 else f"{text[:77]}..."
