"""Rewards that need no label: for the form of an answer, and for how much was thought."""

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from tatar_rewards.answers import Answer, AnswerStatus
from tatar_rewards.rewards.batch import read_answers, read_lengths, read_texts, to_list
from tatar_rewards.rewards.budgets import budget_reward
from tatar_rewards.rewards.call import one_call
from tatar_rewards.rewards.columns import on_task_rows
from tatar_rewards.rewards.configs import AnswerFormatRewardConfig, LengthRewardConfig
from tatar_rewards.rewards.first_call import warn_of_length, warn_of_no_thought, warn_of_unreadable
from tatar_rewards.rewards.function_configs import LengthConfig, function_settings
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

    def __call__(self, /, completions: Sequence[Any], **columns: Any) -> list[float | None]:
        """Rewards of a batch: completions and columns as lists with one value a completion."""
        with one_call(self, columns) as call:
            texts = read_texts(self, completions)
            answers = read_answers(self, texts)
            graded = on_task_rows(self, columns, len(answers))
            on_task = graded.tolist()
            if columns.get("log_extra") is not None and self.config.log_rows:
                columns["log_extra"](f"{call.name}/status", [self._status(answer) for answer in answers])
            seen = Counter(answer.status for answer, on in zip(answers, on_task, strict=True) if on)
            counts = call.sum_over_ranks(np.array([seen[status] for status in AnswerStatus], float))
            shares = counts / counts.sum() if counts.any() else np.full(len(counts), math.nan)
            figures = {f"status_{status}": share for status, share in zip(AnswerStatus, shares.tolist(), strict=True)}
            if counts.any() and not call.state.answers_checked:
                call.changes.append(lambda: setattr(call.state, "answers_checked", True))
                warn_of_unreadable(call, texts, answers, graded)
                if self.config.require_think:
                    warn_of_no_thought(call, answers, graded)
            call.log_last(figures | {"parse_failure_rate": 1 - figures["status_ok"]})
        paid = [self._status(answer) == AnswerStatus.OK for answer in answers]
        return [call.config.weight * is_paid if on else None for is_paid, on in zip(paid, on_task, strict=True)]

    def _status(self, answer: Answer) -> str:
        """The status of an answer, or that it lacks the thinking that is asked for."""
        return "no_thinking" if answer.ok and self.config.require_think and not answer.think else str(answer.status)


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

    def __call__(self, /, completions: Sequence[Any], **columns: Any) -> list[float | None]:
        """Rewards of a batch: completions and columns as lists with one value a completion."""
        with one_call(self, columns) as call:
            budget = LengthConfig(**function_settings(call.config, LengthConfig))
            texts = read_texts(self, completions)
            answers = read_answers(self, texts)
            on_task = on_task_rows(self, columns, len(answers))
            lengths = read_lengths(self, budget, texts, answers, on_task, columns)
            rewards = budget_reward(lengths, budget)
            known = on_task & ~np.isnan(lengths.total)
            counts = [np.sum(on_task), np.sum(known), np.sum(lengths.total[known]), np.sum(rewards[known] < 1)]
            n_rows, n, total, off_budget = call.sum_over_ranks(np.array(counts, float)).tolist()
            if n_rows and not call.state.answers_checked:
                call.changes.append(lambda: setattr(call.state, "answers_checked", True))
                warn_of_unreadable(call, texts, answers, on_task)
            mean, share = (total / n, off_budget / n) if n else (math.nan, math.nan)
            if n and not call.state.budget_checked:
                call.changes.append(lambda: setattr(call.state, "budget_checked", True))
                warn_of_length(call, budget, n, off_budget, mean)
            if columns.get("log_extra") is not None and self.config.log_rows:
                columns["log_extra"](f"{call.name}/{budget.unit}", to_list(np.where(on_task, lengths.total, math.nan)))
            call.log_last({f"mean_{budget.unit}": mean, "off_budget_share": share})
        return to_list(np.where(on_task, rewards * call.config.weight, math.nan))
