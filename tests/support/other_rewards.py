"""Rewards that a trainer takes and that are not this package's."""

import functools

from trl.rewards import think_format_reward


def own_function(completions, **columns):
    return [0.5] * len(completions)


def with_settings(strength, completions, **columns):
    return [strength] * len(completions)


def letters(completions, **columns):
    """What untrained policies earn in unequal parts, so that GRPO has a gradient."""
    return [sum(map(str.isalpha, turns[0]["content"])) / 100 for turns in completions]


OTHERS = [
    think_format_reward,
    own_function,
    functools.partial(with_settings, 0.5),
    lambda completions, **columns: [0.0] * len(completions),
    "some-org/a-reward-model",
]
