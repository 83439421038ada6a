"""Rewards that are ready to use: one list for each published recipe, and what the study recommends.

Each preset is a function that makes a list for `GRPOTrainer(reward_funcs=...)`:

    from tatar_rewards import presets
    rewards = presets.visualquality_r1(mos_scale=(1, 5))

`tatar_recipe` holds the recipe of this package, `published` those of others, by the constants of their released code,
`best` what trains best in `benchmarks/study`.

Command lines that take rewards by name load one ready reward each, for labels on 0-100:

    trl grpo --reward_funcs tatar_rewards.presets.answer_format tatar_rewards.presets.iqa_gaussian_score ...

Each time such a name is looked up it is made anew, so that two trainers of one process share no state. Other scales,
columns and budgets: make a module of your own that calls a preset and names its rewards.
"""

from typing import TYPE_CHECKING

from tatar_rewards.presets.best import recommended_reward_funcs
from tatar_rewards.presets.load import load_reward_funcs
from tatar_rewards.presets.published import (
    ie_critic_r1,
    mr_iqa,
    q_hawkeye,
    q_insight,
    tatar_released,
    visualquality_r1,
)
from tatar_rewards.presets.tatar_recipe import tatar_reward_funcs
from tatar_rewards.rewards import AnswerFormatReward, GaussianScoreReward, ThurstoneRankReward

tatar, recommended = tatar_reward_funcs, recommended_reward_funcs

__all__ = [
    "answer_format",
    "iaa_thurstone_rank",
    "ie_critic_r1",
    "iqa_gaussian_score",
    "load_reward_funcs",
    "mr_iqa",
    "q_hawkeye",
    "q_insight",
    "recommended",
    "recommended_reward_funcs",
    "tatar",
    "tatar_released",
    "tatar_reward_funcs",
    "visualquality_r1",
]

answer_format: AnswerFormatReward
iqa_gaussian_score: GaussianScoreReward
iaa_thurstone_rank: ThurstoneRankReward

if not TYPE_CHECKING:  # a type checker takes the annotations above, and finds misspelt names

    def __getattr__(name):
        for reward in tatar_reward_funcs():
            if reward.__name__ == name:
                return reward
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

    def __dir__():
        return sorted({*globals(), *__all__})
