"""Rewards that compare each completion with other images, on all ranks.

They gather a few numbers a row from all ranks, first thing in every call, so every rank must call them. A row without
another image to compare with earns None, which is counted, logged and warned about once.
"""

import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from tatar_rewards.functional.ranking import pairwise_rank_reward, thurstone_rank_reward
from tatar_rewards.rewards.batch import Floats
from tatar_rewards.rewards.call import gate_and_log, read_and_gather
from tatar_rewards.rewards.configs import PairwiseRankRewardConfig, RankingConfig, ThurstoneRankRewardConfig
from tatar_rewards.rewards.function_configs import PairwiseRankConfig, ThurstoneRankConfig, function_settings
from tatar_rewards.rewards.image_keys import by_place
from tatar_rewards.rewards.opponents import gather_opponents
from tatar_rewards.rewards.reward import Reward, takes_settings_of


class ThurstoneRankReward(Reward[ThurstoneRankRewardConfig]):
    """`thurstone_rank_reward` of each completion against the other images of its task and data set, on all ranks.

    Needs a column of image keys, or `num_generations=`. A row without an opponent earns None. Every rank must call it.

    Examples:
        >>> reward = ThurstoneRankReward(task="iaa")
        >>> columns = dict(mos=[30.0, 60.0], task=["iaa", "iaa"], image_id=["a.jpg", "b.jpg"])
        >>> reward(["<answer>40</answer>", "<answer>70</answer>"], **columns)
        [1.0, 1.0]

        An image that comes alone is compared with remembered ones:

        >>> reward(["<answer>50</answer>"], mos=[40.0], task=["iaa"], image_id=["c.jpg"])
        [1.0]
    """

    @takes_settings_of(ThurstoneRankRewardConfig)
    def __init__(self, config: ThurstoneRankRewardConfig) -> None:
        super().__init__(config)

    def __call__(self, completions: Sequence[Any], **columns: Any) -> list[float | None]:
        """Rewards of a batch: completions and columns as lists with one value a completion."""
        settings = function_settings(self.config, ThurstoneRankConfig)
        return _rank(self, partial(thurstone_rank_reward, **settings), completions, columns)


class PairwiseRankReward(Reward[PairwiseRankRewardConfig]):
    """`pairwise_rank_reward` of each completion against every completion of the other images, on all ranks.

    Needs a column of image keys, or `num_generations=`. A row without an opponent earns None. Every rank must call it.

    Examples:
        >>> reward = PairwiseRankReward(task="iaa")
        >>> columns = dict(mos=[30.0, 60.0], task=["iaa", "iaa"], image_id=["a.jpg", "b.jpg"])
        >>> reward(["<answer>40</answer>", "<answer>70</answer>"], **columns)
        [1.0, 1.0]
    """

    @takes_settings_of(PairwiseRankRewardConfig)
    def __init__(self, config: PairwiseRankRewardConfig) -> None:
        super().__init__(config)

    def __call__(self, completions: Sequence[Any], **columns: Any) -> list[float | None]:
        """Rewards of a batch: completions and columns as lists with one value a completion."""
        settings = function_settings(self.config, PairwiseRankConfig)
        return _rank(self, partial(pairwise_rank_reward, **settings), completions, columns)


def _rank(
    reward: Reward[RankingConfig],
    function: Callable[..., Floats],
    completions: Sequence[Any],
    columns: Mapping[str, Any],
) -> list[float | None]:
    memory = reward.state.memory
    assert memory is not None  # every ranking has one
    batch, rows = read_and_gather(reward, completions, columns)
    ranked = gather_opponents(reward.config, rows, memory, by_place=by_place(reward, columns))
    predictions, targets, stds = ranked.values.T
    images, comparisons = ranked.keys.T
    rewards_of_all = function(
        predictions,
        targets,
        images,
        comparisons=comparisons,
        target_stds=None if reward.config.mos_std_column is None else stds,
        wanted=ranked.wanted,
    )
    rewards = np.full(len(batch.on_task), math.nan)
    rewards[batch.on_task] = rewards_of_all[rows.local]
    if columns.get("log_metric") is not None:
        for figure, value in ranked.figures.items():
            columns["log_metric"](f"{reward.__name__}/{figure}", value)
    if rows.rank == 0:
        _warn_once(reward, ranked.figures["no_opponent_rate"])
    return gate_and_log(reward, batch, rows, rewards, columns)


def _warn_once(reward: Reward[RankingConfig], no_opponent_rate: float) -> None:
    if no_opponent_rate == 0 or reward.state.warned_of_no_opponent:
        return
    reward.state.warned_of_no_opponent = True
    warnings.warn(
        f"{reward.__name__}: {no_opponent_rate:.0%} of the completions of this call, on all ranks, found no other "
        f"image to compare with and earn None. Put more images into one call: raise per_device_train_batch_size or "
        f"steps_per_generation, lower num_generations, or let min_opponents= remember images of earlier calls.",
        stacklevel=4,
    )
