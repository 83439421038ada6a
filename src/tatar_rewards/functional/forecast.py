"""The answers to one picture as a forecast: how much does each of them improve what they say together?

All scores are in points on 0-100, and the columns are those of `ranking.py`.
"""

import math

from tatar_rewards.functional import _arrays
from tatar_rewards.functional._arrays import like_predictions, namespace_of, take
from tatar_rewards.functional._checks import check_number, check_scores
from tatar_rewards.functional._rows import Columns, one_deviation_an_image, rows_by_image, starts_of_images
from tatar_rewards.functional._special import normal_cdf
from tatar_rewards.functional._types import ArrayT, PerRow


def crps_score_reward(
    predictions: ArrayT,
    targets: PerRow,
    groups: PerRow,
    comparisons: PerRow | None = None,
    target_stds: PerRow | None = None,
    wanted: PerRow | None = None,
    *,
    scale: float = 100.0,
) -> ArrayT:
    """What a completion adds to the forecast that all completions of its image make together.

    The continuous ranked probability score (CRPS) of m answers x_i is their mean distance from the MOS y, less half of
    their mean distance from each other; the smaller the better. It is fair: an ensemble of few answers is scored as one
    of many would be. A completion earns what the score loses when it is left out:

        CRPS   = mean_i |x_i - y| - sum_{i < j} |x_i - x_j| / (m (m - 1))
        gain_i = CRPS of the other m - 1 answers - CRPS of all
        reward = clip(1/2 + (m - 1) gain_i / (2 scale), 0, 1)

    In a group of three or more that has its mean as baseline, these gains give exactly the gradient of the expected
    CRPS (two answers are as far from each other whichever is looked at). So the answers to a picture are drawn towards
    the distribution of what people said, and not all onto one number. With rater deviations |x - y| becomes its mean
    over y ~ N(MOS, target_std): the answers should spread as the ratings do.

    Time is near-linear in the completions.

    Args:
        predictions: (B,) predicted scores, in points on 0-100; NaN for an unreadable answer.
        targets: (B,) MOS, in points on 0-100; NaN for a missing label.
        groups: (B,) image keys.
        comparisons: (B,) keys of task and data set: one image key in two of them is two images. None: all one.
        target_stds: (B,) standard deviations of single ratings, in points; a missing one takes the median of its
            comparison's images.
        wanted: (B,) whether to reward the completion; the others only count as its group. None wants all.
        scale: Gain times (m - 1), in points, that takes the reward from 1/2 to 1.

    Returns:
        (B,) rewards on [0, 1] in the dtype and on the device of `predictions`; 0 where the prediction is unreadable,
        NaN where the target is missing, where the image has no other readable completion, or where none is wanted.

    Raises:
        TypeError: a column is no array or has the wrong type.
        ValueError: a column or a setting is out of its range, or one image has two labels.

    Reference:
        Distribution-Aware Reward (arXiv 2605.20740); the fair CRPS: Ferro (2014), Fair scores for ensemble forecasts.

    Examples:
        >>> import numpy as np
        >>> answers, image = np.array([10.0, 10.0, 10.0, 80.0]), np.array([1, 1, 1, 1])
        >>> crps_score_reward(answers, np.full(4, 80.0), image).round(2)
        array([0.32, 0.32, 0.32, 1.  ])
    """
    check_crps_settings(scale)
    columns = Columns(predictions, targets, groups, comparisons, target_stds, wanted)
    columns.check()
    q, readable, g, stds = check_scores(predictions, targets, target_stds)
    xp = namespace_of(q)
    labelled = xp.logical_not(xp.isnan(g))
    rows = rows_by_image(columns, labelled, g)
    row_stds = None if stds is None else one_deviation_an_image(columns, rows, stds)
    kept = take(readable, rows)
    rows, row_stds = rows[kept], None if row_stds is None else row_stds[kept]
    rewards = xp.where(labelled, xp.zeros_like(q), xp.full_like(q, math.nan))
    if rows.shape[0]:
        gains = _gains(columns, rows, q, g, row_stds)
        clipped = xp.astype(xp.clip(0.5 + gains / (2 * float(scale)), 0.0, 1.0), q.dtype, copy=False)
        left_out = xp.nonzero(xp.logical_not(labelled & readable))[0]
        order = xp.argsort(xp.concat([rows, left_out]), stable=True)
        rewards = take(xp.concat([clipped, take(rewards, left_out)]), order)
    if wanted is not None:
        rewards = xp.where(wanted, rewards, xp.full_like(rewards, math.nan))
    return like_predictions(rewards, predictions)


