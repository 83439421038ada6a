"""Which of a trainer's rewards are this package's, which of them read labels, and which rank."""

from collections.abc import Iterable
from typing import Any, cast

from tatar_rewards.rewards import AnswerConfig, LabelConfig, Reward
from tatar_rewards.rewards.configs import ImageConfig


def package_rewards(rewards: Iterable[Any]) -> list[Reward[AnswerConfig]]:
    return [reward for reward in rewards if isinstance(reward, Reward)]


def labelled_rewards(rewards: Iterable[Any]) -> list[Reward[LabelConfig]]:
    found = [reward for reward in package_rewards(rewards) if isinstance(reward.config, LabelConfig)]
    return cast(list[Reward[LabelConfig]], found)


def image_rewards(rewards: Iterable[Any]) -> list[Reward[ImageConfig]]:
    """Those that must know which completions show the same image."""
    return [cast(Any, reward) for reward in package_rewards(rewards) if isinstance(reward.config, ImageConfig)]
