"""A prediction against other images: does it stand to them as the mean opinion scores (MOS) do?

All scores are in points on 0-100. q are predictions, g the MOS; i and j are images, k is a completion.

    target     p_ij  = F((g_i - g_j) / t_ij)          t_ij^2 = temperature^2 [+ target_std_i^2 + target_std_j^2]
    predicted  c_ijk = F((q_ik - o_j) / s_ij)         o_j: what image i is compared with, see below
    weight     w_ij  = exp(-|g_i - g_j| / pair_weight_scale)
    loss       L_ik  = sum_j w_ij loss(p_ij, c_ijk) / sum_j w_ij

F is the normal CDF, or the logistic function with the same standard deviation 1, F(z) = 1 / (1 + exp(-z pi / sqrt 3)):
t_ij is the standard deviation with which raters compare the two images. Only the published loss, `"bce"`, has the plain
logistic function, as published. `pairwise_rank_reward` compares with every completion of other images,
`thurstone_rank_reward` with the mean over each other image's completions. An image is never its own opponent.

Both take the same columns, in this order; settings go by keyword.

    predictions  (B,) predicted scores, in points on 0-100; NaN for an unreadable answer
    targets      (B,) MOS of each completion's image, in points on 0-100; NaN for a missing label
    groups       (B,) key of each completion's image: integers, in numpy also strings. A callable makes it of the task,
                 the data set and the `image_id` column
    comparisons  (B,) key of what may be compared: a callable makes it of the task and the data set. None compares all
    target_stds  (B,) standard deviation of single ratings, in points, one an image: what a row knows serves where
                 another row of the image has NaN. An image without any takes the median of its comparison's images;
                 where none of them has one, 0
    wanted       (B,) whether the completion is to get a reward; the others only serve as opponents. None wants all

Both return (B,) rewards on [0, 1] in the dtype and on the device of `predictions`: 0 where the prediction is
unreadable, NaN where the target is missing, where there is nothing to compare with, or where no reward is wanted. They
raise TypeError where a column is no array, holds the wrong kind of values or comes from another array library, and
ValueError for a shape, a device, a target off 0-100, one group with two targets or two rater deviations, or a setting
out of its range.
"""

from typing import Literal

from tatar_rewards.functional._comparison import PairSettings
from tatar_rewards.functional._rows import Columns, rank_rows
from tatar_rewards.functional._types import ArrayT, PerRow

Dispersion = Literal["matched", "observer", "reference"]
Link = Literal["logistic", "normal"]
Loss = Literal["kl", "bce", "fidelity", "margin", "order"]


