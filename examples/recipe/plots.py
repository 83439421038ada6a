"""The plots of the page of a run, each a picture of its own, so that they stand below one another on a phone."""

import io
import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from recipe.config import Recipe
from recipe.label_scales import is_points
from recipe.predictions import MODEL_NAMES, Floats, MeasuredModel, Row, answers_of, scores_of
from recipe.thumbnails import as_data_uri
from tatar_rewards import ScoreScale
from tatar_rewards.evaluation.compare import GREEDY, MEAN

TASK_WORDS = {"iqa": "quality", "iaa": "aesthetics"}
SFT_CURVES = {"Loss (nats a token)": {"loss": "loss"}}
FIGURES_OF_REWARDS = {
    "SRCC of the last 1,024 or more answers": "srcc",
    "Words of thinking": "mean_words",
    "Share of the most frequent answer": "constant_share",
}


class Plot(NamedTuple):
    """A picture and its caption; names stand in the caption, where no letter is taken for mathematics."""

    caption: str
    source: str  # a data URI


def save(figure: Figure, caption: str) -> Plot:
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=110)
    return Plot(caption, as_data_uri(file.getvalue()))


# ---------------------------------------------------------------- predictions


def plot_scatter(measured: Mapping[str, MeasuredModel], task: str, name: str, scale: ScoreScale) -> list[Plot]:
    """Predicted score against MOS, a plot for each model."""
    plots = []
    kind, by_stage = list(answers_of(measured, task, name).items())[-1]
    of = "readable answers" if kind == GREEDY else f"pictures, {kind}"
    for stage, rows in by_stage.items():
        if rows:
            figure = Figure(figsize=(4.5, 4.5), layout="constrained")
            axes = figure.subplots()
            plot_scores(axes, rows)
            if not is_points(scale):
                name_own_scale(axes, scale)
            readable = int(np.sum(~np.isnan(scores_of(rows))))
            plots.append(save(figure, f"{MODEL_NAMES[stage]}, {readable:,} {of}"))
    return plots


def plot_spread(measured: Mapping[str, MeasuredModel], task: str, name: str) -> list[Plot]:
    """How far the sampled answers to a picture lie apart, before and after; nothing where there are none."""
    means = answers_of(measured, task, name).get(MEAN)
    if means is None:
        return []
    figure = Figure(figsize=(4.5, 3), layout="constrained")
    axes = figure.subplots()
    spreads = {stage: np.array([row["spread"] for row in rows], float) for stage, rows in means.items()}
    known = {stage: column[~np.isnan(column)] for stage, column in spreads.items()}
    edges = np.linspace(0, max(1.0, *(column.max(initial=0) for column in known.values())), 25)
    for k, (stage, column) in enumerate(known.items()):
        axes.hist(column, edges.tolist(), histtype="step", color=f"C{k}", label=MODEL_NAMES[stage])
        if len(column):
            axes.axvline(column.mean(), color=f"C{k}", linestyle=":")
    axes.set(xlabel="standard deviation of the answers to a picture (points)", ylabel="pictures")
    axes.legend(fontsize="small")
    return [save(figure, "How far the sampled answers to a picture lie apart; the dotted line is the mean")]


def plot_scores(axes: Axes, rows: Sequence[Row]) -> None:
    mos, scores = np.array([row["mos"] for row in rows]), scores_of(rows)
    readable = ~np.isnan(scores)
    axes.plot([0, 100], [0, 100], color="0.8", zorder=0)
    axes.scatter(mos[readable], scores[readable], s=8, alpha=0.4)
    if bins := bin_by_mos(mos[readable], scores[readable]):
        middles, means, errors = zip(*bins, strict=True)
        axes.errorbar(middles, means, 1.96 * np.array(errors), color="C1", marker="o", markersize=3, capsize=2)
    axes.set(xlim=(-2, 102), ylim=(-2, 102), aspect="equal")
    axes.set(xlabel="MOS (points)", ylabel="predicted score (points)")


