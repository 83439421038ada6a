"""Reads tasks, labels and keys of a data set with the rewards' own functions: what they refuse is a finding."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from tatar_rewards.doctor.reading import Columns, as_values
from tatar_rewards.findings import Finding
from tatar_rewards.rewards import AnswerConfig, LabelConfig, Reward
from tatar_rewards.rewards.batch import Floats
from tatar_rewards.rewards.call import one_call
from tatar_rewards.rewards.columns import on_task_rows
from tatar_rewards.rewards.configs import ImageConfig
from tatar_rewards.rewards.graded import read_and_gather
from tatar_rewards.rewards.schedule import Schedule

MOST_BAD_ROWS = 200  # that are looked for
MOST_READS = 4000  # of parts of the data, while they are looked for


class Reading(NamedTuple):
    """What a reward reads of the data."""

    reward: Reward[AnswerConfig]
    on_task: NDArray[np.bool_]  # (n,)
    targets: Floats | None = None  # (n,) points, NaN off-task and without a label; None for a reward without labels
    keys: NDArray[np.int64] | None = None  # of the on-task rows: the image's and, for a ranking, the comparison's


def read_rows(reward: Reward[AnswerConfig], columns: Columns, n_rows: int) -> Reading:
    """Read all rows as one call of the reward would. It runs on one rank, and changes nothing in the reward.

    Raises:
        TypeError, ValueError: whatever the reward says of the rows.
    """
    if not isinstance(reward.config, LabelConfig):
        return Reading(reward, on_task_rows(reward, columns, n_rows))
    twin = cast(Reward[LabelConfig], twin_of(reward))
    columns = with_image_keys(twin, columns, n_rows)
    with one_call(twin, {**columns, "completion_ids": [[]] * n_rows}) as call:
        batch, rows = read_and_gather(call, [""] * n_rows)
        call.changes.clear()
    return Reading(reward, batch.on_task, batch.targets, rows.keys[rows.local])


def twin_of(reward: Reward[AnswerConfig]) -> Reward[AnswerConfig]:
    """The same settings without state and weight; a ranking that knows its images by a key."""
    by_key = {"num_generations": None} if isinstance(reward.config, ImageConfig) else {}
    return reward.fresh(weight=1.0, schedule=without_weight(reward.config), **by_key)


def without_weight(config: AnswerConfig) -> Schedule | None:
    """The schedule of another setting than the weight."""
    return None if config.schedule is None or config.schedule.setting == "weight" else config.schedule


def greatest_weight(config: AnswerConfig) -> float:
    """The weight of a reward, or the greatest that its schedule comes to."""
    schedule = config.schedule
    if schedule is None or schedule.setting != "weight":
        return config.weight
    return max(schedule.start, schedule.end)


def with_image_keys(reward: Reward[AnswerConfig], columns: Mapping[str, Any], n_rows: int) -> dict[str, Any]:
    """A row of the data is one image, where no column says otherwise."""
    keys = {}
    if isinstance(reward.config, ImageConfig) and columns.get(reward.config.image_id_column) is None:
        keys = {reward.config.image_id_column: list(range(n_rows))}
    return {**columns, **keys}


# ---------------------------------------------------------------- what it refuses


def refused_rows(reward: Reward[AnswerConfig], columns: Columns, n_rows: int, error: Exception) -> Iterator[Finding]:
    """Findings on what made `read_rows` raise: each kind of error with its first row and the number of rows."""
    lists = {name: as_values(values) for name, values in columns.items() if hasattr(values, "__len__")}
    even = len(lists) == len(columns) and all(len(values) == n_rows for values in lists.values())
    errors = dict(_errors_of_rows(reward, lists, 0, n_rows, [MOST_BAD_ROWS, MOST_READS])) if even else {}
    if not errors:  # it lies between rows, or in a column as a whole
        yield _finding(reward, str(error), [])
        return
    by_kind: dict[tuple[str, str], list[int]] = {}
    for row, message in errors.items():
        problem, cure = _split(message)
        by_kind.setdefault((problem.partition("[0]")[0], cure), []).append(row)
    for rows in by_kind.values():
        message = re.sub(r"\[0\]", f"[{rows[0]}]", errors[rows[0]], count=1)
        yield _finding(reward, message, rows)


def _errors_of_rows(
    reward: Reward[AnswerConfig], lists: Mapping[str, list[Any]], start: int, stop: int, left: list[int]
) -> Iterator[tuple[int, str]]:
    """The rows that the reward refuses one by one, found by halving; `left` bounds how many."""
    if left[0] <= 0 or left[1] <= 0 or start >= stop:
        return
    left[1] -= 1
    try:
        read_rows(reward, {name: values[start:stop] for name, values in lists.items()}, stop - start)
    except Exception as error:
        if stop - start == 1:
            left[0] -= 1
            yield start, str(error)
            return
        middle = (start + stop) // 2
        yield from _errors_of_rows(reward, lists, start, middle, left)
        yield from _errors_of_rows(reward, lists, middle, stop, left)


def _finding(reward: Reward[AnswerConfig], message: str, rows: Sequence[int]) -> Finding:
    problem, cure = _split(message.removeprefix(f"{reward.__name__}: "))
    if len(rows) > 1:
        at_least = "at least " if len(rows) == MOST_BAD_ROWS else ""
        shown = ", ".join(map(str, rows[:5])) + (", ..." if len(rows) > 5 else "")
        problem += f" ({at_least}{len(rows)} such rows: {shown})"
    return Finding("labels", problem, cure or "mend the column, or leave the rows out")


def _split(message: str) -> tuple[str, str]:
    """Problem and cure of an error: "a is wrong; mend it", "a must be b; got c; mend it"."""
    problem, *cure = re.split("; (?!got )", message, maxsplit=1)
    return problem, "".join(cure)
