"""The rewards as callables for TRL's `GRPOTrainer(reward_funcs=[...])`.

A callable only converts: text to numbers, columns to arrays, rewards to floats. It is frozen, picklable, logs under
its `__name__`, and knows nothing of TRL: it takes the keywords that TRL passes and ignores those it does not need.

    row                                        reward
    another task's, or without a label         None: the trainer leaves it out
    unreadable answer                          0.0
    ranking, no other image to compare with    None, counted, and warned about once

Rankings compare across processes: they gather a few numbers a row from all ranks, first thing in every call, so every
rank must call them. The others gather only under a trainer, for metrics over all ranks and so that a bad label on one
rank ends all of them with its message.
"""

import math
import warnings
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import numpy as np
from pydantic import PrivateAttr

from tatar_rewards._batches import (
    Floats,
    budget_reward,
    column_of,
    count_tokens,
    count_words,
    on_task_rows,
    read_answers,
    to_list,
)
from tatar_rewards._grading import Labelled, finish, read_together
from tatar_rewards._opponents import assemble, by_place, check_one_mos_each
from tatar_rewards.configs import (
    AnswerConfig,
    GaussianScoreConfig,
    LengthConfig,
    PairwiseRankConfig,
    RankingConfig,
    ThresholdScoreConfig,
    ThurstoneRankConfig,
)
from tatar_rewards.memory import OpponentMemory
from tatar_rewards.parsing import AnswerStatus
from tatar_rewards.ranking import pairwise_rank_reward, thurstone_rank_reward
from tatar_rewards.scores import gaussian_score_reward, threshold_score_reward


class GaussianScoreReward(GaussianScoreConfig, Labelled):
    """`gaussian_score_reward` of each completion against its row's MOS.

    Examples:
        >>> from tatar_rewards import ScoreScale
        >>> reward = GaussianScoreReward(task="iqa", mos_scale=ScoreScale(1, 5))
        >>> reward(["<answer>75</answer>", "75", "<answer>3</answer>"], mos=[4.0, 4.0, 3.0], task=["iqa", "iqa", "iaa"])
        [1.0, 0.0, None]
        >>> reward.__name__
        'iqa_gaussian_score'
    """

    def __call__(self, completions: Sequence[Any], **columns: Any) -> list[float | None]:
        batch, rows = read_together(self, completions, columns)
        settings = self.model_dump(include=set(GaussianScoreConfig.model_fields))
        rewards = gaussian_score_reward(batch.predictions, batch.targets, batch.target_stds, **settings)
        return finish(self, batch, rows, rewards, columns)


class ThresholdScoreReward(ThresholdScoreConfig, Labelled):
    """`threshold_score_reward` of each completion against its row's MOS.

    Examples:
        >>> ThresholdScoreReward(tolerance=5)(["<answer>75</answer>", "<answer>60</answer>"], mos=[73.0, 73.0])
        [1.0, 0.0]
    """

    def __call__(self, completions: Sequence[Any], **columns: Any) -> list[float | None]:
        batch, rows = read_together(self, completions, columns)
        rewards = threshold_score_reward(batch.predictions, batch.targets, tolerance=self.tolerance)
        return finish(self, batch, rows, rewards, columns)


