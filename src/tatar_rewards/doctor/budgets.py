"""The budgets of thinking of several rewards together."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from tatar_rewards.doctor.kinds import package_rewards

TOKENS_PER_WORD = 1.3  # of English prose


class JointBudget(NamedTuple):
    """What all rewards of a task accept; `shortest` may lie above `longest`."""

    shortest: float
    longest: float


def joint_budget(rewards: Sequence[Any], task: str | None, unit: str) -> JointBudget:
    """The budget that all rewards of a task leave, of those that count in `unit`."""
    of_task = [reward.budget for reward in package_rewards(rewards) if reward.config.task in (None, task)]
    budgets = [budget for budget in of_task if budget is not None and budget.unit == unit]
    return JointBudget(
        max((budget.shortest for budget in budgets), default=0),
        min((budget.longest for budget in budgets), default=math.inf),
    )


def length_within(words: JointBudget, tokens: JointBudget) -> tuple[int, int]:
    """Words of thinking and tokens of a completion that meet both budgets, as far as they can be met together."""
    n_words = max(words.shortest, math.ceil(tokens.shortest / TOKENS_PER_WORD), 1)
    n_words = int(min(math.ceil(n_words), words.longest, max(1, tokens.longest / TOKENS_PER_WORD)))
    n_tokens = min(max(math.ceil(n_words * TOKENS_PER_WORD), tokens.shortest), tokens.longest)
    return n_words, int(n_tokens)
