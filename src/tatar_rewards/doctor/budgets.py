"""The budgets of thinking of several rewards together."""

import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from tatar_rewards.doctor.kinds import package_rewards
from tatar_rewards.findings import Finding

FORM = 8  # tokens of tags and number, at the least
TOKENS_PER_WORD = 1.3  # of English prose


class JointBudget(NamedTuple):
    """What all rewards of a task accept; `shortest` may lie above `longest`."""

    shortest: float
    longest: float


def joint_budget(rewards: Sequence[Any], task: Any, unit: str) -> JointBudget:
    """The budget that all rewards of a task leave, of those that count in `unit`."""
    of_task = [reward.budget for reward in package_rewards(rewards) if reward.config.task in (None, task)]
    budgets = [budget for budget in of_task if budget is not None and budget.unit == unit]
    return JointBudget(
        max((budget.shortest for budget in budgets), default=0),
        min((budget.longest for budget in budgets), default=math.inf),
    )


def length_within(words: JointBudget, tokens: JointBudget) -> tuple[float, float]:
    """Words of thinking and tokens of a completion that meet their budgets, in the usual proportion if they can."""
    n_words = min(max(math.ceil(words.shortest), math.ceil(tokens.shortest / TOKENS_PER_WORD), 1), words.longest)
    if n_words * TOKENS_PER_WORD > tokens.longest:
        n_words = max(math.ceil(words.shortest), math.floor(tokens.longest / TOKENS_PER_WORD), 1)
    n_tokens = min(max(math.ceil(n_words * TOKENS_PER_WORD), math.ceil(tokens.shortest)), tokens.longest)
    return math.floor(n_words), math.floor(n_tokens)


def check_budgets(rewards: Sequence[Any], room: int | None) -> Iterator[Finding]:
    """Whether thinking within the budgets is possible, in `room` tokens."""
    for task in dict.fromkeys(reward.config.task for reward in package_rewards(rewards)):
        words, tokens = joint_budget(rewards, task, "words"), joint_budget(rewards, task, "tokens")
        of_task = "" if task is None else f" of task {task!r}"
        if words.shortest > tokens.longest:
            yield Finding(
                "word budgets",
                f"one reward{of_task} asks for at least {words.shortest:g} words and another for at most "
                f"{tokens.longest:g} tokens, and a word has at least one",
                "let the budgets overlap",
            )
        for unit, budget, tokens_each in (("words", words, TOKENS_PER_WORD), ("tokens", tokens, 1.0)):
            yield from _check_budget(budget, unit, tokens_each, of_task, room)


def _check_budget(
    budget: JointBudget, unit: str, tokens_each: float, of_task: str, room: int | None
) -> Iterator[Finding]:
    if budget.shortest > budget.longest:
        yield Finding(
            "word budgets",
            f"one reward{of_task} asks for at least {budget.shortest:g} {unit} and another for at most "
            f"{budget.longest:g}",
            "let the budgets overlap",
        )
    if room is not None and budget.shortest * tokens_each > room:
        about = f" (about {TOKENS_PER_WORD} tokens a word)" if unit == "words" else ""
        yield Finding(
            "word budgets",
            f"max_completion_length={room} tokens leave no room for the {budget.shortest:g} {unit} that a "
            f"reward{of_task} asks for{about}",
            f"raise max_completion_length to {math.ceil(budget.shortest * tokens_each) + 64} or lower the budget",
            "fault" if budget.shortest + FORM > room else "advice",
        )
