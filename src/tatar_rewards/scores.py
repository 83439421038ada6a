"""A prediction against its own target: how far is the score from the mean opinion score (MOS)?

All scores are in points on 0-100. A prediction that is NaN, infinite or off 0-100 is an unreadable answer and earns
0.0; a target that is NaN is a missing label and yields NaN.
"""

import math

from tatar_rewards import _arrays
from tatar_rewards._arrays import Array


def gaussian_score_reward(
    predictions: Array,
    targets: Array,
    target_stds: Array | None = None,
    *,
    tolerance: float = 8.75,
    reward_at_tolerance: float = 0.5,
    widening: float = 0.8,
    gain: float = 1.0,
) -> Array:
    """A bell around the MOS: 1 at the MOS, falling with the error.

        e = |prediction - target|
        s = tolerance / sqrt(-2 ln reward_at_tolerance) * (1 + widening * e / 100)
        reward = min(1, gain * exp(-e^2 / (2 (s^2 + target_std^2))))

    With `widening=0` an error of `tolerance` earns exactly `reward_at_tolerance`. The widening gives far misses a
    slope to climb, and lets an error of `tolerance` earn more: 0.546 with the defaults.

    Args:
        predictions: (B,) predicted scores, in points on 0-100; NaN for an unreadable answer.
        targets: (B,) MOS, in points on 0-100; NaN for a missing label.
        target_stds: (B,) standard deviation of the raters, in points; widens the bell. NaN counts as 0.
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
    tolerance = _arrays.check_number("tolerance", tolerance, low=1e-3, below_high=True)
    reward_at_tolerance = _arrays.check_number("reward_at_tolerance", reward_at_tolerance, low=1e-6, high=1 - 1e-6)
    widening = _arrays.check_number("widening", widening, low=0, below_high=True)
    gain = _arrays.check_number("gain", gain, low=1, below_high=True)
    xp = _arrays.check_columns(predictions=predictions, targets=targets, target_stds=target_stds)
    error, unreadable, stds = _errors(xp, predictions, targets, target_stds)
    width = tolerance / math.sqrt(-2 * math.log(reward_at_tolerance)) * (1 + widening / 100 * error)
    if stds is not None:
        width = xp.sqrt(width**2 + stds**2)
    bell = xp.clip(gain * xp.exp(-0.5 * (error / width) ** 2), None, 1.0)
    return _arrays.like_predictions(xp, _fill(xp, bell, error, unreadable), predictions)


def threshold_score_reward(predictions: Array, targets: Array, *, tolerance: float = 8.75) -> Array:
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
    tolerance = _arrays.check_number("tolerance", tolerance, low=0, high=100)
    xp = _arrays.check_columns(predictions=predictions, targets=targets)
    error, unreadable, _ = _errors(xp, predictions, targets, None)
    hit = xp.astype(error <= tolerance, error.dtype)
    return _arrays.like_predictions(xp, _fill(xp, hit, error, unreadable), predictions)


def _errors(
    xp: Array, predictions: Array, targets: Array, target_stds: Array | None
) -> tuple[Array, Array, Array | None]:
    """Absolute errors (NaN where the target is missing), the unreadable rows, and the standard deviations."""
    q, readable, g, stds = _arrays.check_scores(xp, predictions, targets, target_stds)
    error = xp.abs(xp.where(readable, q, xp.zeros_like(q)) - g)
    return error, xp.logical_not(readable), stds


def _fill(xp: Array, rewards: Array, error: Array, unreadable: Array) -> Array:
    rewards = xp.where(unreadable, xp.zeros_like(rewards), rewards)
    return xp.where(xp.isnan(error), xp.full_like(rewards, xp.nan), rewards)
