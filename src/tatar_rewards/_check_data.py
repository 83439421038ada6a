"""The doctor's checks of data: columns, labels, keys, and what can be compared."""

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple

import numpy as np

from tatar_rewards._findings import Finding, equal_labels, squeezed_labels
from tatar_rewards.configs import AnswerConfig, LabelConfig, RankingConfig
from tatar_rewards.scales import ScoreScale

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
MISLEADING = ("label scale", "equal labels")  # what probes would say is theirs
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
        getattr(reward, field)
        for reward in rewards
        for field in ("task_column", "mos_column", "dataset_column", "image_id_column", "mos_std_column")
        if getattr(reward, field, None) is not None
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
    if not any(map(len, rows.values())):
        yield Finding("data", "the dataset has no rows", "check how it was loaded or filtered")
        return
    yield from _check_tasks(rewards, rows)
    seen: set[tuple[Any, ...]] = set()
    for reward in rewards:
        if isinstance(reward, LabelConfig):
            what = (reward.task, reward.mos_column, str(reward.mos_scale), reward.mos_std_column)
            if what not in seen:
                seen.add(what)
                yield from _check_labels(reward, rows)
        if not isinstance(reward, RankingConfig):
            continue
        if reward.image_id_column in rows:
            yield from _check_image_keys(reward, rows)
        elif streaming:
            yield Finding(
                "groups by place",
                f"{reward.__name__} knows images by their place, and a streaming dataset can put two prompts into one "
                "group of rows",
                "add a column of image keys",
            )


def _check_columns(rewards: Sequence[Any], names: Sequence[str]) -> Iterator[Finding]:
    needs: dict[str, list[str]] = {}
    for reward in rewards:
        if not isinstance(reward, AnswerConfig):
            continue
        columns = [reward.task_column] if reward.task is not None else []
        if isinstance(reward, LabelConfig):
            columns += [reward.mos_column] + ([reward.mos_std_column] if reward.mos_std_column else [])
            columns += [reward.dataset_column] if isinstance(reward.mos_scale, dict) else []
        if isinstance(reward, RankingConfig) and reward.num_generations is None:
            columns.append(reward.image_id_column)
        for column in columns:
            if column not in names:
                needs.setdefault(column, []).append(reward.__name__)
    for column, needing in needs.items():
        yield Finding(
            "missing column",
            f"{', '.join(needing)} need{'s' * (len(needing) == 1)} a column {column!r}, which the dataset lacks",
            "add it, or name yours in the reward's ..._column= setting",
        )


def _check_tasks(rewards: Sequence[Any], rows: Rows) -> Iterator[Finding]:
    tasked = [reward for reward in rewards if isinstance(reward, AnswerConfig) and reward.task is not None]
    for column in sorted({reward.task_column for reward in tasked}):
        present = set(rows[column])
        shown = ", ".join(sorted(map(repr, present)))
        for reward in tasked:
            if reward.task_column == column and reward.task not in present:
                yield Finding(
                    "tasks",
                    f"{reward.__name__} grades task {reward.task!r}, but the column {column!r} holds only {shown}",
                    "set task= to what the column holds, or leave the reward out",
                )
        graded = {reward.task for reward in rewards if isinstance(reward, LabelConfig)}
        for task in sorted(present - graded, key=repr) if None not in graded else []:
            yield Finding(
                "tasks",
                f"{rows[column].count(task)} rows are of task {task!r}, whose answers no reward compares with a label",
                f"add a reward with task={task!r}, or take the rows out",
            )


def _on_task(reward: AnswerConfig, rows: Rows) -> list[int]:
    if reward.task is None:
        return list(range(len(next(iter(rows.values())))))
    return [row for row, task in enumerate(rows[reward.task_column]) if task == reward.task]