def name_own_scale(axes: Axes, scale: ScoreScale) -> None:
    """A second pair of axes on the scale of the labels."""

    def own(points: ArrayLike) -> Floats:
        share = np.asarray(points) / 100 if scale.higher_is_better else 1 - np.asarray(points) / 100
        return scale.low + share * (scale.high - scale.low)

    def points(own: ArrayLike) -> Floats:
        share = (np.asarray(own) - scale.low) / (scale.high - scale.low)
        return 100 * (share if scale.higher_is_better else 1 - share)

    axes.secondary_xaxis("top", functions=(own, points)).set_xlabel(f"MOS ({scale})")
    axes.secondary_yaxis("right", functions=(own, points)).set_ylabel(f"predicted score ({scale})")


def bin_by_mos(mos: Floats, scores: Floats) -> list[tuple[float, float, float]]:
    """Mean MOS, mean score and standard error of the score, in ten ranges of MOS that hold equally many pictures."""
    order = np.argsort(mos)
    parts = [part for part in np.array_split(order, 10) if len(part) > 1]
    return [
        (float(mos[part].mean()), float(scores[part].mean()), float(scores[part].std(ddof=1)) / len(part) ** 0.5)
        for part in parts
    ]


# ---------------------------------------------------------------- training


def read_log(recipe: Recipe, stage: str) -> list[dict[str, Any]]:
    path = recipe.out / stage / "log.json"
    return json.loads(path.read_text()) if path.exists() else []


def plot_curves(log: Sequence[Mapping[str, Any]], curves: Mapping[str, Mapping[str, str]]) -> list[Plot]:
    """Logged figures over the steps: a plot for each title, a line for each label; what was not logged is left out."""
    plots = []
    for title, lines in curves.items():
        logged = {label: [entry for entry in log if entry.get(key) is not None] for label, key in lines.items()}
        drawn = {label: entries for label, entries in logged.items() if entries}  # a NaN is logged as None
        if drawn:
            plots.append(save(draw_curves(drawn, lines), title))
    return plots


def grpo_curves(log: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, str]]:
    """Titles, labels and keys of what the rewards have logged; of a task's rewards the first stands for its answers."""
    logged = dict.fromkeys(key for entry in log for key in entry)
    names = [key.split("/")[1] for key in logged if key.startswith("rewards/") and key.endswith("/mean")]
    curves = {"Mean reward": {name.replace("_", " "): f"rewards/{name}/mean" for name in names}}
    for title, figure in FIGURES_OF_REWARDS.items():
        curves[title] = {}
        for name in names:
            task = TASK_WORDS.get(name.partition("_")[0], name.replace("_", " "))
            if f"{name}/{figure}" in logged:
                curves[title].setdefault(task, f"{name}/{figure}")
    curves["Tokens a completion"] = {"mean": "completions/mean_length", "longest": "completions/max_length"}
    curves["Entropy (nats a token)"] = {"entropy": "entropy"}
    return curves


def running_mean(values: Sequence[float], width: int = 5) -> list[float]:
    """The mean of each value and its neighbours, fewer at the ends."""
    half = width // 2
    return [float(np.mean(values[max(0, k - half) : k + half + 1])) for k in range(len(values))]


def draw_curves(drawn: Mapping[str, Sequence[Mapping[str, Any]]], keys: Mapping[str, str]) -> Figure:
    figure = Figure(figsize=(4.5, 3), layout="constrained")
    axes = figure.subplots()
    for k, (label, entries) in enumerate(drawn.items()):
        steps, values = [one["step"] for one in entries], [one[keys[label]] for one in entries]
        axes.plot(steps, values, f"C{k}.", markersize=3, alpha=0.5)
        axes.plot(steps, running_mean(values), f"C{k}", label=label, marker="o" if len(entries) == 1 else None)
    axes.set(xlabel="step")
    if len(keys) > 1:
        axes.legend(fontsize="small")
    return figure
