"""Which of a trainer's rewards are this package's, which of them read labels, which rank, and what is in their rows."""

from collections.abc import Iterable, Mapping
from typing import Any, cast

from tatar_rewards.rewards import AnswerConfig, LabelConfig, Reward
from tatar_rewards.rewards.configs import RankingConfig
from tatar_rewards.scales import POINTS

Rows = Mapping[str, list[Any]]


def package_rewards(rewards: Iterable[Any]) -> list[Reward[AnswerConfig]]:
    return [reward for reward in rewards if isinstance(reward, Reward)]


def labelled_rewards(rewards: Iterable[Any]) -> list[Reward[LabelConfig]]:
    found = [reward for reward in package_rewards(rewards) if isinstance(reward.config, LabelConfig)]
    return cast(list[Reward[LabelConfig]], found)


def ranking_rewards(rewards: Iterable[Any]) -> list[Reward[RankingConfig]]:
    found = [reward for reward in package_rewards(rewards) if isinstance(reward.config, RankingConfig)]
    return cast(list[Reward[RankingConfig]], found)


def graded_rows(reward: Reward[AnswerConfig], rows: Rows) -> list[int]:
    """The rows of the reward's task."""
    if reward.config.task is None:
        return list(range(len(next(iter(rows.values())))))
    return [row for row, task in enumerate(rows[reward.config.task_column]) if task == reward.config.task]


def comparison_of(reward: Reward[LabelConfig], rows: Rows, row: int) -> tuple[Any, Any]:
    """Task and data set of a row: what it may be compared within."""
    columns = (reward.config.task_column, reward.config.dataset_column)
    task, dataset = (rows[name][row] if name in rows else None for name in columns)
    return task, dataset


def is_missing(label: Any) -> bool:
    """None or NaN."""
    return label is None or bool(label != label)


def is_deviation(value: Any) -> bool:
    """Whether a reward takes it for a standard deviation of raters, or for one that is not known."""
    try:
        POINTS.stds_to_points([value])
    except (TypeError, ValueError):
        return False
    return True
