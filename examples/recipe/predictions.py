"""The answers of the trained models: reading them back from disk, measuring them against the MOS, tabulating them."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from recipe.config import Recipe
from recipe.files import read_append_only_jsonl
from recipe.labels import Picture, picture_key
from recipe.stages import fingerprint_of_model, start_stage, trained_model_folder
from tatar_rewards import metrics, parse_answer
from tatar_rewards.answers.words import count_words
from tatar_rewards.evaluation import DatasetEvaluation, Evaluation, evaluate_predictions

Row = dict[str, Any]  # one line of a file of predictions: dataset, task, image_id, mos, completion
Floats = NDArray[np.float64]

MODEL_NAMES = {"sft": "after SFT", "grpo": "after GRPO"}  # by the stage that trained the model


class MeasuredModel(NamedTuple):
    """The predictions of a model, and how well they agree with the MOS."""

    rows: list[Row]
    evaluation: Evaluation

    def rows_of(self, task: str, dataset: str) -> list[Row]:
        return [row for row in self.rows if (row["task"], row["dataset"]) == (task, dataset)]

    def evaluation_of(self, task: str, dataset: str) -> DatasetEvaluation:
        found = (result for result in self.evaluation.datasets if (result.task, result.dataset) == (task, dataset))
        return next(found)


def prediction_files(recipe: Recipe, stage: str) -> list[Path]:
    return sorted((recipe.out / "predictions" / stage).glob("rank*.jsonl"))


def read_answers(recipe: Recipe, stage: str) -> dict[str, Row]:
    """The answers that a model has given so far, by the key of the picture; of several to one picture the last."""
    rows = [row for path in prediction_files(recipe, stage) for row in read_append_only_jsonl(path)]
    return {picture_key(row["task"], row["dataset"], row["image_id"]): row for row in rows}


def unanswered(recipe: Recipe, stage: str, pictures: Sequence[Picture]) -> list[Picture]:
    """The pictures about which the model has not been asked, or whose file was another one then."""
    answers = answers_about(recipe, stage, pictures)
    return [p for p in pictures if p.key not in answers]


def answers_about(recipe: Recipe, stage: str, pictures: Sequence[Picture]) -> dict[str, Row]:
    """The answers so far that are about the pictures as they are today."""
    answers = read_answers(recipe, stage)
    asked = (p for p in pictures if p.key in answers and answers[p.key].get("digest") == p.digest)
    return {p.key: answers[p.key] for p in asked}


def read_predictions(recipe: Recipe, stage: str, pictures: Sequence[Picture]) -> list[Row]:
    """The whole answers about some pictures, set after set and by key; the MOS comes from the pictures' labels."""
    answers, opened = answers_about(recipe, stage, pictures), "<think>" if recipe.think_prefilled else ""
    sets = {name: number for number, name in enumerate(dict.fromkeys((p.task, p.dataset) for p in pictures))}
    rows = []
    for p in sorted(pictures, key=lambda p: (sets[p.task, p.dataset], p.image_id)):
        if p.key in answers:
            said = answers[p.key]["completion"]
            whole = said if said.lstrip().startswith("<think>") else opened + said
            labels = {name: getattr(p, name) for name in ("dataset", "task", "image_id", "mos")}
            rows.append({**labels, "completion": whole})
    return rows


def measure_models(recipe: Recipe, pictures: Sequence[Picture]) -> dict[str, MeasuredModel]:
    """Each model that has answered, by its stage; exits where the answers are of another model or other settings."""
    measured = {}
    for stage in MODEL_NAMES:
        if not prediction_files(recipe, stage):
            continue
        start_stage(recipe, f"predictions/{stage}", model=fingerprint_of_model(trained_model_folder(recipe, stage)))
        if rows := read_predictions(recipe, stage, pictures):
            evaluation = evaluate_predictions(rows, n_resamples=recipe.evaluation.resamples)
            measured[stage] = MeasuredModel(rows, evaluation)
    return measured


