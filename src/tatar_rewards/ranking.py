"""A prediction against other images: does it stand to them as the mean opinion scores (MOS) do?

All scores are in points on 0-100. q are predictions, g the MOS; i and j are images, k is a completion.

    target     p_ij  = F((g_i - g_j) / t_ij)          t_ij^2 = temperature^2 [+ target_std_i^2 + target_std_j^2]
    predicted  c_ijk = F((q_ik - o_j) / s_ij)         o_j: what image i is compared with, see below
    weight     w_ij  = exp(-|g_i - g_j| / pair_weight_scale)
    loss       L_ik  = sum_j w_ij loss(p_ij, c_ijk) / sum_j w_ij

F is the logistic function or the normal CDF. `pairwise_rank_reward` compares with every completion of other images,
`thurstone_rank_reward` with the mean over each other image's completions. An image is never its own opponent.
"""

from types import ModuleType
from typing import Literal

from tatar_rewards import _arrays, _pairs
from tatar_rewards._arrays import Array
from tatar_rewards._pairs import Images, PairSettings

Dispersion = Literal["matched", "observer", "reference"]
Link = Literal["logistic", "normal"]
Loss = Literal["kl", "bce", "fidelity"]


def thurstone_rank_reward(
    predictions: Array,
    targets: Array,
    groups: Array,
    comparisons: Array | None = None,
    target_stds: Array | None = None,
    wanted: Array | None = None,
    *,
    temperature: float = 8.0,
    pair_weight_scale: float = float("inf"),
    dispersion: Dispersion = "matched",
    link: Link = "logistic",
    loss: Loss = "kl",
    hard_targets: bool = False,
    loss_scale: float = 0.2,
    variance_floor: float = 0.01,
    probability_floor: float = 1e-6,
) -> Array:
    """Rank each completion against the mean prediction of every other image (Thurstone's comparative judgement).

    With mu_j and var_j the mean and the population variance of image j's readable predictions, o_j = mu_j and

        matched    s_ij = t_ij                                     raters and model share one dispersion (Case V)
        observer   s_ij = sqrt(t_ij^2 + var_i + var_j)             the model's own spread added (Case III)
        reference  s_ij = sqrt(var_i + var_j + variance_floor)     as published; shrinks the scale with the spread

        kl         reward = 1 / (1 + L / loss_scale)^2,  L the mean KL(p || c): 1 exactly where predicted gaps are true
        bce        reward = 1 - L / -ln(probability_floor), c clipped to the floor: the published form
        fidelity   reward = mean of sqrt(p c) + sqrt((1 - p)(1 - c))

    Args:
        predictions: (B,) predicted scores, in points on 0-100; NaN for an unreadable answer.
        targets: (B,) MOS of each completion's image, in points on 0-100; NaN for a missing label.
        groups: (B,) key of each completion's image: integers, in numpy also strings.
        comparisons: (B,) key of what may be compared, for example the data set; None compares everything.
        target_stds: (B,) standard deviation of the raters, in points; NaN counts as 0.
        wanted: (B,) whether the completion is to get a reward; the others only serve as opponents. None wants all.
        temperature: Dispersion of the raters' comparisons, in points.
        pair_weight_scale: MOS gap, in points, at which a pair's weight has fallen to 1/e; TATAR uses 12. The default,
            inf, weighs all pairs alike.
        dispersion: What divides a predicted gap.
        link: F, `"logistic"` as published or `"normal"` as Thurstone had it.
        loss: How p and c are compared.
        hard_targets: Replace p by 1, 1/2 or 0: which image has the higher MOS.
        loss_scale: KL, in nats, that earns 1/4.
        variance_floor: Added to the variances by the `"reference"` dispersion, in square points.
        probability_floor: Where `"bce"` clips c.

    Returns:
        (B,) rewards on [0, 1] in the dtype and on the device of `predictions`; 0 where the prediction is unreadable,
        NaN where the target is missing, where there is no other image to compare with, or where no reward is wanted.

    Raises:
        TypeError: a column is no array, or has the wrong kind of values, or the columns mix array libraries.
        ValueError: a shape, a device, a target off 0-100, one group with two targets, or a setting out of its range.

    Reference:
        Thurstone (1927), A law of comparative judgment; TATAR (arXiv 2603.19779); fidelity: VisualQuality-R1
        (arXiv 2505.14460).

    Examples:
        >>> import numpy as np
        >>> mos = np.array([30.0, 30.0, 60.0, 60.0])
        >>> image = np.array(["a", "a", "b", "b"])
        >>> thurstone_rank_reward(np.array([30.0, 30.0, 60.0, 60.0]), mos, image)
        array([1., 1., 1., 1.])
        >>> thurstone_rank_reward(np.array([50.0, 50.0, 50.0, 50.0]), mos, image).round(2)
        array([0.07, 0.07, 0.07, 0.07])
    """
    settings = PairSettings(
        opponents="images",
        temperature=temperature,
        pair_weight_scale=pair_weight_scale,
        dispersion=dispersion,
        link=link,
        loss=loss,
        hard_targets=hard_targets,
        loss_scale=loss_scale,
        variance_floor=variance_floor,
        probability_floor=probability_floor,
    )
    return _rank_rewards(predictions, targets, groups, comparisons, target_stds, wanted, settings)


