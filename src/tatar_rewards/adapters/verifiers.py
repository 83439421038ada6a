"""Rewards for verifiers and prime-rl: an async function a reward, on one trace a call.

    [env.taskset.task.rewards]
    gaps = { fn = "my_rewards:gaps", weight = 1.0 }  # where gaps = scorer(reward)

Ready functions for labels on 0-100 are `answer_format`, `thurstone_rank` and `win_rate` of this module.
"""

from typing import Any

from tatar_rewards.adapters.samples import NamedRewards, RewardFunc
from tatar_rewards.presets import recommended_reward_funcs


class Scorer(NamedRewards):
    """A reward function of verifiers; `scorer` makes it."""

    one_sample = True

    async def __call__(self, task: Any, trace: Any) -> float:
        """The reward of the trace's last answer; the fields of the task's data are the columns."""
        last_answer = trace.assistant_messages[-1:]  # with its reasoning, where the server has moved it out
        return self.score([last_answer], [dict(task)])[0][self.total]


def scorer(reward: RewardFunc) -> Scorer:
    """A reward function for `task.rewards`: one a reward, so that each has its name and weight.

    Args:
        reward: One of TRL's `reward_funcs`; a ranking with `opponents="memory"`.

    Examples:
        >>> import asyncio
        >>> from types import SimpleNamespace
        >>> from tatar_rewards import GaussianScoreReward
        >>> score = scorer(GaussianScoreReward(mos_scale=(1, 5)))
        >>> trace = SimpleNamespace(assistant_messages=[{"role": "assistant", "content": "<answer>75</answer>"}])
        >>> asyncio.run(score(task={"mos": 4.0}, trace=trace))
        1.0
    """
    return Scorer([reward])


answer_format, thurstone_rank, win_rate = map(scorer, recommended_reward_funcs(opponents="memory")[:3])
