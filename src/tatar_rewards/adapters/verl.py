"""Rewards for verl: `custom_reward_function` on one sample a call.

    reward.custom_reward_function.path=my_rewards.py  # where compute_score = scorer(...)
    reward.num_workers=1                              # rankings remember images, and each worker for itself

verl imports its own code; this module needs none of it.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from tatar_rewards.adapters.samples import NamedRewards, RewardFunc, read_truth
from tatar_rewards.presets import recommended_reward_funcs


class Scorer(NamedRewards):
    """`compute_score` of verl; `scorer` makes it."""

    one_sample = True

    def __call__(
        self, data_source: str, solution_str: str, ground_truth: Any, extra_info: Any = None, **others: Any
    ) -> dict[str, float]:
        """The sum under "score", and each reward under its name, for GDPO among others."""
        extra: Mapping[str, Any] = extra_info or {}
        truth = {"dataset": data_source, **extra, **read_truth(ground_truth)}
        return self.score([solution_str], [truth])[0]


def scorer(rewards: Iterable[RewardFunc]) -> Scorer:
    """A `compute_score` of these rewards.

    Columns come from the ground truth, a dict or its JSON text, and what it lacks from `extra_info`; without a column
    `dataset` it is the `data_source`.

    Args:
        rewards: As for TRL's `reward_funcs`; rankings with `opponents="memory"`.

    Examples:
        >>> from tatar_rewards import recommended_reward_funcs
        >>> compute_score = scorer(recommended_reward_funcs(mos_scale=(1, 5), opponents="memory")[:3])
        >>> truth = '{"mos": 3.5, "image_id": "a.jpg"}'
        >>> compute_score(data_source="koniq", solution_str="<answer>60</answer>", ground_truth=truth)
        {'score': 1.0, 'answer_format': 1.0, 'thurstone_rank': 0.0, 'win_rate': 0.0}
    """
    return Scorer(rewards)


compute_score = scorer(recommended_reward_funcs(opponents="memory")[:3])  # for labels on 0-100
