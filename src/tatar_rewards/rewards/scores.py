"""Rewards that compare each completion with its own row's MOS.

A reward only converts: text to numbers, columns to arrays, rewards to floats. It logs under its `__name__` and knows
no trainer: it takes the keywords that TRL passes and ignores those it does not need. A row of another task, or without
a label, earns None, and the trainer leaves it out; an unreadable answer earns 0.0.

These rewards gather under a trainer only (`trainer_state` passed): for metrics over all ranks, and so that a bad label
on one rank ends all of them with its message.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from tatar_rewards.functional.scores import error_score_reward, gaussian_score_reward, threshold_score_reward
from tatar_rewards.rewards.call import one_call
from tatar_rewards.rewards.configs import ErrorScoreRewardConfig, GaussianScoreRewardConfig, ThresholdScoreRewardConfig
from tatar_rewards.rewards.function_configs import (
    ErrorScoreConfig,
    GaussianScoreConfig,
    ThresholdScoreConfig,
    function_settings,
)
from tatar_rewards.rewards.graded import gate_and_log, read_and_gather
from tatar_rewards.rewards.reward import Reward, takes_settings_of


class GaussianScoreReward(Reward[GaussianScoreRewardConfig]):
    """`gaussian_score_reward` of each completion against its row's MOS.

    Examples:
        >>> reward = GaussianScoreReward(task="iqa", mos_scale=(1, 5))
        >>> reward(["<answer>75</answer>", "75", "<answer>3</answer>"], mos=[4.0, 4.0, 3.0], task=["iqa", "iqa", "iaa"])
        [1.0, 0.0, None]
        >>> reward.__name__
        'iqa_gaussian_score'
    """

    @takes_settings_of(GaussianScoreRewardConfig)
    def __init__(self, config: GaussianScoreRewardConfig) -> None:
        super().__init__(config)

    def __call__(self, /, completions: Sequence[Any], **columns: Any) -> list[float | None]:
        """Rewards of a batch: completions and columns as lists with one value a completion."""
        with one_call(self, columns) as call:
            batch, rows = read_and_gather(call, completions)
            stds = None if call.config.mos_std_column is None else np.nan_to_num(batch.target_stds)
            settings = function_settings(call.config, GaussianScoreConfig)
            rewards = gaussian_score_reward(batch.predictions, batch.targets, target_stds=stds, **settings)
            graded = gate_and_log(call, batch, rows, rewards)
        return graded


class ErrorScoreReward(Reward[ErrorScoreRewardConfig]):
    """`error_score_reward` of each completion against its row's MOS: other shapes than the bell.

    Examples:
        >>> reward = ErrorScoreReward(shape="linear", tolerance=20)
        >>> reward(["<answer>75</answer>", "<answer>60</answer>"], mos=[75.0, 80.0])
        [1.0, 0.5]
    """

    @takes_settings_of(ErrorScoreRewardConfig)
    def __init__(self, config: ErrorScoreRewardConfig) -> None:
        super().__init__(config)

    def __call__(self, /, completions: Sequence[Any], **columns: Any) -> list[float | None]:
        """Rewards of a batch: completions and columns as lists with one value a completion."""
        with one_call(self, columns) as call:
            batch, rows = read_and_gather(call, completions)
            stds = None if call.config.mos_std_column is None else np.nan_to_num(batch.target_stds)
            settings = function_settings(call.config, ErrorScoreConfig)
            rewards = error_score_reward(batch.predictions, batch.targets, target_stds=stds, **settings)
            graded = gate_and_log(call, batch, rows, rewards)
        return graded


class ThresholdScoreReward(Reward[ThresholdScoreRewardConfig]):
    """`threshold_score_reward` of each completion against its row's MOS.

    Examples:
        >>> ThresholdScoreReward(tolerance=5)(["<answer>75</answer>", "<answer>60</answer>"], mos=[73.0, 73.0])
        [1.0, 0.0]
    """

    @takes_settings_of(ThresholdScoreRewardConfig)
    def __init__(self, config: ThresholdScoreRewardConfig) -> None:
        super().__init__(config)

    def __call__(self, /, completions: Sequence[Any], **columns: Any) -> list[float | None]:
        """Rewards of a batch: completions and columns as lists with one value a completion."""
        with one_call(self, columns) as call:
            batch, rows = read_and_gather(call, completions)
            settings = function_settings(call.config, ThresholdScoreConfig)
            rewards = threshold_score_reward(batch.predictions, batch.targets, **settings)
            graded = gate_and_log(call, batch, rows, rewards)
        return graded
