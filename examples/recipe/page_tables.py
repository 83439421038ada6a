"""The tables of the page of a run: columns with their units, and rows of cells."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from recipe.changes import UNKNOWN, pair_answers
from recipe.config import Recipe
from recipe.headlines import task_title
from recipe.label_scales import (
    INTERVAL,
    MISSING,
    error_on,
    figure,
    interval,
    is_points,
    number_on,
    say_scale,
    scales_of,
)
from recipe.predictions import MODEL_NAMES, MeasuredModel, Row, answers_of, datasets_of
from recipe.tables import CEILING, FLOOR, bounds_of, changes_of, figures_by_kind, mean_words
from tatar_rewards import ScoreScale
from tatar_rewards.evaluation import DatasetEvaluation, Figures
from tatar_rewards.evaluation.compare import GREEDY, MEAN
from tatar_rewards.metrics import Interval


class Group(NamedTuple):
    """The rows of a data set; the first cell of each names it."""

    title: str
    note: str
    rows: list[list[str]]


class Table(NamedTuple):
    """Groups of rows under the names of their columns; the first holds names, the others numbers."""

    title: str
    columns: list[str]
    groups: list[Group]
    words: tuple[str, ...] = ()  # columns that hold words in place of numbers


# ---------------------------------------------------------------- figures

OWN_RMSE = "RMSE (scale of the labels)"  # is left out where that is points
FIGURES = ["model", "SRCC", f"SRCC, {INTERVAL}", "PLCC", f"PLCC, {INTERVAL}", "KRCC"]
FIGURES += ["RMSE (points)", OWN_RMSE, "MAE (points)", "readable (%)", "thinking (words)"]


def figures_table(recipe: Recipe, measured: Mapping[str, MeasuredModel]) -> Table:
    """Every data set with its floor, its models and its ceiling, and the means of a task that has several."""
    scales = scales_of(recipe)
    groups = []
    for task, name in datasets_of(measured):
        note = f"{count_of_pictures(measured, task, name)}; labels on {say_scale(scales[task, name])}"
        if bounds_of(measured, task, name, "ceiling") is None:
            note += "; no ceiling, since the labels do not tell deviation and number of the raters of every picture"
        groups.append(Group(title_of(task, name), note, [*figures_rows(measured, task, name, scales[task, name])]))
    table = Table("Agreement with people", FIGURES, groups + mean_groups(measured))
    return without_column(table, OWN_RMSE) if all(map(is_points, scales.values())) else table


def without_column(table: Table, column: str) -> Table:
    k = table.columns.index(column)
    groups = [group._replace(rows=[row[:k] + row[k + 1 :] for row in group.rows]) for group in table.groups]
    return table._replace(columns=[name for name in table.columns if name != column], groups=groups)


def title_of(task: str, name: str) -> str:
    return f"{task_title(task)}, {name}"


def count_of_pictures(measured: Mapping[str, MeasuredModel], task: str, name: str) -> str:
    counts = {len(model.rows_of(task, name)) for model in measured.values()}
    return f"{' or '.join(f'{count:,}' for count in sorted(counts))} pictures"


def figures_rows(measured: Mapping[str, MeasuredModel], task: str, name: str, scale: ScoreScale) -> Iterator[list[str]]:
    if floor := bounds_of(measured, task, name, "floor"):
        yield [f"{FLOOR} (floor)", *figures_cells(floor, scale)]
    for stage, model in measured.items():
        if result := model.evaluation_of(task, name):
            words = f"{mean_words(model.rows_of(task, name)):.1f}"
            intervals = {GREEDY: (result.srcc_interval, result.plcc_interval)}
            if result.samples is not None:
                intervals[MEAN] = (result.samples.srcc_interval, result.samples.plcc_interval)
            for kind, figures, share in figures_by_kind(result):
                cells = figures_cells(figures, scale, *intervals.get(kind, ()))
                shown = MODEL_NAMES[stage] + (f", {kind}" if result.samples else "")
                yield [shown, *cells[:-2], "" if math.isnan(share) else f"{100 * share:.1f}", words * (kind == GREEDY)]
    if ceiling := bounds_of(measured, task, name, "ceiling"):
        yield [f"{CEILING} (ceiling)", *figures_cells(ceiling, scale)]


def figures_cells(
    f: Figures, scale: ScoreScale | None, srcc: Interval = UNKNOWN, plcc: Interval = UNKNOWN
) -> list[str]:
    """The cells of the columns `FIGURES` but the first; the last two are empty."""
    own = MISSING if scale is None or math.isnan(f.rmse) else number_on(error_on(f.rmse, scale), scale)
    correlations = [figure(f.srcc, 3), interval(*srcc), figure(f.plcc, 3), interval(*plcc), figure(f.krcc, 3)]
    return [*correlations, figure(f.rmse, 1), own, figure(f.mae, 1), "", ""]


def mean_groups(measured: Mapping[str, MeasuredModel]) -> list[Group]:
    """The mean figures of each task that has several data sets."""
    tasks = [task for task, _ in datasets_of(measured)]
    groups = []
    for task in dict.fromkeys(tasks):
        if tasks.count(task) > 1:
            rows = []
            for stage, model in measured.items():
                of_kinds = {
                    GREEDY: model.evaluation.task_means.get(task),
                    MEAN: model.evaluation.sample_means.get(task),
                }
                for kind, mean in of_kinds.items():
                    shown = MODEL_NAMES[stage] + (f", {kind}" if of_kinds[MEAN] else "")
                    rows += [[shown, *figures_cells(mean, None)]] if mean else []
            groups.append(Group(title_of(task, "mean"), f"of {tasks.count(task)} data sets", rows))
    return groups


# ---------------------------------------------------------------- what GRPO changed

CHANGES = ["data set", "SRCC before", "SRCC after", "change", f"change, {INTERVAL}"]
CHANGES += ["read from both (pictures)", "closer to MOS (pictures)", "farther (pictures)", "as far (pictures)"]


def changes_table(recipe: Recipe, measured: Mapping[str, MeasuredModel]) -> Table | None:
    """For each data set what GRPO changed on the pictures that both models answered; None without two models."""
    if len(measured) < 2:
        return None
    rows = []
    for task, name in datasets_of(measured):
        kinds = answers_of(measured, task, name)
        for kind, change in changes_of(recipe, measured, task, name).items():
            moved = [figure(change.before, 3), figure(change.after, 3), figure(change.gain, 3, "+")]
            counts = change.pictures, *count_moves(kinds[kind])
            title = title_of(task, name) + (f", {kind}" if len(kinds) > 1 else "")
            rows.append([title, *moved, interval(*change.interval, "+"), *(f"{count:,}" for count in counts)])
    return Table("What GRPO changed, on pictures with two readable answers", CHANGES, [Group("", "", rows)])


def count_moves(rows: Mapping[str, Sequence[Row]]) -> tuple[int, int, int]:
    """On how many pictures GRPO came closer to the MOS, went farther from it, stayed as far."""
    both = pair_answers(rows["sft"], rows["grpo"]).readable()
    errors = np.abs(both.second - both.mos) - np.abs(both.first - both.mos)
    return int(np.sum(errors < 0)), int(np.sum(errors > 0)), int(np.sum(errors == 0))


# ---------------------------------------------------------------- what could not be read

FAILURES = ["model", "not read (pictures)", "why", "SRCC at worst", "RMSE at worst (points)"]


def failures_table(measured: Mapping[str, MeasuredModel]) -> Table | None:
    """The answers that could not be read, by data set and model; None where all were."""
    groups = []
    for task, name in datasets_of(measured):
        rows = [
            failures_row(MODEL_NAMES[stage], result)
            for stage, model in measured.items()
            if (result := model.evaluation_of(task, name)) is not None and result.failures
        ]
        if rows:
            groups.append(Group(title_of(task, name), "", rows))
    return Table("Answers that could not be read", FAILURES, groups, words=("why",)) if groups else None


def failures_row(model: str, result: DatasetEvaluation) -> list[str]:
    why = ", ".join(f"{count:,} {status.replace('_', ' ')}" for status, count in result.failures.items())
    worst = figure(result.pessimistic.srcc, 3), figure(result.pessimistic.rmse, 1)
    return [model, f"{sum(result.failures.values()):,}", why, *worst]
