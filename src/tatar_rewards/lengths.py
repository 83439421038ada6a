"""Word budgets: quality is judged at a glance, aesthetics after some thought."""

from collections.abc import Hashable, Sequence

from tatar_rewards import _arrays
from tatar_rewards._arrays import Array

SPAN = 4  # words in a row that count as a repetition; shorter turns of phrase come back in honest prose


def length_reward(lengths: Array, *, shortest: float = 0, longest: float = float("inf"), margin: float = 0) -> Array:
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
    shortest = _arrays.check_number("shortest", shortest, low=0, below_high=True)
    longest = _arrays.check_number("longest", longest, low=shortest)
    margin = _arrays.check_number("margin", margin, low=0, below_high=True)
    xp = _arrays.check_columns(lengths=lengths)
    counts = _arrays.as_floats(xp, "lengths", lengths)
    _arrays.check_not_negative(xp, "lengths", counts)
    unreadable = xp.isnan(counts)
    counts = xp.where(unreadable, xp.zeros_like(counts), counts)
    miss = shortest - counts
    if longest != float("inf"):
        miss = xp.maximum(miss, counts - longest)
    if margin > 0:
        rewards = (1 + xp.cos(xp.pi * xp.clip(miss / margin, 0.0, 1.0))) / 2
    else:
        rewards = xp.astype(miss <= 0, counts.dtype)
    rewards = xp.where(unreadable, xp.zeros_like(rewards), rewards)
    return _arrays.like_predictions(xp, rewards, lengths)


def length_without_repetition(words: Sequence[Hashable]) -> int:
    """How many of the words are not part of four in a row that have stood before.

    A text that repeats itself is no longer for it. Four words in a row hardly come back in prose.

    Args:
        words: The words of a text in order, or its tokens.

    Returns:
        The number of words, at most `len(words)`.

    Reference:
        The n-gram repetition of text-generation decoding; counting only what is new is ours.

    Examples:
        >>> sentence = "The light is soft and the colours are calm".split()
        >>> length_without_repetition(sentence), length_without_repetition(5 * sentence)
        (9, 9)
        >>> length_without_repetition(["good"] * 200)
        1
    """
    rows = list(zip(*(words[start:] for start in range(SPAN)), strict=False))
    seen = set(rows)
    if len(seen) == len(rows):
        return len(words)
    seen.clear()
    repeated = covered = 0
    for start, row in enumerate(rows):
        if row in seen:
            repeated += start + SPAN - max(covered, start)
            covered = start + SPAN
        seen.add(row)
    return len(words) - repeated
