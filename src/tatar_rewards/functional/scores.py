"""A prediction against its own target: how far is the score from the mean opinion score (MOS)?

All scores are in points on 0-100. A prediction that is NaN, infinite or off 0-100 is an unreadable answer and earns
0.0; a target that is NaN is a missing label and yields NaN.
"""

import math
from typing import Any, Literal

from tatar_rewards.functional._arrays import fill_missing, like_predictions, median_of_known, namespace_of
from tatar_rewards.functional._checks import check_choice, check_columns, check_number, check_scores
from tatar_rewards.functional._types import Array, ArrayT, PerRow


def gaussian_score_reward(
    predictions: ArrayT,
    targets: PerRow,
    *,
    target_stds: PerRow | None = None,
    tolerance: float = 8.75,
    reward_at_tolerance: float = 0.5,
    widening: float = 0.8,
    gain: float = 1.0,
) -> ArrayT:
    """A bell around the MOS: 1 at the MOS, falling with the error.

        e = |prediction - target|
        s = tolerance / sqrt(-2 ln reward_at_tolerance) * (1 + widening * e / 100)
        reward = min(1, gain * exp(-e^2 / (2 (s^2 + target_std^2))))

    With `widening=0` an error of `tolerance` earns exactly `reward_at_tolerance`. The widening gives far misses a
    slope to climb, and lets an error of `tolerance` earn more: 0.546 with the defaults.

    Args:
        predictions: (B,) predicted scores, in points on 0-100; NaN for an unreadable answer.
        targets: (B,) MOS, in points on 0-100; NaN for a missing label.
        target_stds: (B,) standard error of each MOS, in points; widens the bell. It is the spread of single ratings
            divided by the square root of their number. NaN takes the median of the others; all NaN counts as 0.
        tolerance: Error, in points, that earns `reward_at_tolerance` before widening.
        reward_at_tolerance: Reward of that error.
        widening: How much the bell widens with the error. TATAR uses 0.8 for quality; 2.0 for its pointwise aesthetics.
        gain: Factor on the bell, capped at 1: a flat top. TATAR's pointwise aesthetics reward uses 1.5.

    Returns:
        (B,) rewards on [0, 1] in the dtype and on the device of `predictions`; 0 where the prediction is unreadable,
        NaN where the target is missing.

    Raises:
        TypeError: a column is no array, or is not of real numbers, or the columns mix array libraries.
        ValueError: a shape, a device, a target off 0-100 or a setting out of its range.

    Reference:
        TATAR (arXiv 2603.19779), the quality reward.

    Examples:
        >>> import numpy as np
        >>> gaussian_score_reward(np.array([70.0, 61.25, np.nan]), np.array([70.0, 70.0, 70.0])).round(3)
        array([1.   , 0.546, 0.   ])
    """
    check_gaussian_settings(tolerance, reward_at_tolerance, widening, gain)
    error, unreadable, stds = _errors(predictions, targets, target_stds)
    xp = namespace_of(error)
    width = bell_width(error, tolerance, reward_at_tolerance, widening)
    if stds is not None:
        width = xp.sqrt(width**2 + stds**2)
    bell = xp.clip(float(gain) * xp.exp(-0.5 * (error / width) ** 2), None, 1.0)
    return like_predictions(_fill_in_missing(bell, error, unreadable), predictions)


def bell_width(error: Any, tolerance: float, reward_at_tolerance: float, widening: float) -> Any:
    """The standard deviation s of the bell at an error, in points: of an array or of a number."""
    return float(tolerance) / math.sqrt(-2 * math.log(reward_at_tolerance)) * (1 + float(widening) / 100 * error)


def check_gaussian_settings(tolerance: float, reward_at_tolerance: float, widening: float, gain: float) -> None:
    """The ranges of the settings of `gaussian_score_reward`."""
    check_number("tolerance", tolerance, low=1e-3)
    check_number("reward_at_tolerance", reward_at_tolerance, low=1e-6, high=1 - 1e-6)
    check_number("widening", widening, low=0)
    check_number("gain", gain, low=1)


Shape = Literal["laplace", "linear", "squared", "huber"]