def _check_labels(reward: LabelConfig, rows: Rows) -> Iterator[Finding]:
    column, on_task = reward.mos_column, _on_task(reward, rows)
    by_scale: dict[ScoreScale, list[int]] = {}
    unknown: dict[str, int] = {}
    for row in on_task:
        scale = reward.mos_scale
        if isinstance(scale, dict):
            dataset = rows[reward.dataset_column][row]
            if dataset not in scale:
                unknown.setdefault(str(dataset), row)
                continue
            scale = scale[dataset]
        by_scale.setdefault(scale, []).append(row)
    for dataset, row in unknown.items():
        yield Finding(
            "unknown data set",
            f"{reward.dataset_column}[{row}] is {dataset!r}, for which mos_scale declares no scale",
            "declare its scale too",
        )
    for scale, its_rows in by_scale.items():
        yield from _check_scale(reward, rows[column], scale, its_rows)
    values = [rows[column][row] for row in on_task]
    missing = sum(value is None or value != value for value in values)
    if on_task and missing == len(on_task):
        yield Finding("label", f"no row that {reward.__name__} grades has a label in {column!r}", "add the labels")
    if reward.mos_std_column is not None:
        bad = [row for row in on_task if not _is_deviation(rows[reward.mos_std_column][row])]
        if bad:
            yield Finding(
                "label",
                f"{reward.mos_std_column}[{bad[0]}] is {rows[reward.mos_std_column][bad[0]]!r}, no standard deviation "
                f"({len(bad)} such rows)",
                "a rater standard deviation is a number of at least 0, on the scale of the MOS, or None",
            )


def _is_deviation(value: Any) -> bool:
    return value is None or (isinstance(value, int | float) and not value < 0 and value != math.inf)


def _check_scale(
    reward: LabelConfig, values: Sequence[Any], scale: ScoreScale, its_rows: Sequence[int]
) -> Iterator[Finding]:
    column = reward.mos_column
    points, off = [], []
    for row in its_rows:
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
        yield from squeezed_labels(known, column, str(scale))
        yield from equal_labels(known, its_rows, column)


def _check_image_keys(reward: RankingConfig, rows: Rows) -> Iterator[Finding]:
    ids, mos = rows[reward.image_id_column], rows[reward.mos_column]
    first: dict[Any, int] = {}
    for row in _on_task(reward, rows):
        if isinstance(ids[row], bool) or not isinstance(ids[row], str | int | np.integer):
            yield Finding(
                "image key",
                f"{reward.image_id_column}[{row}] is {ids[row]!r}, no string or integer",
                "give each image a key, for example its file name",
            )
            return
        key = (*_comparison(reward, rows, row), ids[row])
        other = first.setdefault(key, row)
        if mos[other] != mos[row] and None not in (mos[other], mos[row]):
            yield Finding(
                "two labels",
                f"rows {other} and {row} have one {reward.image_id_column}, {ids[row]!r}, but {reward.mos_column} "
                f"{mos[other]} and {mos[row]}",
                "one image has one MOS: give different images different keys, or mend the label",
            )
            return


# ---------------------------------------------------------------- comparisons


def _comparison(reward: RankingConfig, rows: Rows, row: int) -> tuple[Any, Any]:
    task, dataset = (rows[name][row] if name in rows else None for name in (reward.task_column, reward.dataset_column))
    return task, dataset


def _rankings(rewards: Iterable[Any], rows: Rows) -> Iterator[tuple[RankingConfig, Counter[Any], int]]:
    n_rows = max(map(len, rows.values()), default=0)
    for reward in rewards:
        if isinstance(reward, RankingConfig):
            counts = Counter(_comparison(reward, rows, row) for row in _on_task(reward, rows))
            if counts:
                yield reward, counts, n_rows


def describe_comparisons(rewards: Sequence[Any], rows: Rows, images: float) -> dict[str, str]:
    facts = {}
    for reward, counts, n_rows in _rankings(rewards, rows):
        compared = ", ".join(
            f"{images * count / n_rows:.1f} of {' '.join(str(part) for part in key if part is not None) or 'all'}"
            for key, count in counts.most_common(4)
        )
        facts[reward.__name__] = f"compares {compared} in a call, on average" + (", ..." if len(counts) > 4 else "")
    return facts


def check_comparisons(rewards: Sequence[Any], rows: Rows, images: float) -> Iterator[Finding]:
    for reward, counts, n_rows in _rankings(rewards, rows):
        total = sum(counts.values())
        alone = sum(count / total * (1 - count / n_rows) ** max(0.0, images - 1) for count in counts.values())
        if reward.opponents == "memory" or alone < 0.2:
            continue
        fallback = reward.min_opponents > 0 and reward.image_id_column in rows
        yield Finding(
            "images per call",
            f"{alone:.0%} of the completions that {reward.__name__} grades will find no other image of their task and "
            f"data set in a call" + (" and be compared with remembered ones only" if fallback else " and earn None"),
            "raise per_device_train_batch_size, steps_per_generation or the number of processes, or lower "
            "num_generations; or accept it with opponents='memory'",
        )
