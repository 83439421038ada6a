"""What of a reward's values a trainer takes."""

import math
from typing import Any

import numpy as np

LARGEST_REWARD = float(np.finfo(np.float32).max)


def as_reward(value: Any) -> float | None:
    """A reward as TRL takes it, by `torch.tensor([...], dtype=torch.float32)`; infinity where float32 ends before.

    Raises:
        TypeError: it is a text, an array of several dimensions, or something else that is no number.

    Examples:
        >>> as_reward(None), as_reward(np.float32(0.5)), as_reward(1e40)
        (None, 0.5, inf)
    """
    if value is None:
        return None
    array = isinstance(value, np.ndarray) or getattr(value, "ndim", 0) > 0
    if array or isinstance(value, str) or not hasattr(value, "__float__"):
        raise TypeError(f"{type(value).__name__} is no number")
    try:
        number = float(value)
    except OverflowError:
        return math.inf
    except Exception as error:  # of an object of the user's own
        raise TypeError(f"{type(value).__name__} is no number") from error
    return math.copysign(math.inf, number) if abs(number) > LARGEST_REWARD else number


def what_to_mend(value: Any) -> str:
    """The cure of a value that is no finite number."""
    try:
        number = as_reward(value)
    except TypeError:
        return "convert it by float(...)"
    return "give None where nothing can be graded" if number != number else "float32 ends at 3.4e38"
