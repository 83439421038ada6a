"""The reward that looks at the answers to one picture together, on all ranks."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from tatar_rewards.functional.forecast import crps_score_reward
from tatar_rewards.rewards.call import one_call
from tatar_rewards.rewards.configs import CrpsScoreRewardConfig
from tatar_rewards.rewards.function_configs import CrpsScoreConfig, function_settings
from tatar_rewards.rewards.graded import gate_and_log, read_and_gather
from tatar_rewards.rewards.reward import Reward, takes_settings_of


class CrpsScoreReward(Reward[CrpsScoreRewardConfig]):
    """`crps_score_reward` of each completion among all completions of its image, on all ranks.

    Needs a column of image keys, or `num_generations=`. The only readable completion of an image earns None. Every rank
    must call it.

    Examples:
        >>> reward = CrpsScoreReward(task="iqa")
        >>> columns = dict(mos=[80.0] * 4, task=["iqa"] * 4, image_id=["a.jpg"] * 4)
        >>> answers = [f"<answer>{score}</answer>" for score in (10, 10, 10, 80)]
        >>> [round(earned, 2) for earned in reward(answers, **columns)]
        [0.33, 0.33, 0.33, 1.0]
    """

    @takes_settings_of(CrpsScoreRewardConfig)
    def __init__(self, config: CrpsScoreRewardConfig) -> None:
        super().__init__(config)

    def __call__(self, /, completions: Sequence[Any], **columns: Any) -> list[float | None]:
        """Rewards of a batch: completions and columns as lists with one value a completion."""
        with one_call(self, columns) as call:
            batch, rows = read_and_gather(call, completions)
            predictions, targets, stds = rows.values.T
            images, comparisons = rows.keys.T
            wanted = np.zeros(len(targets), bool)
            wanted[rows.local] = True
            rewards_of_all = crps_score_reward(
                predictions,
                targets,
                images,
                comparisons,
                None if call.config.mos_std_column is None else stds,
                wanted,
                **function_settings(call.config, CrpsScoreConfig),
            )
            rewards = np.full(len(batch.on_task), math.nan)
            rewards[batch.on_task] = rewards_of_all[rows.local]
            graded = gate_and_log(call, batch, rows, rewards)
        return graded
