"""The table that an evaluation prints: each data set and model, between a constant guess and other raters."""

import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from recipe.changes import Change, srcc_change
from recipe.config import Recipe
from recipe.label_scales import figure
from recipe.predictions import MODEL_NAMES, ONE, MeasuredModel, Row, answers_of, datasets_of
from tatar_rewards import parse_answer
from tatar_rewards.answers.words import count_words
from tatar_rewards.evaluation import DatasetEvaluation, Figures
from tatar_rewards.evaluation.compare import GREEDY, MEAN
from tatar_rewards.evaluation.table import align

FLOOR, CEILING = "constant guess", "other raters"  # what the figures of a model lie between


def mean_words(rows: Sequence[Row]) -> float:
    return float(np.mean([count_words(parse_answer(row["completion"]).think) for row in rows]))


def bounds_of(measured: Mapping[str, MeasuredModel], task: str, dataset: str, name: str) -> Figures | None:
    """The floor or the ceiling of a data set, where its evaluation has one; they are not a model's."""
    results = [model.evaluation_of(task, dataset) for model in measured.values()]
    known = [getattr(result, name, None) for result in results]
    return next((figures for figures in reversed(known) if figures is not None), None)


HEADER = ["task", "data set", "model", "SRCC", "PLCC", "KRCC", "RMSE", "well formed", "words"]
HEADER += [" change of SRCC (95 % interval)"]
LEFT = (0, 1, 2, len(HEADER) - 1)  # columns of words


def format_table(recipe: Recipe, measured: Mapping[str, MeasuredModel]) -> str:
    """A line for each data set and model, between floor and ceiling; GRPO's ends in the change of SRCC since SFT."""
    lines: list[list[str] | str] = [HEADER]
    for task, name in datasets_of(measured):
        start = [task.upper(), name]
        if floor := bounds_of(measured, task, name, "floor"):
            lines.append([*start, FLOOR, *figures_cells(floor)])
        changes = changes_of(recipe, measured, task, name)
        for stage, model in measured.items():
            if result := model.evaluation_of(task, name):
                moved = {kind: f" {change}" for kind, change in changes.items()} if stage == "grpo" else {}
                words = f"{mean_words(model.rows_of(task, name)):.1f}"
                for kind, one, share in figures_by_kind(result):
                    shown = MODEL_NAMES[stage] + (f", {kind}" if result.samples else "")
                    cells = [f"{share:.1%}", words if kind == GREEDY else ""] if not math.isnan(share) else ["", ""]
                    lines.append([*start, shown, *figures_cells(one), *cells, moved.get(kind, "")])
                lines += format_failures(result)
        if ceiling := bounds_of(measured, task, name, "ceiling"):
            lines.append([*start, CEILING, *figures_cells(ceiling)])
    return "\n".join(align(lines, LEFT))


def figures_cells(f: Figures) -> list[str]:
    return [figure(f.srcc, 3), figure(f.plcc, 3), figure(f.krcc, 3), figure(f.rmse, 1)]


def figures_by_kind(result: DatasetEvaluation) -> Iterator[tuple[str, Figures, float]]:
    """What an evaluation found of greedy answers, of one sample and of the mean of samples; shares that were read."""
    yield GREEDY, result.figures, result.coverage
    if result.samples is not None:
        yield ONE, result.samples.one, result.samples.coverage
        yield MEAN, result.samples.mean, math.nan


def changes_of(recipe: Recipe, measured: Mapping[str, MeasuredModel], task: str, name: str) -> dict[str, Change]:
    """What GRPO changed, by the kind of the answers; nothing where there are not two models."""
    if len(measured) < 2:
        return {}
    kinds = answers_of(measured, task, name).items()
    return {kind: srcc_change(rows["sft"], rows["grpo"], recipe.evaluation.resamples) for kind, rows in kinds}


def format_failures(result: DatasetEvaluation) -> list[str]:
    """Lines on the unreadable answers, if there are any."""
    lines = []
    if result.failures:
        counts = ", ".join(f"{count} {status}" for status, count in result.failures.items())
        lines.append(f"{'':<5}  not read: {counts}; taken at worst, SRCC {figure(result.pessimistic.srcc, 3)}")
    if result.samples is not None and result.samples.failures:
        counts = ", ".join(f"{count} {status}" for status, count in result.samples.failures.items())
        lines.append(f"{'':<5}  samples not read: {counts}")
    return lines
