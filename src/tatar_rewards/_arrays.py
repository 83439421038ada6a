"""The one module that knows array libraries: numpy and torch from one source, and the checks at the door.

Everything else is written against the array API standard through `array_api_compat`, which imports no library that
the caller has not imported already.
"""

from collections.abc import Sequence
from itertools import pairwise
from types import ModuleType
from typing import Any, NamedTuple

import array_api_compat
import numpy as np

Array = Any
"""A numpy or torch array (or any other array that follows the array API standard)."""


# ---------------------------------------------------------------- checks at the door


def check_columns(**columns: Array | None) -> ModuleType:
    """Check that the columns are flat arrays of one library, device and length; return the library's namespace."""
    given = {name: column for name, column in columns.items() if column is not None}
    for name, column in given.items():
        if not array_api_compat.is_array_api_obj(column) or np.isscalar(column):
            raise TypeError(
                f"{name} must be a numpy or torch array; got {type(column).__name__}; try np.asarray({name})"
            )
        if column.ndim != 1:
            raise ValueError(f"{name} must be flat, one value per completion; got shape {tuple(column.shape)}")
    (first_name, first), *others = given.items()
    for name, column in others:
        if type(column).__module__.partition(".")[0] != type(first).__module__.partition(".")[0]:
            raise TypeError(
                f"{first_name} and {name} must come from one array library; got {type(first).__name__} of "
                f"{type(first).__module__} and {type(column).__name__} of {type(column).__module__}"
            )
        if column.shape[0] != first.shape[0]:
            raise ValueError(
                f"{first_name} and {name} must have the same length, one row per completion; got "
                f"{first.shape[0]} and {column.shape[0]}"
            )
        if device_of(column) != device_of(first):
            raise ValueError(
                f"{first_name} and {name} must be on one device; got {device_of(first)} and {device_of(column)}"
            )
    return namespace_of(first)


def namespace_of(values: Array) -> ModuleType:
    """The functions of the array's library. Those of numpy 2.1 follow the standard by themselves, without a wrapper."""
    if isinstance(values, np.ndarray) and hasattr(np, "unstack"):
        return np
    xp: ModuleType = array_api_compat.array_namespace(values)
    return xp


def check_number(name: str, value: float, *, low: float, high: float = float("inf"), below_high: bool = False) -> float:
    """One setting as a float, checked against [low, high], or against [low, high) where it must lie `below_high`."""
    if isinstance(value, bool) or not isinstance(value, int | float | np.number):
        raise TypeError(f"{name} must be a number; got {value!r}")
    if not low <= value <= high or (below_high and value == high):
        raise ValueError(f"{name} must lie in [{low:g}, {high:g}{')' if below_high else ']'}; got {value!r}")
    return float(value)


def check_flag(name: str, value: bool) -> None:
    if not isinstance(value, bool):
        raise TypeError(f"{name} must be True or False; got {value!r}")


def check_choice(name: str, value: str, choices: Sequence[str]) -> None:
    if value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, choices))}; got {value!r}")


def check_points(xp: ModuleType, name: str, values: Array) -> None:
    """Check that labels are points on 0-100 (NaN, no label, passes); name the first row that is not."""
    wrong = xp.logical_or(values < 0, values > 100)
    if bool(xp.any(wrong)):
        row = int(xp.nonzero(wrong)[0][0])
        raise ValueError(
            f"{name}[{row}] is {float(values[row]):g}, but scores are in points on 0 to 100; convert them with "
            f"ScoreScale(low, high).column_to_points(...)"
        )


def check_truth_values(xp: ModuleType, name: str, values: Array) -> None:
    if not xp.isdtype(values.dtype, "bool"):
        raise TypeError(f"{name} must hold True and False; got dtype {values.dtype}")


