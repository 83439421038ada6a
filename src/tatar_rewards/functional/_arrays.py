"""What knows array libraries, with `_special.py`: numpy and torch from one source.

Everything else is written against the array API standard. A function takes the library's namespace from its arrays
(`namespace_of`); `array_api_compat` imports no library that the caller has not imported already.
"""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, cast

import array_api_compat
import numpy as np

from tatar_rewards.functional._types import Array, ArrayT, Namespace, PerImage, PerRow


def is_array(values: object) -> bool:
    return isinstance(values, np.ndarray) or (array_api_compat.is_array_api_obj(values) and not np.isscalar(values))


_NAMESPACES: dict[type, Namespace] = {}
if hasattr(np, "unstack"):  # from 2.1 numpy follows the standard by itself, without a wrapper
    _NAMESPACES[np.ndarray] = cast(Namespace, np)


def namespace_of(values: Array) -> Namespace:
    """The functions of the array's library."""
    kind = type(values)
    if kind not in _NAMESPACES:
        _NAMESPACES[kind] = cast(Namespace, array_api_compat.array_namespace(values))
    return _NAMESPACES[kind]


def library_of(values: Array) -> str:
    return type(values).__module__.partition(".")[0]


def device_of(values: Array) -> Any:
    return "cpu" if isinstance(values, np.ndarray) else array_api_compat.device(values)


# ---------------------------------------------------------------- dtypes


def as_floats(name: str, values: Array) -> Array:
    """Half precision as float32, float32 as it is, the rest as float64, longdouble too; no gradient follows."""
    xp = namespace_of(values)
    if array_api_compat.is_torch_array(values):
        tensor: Any = values
        values = tensor.detach()
    if values.dtype in (xp.float64, xp.float32):
        return values
    if xp.isdtype(values.dtype, "integral"):
        return xp.astype(values, xp.float64)
    if not xp.isdtype(values.dtype, "real floating"):
        raise TypeError(f"{name} must hold real numbers; got dtype {values.dtype}")
    narrow = xp.finfo(values.dtype).bits < 32  # type: ignore[attr-defined]
    return xp.astype(values, xp.float32 if narrow else xp.float64)


def like_predictions(rewards: Array, predictions: ArrayT) -> ArrayT:
    """The rewards in the dtype of the predictions; integer predictions leave them as they are."""
    xp = namespace_of(predictions)
    same = rewards.dtype == predictions.dtype or xp.isdtype(predictions.dtype, "integral")
    return cast(ArrayT, rewards if same else xp.astype(rewards, predictions.dtype))


# ---------------------------------------------------------------- torch on the host

NUMPY_FOR_CPU_TENSORS = True  # False where torch's own kernels are to be tested without a GPU


def is_cpu_tensor(values: Array) -> bool:
    """A torch tensor on the host: numpy can work on its memory, and takes half the time for exp and log1p there."""
    return NUMPY_FOR_CPU_TENSORS and array_api_compat.is_torch_array(values) and str(device_of(values)) == "cpu"


def to_numpy(values: Any) -> Any:
    """The memory of such a tensor as a numpy array; a copy where numpy lacks its dtype. None passes."""
    if values is None:
        return None
    values = values.detach()
    return (values.float() if values.dtype.itemsize < 4 and values.is_floating_point() else values).numpy()


def to_tensor(values: Array, like: Any) -> Any:
    """The array as a tensor, in the dtype of `like` unless that holds integers."""
    import torch

    tensor = torch.from_numpy(values)
    return tensor.to(like.dtype) if like.is_floating_point() else tensor


# ---------------------------------------------------------------- keys and segments


def take(values: Array, indices: Array, axis: int = 0) -> Array:
    """The values at some indices, none of them negative. The methods cost a third of the standard's function."""
    if isinstance(values, np.ndarray):
        return values.take(np.asarray(indices), axis)
    if array_api_compat.is_torch_array(values):
        tensor: Any = values
        return tensor.index_select(axis, indices)
    return namespace_of(values).take(values, indices, axis=axis)


def put(values: Array, places: Array) -> Array:
    """The values at their places, each of which occurs once: take(put(values, places), places) are the values."""
    if isinstance(values, np.ndarray):
        placed = np.empty_like(values)
        placed[np.asarray(places)] = values
        return placed
    if array_api_compat.is_torch_array(values):
        tensor: Any = values
        return tensor.new_empty(tensor.shape).index_copy_(0, places, tensor)
    return take(values, namespace_of(places).argsort(places))


