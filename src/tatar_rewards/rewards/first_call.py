"""What the first call of a reward shows of its answers, on all ranks: warned of once, with the cure."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tatar_rewards.answers import Answer
from tatar_rewards.answers.cures import as_text, failure_numbers, most_common_number
from tatar_rewards.answers.failures import FAILURES
from tatar_rewards.answers.messages import CompletionText
from tatar_rewards.distributed import gather_texts, rank
from tatar_rewards.rewards.budgets import Floats
from tatar_rewards.rewards.call import Call
from tatar_rewards.rewards.configs import AnswerConfig, LabelConfig
from tatar_rewards.rewards.function_configs import LengthConfig

SHOWN = 80  # characters of an example
ROWS_ELSEWHERE = 64  # of other tasks, after which a reward without any row of its own says so


def warn_of_unreadable(
    call: Call[AnswerConfig], texts: Sequence[CompletionText], answers: Sequence[Answer], graded: NDArray[np.bool_]
) -> None:
    """Warn where at least half of the graded completions cannot be read. It gathers: every rank must call it."""
    numbers = failure_numbers(answers, texts, think_prefilled=call.config.think_prefilled)
    readable = len(FAILURES)
    found = [readable if number is None else number for number, on in zip(numbers, graded.tolist(), strict=True) if on]
    counts = call.sum_over_ranks(np.bincount(np.array(found, np.int64), minlength=readable + 1).astype(float))
    n, n_unreadable = counts.sum(), counts[:readable].sum()
    most = most_common_number(counts[:readable].tolist())
    if most is None or 2 * n_unreadable < n:
        return
    mine = (text for text, number, on in zip(texts, numbers, graded.tolist(), strict=True) if on and number == most)
    examples = gather_texts(next((_ends_of(as_text(text).whole) for text in mine), ""))
    if rank() != 0:
        return
    failure, example = FAILURES[most], next(filter(None, examples), "''")
    n_alike = sum(count for one, count in zip(FAILURES, counts.tolist(), strict=False) if one.status is failure.status)
    call.warn(
        f"{n_unreadable:.0f} of {n:.0f} completions cannot be read and earn 0.0, most often as {failure.status} "
        f"({n_alike / n:.0%} of all): they {failure.does}, for example {example}; {failure.advice(lenient=False)}"
    )


def warn_of_tasks(call: Call[LabelConfig], on_task: NDArray[np.bool_], *, n_graded: int, is_first: bool) -> None:
    """Warn where the first rows of all ranks are none of the reward's task: it may have another name in the data."""
    state, config = call.state, call.config
    seen = state.rows_elsewhere + len(on_task)
    done = n_graded > 0 or seen >= ROWS_ELSEWHERE
    call.changes.append(lambda: setattr(state, "rows_elsewhere", seen))
    call.changes.append(lambda: setattr(state, "tasks_checked", done))
    if n_graded or not done or not is_first:
        return
    found = sorted({repr(task)[:40] for task in call.columns[config.task_column]})
    call.warn(
        f"none of the first {seen} rows is of task {config.task!r}, so all earn None; {config.task_column} holds "
        f"{', '.join(found[:3])}; where that is the same task, set task= (iqa_task= and iaa_task= in "
        f"tatar_reward_funcs) to it"
    )


def warn_of_no_thought(call: Call[AnswerConfig], answers: Sequence[Answer], graded: NDArray[np.bool_]) -> None:
    """Warn where at least half of the readable completions hold no thinking. It gathers: every rank must call it."""
    thoughts = [answer.think for answer, on in zip(answers, graded.tolist(), strict=True) if on and answer.ok]
    n, n_without = call.sum_over_ranks(np.array([len(thoughts), thoughts.count("")], float)).tolist()
    if n and 2 * n_without >= n and rank() == 0:
        call.warn(
            f"{n_without:.0f} of {n:.0f} readable completions hold no thinking and earn 0.0 with require_think=True; "
            f"ask for <think>...</think> before the answer in the prompt, or set require_think=False"
        )


def _ends_of(text: str) -> str:
    """The text as an error shows it, without its middle where it is long: how it fails shows at the ends."""
    shown = repr(text)
    half = (SHOWN - 5) // 2
    return shown if len(shown) <= SHOWN else f"{shown[:half]} ... {shown[-half:]}"


def warn_of_budget(call: Call[LabelConfig], lengths: Floats, within_budget: Floats) -> None:
    """Warn where more than half of the readable completions of all ranks miss the length gate.

    Args:
        call: The call.
        lengths: (n,) lengths of thinking, NaN for an unreadable answer.
        within_budget: (n,) what the gate multiplied with, NaN for an unreadable answer.
    """
    budget = call.reward.budget
    readable, misses = ~np.isnan(within_budget), within_budget < 1
    if budget is None or 2 * misses.sum() <= readable.sum() or rank() != 0:
        return
    under, over = misses & (lengths < budget.shortest), misses & (lengths > budget.longest)
    groups = {_under(budget): under, _over(budget): over, _repeats(budget): misses & ~under & ~over}
    how, most = max(groups.items(), key=lambda group: group[1].sum())
    does = "think {:.0f} words" if budget.unit == "words" else "are {:.0f} tokens long"
    call.warn(
        f"{most.sum()} of {readable.sum()} readable completions {does.format(lengths[most].mean())} on average, {how} "
        f"that {call.reward.__name__} pays for; name the budget in the prompt, give it a margin "
        f"(LengthConfig(margin=...)), or switch it off with length_gate=None, which is iqa_budget=None or "
        f"iaa_budget=None in tatar_reward_funcs"
    )


def warn_of_length(call: Call[AnswerConfig], budget: LengthConfig, n: float, n_off: float, mean: float) -> None:
    """Warn where more than half of the `n` readable completions of all ranks miss the budget that is paid for."""
    if 2 * n_off <= n or rank() != 0:
        return
    ends = [f"at least {budget.shortest:g}"] * (budget.shortest > 0) + [f"at most {budget.longest:g}"] * (
        budget.longest < math.inf
    )
    call.warn(
        f"{n_off:.0f} of {n:.0f} readable completions miss the budget of {' and '.join(ends)} {budget.unit}, with "
        f"{mean:.0f} on average; name it in the prompt, give it a margin (LengthConfig(margin=...)), or move it to "
        f"where the policy writes"
    )


def _under(budget: LengthConfig) -> str:
    return f"under the {budget.shortest:g}"


def _over(budget: LengthConfig) -> str:
    return f"over the {budget.longest:g}"


def _repeats(budget: LengthConfig) -> str:
    return f"but without what they repeat fewer than the {budget.shortest:g}"
