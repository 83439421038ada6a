"""What slime does to the rewards of a group, and leaves to whoever post-processes them."""

from collections.abc import Sequence
from typing import Any

import numpy as np

LESS_GROUP_MEAN = ("grpo", "gspo", "cispo", "reinforce_plus_plus_baseline")
OVER_DEVIATION = ("grpo", "gspo", "cispo")


def normalized_by_group(args: Any, groups: Sequence[int], rewards: list[float]) -> list[float]:
    """The rewards less the mean of their group, over its standard deviation, as far as slime's own flags say so.

        (reward - mean) / (deviation + 1e-6)

    slime cuts the batch by place, and takes it for one group where the groups differ in size; here they go by number.

    Args:
        args: slime's: `rewards_normalization`, `advantage_estimator` and `grpo_std_normalization`.
        groups: The `group_index` of each sample.
        rewards: One of each sample.

    Examples:
        >>> from types import SimpleNamespace
        >>> flags = dict(rewards_normalization=True, advantage_estimator="grpo", grpo_std_normalization=False)
        >>> normalized_by_group(SimpleNamespace(**flags), [0, 0, 1, 1], [1.0, 0.0, 0.5, 0.5])
        [0.5, -0.5, 0.0, 0.0]
    """
    if not args.rewards_normalization or args.advantage_estimator not in LESS_GROUP_MEAN:
        return rewards
    number = np.unique(groups, return_inverse=True)[1]
    sizes = np.bincount(number)
    centred = np.asarray(rewards) - (np.bincount(number, rewards) / sizes)[number]
    if args.grpo_std_normalization and args.advantage_estimator in OVER_DEVIATION:
        variances = np.bincount(number, centred**2) / np.maximum(sizes - 1, 1)
        centred = centred / (np.sqrt(variances)[number] + 1e-6)
    return [float(reward) for reward in centred]
