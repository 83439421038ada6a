"""What the trained models answered, read back from disk, and what it is worth."""

import math
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy.stats import bootstrap

from recipe.config import Recipe
from recipe.stages import read_grown
from tatar_rewards import metrics, parse_answer
from tatar_rewards.evaluation import Evaluation, evaluate_predictions

STAGES = {"sft": "after SFT", "grpo": "after GRPO"}


def prediction_files(recipe: Recipe, stage: str) -> list[Path]:
    return sorted((recipe.out / "predictions" / stage).glob("rank*.jsonl"))


def read_answers(recipe: Recipe, stage: str) -> dict[tuple[str, str], dict]:
    """What has been answered so far, by data set and picture."""
    rows = [row for path in prediction_files(recipe, stage) for row in read_grown(path)]
    return {(row["dataset"], row["image_id"]): row for row in rows}


# ---------------------------------------------------------------- figures


def ordered_rows(recipe: Recipe, stage: str) -> list[dict]:
    """In the order of the recipe's test sets, whoever answered first."""
    rows, order = read_answers(recipe, stage), {spec.name: k for k, spec in enumerate(recipe.data.test)}
    return sorted(rows.values(), key=lambda row: (order.get(row["dataset"], len(order)), row["image_id"]))


def scores_of(rows: list[dict]) -> np.ndarray:
    """Points, NaN for an unreadable answer."""
    answers = [parse_answer(row["completion"]).score for row in rows]
    return np.array([math.nan if score is None else score for score in answers])


def srcc_change(before: list[dict], after: list[dict], resamples: int) -> tuple[float, float, float]:
    """What the second model gained in SRCC on the same pictures, with a paired 95 % bootstrap interval over them."""
    columns = (scores_of(before), scores_of(after), np.array([row["mos"] for row in after]))

    def gain(first, second, mos):
        return metrics.srcc(second, mos) - metrics.srcc(first, mos)

    change = gain(*columns)
    if math.isnan(change) or not resamples:  # a constant has no rank correlation
        return change, math.nan, math.nan
    options = {"paired": True, "vectorized": False, "n_resamples": resamples, "method": "percentile"}
    interval = bootstrap(columns, gain, **options, rng=np.random.default_rng(0)).confidence_interval
    return change, interval.low, interval.high


class Measured(NamedTuple):
    """What a model said, and what it is worth."""

    rows: list[dict]
    evaluation: Evaluation

    def of(self, dataset: str) -> list[dict]:
        return [row for row in self.rows if row["dataset"] == dataset]


def measure(recipe: Recipe) -> dict[str, Measured]:
    """Each model that has answered."""
    answered = {stage: ordered_rows(recipe, stage) for stage in STAGES if prediction_files(recipe, stage)}
    resamples = recipe.evaluation.resamples
    return {
        stage: Measured(rows, evaluate_predictions(rows, n_resamples=resamples)) for stage, rows in answered.items()
    }


def dataset_names(measured: dict[str, Measured]) -> list[tuple[str, str]]:
    """Task and name of the data sets."""
    return [(one.task, one.dataset) for one in next(iter(measured.values())).evaluation.datasets]


def format_table(recipe: Recipe, measured: dict[str, Measured]) -> str:
    """One line a data set and model, with what GRPO changed."""
    names = dataset_names(measured)
    width = max(len(name) for _, name in names) + 2
    lines = [
        f"{'task':<5}{'data set':<{width}}{'model':<12}{'SRCC':>7}{'PLCC':>7}{'KRCC':>7}{'RMSE':>7}{'well formed':>13}"
        f"{'words':>7}   change of SRCC (95 % interval)"
    ]
    for task, name in names:
        own = {stage: model.of(name) for stage, model in measured.items()}
        for stage, model in measured.items():
            one = next(one for one in model.evaluation.datasets if one.dataset == name)
            words = np.mean([len(parse_answer(row["completion"]).think.split()) for row in own[stage]])
            f = one.figures
            line = (
                f"{task.upper():<5}{name:<{width}}{STAGES[stage]:<12}{f.srcc:7.3f}{f.plcc:7.3f}{f.krcc:7.3f}{f.rmse:7.1f}"
                f"{one.coverage:13.1%}{words:7.1f}"
            )
            if stage == "grpo" and "sft" in own:
                change, low, high = srcc_change(own["sft"], own["grpo"], recipe.evaluation.resamples)
                line += f"   {change:+.3f} ({low:+.3f} to {high:+.3f})"
            lines.append(line)
            if one.failures:
                told = ", ".join(f"{count} {status}" for status, count in one.failures.items())
                lines.append(f"{'':<5}  not read: {told}; taken at worst, SRCC {one.pessimistic.srcc:.3f}")
    return "\n".join(lines)
