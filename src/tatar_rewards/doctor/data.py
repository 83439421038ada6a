"""The doctor's checks of data: columns, labels, keys."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple

import numpy as np

from tatar_rewards.doctor.kinds import (
    comparison_of,
    graded_rows,
    is_deviation,
    is_missing,
    labelled_rewards,
    package_rewards,
    ranking_rewards,
)
from tatar_rewards.findings import Finding, equal_labels, squeezed_labels
from tatar_rewards.rewards import AnswerConfig, LabelConfig, Reward
from tatar_rewards.rewards.configs import RankingConfig
from tatar_rewards.scales import ScoreScale, as_scales

RESERVED = [
    "prompts",
    "completion",
    "completions",
    "completion_ids",
    "trainer_state",
    "log_extra",
    "log_metric",
    "environment",
    "environments",
]
BLOCKING = ("missing column", "label off its scale", "label", "image key", "two labels", "data", "unknown data set")
MISLEADING = ("label scale", "equal labels")  # what the probes would find is a consequence of these
STREAMED_ROWS = 2000  # how much of a stream is looked at

Rows = Mapping[str, list[Any]]


class Data(NamedTuple):
    """Of a data set, all column names and the contents of those that the rewards read."""

    names: list[str]
    rows: Rows
    streaming: bool


def is_stream(dataset: Any) -> bool:
    return not isinstance(dataset, Mapping) and not hasattr(dataset, "__len__")


def read_columns(rewards: Sequence[Any], dataset: Any) -> Data:
    """All column names, and the contents of those that the rewards read."""
    wanted = {
        getattr(reward.config, field)
        for reward in package_rewards(rewards)
        for field in ("task_column", "mos_column", "dataset_column", "image_id_column", "mos_std_column")
        if getattr(reward.config, field, None) is not None
    }
    if isinstance(dataset, Mapping):
        return Data(list(dataset), {name: list(dataset[name]) for name in dataset if name in wanted}, streaming=False)
    streaming = is_stream(dataset)
    names = getattr(dataset, "column_names", None)
    if names is not None:
        present = [name for name in names if name in wanted]
        slim = dataset.select_columns(present) if present else []
        if not streaming:
            return Data(list(names), {name: list(slim[name]) for name in present}, streaming)
        rows: list[Mapping[str, Any]] = list(islice(slim, STREAMED_ROWS))
        return Data(list(names), {name: [row[name] for row in rows] for name in present}, streaming)
    rows = list(islice(dataset, STREAMED_ROWS if streaming else None))
    names = list(dict.fromkeys(name for row in rows for name in row))
    return Data(names, {name: [row.get(name) for row in rows] for name in names if name in wanted}, streaming)


def check_data(rewards: Sequence[Any], data: Data) -> Iterator[Finding]:
    names, rows, streaming = data
    if "prompt" not in names:
        yield Finding("missing column", "the dataset has no column 'prompt'", "add it: the trainer generates from it")
    for name in names:
        if name in RESERVED:
            yield Finding(
                "reserved column", f"the trainer passes something of its own as {name!r}", f"rename the column {name!r}"
            )
    missing = list(_check_columns(rewards, names))
    yield from missing
    if missing:
        return
    if rows and not any(map(len, rows.values())):  # rewards that ask for no column tell nothing of rows
        yield Finding("data", "the dataset has no rows", "check how it was loaded or filtered")
        return
    yield from _check_tasks(rewards, rows)
    seen: set[tuple[Any, ...]] = set()
    for reward in labelled_rewards(rewards):
        config = reward.config
        labels = (config.task, config.mos_column, str(config.mos_scale), config.mos_std_column)
        if labels not in seen:
            seen.add(labels)
            yield from _check_labels(reward, rows)
    for ranking in ranking_rewards(rewards):
        if ranking.config.image_id_column in rows:
            yield from _check_image_keys(ranking, rows)
        elif streaming:
            yield Finding(
                "groups by place",
                f"{ranking.__name__} knows images by their place, and a streaming dataset can put two prompts into one "
                "group of rows",
                "add a column of image keys",
            )


def _check_columns(rewards: Sequence[Any], names: Sequence[str]) -> Iterator[Finding]:
    needs: dict[str, list[str]] = {}
    for reward in package_rewards(rewards):
        for column in _needed_columns(reward):
            if column not in names:
                needs.setdefault(column, []).append(reward.__name__)
    for column, needing in needs.items():
        yield Finding(
            "missing column",
            f"{', '.join(needing)} need{'s' * (len(needing) == 1)} a column {column!r}, which the dataset lacks",
            "add it, or name yours in the reward's ..._column= setting",
        )


def _needed_columns(reward: Reward[AnswerConfig]) -> list[str]:
    config = reward.config
    columns = [config.task_column] if config.task is not None else []
    if isinstance(config, LabelConfig):
        columns += [config.mos_column] + ([config.mos_std_column] if config.mos_std_column else [])
        columns += [config.dataset_column] if isinstance(as_scales(config.mos_scale), dict) else []
    if isinstance(config, RankingConfig) and config.num_generations is None:
        columns.append(config.image_id_column)
    return columns


def _check_tasks(rewards: Sequence[Any], rows: Rows) -> Iterator[Finding]:
    of_a_task = [reward for reward in package_rewards(rewards) if reward.config.task is not None]
    for column in sorted({reward.config.task_column for reward in of_a_task}):
        present = set(rows[column])
        shown = ", ".join(sorted(map(repr, present)))
        for reward in of_a_task:
            if reward.config.task_column == column and reward.config.task not in present:
                yield Finding(
                    "tasks",
                    f"{reward.__name__} grades task {reward.config.task!r}, but the column {column!r} holds only "
                    f"{shown}",
                    "set task= to what the column holds, or leave the reward out",
                )
        graded = {reward.config.task for reward in labelled_rewards(rewards)}
        for task in sorted(present - graded, key=repr) if None not in graded else []:
            yield Finding(
                "tasks",
                f"{rows[column].count(task)} rows are of task {task!r}, whose answers no reward compares with a label",
                f"add a reward with task={task!r}, or take the rows out",
            )


def _check_labels(reward: Reward[LabelConfig], rows: Rows) -> Iterator[Finding]:
    column, on_task = reward.config.mos_column, graded_rows(reward, rows)
    scales = as_scales(reward.config.mos_scale)
    by_scale: dict[ScoreScale, list[int]] = {}
    unknown: dict[str, int] = {}
    for row in on_task:
        if isinstance(scales, ScoreScale):
            by_scale.setdefault(scales, []).append(row)
            continue
        dataset = rows[reward.config.dataset_column][row]
        if dataset in scales:
            by_scale.setdefault(scales[dataset], []).append(row)
        else:
            unknown.setdefault(str(dataset), row)
    for dataset, row in unknown.items():
        yield Finding(
            "unknown data set",
            f"{reward.config.dataset_column}[{row}] is {dataset!r}, for which mos_scale declares no scale",
            "declare its scale too",
        )
    for scale, scale_rows in by_scale.items():
        yield from _check_scale(reward, rows[column], scale, scale_rows)
    values = [rows[column][row] for row in on_task]
    missing = sum(map(is_missing, values))
    if on_task and missing == len(on_task):
        yield Finding("label", f"no row that {reward.__name__} grades has a label in {column!r}", "add the labels")
    std_column = reward.config.mos_std_column
    if std_column is not None:
        bad = [row for row in on_task if not is_deviation(rows[std_column][row])]
        if bad:
            yield Finding(
                "label",
                f"{std_column}[{bad[0]}] is {rows[std_column][bad[0]]!r}, no standard deviation ({len(bad)} such rows)",
                "a rater standard deviation is a number of at least 0, on the scale of the MOS, or None",
            )


def _check_scale(
    reward: Reward[LabelConfig], values: Sequence[Any], scale: ScoreScale, scale_rows: Sequence[int]
) -> Iterator[Finding]:
    column = reward.config.mos_column
    points, off = [], []
    for row in scale_rows:
        try:
            points += scale.column_to_points([values[row]]).tolist()
        except (TypeError, ValueError):
            off.append(row)
    if off:
        shown = ", ".join(f"{column}[{row}] = {values[row]!r}" for row in off[:5])
        more = f" and {len(off) - 5} more" if len(off) > 5 else ""
        yield Finding(
            "label off its scale",
            f"{shown}{more}: not on the scale {scale} that {reward.__name__} declares",
            "declare the scale that the labels were given on with mos_scale=, or mend the labels",
        )
    else:
        known = np.array(points)
        yield from squeezed_labels(known, column, scale)
        yield from equal_labels(known, scale_rows, column)


def _check_image_keys(reward: Reward[RankingConfig], rows: Rows) -> Iterator[Finding]:
    config = reward.config
    id_column, ids = config.image_id_column, rows[config.image_id_column]
    columns = [column for column in (config.mos_column, config.mos_std_column) if column is not None]
    first: dict[Any, tuple[int, Any]] = {}
    for row in graded_rows(reward, rows):
        if isinstance(ids[row], bool) or not isinstance(ids[row], str | int | np.integer):
            yield Finding(
                "image key",
                f"{id_column}[{row}] is {ids[row]!r}, no string or integer",
                "give each image a key, for example its file name",
            )
            return
        for column in columns:
            value = rows[column][row]
            if is_missing(value):
                continue
            other, known = first.setdefault((column, *comparison_of(reward, rows, row), ids[row]), (row, value))
            if known != value:
                yield Finding(
                    "two labels",
                    f"rows {other} and {row} have one {id_column}, {ids[row]!r}, but {column} {known} and {value}",
                    f"one image has one {column}: give different images different keys, or mend the label",
                )
                return
