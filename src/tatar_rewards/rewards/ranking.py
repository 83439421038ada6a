"""Rewards that compare each completion with other images, on all ranks.

They gather a few numbers a row from all ranks, first thing in every call, so every rank must call them. A row without
another image to compare with earns None, which is counted, logged and warned about once.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from tatar_rewards.distributed import GatheredRows
from tatar_rewards.functional.ranking import pairwise_rank_reward, thurstone_rank_reward
from tatar_rewards.functional.win_rate import win_rate_reward
from tatar_rewards.rewards.batch import Floats
from tatar_rewards.rewards.call import Call, one_call
from tatar_rewards.rewards.configs import (
    PairwiseRankRewardConfig,
    RankingConfig,
    ThurstoneRankRewardConfig,
    WinRateRewardConfig,
)
from tatar_rewards.rewards.frozen_config import FrozenConfig
from tatar_rewards.rewards.function_configs import PairwiseRankConfig, ThurstoneRankConfig, function_settings
from tatar_rewards.rewards.graded import gate_and_log, read_and_gather
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

    def __call__(self, /, completions: Sequence[Any], **columns: Any) -> list[float | None]:
        """Rewards of a batch: completions and columns as lists with one value a completion."""
        return _rank(self, thurstone_rank_reward, ThurstoneRankConfig, completions, columns)


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

    def __call__(self, /, completions: Sequence[Any], **columns: Any) -> list[float | None]:
        """Rewards of a batch: completions and columns as lists with one value a completion."""
        return _rank(self, pairwise_rank_reward, PairwiseRankConfig, completions, columns)


class WinRateReward(Reward[WinRateRewardConfig]):
    """`win_rate_reward` of each completion against every completion of the other images, on all ranks.

    Needs a column of image keys, or `num_generations=`. A row without an opponent earns None. Every rank must call it.

    Examples:
        >>> reward = WinRateReward(task="iaa")
        >>> columns = dict(mos=[30.0, 60.0], task=["iaa", "iaa"], image_id=["a.jpg", "b.jpg"])
        >>> reward(["<answer>10</answer>", "<answer>95</answer>"], **columns)
        [1.0, 1.0]
    """

    @takes_settings_of(WinRateRewardConfig)
    def __init__(self, config: WinRateRewardConfig) -> None:
        super().__init__(config)

    def __call__(self, /, completions: Sequence[Any], **columns: Any) -> list[float | None]:
        """Rewards of a batch: completions and columns as lists with one value a completion."""
        return _rank(self, win_rate_reward, None, completions, columns)


def _rank(
    reward: Reward[RankingConfig],
    function: Callable[..., Floats],
    settings: type[FrozenConfig] | None,
    completions: Sequence[Any],
    columns: Mapping[str, Any],
) -> list[float | None]:
    with one_call(reward, columns) as call:
        batch, rows = read_and_gather(call, completions)
        ranked = gather_opponents(call, rows, by_place=by_place(reward, columns))
        predictions, targets, stds = ranked.values.T
        images, comparisons = ranked.keys.T
        rewards_of_all = function(
            predictions,
            targets,
            images,
            comparisons=comparisons,
            target_stds=None if call.config.mos_std_column is None else stds,
            wanted=ranked.wanted,
            **({} if settings is None else function_settings(call.config, settings)),
        )
        rewards = np.full(len(batch.on_task), math.nan)
        rewards[batch.on_task] = rewards_of_all[rows.local]
        call.log(ranked.figures)
        _warn_once(call, rows, ranked.figures["no_opponent_rate"])
        graded = gate_and_log(call, batch, rows, rewards, ranked)
    return graded


def _warn_once(call: Call[RankingConfig], rows: GatheredRows, no_opponent_rate: float) -> None:
    if no_opponent_rate == 0 or call.state.warned_of_no_opponent:
        return
    call.changes.append(lambda: setattr(call.state, "warned_of_no_opponent", True))
    if rows.rank == 0:
        call.warn(
            f"{no_opponent_rate:.0%} of the completions of this call, on all ranks, found no other image "
            f"to compare with and earn None. Put more images into one call: raise per_device_train_batch_size or "
            f"steps_per_generation, or lower num_generations. With min_opponents= above 0 the images of this call are "
            f"remembered, and later calls compare with them."
        )
