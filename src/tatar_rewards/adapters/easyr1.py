"""Rewards for EasyR1: a reward function of type "batch", which sees the whole batch in one process.

    worker.reward.reward_function=my_rewards.py:compute_score  # where compute_score = scorer(...)

So rankings compare all images of a step, and nothing needs to be gathered or remembered.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tatar_rewards.adapters.samples import NamedRewards, RewardFunc, read_truth
from tatar_rewards.presets import recommended_reward_funcs

REWARD_NAME = "tatar_rewards"
REWARD_TYPE = "batch"


class Scorer(NamedRewards):
    """`compute_score` of EasyR1; `scorer` makes it."""

    total = "overall"

    def __call__(self, reward_inputs: Sequence[Mapping[str, Any]]) -> list[dict[str, float]]:
        """Of each sample the sum under "overall", and each reward under its name."""
        completions = [sample["response"] for sample in reward_inputs]
        return self.score(completions, [read_truth(sample["ground_truth"]) for sample in reward_inputs])


def scorer(rewards: Iterable[RewardFunc]) -> Scorer:
    """A `compute_score` of these rewards; columns come from the ground truth, a dict or its JSON text.

    Args:
        rewards: As for TRL's `reward_funcs`.

    Examples:
        >>> from tatar_rewards import AnswerFormatReward, GaussianScoreReward
        >>> compute_score = scorer([AnswerFormatReward(), GaussianScoreReward(mos_scale=(1, 5))])
        >>> compute_score([{"response": "<answer>75</answer>", "response_length": 9, "ground_truth": '{"mos": 4}'}])
        [{'overall': 2.0, 'answer_format': 1.0, 'gaussian_score': 1.0}]
    """
    return Scorer(rewards)


compute_score = scorer(recommended_reward_funcs())  # for labels on 0-100