def check_not_negative(xp: ModuleType, name: str, values: Array) -> None:
    wrong = xp.logical_or(values < 0, values == float("inf"))
    if bool(xp.any(wrong)):
        row = int(xp.nonzero(wrong)[0][0])
        raise ValueError(f"{name}[{row}] is {float(values[row]):g}; it must be a finite number of at least 0, or NaN")


# ---------------------------------------------------------------- dtypes


def as_floats(xp: ModuleType, name: str, values: Array) -> Array:
    """Integers as the library's widest float, half precision as float32, the rest as it is."""
    if xp.isdtype(values.dtype, "integral"):
        return xp.astype(values, xp.float64)
    if not xp.isdtype(values.dtype, "real floating"):
        raise TypeError(f"{name} must hold real numbers; got dtype {values.dtype}")
    return xp.astype(values, xp.float32) if xp.finfo(values.dtype).bits < 32 else values


def like_predictions(xp: ModuleType, rewards: Array, predictions: Array) -> Array:
    """The rewards in the dtype of the predictions; integer predictions leave them as they are."""
    if xp.isdtype(predictions.dtype, "integral"):
        return rewards
    return xp.astype(rewards, predictions.dtype, copy=False)


class Scores(NamedTuple):
    """Checked columns in one working dtype, the widest among them."""

    predictions: Array
    readable: Array  # whether the prediction is a finite score on 0-100
    targets: Array  # NaN: no label
    target_stds: Array | None  # a missing one is 0


def check_scores(xp: ModuleType, predictions: Array, targets: Array, target_stds: Array | None) -> Scores:
    """What every score reward checks at the door: real numbers, labels in points, deviations not negative."""
    q = as_floats(xp, "predictions", predictions)
    g = as_floats(xp, "targets", targets)
    stds = None if target_stds is None else as_floats(xp, "target_stds", target_stds)
    dtype = xp.result_type(q, g) if stds is None else xp.result_type(q, g, stds)
    q, g = xp.astype(q, dtype, copy=False), xp.astype(g, dtype, copy=False)
    check_points(xp, "targets", g)
    if stds is not None:
        stds = xp.astype(stds, dtype, copy=False)
        check_not_negative(xp, "target_stds", stds)
        stds = xp.where(xp.isnan(stds), xp.zeros_like(stds), stds)
    return Scores(q, xp.logical_and(q >= 0, q <= 100), g, stds)


# ---------------------------------------------------------------- torch on the host

BORROW = True  # False where torch's own kernels are to be tested without a GPU


def lends_memory(values: Array) -> bool:
    """A torch tensor on the host: numpy can work on its memory, and takes half the time for exp and log1p there."""
    return BORROW and array_api_compat.is_torch_array(values) and values.device.type == "cpu"


def borrow(values: Array | None) -> Array | None:
    """The memory of such a tensor as a numpy array; a copy where numpy lacks its dtype."""
    if values is None:
        return None
    values = values.detach()
    return (values.float() if values.dtype.itemsize < 4 and values.is_floating_point() else values).numpy()


def give_back(values: Array, like: Array) -> Array:
    """The array as a tensor, in the dtype of `like` unless that holds integers."""
    import torch

    tensor = torch.from_numpy(values)
    return tensor.to(like.dtype) if like.is_floating_point() else tensor


# ---------------------------------------------------------------- keys and segments


def check_keys(xp: ModuleType, name: str, keys: Array) -> None:
    if array_api_compat.is_numpy_array(keys):
        if keys.dtype.kind not in "iubUS":
            raise TypeError(f"{name} must hold integer or string keys; got dtype {keys.dtype}")
    elif not xp.isdtype(keys.dtype, "integral"):
        raise TypeError(f"{name} must hold integer keys; got dtype {keys.dtype}")


def number_keys(xp: ModuleType, keys: Array) -> Array:
    """Keys (integers; strings too in numpy) as numbers 0..n-1 in sorted order of the keys."""
    if array_api_compat.is_numpy_array(keys):  # array_api_compat's unique_inverse takes twice as long for few rows
        return np.unique(keys, return_inverse=True)[1].reshape(-1)
    return xp.reshape(xp.unique_inverse(keys)[1], (-1,))