def scores_of(rows: Sequence[Row]) -> Floats:
    """The scores in points; NaN for an unreadable answer."""
    scores = [parse_answer(row["completion"]).score for row in rows]
    return np.array([math.nan if score is None else score for score in scores])


class SrccChange(NamedTuple):
    """What the second of two models gained in SRCC on the pictures that both answered, and its paired 95 % interval."""

    change: float
    interval: metrics.Interval
    pictures: int  # that both answered and that have a MOS

    def __str__(self) -> str:
        if math.isnan(self.change):
            return f"not known, {self.pictures} pictures"
        low, high = self.interval
        bounds = "" if math.isnan(low) else f" ({low:+.3f} to {high:+.3f})"
        left_out = f", {self.interval.left_out} of {self.interval.n_resamples} resamples had none"
        return f"{self.change:+.3f}{bounds}, {self.pictures} pictures{left_out if self.interval.left_out else ''}"


def srcc_change(before: Sequence[Row], after: Sequence[Row], resamples: int) -> SrccChange:
    """The paired change; NaN where predictions are all equal, which have no rank correlation."""
    earlier = {row["image_id"]: row for row in before}
    after = [row for row in after if row["image_id"] in earlier]
    first, second = scores_of([earlier[row["image_id"]] for row in after]), scores_of(after)
    mos = np.array([row["mos"] for row in after], float)
    both = ~(np.isnan(first) | np.isnan(second) | np.isnan(mos))
    columns = first[both], second[both], mos[both]

    def gain(first: Floats, second: Floats, mos: Floats) -> float:
        return metrics.srcc(second, mos) - metrics.srcc(first, mos)

    change, interval = gain(*columns), metrics.Interval(math.nan, math.nan)
    if resamples and not math.isnan(change):
        interval = metrics.percentile_interval(gain, columns, n_resamples=resamples)
    return SrccChange(change, interval, int(np.sum(both)))


# ---------------------------------------------------------------- the table


def datasets_of(measured: Mapping[str, MeasuredModel]) -> list[tuple[str, str]]:
    """Task and name of the data sets."""
    return [(result.task, result.dataset) for result in next(iter(measured.values())).evaluation.datasets]


def format_table(recipe: Recipe, measured: Mapping[str, MeasuredModel]) -> str:
    """A line for each data set and model; those after GRPO end in the change of SRCC since SFT."""
    datasets = datasets_of(measured)
    width = max(len(name) for _, name in datasets) + 2
    lines = [
        f"{'task':<5}{'data set':<{width}}{'model':<12}{'SRCC':>7}{'PLCC':>7}{'KRCC':>7}{'RMSE':>7}{'well formed':>13}"
        f"{'words':>7}   change of SRCC (95 % interval)"
    ]
    for task, name in datasets:
        for stage, model in measured.items():
            line = f"{task.upper():<5}{name:<{width}}{MODEL_NAMES[stage]:<12}{format_figures(model, task, name)}"
            if stage == "grpo" and "sft" in measured:
                before, after = measured["sft"].rows_of(task, name), model.rows_of(task, name)
                line += f"   {srcc_change(before, after, recipe.evaluation.resamples)}"
            lines += [line, *format_failures(model.evaluation_of(task, name))]
    return "\n".join(lines)


def format_figures(model: MeasuredModel, task: str, dataset: str) -> str:
    result = model.evaluation_of(task, dataset)
    words = np.mean([count_words(parse_answer(row["completion"]).think) for row in model.rows_of(task, dataset)])
    f = result.figures
    return f"{f.srcc:7.3f}{f.plcc:7.3f}{f.krcc:7.3f}{f.rmse:7.1f}{result.coverage:13.1%}{words:7.1f}"


def format_failures(result: DatasetEvaluation) -> list[str]:
    """A line on the unreadable answers, if there are any."""
    if not result.failures:
        return []
    counts = ", ".join(f"{count} {status}" for status, count in result.failures.items())
    return [f"{'':<5}  not read: {counts}; taken at worst, SRCC {result.pessimistic.srcc:.3f}"]
