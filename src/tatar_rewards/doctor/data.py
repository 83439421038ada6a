"""The doctor's checks of data: columns, tasks, labels."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

import numpy as np

from tatar_rewards.doctor.kinds import image_rewards, labelled_rewards, package_rewards
from tatar_rewards.doctor.labels import Reading, read_rows, refused_rows
from tatar_rewards.doctor.reading import Data, as_values
from tatar_rewards.findings import Finding, datasets_without_rows, doubtful_deviations, equal_labels, squeezed_labels
from tatar_rewards.predictions import other_separator
from tatar_rewards.rewards import LabelConfig, Reward
from tatar_rewards.rewards.batch import rows_by_scale, target_stds
from tatar_rewards.rewards.columns import columns_read, needed_columns, settings_that_name
from tatar_rewards.scales import as_scales, is_missing
from tatar_rewards.wording import alike, did_you_mean

CLASHING = ("prompts", "completions")  # passed beside the columns of the data: a call with both fails
OVERWRITTEN = ("completion", "completion_ids", "trainer_state", "log_extra", "log_metric", "environments")
MISLEADING = ("label scale", "equal labels", "rater deviations")  # what the probes would find is a consequence of these


def check_columns(rewards: Sequence[Any], data: Data) -> Iterator[Finding]:
    if "prompt" not in data.names:
        yield Finding("missing column", "the dataset has no column 'prompt'", "add it: the trainer generates from it")
    separator = other_separator(data.names)
    if separator is not None:
        problem = f"the cells of the file are separated by {separator!r} and not by commas, so that it has one column"
        yield Finding("separator", problem, "save it with commas")
    read = {name for reward in package_rewards(rewards) for name in columns_read(reward.config)}
    for name in data.names:
        if name in (*CLASHING, *OVERWRITTEN):
            yield Finding(
                "reserved column",
                f"the trainer passes something of its own as {name!r}"
                + ("" if name in CLASHING else ", and not what the dataset has"),
                f"rename the column {name!r}",
                "fault" if name in CLASHING or name in read else "advice",
            )
    yield from _missing_columns(rewards, data)
    yield from dict.fromkeys(_misnamed_columns(rewards, data))
    for ranking in image_rewards(rewards):
        if data.streaming and ranking.config.image_id_column not in data.names and ranking.config.num_generations:
            yield Finding(
                "groups by place",
                f"{ranking.__name__} knows images by their place, and a streaming dataset can put two prompts into one "
                "group of rows",
                "add a column of image keys",
            )


def _missing_columns(rewards: Sequence[Any], data: Data) -> Iterator[Finding]:
    lacking: dict[str, list[Reward[Any]]] = {}
    for reward in package_rewards(rewards):
        for column in needed_columns(reward.config):
            if column not in data.names:
                lacking.setdefault(column, []).append(reward)
    for column, needing in lacking.items():
        settings = list(dict.fromkeys(one for reward in needing for one in settings_that_name(reward.config, column)))
        named = " or ".join(f"{setting}= (--{setting.replace('_', '-')})" for setting in settings)
        likely = alike(column, data.names)
        cure = f"add it, or name yours with {named}" + f", perhaps {likely}" * bool(likely)
        if "task_column" in settings:
            cure += "; if all rows are of one task, use rewards with task=None, such as the preset recommended"
        names = ", ".join(reward.__name__ for reward in needing)
        needs = f"{names} need{'s' * (len(needing) == 1)}"
        yield Finding("missing column", f"{needs} a column {column!r}, which the dataset lacks", cure)


def _misnamed_columns(rewards: Sequence[Any], data: Data) -> Iterator[Finding]:
    """Columns that a reward can do without, under a name that somebody gave and no column has."""
    for reward in package_rewards(rewards):
        usual = type(reward.config).model_fields
        for setting in ("task_column", "dataset_column", "image_id_column"):
            name: str = getattr(reward.config, setting, "")
            given = name and name != usual[setting].default and name not in needed_columns(reward.config)
            if given and name not in data.names:
                problem = f"no column {name!r}, which {setting}= (--{setting.replace('_', '-')}) names"
                yield Finding("missing column", problem, did_you_mean(name, data.names))


def read_all(rewards: Sequence[Any], data: Data) -> tuple[list[Reading], list[Finding]]:
    """What each reward reads of the data, and what it refuses; rewards whose columns are not all here are left out."""
    readings: list[Reading] = []
    findings: list[Finding] = []
    for reward in package_rewards(rewards):
        if not set(needed_columns(reward.config)) <= set(data.columns):
            continue
        columns = {name: data.columns[name] for name in columns_read(reward.config) if name in data.columns}
        try:
            readings.append(read_rows(reward, columns, data.n_rows))
        except Exception as error:  # pandas, arrow and others raise what they like
            findings += refused_rows(reward, columns, data.n_rows, error)
    return readings, findings


# ---------------------------------------------------------------- tasks


def check_tasks(rewards: Sequence[Any], readings: Sequence[Reading], data: Data) -> Iterator[Finding]:
    """Tasks without a row, and rows of a task that no reward compares with a label."""
    only_ours = len(package_rewards(rewards)) == len(rewards)  # others may grade the rest
    ungraded = _ungraded_rows(rewards, readings, data)
    with_task = [reading for reading in readings if reading.reward.config.task is not None]
    for reading in with_task:
        if not reading.on_task.any():
            yield _without_rows(reading, data, mistaken=bool(ungraded) and only_ours)
    for column in sorted({reading.reward.config.task_column for reading in with_task}):
        tasks = as_values(data.columns[column])
        unknown = {repr(tasks[row]) for row in ungraded if is_missing(tasks[row])}
        for task, count in Counter(repr(tasks[row]) for row in ungraded).items():
            yield Finding(
                "tasks",
                f"{count} rows are of task {task}, whose answers no reward compares with a label",
                f"add a reward with task={task}, or take the rows out",
                "fault" if only_ours and task not in unknown and not _graded_by_form(readings, task) else "advice",
            )


def _graded_by_form(readings: Sequence[Reading], task: str) -> bool:
    """Whether a reward without labels grades the rows of a task."""
    formal = (reading.reward.config for reading in readings if reading.targets is None)
    return any(repr(config.task) == task for config in formal)


def _ungraded_rows(rewards: Sequence[Any], readings: Sequence[Reading], data: Data) -> list[int]:
    graded = [reading.on_task for reading in readings if isinstance(reading.reward.config, LabelConfig)]
    if not graded or len(graded) < len(labelled_rewards(rewards)):
        return []
    return [int(row) for row in np.flatnonzero(~np.any(graded, axis=0))]


def _without_rows(reading: Reading, data: Data, *, mistaken: bool) -> Finding:
    """A task that no row has; a mistake where rows are left over, or their task is only written otherwise."""
    config = reading.reward.config
    tasks = Counter(repr(task) for task in as_values(data.columns[config.task_column]))
    alike = any(str(config.task).strip().casefold() == task.strip("'\" ").casefold() for task in tasks)
    shown = ", ".join(sorted(tasks)[:8]) + (", ..." if len(tasks) > 8 else "")
    return Finding(
        "tasks",
        f"{reading.reward.__name__} grades task {config.task!r}, but the column {config.task_column!r} holds only "
        f"{shown}",
        "set task= to what the column holds, or leave the reward out",
        "fault" if mistaken or alike else "advice",
    )


# ---------------------------------------------------------------- labels


def check_datasets(rewards: Sequence[Any], columns: Mapping[str, Any]) -> Iterator[Finding]:
    """Scales of data sets that no row is of."""
    for reward in labelled_rewards(rewards):
        datasets = columns.get(reward.config.dataset_column)
        if datasets is not None:
            here = {value for value in as_values(datasets) if isinstance(value, str)}
            yield from datasets_without_rows(as_scales(reward.config.mos_scale), here)


def check_labels(readings: Sequence[Reading], columns: Mapping[str, Any]) -> Iterator[Finding]:
    """What readable labels show to be wrong: none at all, all in a corner of the scale, all the same."""
    for reading in readings:
        if reading.targets is None or not reading.on_task.any():
            continue
        reward, on_task = cast(Reward[LabelConfig], reading.reward), reading.on_task
        column, std_column = reward.config.mos_column, reward.config.mos_std_column
        missing, graded = int(np.isnan(reading.targets[on_task]).sum()), int(on_task.sum())
        if missing == graded:
            yield Finding("labels", f"no row that {reward.__name__} grades has a label in {column!r}", "add the labels")
        elif missing:
            problem = (
                f"{missing} of {graded} rows have no label in {column!r}: their completions earn None and teach nothing"
            )
            yield Finding("labels", problem, "fill the labels in, or take the rows out", "advice")
        for scale, rows in rows_by_scale(reward, columns, on_task, "mos_scale").items():
            points = reading.targets[rows]
            yield from squeezed_labels(points, column, scale)
            yield from equal_labels(points, np.flatnonzero(rows).tolist(), column)
        if std_column is not None:
            labelled = on_task & ~np.isnan(reading.targets)
            spreads = target_stds(reward, columns, on_task, of="ratings")[labelled]
            needed = target_stds(reward, columns, on_task, of=reward.config.needs_std_of)[labelled]
            yield from doubtful_deviations(spreads, needed, std_column, of_mean=reward.config.mos_std_of == "mean")