def pairwise_rank_reward(
    predictions: Array,
    targets: Array,
    groups: Array,
    comparisons: Array | None = None,
    target_stds: Array | None = None,
    wanted: Array | None = None,
    *,
    temperature: float = 8.0,
    pair_weight_scale: float = float("inf"),
    link: Link = "logistic",
    loss: Loss = "kl",
    hard_targets: bool = False,
    within_image: bool = False,
    loss_scale: float = 0.2,
    probability_floor: float = 1e-4,
) -> Array:
    """Rank each completion against every completion of every other image.

    Here o_j is another completion's prediction and s_ij = t_ij. Losses and their rewards are those of
    `thurstone_rank_reward`.

    Args:
        predictions: (B,) predicted scores, in points on 0-100; NaN for an unreadable answer.
        targets: (B,) MOS of each completion's image, in points on 0-100; NaN for a missing label.
        groups: (B,) key of each completion's image: integers, in numpy also strings.
        comparisons: (B,) key of what may be compared, for example the data set; None compares everything.
        target_stds: (B,) standard deviation of the raters, in points; NaN counts as 0.
        wanted: (B,) whether the completion is to get a reward; the others only serve as opponents. None wants all.
        temperature: Dispersion of the raters' comparisons, in points.
        pair_weight_scale: MOS gap, in points, at which a pair's weight has fallen to 1/e; TATAR uses 12. The default,
            inf, weighs all pairs alike.
        link: F, `"logistic"` as published or `"normal"` as Thurstone had it.
        loss: How p and c are compared.
        hard_targets: Replace p by 1, 1/2 or 0: which image has the higher MOS.
        within_image: Compare with the other completions of the same image too, as the published code does. It pays
            for agreement with oneself; here for parity only.
        loss_scale: KL, in nats, that earns 1/4.
        probability_floor: Where `"bce"` clips c.

    Returns:
        (B,) rewards on [0, 1] in the dtype and on the device of `predictions`; 0 where the prediction is unreadable,
        NaN where the target is missing, where there is nothing to compare with, or where no reward is wanted.

    Raises:
        TypeError: a column is no array, or has the wrong kind of values, or the columns mix array libraries.
        ValueError: a shape, a device, a target off 0-100, one group with two targets, or a setting out of its range.

    Reference:
        TATAR (arXiv 2603.19779), the pairwise preference reward.

    Examples:
        >>> import numpy as np
        >>> pairwise_rank_reward(np.array([30.0, 70.0]), np.array([40.0, 60.0]), np.array([1, 2])).round(2)
        array([0.4, 0.4])
    """
    settings = PairSettings(
        opponents="completions",
        temperature=temperature,
        pair_weight_scale=pair_weight_scale,
        link=link,
        loss=loss,
        hard_targets=hard_targets,
        within_image=within_image,
        loss_scale=loss_scale,
        probability_floor=probability_floor,
    )
    return _rank_rewards(predictions, targets, groups, comparisons, target_stds, wanted, settings)