def thurstone_rank_reward(
    predictions: ArrayT,
    targets: PerRow,
    groups: PerRow,
    comparisons: PerRow | None = None,
    target_stds: PerRow | None = None,
    wanted: PerRow | None = None,
    *,
    temperature: float = 14.5,
    pair_weight_scale: float = float("inf"),
    dispersion: Dispersion = "matched",
    link: Link = "logistic",
    loss: Loss = "kl",
    hard_targets: bool = False,
    loss_scale: float = 0.2,
    variance_floor: float = 0.01,
    probability_floor: float = 1e-6,
) -> ArrayT:
    """Rank each completion against the mean prediction of every other image (Thurstone's comparative judgement).

    With mu_j and var_j the mean and the population variance of image j's readable predictions, o_j = mu_j and

        matched    s_ij = t_ij                                     raters and model share one dispersion (Case V)
        observer   s_ij = sqrt(t_ij^2 + var_i + var_j)             the model's own spread added (Case III)
        reference  s_ij = sqrt(var_i + var_j + variance_floor)     as published; shrinks the scale with the spread

        kl         reward = 1 / (1 + L / loss_scale)^2,  L the mean KL(p || c): 1 exactly where predicted gaps are true
        bce        reward = 1 - L / -ln(probability_floor), c clipped to the floor: the published form, where the
                   temperature is the scale of a plain logistic function
        fidelity   reward = mean of sqrt(p c) + sqrt((1 - p)(1 - c))
        margin     reward = mean of exp(-d^2 / (2 s_ij^2)), d = (q_ik - o_j) - (g_i - g_j): predicted gap less true gap
        order      reward = mean of p where the answer stands above o_j, 1 - p where below, 1/2 where level

    Args:
        predictions: (B,) predicted scores. The module's docstring has all columns.
        targets: (B,) MOS.
        groups: (B,) image keys.
        comparisons: (B,) keys of what may be compared.
        target_stds: (B,) standard deviations of single ratings.
        wanted: (B,) whether to reward the completion.
        temperature: Standard deviation with which raters compare two images, in points, beside `target_stds`. The
            published value, 8, is the scale of a logistic function, whose standard deviation is 14.5.
        pair_weight_scale: MOS gap, in points, at which a pair's weight has fallen to 1/e; TATAR uses 12. The default,
            inf, weighs all pairs alike.
        dispersion: What divides a predicted gap.
        link: F, `"logistic"` or, as Thurstone had it, `"normal"`.
        loss: How p and c are compared.
        hard_targets: Replace p by 1, 1/2 or 0: which image has the higher MOS.
        loss_scale: KL, in nats, that earns 1/4.
        variance_floor: Added to the variances by the `"reference"` dispersion, in square points.
        probability_floor: Where `"bce"` clips c.

    Returns:
        (B,) rewards on [0, 1]; 0 for unreadable predictions, NaN where there is nothing to compare.

    Raises:
        TypeError: a column or a setting has the wrong type.
        ValueError: a column or a setting is out of its range, or one image has two labels.

    Reference:
        Thurstone (1927), A law of comparative judgment; TATAR (arXiv 2603.19779); fidelity: VisualQuality-R1
        (arXiv 2505.14460); margin: MR-IQA (arXiv 2606.29760).

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
    return rank_rows(Columns(predictions, targets, groups, comparisons, target_stds, wanted), settings)


def pairwise_rank_reward(
    predictions: ArrayT,
    targets: PerRow,
    groups: PerRow,
    comparisons: PerRow | None = None,
    target_stds: PerRow | None = None,
    wanted: PerRow | None = None,
    *,
    temperature: float = 14.5,
    pair_weight_scale: float = float("inf"),
    link: Link = "logistic",
    loss: Loss = "kl",
    hard_targets: bool = False,
    within_image: bool = False,
    loss_scale: float = 0.2,
    probability_floor: float = 1e-4,
) -> ArrayT:
    """Rank each completion against every completion of every other image.

    Here o_j is another completion's prediction and s_ij = t_ij. Columns, losses and rewards are those of
    `thurstone_rank_reward`, and so are the settings that are not listed here.

    Args:
        predictions: (B,) predicted scores. The module's docstring has all columns.
        targets: (B,) MOS.
        groups: (B,) image keys.
        comparisons: (B,) keys of what may be compared.
        target_stds: (B,) standard deviations of single ratings.
        wanted: (B,) whether to reward the completion.
        temperature: Standard deviation with which raters compare two images, in points, beside `target_stds`. The
            published value, 8, is the scale of a logistic function, whose standard deviation is 14.5.
        pair_weight_scale: MOS gap, in points, at which a pair's weight has fallen to 1/e.
        link: F, `"logistic"` or `"normal"`.
        loss: How p and c are compared.
        hard_targets: Replace p by 1, 1/2 or 0.
        within_image: Compare with the other completions of the same image too, as the published code does. It pays
            for agreement with oneself; here for parity only.
        loss_scale: KL, in nats, that earns 1/4.
        probability_floor: Where `"bce"` clips c.

    Returns:
        (B,) rewards on [0, 1]; 0 for unreadable predictions, NaN where there is nothing to compare.

    Raises:
        TypeError: a column or a setting has the wrong type.
        ValueError: a column or a setting is out of its range, or one image has two labels.

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
    return rank_rows(Columns(predictions, targets, groups, comparisons, target_stds, wanted), settings)
