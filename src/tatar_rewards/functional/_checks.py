"""Checks at the door of the functions: what a column or a setting must be, in an error that names it."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from tatar_rewards.functional._arrays import as_floats, device_of, is_array, library_of, namespace_of
from tatar_rewards.functional._types import Array, PerRow

INF = float("inf")
LARGEST = (
    1e6  # points, and any other setting that is not infinite: beyond it no reward changes, until float32 overflows
)

# ---------------------------------------------------------------- settings


def check_number(
    name: str, value: float, *, low: float, high: float = LARGEST, below_high: bool = False, or_inf: bool = False
) -> float:
    """One setting as a float, checked against [low, high], or against [low, high) where it must lie `below_high`."""
    known = isinstance(value, int | float | np.integer | np.floating)
    if type(value) is not float and (isinstance(value, bool) or not known):
        raise TypeError(f"{name} must be a number; got {value!r}")
    if (not low <= value <= high and not (or_inf and value == INF)) or (below_high and value == high):
        allowed = f"lie in [{low:g}, {high:.7g}{')' if below_high else ']'}" + (" or be inf" if or_inf else "")
        raise ValueError(f"{name} must {allowed}; got {value!r}")
    return float(value)


def check_flag(name: str, value: bool) -> None:
    if not isinstance(value, bool):
        raise TypeError(f"{name} must be True or False; got {value!r}")


def check_choice(name: str, value: str, choices: Sequence[str]) -> None:
    if value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, choices))}; got {value!r}")


# ---------------------------------------------------------------- columns


def check_columns(**columns: PerRow | None) -> None:
    """Check that the columns are flat arrays of one library, device and length."""
    given = [(name, column) for name, column in columns.items() if column is not None]
    for name, column in given:
        if not is_array(column):
            raise TypeError(
                f"{name} must be a numpy or torch array; got {type(column).__name__}; try np.asarray({name})"
            )
        if column.ndim != 1:
            raise ValueError(f"{name} must be flat, one value per completion; got shape {tuple(column.shape)}")
    (first_name, first), *others = given
    for name, column in others:
        if type(column) is not type(first) and library_of(column) != library_of(first):
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


def rounding_at_ends(values: PerRow) -> float:
    """How far off 0-100 a score may lie for rounding: 1e-9 of the scale, or what the dtype cannot tell."""
    xp = namespace_of(values)
    return max(1e-7, 200 * float(xp.finfo(values.dtype).eps))  # type: ignore[attr-defined]


def check_points(name: str, values: PerRow) -> None:
    """Check that labels are points on 0-100 (NaN, no label, passes); name the first row that is not."""
    rounding = rounding_at_ends(values)
    row = first_row((values < -rounding) | (values > 100 + rounding))
    if row is not None:
        shown = repr(float(values[row])).removesuffix(".0")  # all digits that were compared
        raise ValueError(
            f"{name}[{row}] is {shown}, but scores are in points on 0 to 100; convert them with "
            f"ScoreScale(low, high).column_to_points(...)"
        )


def check_not_negative(name: str, values: PerRow, high: float = INF) -> None:
    """Check that numbers are finite and none is below 0 or above `high`; NaN passes."""
    row = first_row((values < 0) | (values > high) | (values == INF))
    if row is not None:
        highest = "" if high == INF else f" and at most {high:.7g}"
        raise ValueError(
            f"{name}[{row}] is {float(values[row]):g}; it must be a finite number of at least 0{highest}, or NaN"
        )


def check_truth_values(name: str, values: PerRow) -> None:
    if not namespace_of(values).isdtype(values.dtype, "bool"):
        raise TypeError(f"{name} must hold True and False; got dtype {values.dtype}")


def check_keys(name: str, keys: PerRow) -> None:
    if isinstance(keys, np.ndarray):
        if keys.dtype.kind not in "iubUS":
            raise TypeError(f"{name} must hold integer or string keys; got dtype {keys.dtype}")
    elif not namespace_of(keys).isdtype(keys.dtype, "integral"):
        raise TypeError(f"{name} must hold integer keys; got dtype {keys.dtype}")


def first_row(wrong: Array) -> int | None:
    """The first row that is wrong, if any."""
    xp = namespace_of(wrong)
    return int(xp.nonzero(wrong)[0][0]) if bool(xp.any(wrong)) else None


class Scores(NamedTuple):
    """Checked columns in one working dtype, the widest among them."""

    predictions: PerRow
    readable: PerRow  # whether the prediction is a finite score on 0-100
    targets: PerRow  # NaN: no label
    target_stds: PerRow | None  # NaN: not known


def check_scores(predictions: PerRow, targets: PerRow, target_stds: PerRow | None) -> Scores:
    """What every score reward checks at the door: real numbers, labels in points, deviations not negative."""
    xp = namespace_of(predictions)
    q, g = as_floats("predictions", predictions), as_floats("targets", targets)
    stds = None if target_stds is None else as_floats("target_stds", target_stds)
    if stds is not None or q.dtype != g.dtype:
        dtype = xp.result_type(q, g) if stds is None else xp.result_type(q, g, stds)
        q, g = xp.astype(q, dtype, copy=False), xp.astype(g, dtype, copy=False)
    check_points("targets", g)
    if stds is not None:
        stds = xp.astype(stds, g.dtype, copy=False)
        check_not_negative("target_stds", stds, LARGEST)
    rounding = rounding_at_ends(q)
    readable = (q >= -rounding) & (q <= 100 + rounding)
    return Scores(xp.clip(q, 0.0, 100.0), readable, xp.clip(g, 0.0, 100.0), stds)
