"""Budgets of thinking: how long the completions of a batch are, and what their length earns."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tatar_rewards.answers import Answer
from tatar_rewards.answers.messages import CompletionText
from tatar_rewards.answers.words import count_new_words, count_padding, count_words, length_without_repetition
from tatar_rewards.functional.lengths import length_reward
from tatar_rewards.rewards.function_configs import LengthConfig

Floats = NDArray[np.float64]


class Lengths(NamedTuple):
    """How long completions are; (B,), NaN for an unreadable answer, so that length earns nothing without one."""

    total: Floats  # with everything: what a budget's upper end counts
    new: Floats  # without repetition and padding, where that could matter: what its lower end counts


def measure_lengths(
    budget: LengthConfig,
    texts: Sequence[CompletionText],
    answers: Sequence[Answer],
    counted: NDArray[np.bool_],
    token_ids: Sequence[Sequence[Any]],
) -> Lengths:
    """Words of thinking or tokens of the completion.

    Towards the lower end only words count that hold a letter or a digit and do not repeat; of the tokens less one for
    each superfluous space or digit of the answer.
    """
    total = np.full(len(answers), math.nan)
    new = total.copy()
    for row in np.flatnonzero(counted).tolist():
        answer = answers[row]
        if answer.score is None:
            continue
        length = count_words(answer.think) if budget.unit == "words" else len(token_ids[row])
        total[row] = new[row] = length
        if not _repetition_matters(length, budget):
            continue
        if budget.unit == "words":
            new[row] = count_new_words(answer.think)
        else:
            padding = count_padding(texts[row].text, answer.score)
            new[row] = max(0, length_without_repetition(token_ids[row]) - padding)
    return Lengths(total, new)


def _repetition_matters(length: float, budget: LengthConfig) -> bool:
    """Whether it matters how much of a length is repetition: it is enough as it stands, and enough is asked for."""
    return budget.shortest > 0 and length > budget.shortest - budget.margin - 1


def budget_reward(lengths: Lengths, budget: LengthConfig) -> Floats:
    """`length_reward` that repetition cannot reach: the shortest length must be met without it, the longest with it."""
    enough = length_reward(lengths.new, shortest=budget.shortest, margin=budget.margin)
    not_too_much = length_reward(lengths.total, longest=budget.longest, margin=budget.margin)
    return np.minimum(enough, not_too_much)