def error_score_reward(
    predictions: ArrayT,
    targets: PerRow,
    *,
    target_stds: PerRow | None = None,
    shape: Shape = "linear",
    tolerance: float = 20.0,
    reward_at_tolerance: float = 0.5,
) -> ArrayT:
    """Other shapes than the bell: 1 at the MOS, `reward_at_tolerance` at an error of `tolerance`, and less beyond it.

        u = |prediction - target| / sqrt(tolerance^2 + target_std^2),  r = reward_at_tolerance

        laplace   r^u                       a peak with a slope everywhere
        linear    max(0, 1 - (1 - r) u)     minus the absolute error, with a floor
        squared   max(0, 1 - (1 - r) u^2)   minus the squared error, with a floor
        huber     max(0, 1 - (1 - r) h),    h = u^2 up to an error of `tolerance`, 2 u - 1 beyond it

    Args:
        predictions: (B,) predicted scores, in points on 0-100; NaN for an unreadable answer.
        targets: (B,) MOS, in points on 0-100; NaN for a missing label.
        target_stds: (B,) standard error of each MOS, in points; widens the tolerance, as it does the bell of
            `gaussian_score_reward`.
        shape: How the reward falls with the error.
        tolerance: Error, in points, that earns `reward_at_tolerance`.
        reward_at_tolerance: Reward of that error.

    Returns:
        (B,) rewards on [0, 1] in the dtype and on the device of `predictions`; 0 where the prediction is unreadable,
        NaN where the target is missing.

    Raises:
        TypeError: a column is no array, or is not of real numbers, or the columns mix array libraries.
        ValueError: a shape, a device, a target off 0-100 or a setting out of its range.

    Reference:
        The losses of robust regression (Huber, 1964), turned into rewards.

    Examples:
        >>> import numpy as np
        >>> error_score_reward(np.array([70.0, 50.0, 10.0]), np.array([70.0, 70.0, 70.0]))
        array([1. , 0.5, 0. ])
    """
    check_error_settings(shape, tolerance, reward_at_tolerance)
    error, unreadable, stds = _errors(predictions, targets, target_stds)
    xp = namespace_of(error)
    u = error / (float(tolerance) if stds is None else xp.sqrt(float(tolerance) ** 2 + stds**2))
    if shape == "laplace":
        rewards = xp.exp(math.log(reward_at_tolerance) * u)
    else:
        losses = {"linear": u, "squared": u**2, "huber": xp.where(u <= 1, u**2, 2 * u - 1)}
        rewards = xp.clip(1 - (1 - float(reward_at_tolerance)) * losses[shape], 0.0, None)
    return like_predictions(_fill_in_missing(rewards, error, unreadable), predictions)


def check_error_settings(shape: str, tolerance: float, reward_at_tolerance: float) -> None:
    """The ranges of the settings of `error_score_reward`."""
    check_choice("shape", shape, ("laplace", "linear", "squared", "huber"))
    check_number("tolerance", tolerance, low=1e-3)
    check_number("reward_at_tolerance", reward_at_tolerance, low=1e-6, high=1 - 1e-6)


def threshold_score_reward(predictions: ArrayT, targets: PerRow, *, tolerance: float = 8.75) -> ArrayT:
    """1 within `tolerance` points of the MOS, else 0.

    Args:
        predictions: (B,) predicted scores, in points on 0-100; NaN for an unreadable answer.
        targets: (B,) MOS, in points on 0-100; NaN for a missing label.
        tolerance: Largest error, in points, that earns the reward.

    Returns:
        (B,) rewards, 0 or 1, in the dtype and on the device of `predictions`; 0 where the prediction is unreadable,
        NaN where the target is missing.

    Raises:
        TypeError: a column is no array, or is not of real numbers, or the columns mix array libraries.
        ValueError: a shape, a device, a target off 0-100 or a setting out of its range.

    Reference:
        The binary score reward of Q-Insight (arXiv 2503.22679).

    Examples:
        >>> import numpy as np
        >>> threshold_score_reward(np.array([70.0, 80.0]), np.array([75.0, 70.0]))
        array([1., 0.])
    """
    check_threshold_settings(tolerance)
    error, unreadable, _ = _errors(predictions, targets, None)
    hit = namespace_of(error).astype(error <= float(tolerance), error.dtype)
    return like_predictions(_fill_in_missing(hit, error, unreadable), predictions)


def check_threshold_settings(tolerance: float) -> None:
    """The range of the setting of `threshold_score_reward`."""
    check_number("tolerance", tolerance, low=0, high=100)


def _errors(predictions: PerRow, targets: PerRow, target_stds: PerRow | None) -> tuple[PerRow, PerRow, PerRow | None]:
    """Absolute errors (NaN where the target is missing), the unreadable rows, and the standard deviations."""
    check_columns(predictions=predictions, targets=targets, target_stds=target_stds)
    q, readable, g, stds = check_scores(predictions, targets, target_stds)
    xp = namespace_of(q)
    if stds is not None:
        stds = fill_missing(stds, median_of_known(stds), 0.0)
    error = xp.abs(xp.where(readable, q, xp.zeros_like(q)) - g)
    return error, xp.logical_not(readable), stds


def _fill_in_missing(rewards: Array, error: PerRow, unreadable: PerRow) -> PerRow:
    xp = namespace_of(rewards)
    rewards = xp.where(unreadable, xp.zeros_like(rewards), rewards)
    return xp.where(xp.isnan(error), xp.full_like(rewards, math.nan), rewards)
