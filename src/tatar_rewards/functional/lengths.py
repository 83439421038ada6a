"""Budgets of thinking: quality is judged at a glance, aesthetics after some thought."""

import math

from tatar_rewards.functional._arrays import as_floats, like_predictions, namespace_of
from tatar_rewards.functional._checks import check_columns, check_not_negative, check_number
from tatar_rewards.functional._types import ArrayT

MOST = 1e15  # words or tokens: what float32 still reckons with


def length_reward(lengths: ArrayT, *, shortest: float = 0, longest: float = float("inf"), margin: float = 0) -> ArrayT:
    """1 within the budget, 0 outside it, with a smooth edge of `margin` on either side.

        miss = max(shortest - length, length - longest, 0)
        reward = (1 + cos(pi * min(miss / margin, 1))) / 2,  or  [miss = 0] without a margin

    Args:
        lengths: (B,) lengths, in words or tokens, integers or floats; NaN for a completion that cannot be read.
        shortest: Smallest length that earns 1. TATAR: 125 words for aesthetics.
        longest: Largest length that earns 1. TATAR: 65 words for quality.
        margin: How far outside the budget the reward reaches 0; 0 makes the edge a gate.

    Returns:
        (B,) rewards on [0, 1], on the device of `lengths` and in its dtype (float64 for integers); 0 for NaN.

    Raises:
        TypeError: `lengths` is no array of real numbers.
        ValueError: a shape, a negative length, or a setting out of its range.

    Reference:
        TATAR (arXiv 2603.19779), fast and slow thinking; the smooth edge is ours.

    Examples:
        >>> import numpy as np
        >>> length_reward(np.array([40, 65, 70, 75, 80]), longest=65, margin=10)
        array([1. , 1. , 0.5, 0. , 0. ])
    """
    check_length_settings(shortest, longest, margin)
    check_columns(lengths=lengths)
    counts = as_floats("lengths", lengths)
    check_not_negative("lengths", counts)
    xp = namespace_of(counts)
    unreadable = xp.isnan(counts)
    counts = xp.where(unreadable, xp.zeros_like(counts), counts)
    miss = float(shortest) - counts
    if longest != math.inf:
        miss = xp.maximum(miss, counts - float(longest))
    if margin > 1e-6:  # less makes no difference, and would overflow
        rewards = (1 + xp.cos(math.pi * xp.clip(miss / float(margin), 0.0, 1.0))) / 2
    else:
        rewards = xp.astype(miss <= 0, counts.dtype)
    rewards = xp.where(unreadable, xp.zeros_like(rewards), rewards)
    return like_predictions(rewards, lengths)


def check_length_settings(shortest: float, longest: float, margin: float) -> None:
    """The ranges of the settings of `length_reward`."""
    check_number("shortest", shortest, low=0, high=MOST)
    check_number("longest", longest, low=0, high=MOST, or_inf=True)
    check_number("margin", margin, low=0, high=MOST)
    if longest < shortest:
        raise ValueError(f"longest must be at least shortest; got {longest:g} and {shortest:g}")