def number_sorted(xp: ModuleType, keys: Array) -> tuple[Array, Array]:
    """Sorted keys, at least one of them, as numbers 0..n-1, and the first row of each."""
    changed = xp.concat([xp.ones(1, dtype=xp.bool, device=device_of(keys)), keys[1:] != keys[:-1]])
    return xp.cumulative_sum(xp.astype(changed, xp.int64)) - 1, xp.nonzero(changed)[0]


def runs(xp: ModuleType, sorted_keys: Array) -> list[tuple[int, int]]:
    """(start, stop) of each run of equal keys: one synchronisation on a GPU."""
    if sorted_keys.shape[0] == 0:
        return []
    starts = [int(start) for start in number_sorted(xp, sorted_keys)[1]]
    return list(pairwise([*starts, sorted_keys.shape[0]]))


def segment_sum(xp: ModuleType, values: Array, segments: Array, count: int) -> Array:
    """Sum of `values` within each of `count` segments, numbered from 0."""
    if array_api_compat.is_numpy_array(values):
        return np.bincount(segments, weights=values, minlength=count).astype(values.dtype)
    if array_api_compat.is_torch_array(values):
        return values.new_zeros(count).index_add_(0, segments, values)
    member = segments[None, :] == xp.arange(count)[:, None]  # no scatter in the standard: strict mode is for tests
    return xp.sum(xp.where(member, values[None, :], xp.zeros_like(values)[None, :]), axis=1)


def matches(xp: ModuleType, numbers: Array, count: int) -> Array:
    """(len(numbers), count) truth values: where the column's number is the row's."""
    return numbers[:, None] == xp.arange(count, device=device_of(numbers))[None, :]


def device_of(values: Array) -> Any:
    return array_api_compat.device(values)


def blocks(count: int, step: int) -> list[slice]:
    """`count` rows in slices of `step`, the last one shorter."""
    return [slice(start, min(start + step, count)) for start in range(0, count, step)]


def pairs_at_once(values: Array) -> int:
    """How many pairs to work on at a time: what fits a core's cache, or what keeps an accelerator busy."""
    return 60_000 if str(device_of(values)) == "cpu" else 1 << 22


# ---------------------------------------------------------------- special functions


def softplus_in_place(xp: ModuleType, z: Array) -> Array:
    """ln(1 + e^z), in the memory of z where the library can; e^z must not overflow."""
    if array_api_compat.is_numpy_array(z):
        return np.log1p(np.exp(z, out=z), out=z)
    if array_api_compat.is_torch_array(z):
        return z.exp_().log1p_()
    return xp.log1p(xp.exp(z))


def clip_in_place(xp: ModuleType, z: Array, low: float, high: float) -> Array:
    """Clip, in the memory of z where the library can."""
    if array_api_compat.is_numpy_array(z):
        return np.clip(z, low, high, out=z)
    if array_api_compat.is_torch_array(z):
        return z.clamp_(low, high)
    return xp.clip(z, low, high)


def ndtr(xp: ModuleType, x: Array) -> Array:
    """The standard normal CDF."""
    if array_api_compat.is_torch_array(x):
        import torch

        return torch.special.ndtr(x)
    from scipy.special import ndtr as scipy_ndtr

    return xp.asarray(scipy_ndtr(np.asarray(x)), dtype=x.dtype)


def log_ndtr(xp: ModuleType, x: Array) -> Array:
    """Log of the standard normal CDF, exact far into the tail."""
    if array_api_compat.is_torch_array(x):
        import torch

        return torch.special.log_ndtr(x)
    from scipy.special import log_ndtr as scipy_log_ndtr

    return xp.asarray(scipy_log_ndtr(np.asarray(x)), dtype=x.dtype)