def _rank_rewards(
    predictions: Array,
    targets: Array,
    groups: Array,
    comparisons: Array | None,
    target_stds: Array | None,
    wanted: Array | None,
    settings: PairSettings,
) -> Array:
    settings = settings.checked()
    xp = _arrays.check_columns(
        predictions=predictions,
        targets=targets,
        groups=groups,
        comparisons=comparisons,
        target_stds=target_stds,
        wanted=wanted,
    )
    _arrays.check_keys(xp, "groups", groups)
    if comparisons is not None:
        _arrays.check_keys(xp, "comparisons", comparisons)
    if _arrays.lends_memory(predictions):
        q, g, images, others, stds, chosen = map(
            _arrays.borrow, (predictions, targets, groups, comparisons, target_stds, wanted)
        )
        return _arrays.give_back(_rank_rewards(q, g, images, others, stds, chosen, settings), predictions)
    q, readable, g, stds = _arrays.check_scores(xp, predictions, targets, target_stds)
    image_keys, comparison_keys = _number_images(xp, groups, comparisons)
    labelled = xp.logical_not(xp.isnan(g))
    rows = _sorted_rows(xp, labelled, image_keys)
    _check_one_target_each(xp, image_keys, g, rows, groups)

    comparable = xp.logical_and(labelled, readable)
    rewarded = comparable
    if wanted is not None:
        _arrays.check_truth_values(xp, "wanted", wanted)
        rewarded, labelled = xp.logical_and(comparable, wanted), xp.logical_and(labelled, wanted)
    rows = rows[xp.take(comparable, rows)]
    order, rewards = [], []
    for start, stop in _comparable_rows(xp, comparison_keys, rows):
        part = rows[start:stop]
        part_stds = None if stds is None else xp.take(stds, part)
        images = _describe_images(xp, xp.take(q, part), xp.take(g, part), part_stds, xp.take(image_keys, part))
        chosen = xp.nonzero(xp.take(rewarded, part))[0]
        order.append(xp.take(part, chosen))
        rewards.append(_pairs.rank_rewards(xp, xp.take(q, part), images, chosen, settings))
    left_out = xp.nonzero(xp.logical_not(rewarded))[0]
    zeros = xp.zeros_like(xp.take(g, left_out))
    order.append(left_out)
    rewards.append(xp.where(xp.take(labelled, left_out), zeros, xp.full_like(zeros, xp.nan)))
    back_to_caller = xp.argsort(xp.concat(order))
    return _arrays.like_predictions(xp, xp.take(xp.concat(rewards), back_to_caller), predictions)


def _comparable_rows(xp: ModuleType, comparison_keys: Array | None, rows: Array) -> list[tuple[int, int]]:
    """(start, stop) of the rows of each comparison."""
    if comparison_keys is None:
        return [(0, rows.shape[0])] if rows.shape[0] else []
    return _arrays.runs(xp, xp.take(comparison_keys, rows))


def _number_images(xp: ModuleType, groups: Array, comparisons: Array | None) -> tuple[Array, Array | None]:
    """Number images and comparisons so that images sort by comparison; one key in two comparisons is two images."""
    image_keys = _arrays.number_keys(xp, groups)
    if comparisons is None:
        return image_keys, None
    comparison_keys = _arrays.number_keys(xp, comparisons)
    return comparison_keys * (1 + groups.shape[0]) + image_keys, comparison_keys


def _sorted_rows(xp: ModuleType, chosen: Array, image_keys: Array) -> Array:
    rows = xp.nonzero(chosen)[0]
    return xp.take(rows, xp.argsort(xp.take(image_keys, rows), stable=True))


def _check_one_target_each(xp: ModuleType, image_keys: Array, targets: Array, rows: Array, groups: Array) -> None:
    if rows.shape[0] == 0:
        return
    keys, values = xp.take(image_keys, rows), xp.take(targets, rows)
    differ = xp.logical_and(keys[1:] == keys[:-1], values[1:] != values[:-1])
    if bool(xp.any(differ)):
        pair = int(xp.nonzero(differ)[0][0])
        first, second = int(rows[pair]), int(rows[pair + 1])
        raise ValueError(
            f"groups[{first}] and groups[{second}] are both {groups[first]!s}, but their targets differ: "
            f"{float(targets[first]):g} and {float(targets[second]):g}; one image has one MOS, so give different "
            f"images different keys"
        )


def _describe_images(xp: ModuleType, q: Array, g: Array, stds: Array | None, image_keys: Array) -> Images:
    """The images of completions that are sorted by image."""
    of_row, first_rows = _arrays.number_sorted(xp, image_keys)
    count = first_rows.shape[0]
    sizes = _arrays.segment_sum(xp, xp.ones_like(q), of_row, count)
    means = _arrays.segment_sum(xp, q, of_row, count) / sizes
    variances = _arrays.segment_sum(xp, (q - xp.take(means, of_row)) ** 2, of_row, count) / sizes
    target_variances = None if stds is None else xp.take(stds, first_rows) ** 2
    return Images(of_row, sizes, xp.take(g, first_rows), target_variances, means, variances)
