"""On the right side of how many other images' answers? Order alone, without a link or a scale."""

from tatar_rewards.functional._comparison import PairSettings
from tatar_rewards.functional._rows import Columns, rank_rows
from tatar_rewards.functional._types import ArrayT, PerRow


def win_rate_reward(
    predictions: ArrayT,
    targets: PerRow,
    groups: PerRow,
    comparisons: PerRow | None = None,
    target_stds: PerRow | None = None,
    wanted: PerRow | None = None,
) -> ArrayT:
    """The share of other images' completions that a completion stands on the right side of.

        reward = mean over the opponents o of other images j of
                 p_ij if prediction > o,  1 - p_ij if prediction < o,  1/2 if they are equal
        p_ij   = 1 if g_i > g_j, 0 if g_i < g_j, 1/2 if they are equal;  with rater deviations
                 Phi((g_i - g_j) / sqrt(target_std_i^2 + target_std_j^2)): near labels are soft

    It rewards the order and leaves the scale free, which drifts in a long run: add a score reward that holds it. With
    equal labels or answers a pair is worth 1/2. Without deviations the time is near-linear in the completions; with
    them each pair of images has a probability of its own, and the sum goes over all pairs.

    Args:
        predictions: (B,) predicted scores, in points on 0-100; NaN for an unreadable answer.
        targets: (B,) MOS, in points on 0-100; NaN for a missing label.
        groups: (B,) image keys.
        comparisons: (B,) keys of what may be compared; None compares all.
        target_stds: (B,) standard deviations of single ratings, in points; a missing one takes the median of its
            comparison's images.
        wanted: (B,) whether to reward the completion; the others only serve as opponents. None wants all.

    Returns:
        (B,) rewards on [0, 1] in the dtype and on the device of `predictions`; 0 where the prediction is unreadable,
        NaN where the target is missing, where there is no other image, or where no reward is wanted.

    Raises:
        TypeError: a column is no array or has the wrong type.
        ValueError: a column is out of its range, or one image has two labels.

    Reference:
        Thurstone (1927), A law of comparative judgment, without its scale; the probability of superiority (Mann and
        Whitney, 1947).

    Examples:
        >>> import numpy as np
        >>> mos, image = np.array([30.0, 30.0, 60.0, 60.0]), np.array(["a", "a", "b", "b"])
        >>> win_rate_reward(np.array([20.0, 70.0, 50.0, 80.0]), mos, image)
        array([1. , 0.5, 0.5, 1. ])
    """
    settings = PairSettings(
        opponents="completions",
        temperature=1e-3,  # none: labels differ or they do not
        pair_weight_scale=float("inf"),
        link="normal",
        loss="order",
        hard_targets=target_stds is None,
        loss_scale=1.0,
        probability_floor=1e-6,
    )
    return rank_rows(Columns(predictions, targets, groups, comparisons, target_stds, wanted), settings)