class _Ranking(RankingConfig, Labelled):
    """A ranking with its memory of opponents."""

    _memory: OpponentMemory = PrivateAttr()
    _warned: bool = PrivateAttr(default=False)  # of completions without any

    def model_post_init(self, context: Any, /) -> None:
        self._memory = OpponentMemory(self.memory_size)

    def state_dict(self) -> dict[str, Any]:
        """The remembered opponents, as JSON can hold them: the same on every rank."""
        return self._memory.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on with the opponents of a `state_dict`; call it on every rank."""
        self._memory.load_state_dict(state)


class ThurstoneRankReward(ThurstoneRankConfig, _Ranking):
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

    def __call__(self, completions: Sequence[Any], **columns: Any) -> list[float | None]:
        return _rank(self, thurstone_rank_reward, ThurstoneRankConfig, completions, columns)


class PairwiseRankReward(PairwiseRankConfig, _Ranking):
    """`pairwise_rank_reward` of each completion against every completion of the other images, on all ranks.

    Needs a column of image keys, or `num_generations=`. A row without an opponent earns None. Every rank must call it.

    Examples:
        >>> reward = PairwiseRankReward(task="iaa")
        >>> columns = dict(mos=[30.0, 60.0], task=["iaa", "iaa"], image_id=["a.jpg", "b.jpg"])
        >>> reward(["<answer>40</answer>", "<answer>70</answer>"], **columns)
        [1.0, 1.0]
    """

    def __call__(self, completions: Sequence[Any], **columns: Any) -> list[float | None]:
        return _rank(self, pairwise_rank_reward, PairwiseRankConfig, completions, columns)


def _rank(
    reward: _Ranking,
    function: Callable[..., Floats],
    config: type[ThurstoneRankConfig | PairwiseRankConfig],
    completions: Sequence[Any],
    columns: Mapping[str, Any],
) -> list[float | None]:
    batch, rows = read_together(reward, completions, columns)
    check_one_mos_each(reward, columns, batch, rows)
    contest = assemble(
        reward, rows, reward._memory, remember=reward.min_opponents > 0 and not by_place(reward, columns)
    )
    settings = reward.model_dump(include=set(config.model_fields))
    predictions, targets, stds = contest.values.T
    target_stds = None if reward.mos_std_column is None else stds
    everyones = function(predictions, targets, *contest.keys.T, target_stds, contest.wanted, **settings)
    rewards = np.full(len(batch.on_task), math.nan)
    rewards[batch.on_task] = everyones[rows.local]
    if columns.get("log_metric") is not None:
        for figure in ("mean_opponents", "remembered_share", "mean_age", "no_opponent_rate"):
            columns["log_metric"](f"{reward.__name__}/{figure}", getattr(contest, figure))
    if contest.no_opponent_rate > 0 and not reward._warned and rows.rank == 0:
        reward._warned = True
        warnings.warn(
            f"{reward.__name__}: {contest.no_opponent_rate:.0%} of the completions of this call, on all ranks, found "
            f"no other image to compare with and earn None. Put more images into one call: raise "
            f"per_device_train_batch_size or steps_per_generation, lower num_generations, or let min_opponents= "
            f"remember images of earlier calls.",
            stacklevel=3,
        )
    return finish(reward, batch, rows, rewards, columns)


class AnswerFormatReward(AnswerConfig):
    """1.0 for a completion that follows the answer grammar of `parse_answer` on the scale, else 0.0.

    Examples:
        >>> AnswerFormatReward()(["<think>Sharp.</think><answer>75</answer>", "<answer>75</answer> I think"])
        [1.0, 0.0]
    """

    def __call__(self, completions: Sequence[Any], **columns: Any) -> list[float | None]:
        answers = read_answers(self, completions)
        on_task = on_task_rows(self, columns, len(answers))
        if columns.get("log_extra") is not None:
            columns["log_extra"](f"{self.__name__}/status", [str(a.status) for a in answers])
        if columns.get("log_metric") is not None:
            seen = Counter(a.status for a, on in zip(answers, on_task, strict=True) if on)
            for status in AnswerStatus:
                columns["log_metric"](f"{self.__name__}/status_{status}", seen[status] / max(1, seen.total()))
            failures = seen.total() - seen[AnswerStatus.OK]
            columns["log_metric"](f"{self.__name__}/parse_failure_rate", failures / max(1, seen.total()))
        return [float(a.ok) if on else None for a, on in zip(answers, on_task, strict=True)]


class LengthReward(LengthConfig, AnswerConfig):
    """`length_reward` of the thinking of each readable completion; an unreadable one earns 0.0.

    Counted in words of the think block or, with `unit="tokens"`, in tokens of the completion. Padding earns nothing:
    towards `shortest` a word does not count where it repeats (see `length_without_repetition`), nor white space and
    superfluous digits among the tokens; towards `longest` everything counts.

    Examples:
        >>> LengthReward(shortest=2)(["<think>Soft light.</think><answer>64</answer>", "<answer>64</answer>"])
        [1.0, 0.0]
    """

    unit: Literal["words", "tokens"] = "words"

    def __call__(self, completions: Sequence[Any], **columns: Any) -> list[float | None]:
        answers = read_answers(self, completions)
        on_task = on_task_rows(self, columns, len(answers))
        if self.unit == "words":
            lengths = count_words(answers, on_task, self)
        else:
            cure = 'TRL passes it; without it count unit="words"'
            completion_ids = column_of(self, columns, "completion_ids", len(answers), cure)
            lengths = count_tokens(answers, on_task, self, completions, completion_ids)
        rewards = budget_reward(lengths, self)
        if columns.get("log_metric") is not None:
            known = on_task & ~np.isnan(lengths.total)
            mean, off_budget = math.nan, math.nan
            if known.any():
                mean, off_budget = float(lengths.total[known].mean()), float(np.mean(rewards[known] < 1))
            columns["log_metric"](f"{self.__name__}/mean_{self.unit}", mean)
            columns["log_metric"](f"{self.__name__}/off_budget_share", off_budget)
        return to_list(np.where(on_task, rewards, math.nan))