def keep(values: Array, wanted: Array) -> Array:
    """The values that are wanted; nothing is copied where all are."""
    return values if bool(namespace_of(wanted).all(wanted)) else values[wanted]


def astype(values: Array, dtype: Any) -> Array:
    """The values in a dtype; no copy where they have it. The method of numpy costs a third of its function."""
    if isinstance(values, np.ndarray):
        return values.astype(dtype, copy=False)
    return namespace_of(values).astype(values, dtype, copy=False)


def number_sorted(keys: PerRow) -> tuple[PerRow, PerImage]:
    """Sorted keys, at least one of them, as numbers 0..n-1, and the first row of each."""
    starts = _with_first(keys[1:] != keys[:-1])
    xp = namespace_of(starts)
    return xp.cumulative_sum(astype(starts, xp.int64)) - 1, xp.nonzero(starts)[0]


def number_starts(starts: Array) -> PerRow:
    """Numbers 0..n-1 of sorted rows, given for all but the first whether a new key starts there."""
    xp = namespace_of(starts)
    return xp.cumulative_sum(astype(_with_first(starts), xp.int64)) - 1


def _with_first(starts: Array) -> Array:
    xp = namespace_of(starts)
    return xp.concat([xp.ones(1, dtype=xp.bool, device=device_of(starts)), starts])


def dot(first: Array, second: Array) -> Array:
    """Sums of products over the last axis. Not torch's vecdot, which takes half precision under autocast."""
    if array_api_compat.is_torch_array(first):
        return (first * second).sum(-1)
    return namespace_of(first).vecdot(first, second)


def runs_of_equal_keys(sorted_keys: PerRow) -> list[tuple[int, int]]:
    """(start, stop) of each run of equal keys: one synchronisation on a GPU."""
    if sorted_keys.shape[0] == 0:
        return []
    starts = [int(start) for start in number_sorted(sorted_keys)[1]]
    return list(pairwise([*starts, sorted_keys.shape[0]]))


def segment_sum(values: PerRow, segments: PerRow, count: int) -> PerImage:
    """Sum of `values` within each of `count` segments, numbered from 0."""
    if isinstance(values, np.ndarray):
        return np.bincount(np.asarray(segments), weights=values, minlength=count).astype(values.dtype, copy=False)
    xp = namespace_of(values)
    if array_api_compat.is_torch_array(values):
        return xp.zeros(count, dtype=values.dtype, device=device_of(values)).index_add_(0, segments, values)  # type: ignore[attr-defined]
    member = segments[None, :] == xp.arange(count)[:, None]  # no scatter in the standard: strict mode is for tests
    return xp.sum(xp.where(member, values[None, :], xp.zeros_like(values)[None, :]), axis=1)


def matches(numbers: PerRow, count: int) -> Array:
    """(len(numbers), count) truth values: where the column's number is the row's."""
    return numbers[:, None] == namespace_of(numbers).arange(count, device=device_of(numbers))[None, :]


def blocks(count: int, step: int) -> list[slice]:
    """`count` rows in slices of `step`, the last one shorter."""
    return [slice(start, min(start + step, count)) for start in range(0, count, step)]


def join(parts: Sequence[Array]) -> Array:
    """At least one array end to end; a single one as it is."""
    return parts[0] if len(parts) == 1 else namespace_of(parts[0]).concat(list(parts))


def median_of_known(values: Array) -> float:
    """The median of a flat array without its NaN; NaN where nothing else is in it."""
    xp = namespace_of(values)
    known = xp.sort(values[xp.logical_not(xp.isnan(values))])
    count = known.shape[0]
    return float(known[(count - 1) // 2] + known[count // 2]) / 2 if count else math.nan


def fill_missing(values: Array, *numbers: float) -> Array:
    """The values with the first of the numbers that is none NaN in place of every NaN."""
    xp = namespace_of(values)
    filling = next(number for number in numbers if not math.isnan(number))
    return xp.where(xp.isnan(values), xp.full_like(values, filling), values)


def pairs_at_once(values: Array) -> int:
    """How many pairs to work on at a time: what fits a core's cache, or what keeps an accelerator busy."""
    return 60_000 if str(device_of(values)) == "cpu" else 1 << 22
