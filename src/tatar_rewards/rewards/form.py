"""Rewards that need no label: for the form of an answer, and for how much was thought."""

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from tatar_rewards.answers import AnswerStatus
from tatar_rewards.rewards.batch import on_task_rows, read_answers, read_lengths, to_list
from tatar_rewards.rewards.budgets import budget_reward
from tatar_rewards.rewards.configs import (
    AnswerFormatRewardConfig,
    LengthConfig,
    LengthRewardConfig,
    function_settings,
)
from tatar_rewards.rewards.reward import Reward, takes_settings_of


class AnswerFormatReward(Reward[AnswerFormatRewardConfig]):
    """1.0 for a completion that follows the answer grammar of `parse_answer` on the scale, else 0.0.

    With `require_think=True` only for one that holds some thinking too.

    Examples:
        >>> AnswerFormatReward()(["<think>Sharp.</think><answer>75</answer>", "<answer>75</answer> I think"])
        [1.0, 0.0]
        >>> AnswerFormatReward(require_think=True)(["<think>Sharp.</think><answer>75</answer>", "<answer>75</answer>"])
        [1.0, 0.0]
    """

    @takes_settings_of(AnswerFormatRewardConfig)
    def __init__(self, config: AnswerFormatRewardConfig) -> None:
        super().__init__(config)

    def __call__(self, completions: Sequence[Any], **columns: Any) -> list[float | None]:
        """Rewards of a batch: completions and columns as lists with one value a completion."""
        answers = read_answers(self, completions)
        on_task = on_task_rows(self, columns, len(answers)).tolist()
        name = self.__name__
        if columns.get("log_extra") is not None:
            columns["log_extra"](f"{name}/status", [str(answer.status) for answer in answers])
        if columns.get("log_metric") is not None:
            seen = Counter(answer.status for answer, on in zip(answers, on_task, strict=True) if on)
            total = max(1, seen.total())
            for status in AnswerStatus:
                columns["log_metric"](f"{name}/status_{status}", seen[status] / total)
            columns["log_metric"](f"{name}/parse_failure_rate", (seen.total() - seen[AnswerStatus.OK]) / total)
        require_think = self.config.require_think
        well_formed = [answer.ok and (not require_think or answer.think != "") for answer in answers]
        return [float(is_well_formed) if on else None for is_well_formed, on in zip(well_formed, on_task, strict=True)]


class LengthReward(Reward[LengthRewardConfig]):
    """`length_reward` of the thinking of each readable completion; an unreadable one earns 0.0.

    Counted in words of the think block or, with `unit="tokens"`, in tokens of the completion. Padding earns nothing:
    towards `shortest` a word does not count where it repeats (see `length_without_repetition`), nor white space and
    superfluous digits among the tokens; towards `longest` everything counts.

    Examples:
        >>> LengthReward(shortest=2)(["<think>Soft light.</think><answer>64</answer>", "<answer>64</answer>"])
        [1.0, 0.0]
    """

    @takes_settings_of(LengthRewardConfig)
    def __init__(self, config: LengthRewardConfig) -> None:
        super().__init__(config)

    @property
    def budget(self) -> LengthConfig:
        """The budget that is paid for."""
        return LengthConfig(**function_settings(self.config, LengthConfig))

    def __call__(self, completions: Sequence[Any], **columns: Any) -> list[float | None]:
        """Rewards of a batch: completions and columns as lists with one value a completion."""
        answers = read_answers(self, completions)
        on_task = on_task_rows(self, columns, len(answers))
        budget = self.budget
        lengths = read_lengths(self, budget, answers, on_task, completions, columns)
        rewards = budget_reward(lengths, budget)
        if columns.get("log_metric") is not None:
            known = on_task & ~np.isnan(lengths.total)
            mean, off_budget = math.nan, math.nan
            if known.any():
                mean, off_budget = float(lengths.total[known].mean()), float(np.mean(rewards[known] < 1))
            columns["log_metric"](f"{self.__name__}/mean_{budget.unit}", mean)
            columns["log_metric"](f"{self.__name__}/off_budget_share", off_budget)
        return to_list(np.where(on_task, rewards, math.nan))