def check_crps_settings(scale: float) -> None:
    """The range of the setting of `crps_score_reward`."""
    check_number("scale", scale, low=1e-3)


def _gains(columns: Columns, rows: PerRow, q: PerRow, g: PerRow, row_stds: PerRow | None) -> PerRow:
    """(m - 1) times the leave-one-out gain of each of the rows, which are sorted by image; NaN for a lone one."""
    xp = namespace_of(q)
    x, y = (xp.astype(take(column, rows), xp.float64, copy=False) for column in (q, g))
    image = _arrays.number_starts(starts_of_images(columns, rows))
    count = int(image[-1]) + 1
    m = take(_arrays.segment_sum(xp.ones_like(x), image, count), image)
    far = _distances_from_mos(x, y, None if row_stds is None else xp.astype(row_stds, xp.float64, copy=False))
    apart = _distances_from_each_other(x, image, count)
    all_far = take(_arrays.segment_sum(far, image, count), image)
    all_apart = take(_arrays.segment_sum(apart, image, count), image) / 2
    alone = m < 2
    m = xp.where(alone, xp.full_like(m, 2.0), m)
    of_all = all_far / m - all_apart / (m * (m - 1))
    others = xp.where(m > 2, m - 2, xp.ones_like(m))  # two answers leave one, which is no distance from itself
    of_others = (all_far - far) / (m - 1) - (all_apart - apart) / ((m - 1) * others)
    return xp.where(alone, xp.full_like(x, math.nan), (m - 1) * (of_others - of_all))


def _distances_from_mos(x: PerRow, y: PerRow, stds: PerRow | None) -> PerRow:
    """|x - y|, or its mean over y ~ N(MOS, std): (x - y) (2 Phi(z) - 1) + 2 std phi(z) with z = (x - y) / std."""
    xp = namespace_of(x)
    gap = x - y
    if stds is None:
        return xp.abs(gap)
    blurred = stds > 1e-6  # points; less makes no difference, and would overflow
    known = xp.where(blurred, stds, xp.ones_like(stds))
    z = gap / known
    density = xp.exp(-0.5 * z**2) / math.sqrt(2 * math.pi)
    return xp.where(blurred, gap * (2 * normal_cdf(z) - 1) + 2 * known * density, xp.abs(gap))


def _distances_from_each_other(x: PerRow, image: PerRow, count: int) -> PerRow:
    """For each answer the sum of its distances from the others of its image, by running sums over the sorted ones."""
    xp = namespace_of(x)
    order = xp.argsort(x, stable=True)
    order = take(order, xp.argsort(take(image, order), stable=True))
    sizes = _arrays.segment_sum(xp.ones_like(x), image, count)
    means = _arrays.segment_sum(x, image, count) / sizes
    values = take(x - take(means, image), order)  # small numbers lose nothing in the running sums
    numbers, first = _arrays.number_sorted(image)
    running = xp.concat([xp.zeros_like(values[:1]), xp.cumulative_sum(values)])
    places = xp.arange(x.shape[0], device=_arrays.device_of(x))
    rank = xp.astype(places - take(first, numbers), xp.float64)
    below = running[:-1] - take(take(running, first), numbers)
    size = take(sizes, numbers)
    # the values of an image sum to 0, so that those above sum to -(below + value)
    apart = values * rank - below - (below + values) - values * (size - 1 - rank)
    return take(apart, xp.argsort(order, stable=True))
