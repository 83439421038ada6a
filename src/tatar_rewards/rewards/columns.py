"""Which columns of the data a reward reads, and their values, by place."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tatar_rewards.answers.sequences import as_list, as_python, is_sequence, n_dimensions, shown
from tatar_rewards.rewards.configs import AnswerConfig, ImageConfig, LabelConfig
from tatar_rewards.rewards.reward import Reward
from tatar_rewards.scales import as_scales

_NEVER_MISSING = {str, bool, int, list, type(None)}
_NUMBERS = {float, int, type(None)}


def column_of(
    reward: Reward[AnswerConfig], columns: Mapping[str, Any], column: str, length: int, cure: str
) -> list[Any]:
    """A column that the reward needs, one value a completion by place; None for what is missing.

    Raises:
        ValueError: there is no such column, or it has the wrong length.
        TypeError: it is no column.
    """
    values = columns.get(column)
    if values is None:
        raise ValueError(f"{reward.__name__} needs a column {column!r}, but the batch has {sorted(columns)}; {cure}")
    if not is_sequence(values):
        raise TypeError(f"column {column!r} must hold one value a completion; got {shown(values)}; give a list")
    if len(values) != length:
        raise ValueError(f"column {column!r} has {len(values)} rows for {length} completions; give one a completion")
    return _without_missing(as_list(values))


def column_if_any(
    reward: Reward[AnswerConfig], columns: Mapping[str, Any], column: str, length: int
) -> list[Any] | None:
    """The same of a column that the reward can do without; None where the batch has none."""
    return None if columns.get(column) is None else column_of(reward, columns, column, length, "")


def column_if_usable(
    reward: Reward[AnswerConfig], columns: Mapping[str, Any], column: str, length: int
) -> list[Any] | None:
    """The same where the name may belong to something else, which is passed over."""
    values = columns.get(column)
    is_column = values is not None and is_sequence(values) and len(values) == length
    return column_of(reward, columns, column, length, "") if is_column else None


def token_ids_of(reward: Reward[AnswerConfig], columns: Mapping[str, Any], length: int) -> list[list[Any]]:
    """The tokens of each completion; a matrix has a row a completion.

    Raises:
        ValueError: there is no such column, or it has the wrong length.
        TypeError: it is no column, or holds something else than lists.
    """
    values = columns.get("completion_ids")
    if n_dimensions(values) == 2 and hasattr(values, "tolist"):
        columns = {**columns, "completion_ids": as_list(values)}
    all_ids = column_of(reward, columns, "completion_ids", length, 'TRL passes it; without it count unit="words"')
    for row, ids in enumerate(all_ids):
        if not is_sequence(ids):
            raise TypeError(f"completion_ids[{row}] is {shown(ids)}; give the tokens of each completion as a list")
    return [as_list(ids) for ids in all_ids]


def on_task_rows(reward: Reward[AnswerConfig], columns: Mapping[str, Any], length: int) -> NDArray[np.bool_]:
    """Which rows the reward grades."""
    config = reward.config
    if config.task is None:
        return np.ones(length, dtype=bool)
    cure = (
        f"add it to the dataset, name yours with task_column=, or, if every row is of task {config.task!r}, give the "
        f"trainer {type(reward).__name__}(task=None) in place of it"
    )
    tasks = column_of(reward, columns, config.task_column, length, cure)
    for row, task in enumerate(tasks):
        if not isinstance(task, str | None):
            raise TypeError(
                f"{config.task_column}[{row}] is {task!r} of {type(task).__name__}, and the reward compares it with "
                f"{config.task!r}; give tasks as strings, or None"
            )
    return np.array([task == config.task for task in tasks], dtype=bool)


def _without_missing(values: list[Any]) -> list[Any]:
    """The values with None for what pandas, numpy and Arrow write where there is none, and scalars as Python's own."""
    types = set(map(type, values))
    if types <= _NEVER_MISSING:
        return values
    if types <= _NUMBERS:
        return [None if value != value else value for value in values]
    return [_value(value) for value in values]


def _value(value: Any) -> Any:
    if type(value).__name__ == "NAType":  # of pandas, which need not be installed
        return None
    if n_dimensions(value) == 0 and hasattr(value, "tolist"):
        value = value.tolist()
    value = as_python(value)
    return None if isinstance(value, float) and value != value else value


# ---------------------------------------------------------------- which ones


def columns_read(config: AnswerConfig) -> list[str]:
    """Every column that a reward with these settings looks for: those that its settings name.

    Examples:
        >>> columns_read(LabelConfig(mos_column="score"))
        ['task', 'score', 'dataset', 'image_id']
    """
    names = [getattr(config, field) for field in type(config).model_fields if field.endswith("_column")]
    return list(dict.fromkeys(name for name in names if name is not None))


def settings_that_name(config: AnswerConfig, column: str) -> list[str]:
    """Which settings say that a reward looks for this column.

    Examples:
        >>> settings_that_name(LabelConfig(mos_column="score"), "score")
        ['mos_column']
    """
    fields = [field for field in type(config).model_fields if field.endswith("_column")]
    return [field for field in fields if getattr(config, field) == column]


def needed_columns(config: AnswerConfig) -> list[str]:
    """Those of them without which a call raises.

    Examples:
        >>> needed_columns(LabelConfig(task="iqa", mos_std_column="sd"))
        ['task', 'mos', 'sd']
    """
    needed = [config.task_column] if config.task is not None else []
    if isinstance(config, LabelConfig):
        needed.append(config.mos_column)
        scales = [scale for scale in (config.mos_scale, config.mos_std_scale) if scale is not None]
        needed += [config.dataset_column] if any(isinstance(as_scales(scale), dict) for scale in scales) else []
    if isinstance(config, ImageConfig) and config.num_generations is None:
        needed.append(config.image_id_column)
    for name, field in type(config).model_fields.items():  # those that are off by default
        if name.endswith("_column") and field.default is None and getattr(config, name) is not None:
            needed.append(getattr(config, name))
    return list(dict.fromkeys(needed))
