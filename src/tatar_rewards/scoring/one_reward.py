"""Calls one reward as a trainer does: what it is given, what it pays, and what it logs."""

import asyncio
import copy
import inspect
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, SupportsFloat

import numpy as np
from numpy.typing import NDArray

from tatar_rewards.rewards import Reward
from tatar_rewards.rewards.columns import needed_columns, settings_that_name
from tatar_rewards.testing.values import as_reward, what_to_mend
from tatar_rewards.wording import with_kind

Floats = NDArray[np.float64]
OF_CALL = ("completions", "trainer_state", "log_extra", "log_metric")  # keywords that no column of the data can have

INSTEAD = {  # of a column
    "--task-column": "give --task where all rows are of one, or --reward-funcs recommended, which grades every task",
    "--image-id-column": "give --num-generations",
}


def name_of(reward: Callable[..., Any]) -> str:
    """What a trainer logs a reward under."""
    return str(getattr(reward, "__name__", type(reward).__name__))


def missing_columns(reward: Reward[Any], columns: Mapping[str, Any]) -> list[str]:
    """The columns that a reward needs and the files do not have."""
    needed = needed_columns(reward.config)
    if reward.budget is not None and reward.budget.unit == "tokens":
        needed = [*needed, "completion_ids"]
    return [name for name in needed if columns.get(name) is None]


def say_missing(reward: Reward[Any], missing: Sequence[str]) -> str:
    """That the files lack the columns, and which options name them."""
    settings = [setting for name in missing for setting in settings_that_name(reward.config, name)]
    options = [f"--{setting.replace('_', '-')}" for setting in settings]
    instead = [INSTEAD[option] for option in options if option in INSTEAD]
    cure = f"; name yours with {' and '.join(options)}" if options else ""
    return f"the files have no column {' and no '.join(map(repr, missing))}{', or '.join([cure, *instead])}"


class Logged:
    """What rewards hand to a trainer's log.

    Attributes:
        extra: Columns, each by the reward and its name.
        figures: Numbers by name.
    """

    def __init__(self) -> None:
        self.extra: dict[tuple[str, str], list[Any]] = {}
        self.figures: dict[str, float] = {}

    def keywords_of(self, reward: str, size: int) -> dict[str, Any]:
        """The keywords that take what a reward logs of so many completions."""

        def log_extra(column: str, values: Sequence[Any]) -> None:
            if not isinstance(values, Iterable) or isinstance(values, str | bytes):
                raise TypeError(f"log_extra({column!r}, ...) takes a list; got {values!r:.60}")
            self.extra[reward, str(column)] = listed = list(values)
            if len(listed) != size:
                raise ValueError(
                    f"log_extra({column!r}, ...) takes one value a completion; got {len(listed)} of {size}"
                )

        def log_metric(name: str, value: Any) -> None:
            if not isinstance(value, SupportsFloat):
                raise TypeError(f"log_metric({name!r}, ...) takes a number; got {value!r:.60}")
            self.figures[str(name)] = float(value)

        return {"log_extra": log_extra, "log_metric": log_metric}


def pay(name: str, reward: Callable[..., Any], completions: list[Any], columns: dict[str, Any]) -> Floats:
    """What a reward pays; NaN for None.

    Raises:
        ValueError: a reward of the user's own fails, or pays something else than a number or None for each completion.
    """
    ours = isinstance(reward, Reward)
    arguments = {"completions": completions, **columns}
    try:
        paid = reward(**(arguments if ours else copy.deepcopy(arguments)))  # another may change what it is given
        paid = asyncio.run(paid) if inspect.iscoroutine(paid) else paid
        values = None if paid is None or isinstance(paid, str) else list(paid)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # SystemExit too, with which a reward would end the command without a word
        if ours and isinstance(error, ValueError | TypeError):
            raise  # our messages say what to mend
        raise ValueError(f"the reward {name} fails: {with_kind(error)}") from error
    if values is None:
        raise ValueError(f"the reward {name} must pay a list with a number or None a completion; got {paid!r:.60}")
    if len(values) != len(completions):
        raise ValueError(f"the reward {name} must pay one value a completion; got {len(values)} of {len(completions)}")
    return np.array([_number(value, row, name) for row, value in enumerate(values)], float)


def _number(value: Any, row: int, name: str) -> float:
    try:
        number = as_reward(value)
    except TypeError:
        number = math.inf
    if number is not None and math.isinf(number):
        raise ValueError(
            f"the reward {name} must pay finite numbers, or None; row {row} gets {value!r:.60}; {what_to_mend(value)}"
        )
    return math.nan if number is None else number
