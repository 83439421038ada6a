"""Rewards for ms-swift: one class a reward, which a plugin adds to `orms`.

    from swift.rewards import orms  # in my_rewards.py, for --external_plugins my_rewards.py
    orms.update(reward_classes(recommended_reward_funcs(mos_scale=(1, 5))))

ms-swift calls them as TRL does, on every rank with that rank's slice, so rankings gather. It takes None too.
"""

import copy
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

from tatar_rewards.adapters.samples import RewardFunc, by_name


class SwiftReward:
    """A reward as ms-swift makes and calls it; each of `reward_classes` is a class of its own, since that is logged."""

    made_of: ClassVar[Any]

    def __init__(self, args: Any = None, **others: Any) -> None:
        self.reward: RewardFunc = copy.copy(type(self).made_of)  # with a memory of its own

    def __call__(self, completions: Sequence[Any], **columns: Any) -> list[float | None]:
        return self.reward(completions=completions, **columns)

    def __reduce__(self) -> Any:
        return _made_again, (type(self).__name__, self.reward)


def reward_classes(rewards: Iterable[RewardFunc]) -> dict[str, type[SwiftReward]]:
    """The classes for `orms`, by the names that go to `--reward_funcs`.

    Args:
        rewards: As for TRL's `reward_funcs`.

    Raises:
        TypeError: `rewards` is one reward instead of a list.
        ValueError: there is none, or two have one name.

    Examples:
        >>> from tatar_rewards import recommended_reward_funcs
        >>> list(reward_classes(recommended_reward_funcs(mos_scale=(1, 5))))
        ['answer_format', 'thurstone_rank', 'win_rate', 'crps_score']
    """
    return {name: _class(name, reward) for name, reward in by_name(rewards).items()}


def _class(name: str, reward: RewardFunc) -> type[SwiftReward]:
    return type(name, (SwiftReward,), {"made_of": reward})


def _made_again(name: str, reward: RewardFunc) -> SwiftReward:
    return _class(name, reward)()
