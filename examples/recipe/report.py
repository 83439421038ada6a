"""The plots, the example answers and the HTML template of `make_report.py`."""

import base64
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypedDict

import jinja2
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from recipe.config import TASK_NAMES, Recipe
from recipe.images import open_picture
from recipe.labels import picture_key
from recipe.predictions import MODEL_NAMES, Floats, MeasuredModel, Row, datasets_of, scores_of
from tatar_rewards import AnswerStatus, parse_answer
from tatar_rewards.evaluation import DatasetEvaluation

CURVES = {
    "Mean reward": {
        "answer format": "rewards/answer_format/mean",
        "quality, Gaussian": "rewards/iqa_gaussian_score/mean",
        "aesthetics, ranking": "rewards/iaa_thurstone_rank/mean",
    },
    "SRCC of the last 1,024 or more answers": {
        "quality": "iqa_gaussian_score/srcc",
        "aesthetics": "iaa_thurstone_rank/srcc",
    },
    "Words of thinking": {"quality": "iqa_gaussian_score/mean_words", "aesthetics": "iaa_thurstone_rank/mean_words"},
    "Tokens a completion": {"mean": "completions/mean_length", "longest": "completions/max_length"},
    "Entropy (nats a token)": {"entropy": "entropy"},
    "Share of the most frequent answer": {
        "quality": "iqa_gaussian_score/constant_share",
        "aesthetics": "iaa_thurstone_rank/constant_share",
    },
}
SHOWN_SIDE = 128  # of a picture in the page, the longer one, in pixels

PAGE = jinja2.Template(
    """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>TATAR: {{ title }}</title>
<style>
  body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #222; }
  pre { background: #f4f4f4; padding: 1rem; overflow-x: auto; font-size: 13px; }
  img { max-width: 100%; }
  .example { display: flex; gap: 1rem; margin: 1rem 0; border-top: 1px solid #ddd; padding-top: 1rem; }
  .example img { width: 128px; height: 128px; image-rendering: pixelated; flex: none; }
  .example p { margin: 0 0 .5rem; }
  .label { color: #666; font-size: 14px; }
  table { border-collapse: collapse; } td { padding: .1rem 1rem .1rem 0; font-size: 14px; }
</style>
<h1>TATAR: {{ title }}</h1>
<p>The model judges quality at a glance and is rewarded by a Gaussian around the MOS; it judges aesthetics after some
thought and is rewarded by ranking against other pictures. No test picture was trained on.{% if tiny %} Pictures are
crops of photographs; test and training use different photographs. The aesthetics MOS is a proxy computed from the
picture: colourfulness, contrast and placement of the subject.{% endif %}</p>
<h2>On the test pictures</h2>
<pre>{{ table }}</pre>
<p>Intervals hold 95 % of {{ resamples }} bootstrap resamples of the pictures. Unreadable answers are counted and left
out of the figures; the figures at worst take each of them for the end of the scale that is farther from its MOS.</p>
<pre>{{ intervals }}</pre>
<h2>Predictions against MOS</h2>
<img alt="Scatter plots of predicted score against MOS for each data set and model" src="{{ scatter }}">
<h2>GRPO</h2>
<img alt="Curves of rewards, SRCC, lengths and entropy over GRPO steps" src="{{ grpo_curves }}">
<h2>SFT</h2>
<img alt="Curve of the SFT loss" src="{{ sft_curve }}">
<h2>In the model's words, {{ stage }}</h2>
{% for group in examples %}
<h3>{{ group.title }}</h3>
{% for e in group.rows %}
<div class="example">
  <img alt="test picture {{ e.image_id }}" src="{{ e.picture }}">
  <div><p>{{ e.completion }}</p><p class="label">{{ e.label }}</p></div>
</div>
{% endfor %}
{% endfor %}
<h2>This run</h2>
<table>{% for name, value in versions.items() %}<tr><td>{{ name }}</td><td>{{ value }}</td></tr>{% endfor %}</table>
<details><summary>Configuration, defaults included</summary>
<pre>{{ configuration }}</pre></details>
</html>
""",
    autoescape=True,
)


# ---------------------------------------------------------------- plots


def as_data_uri(content: bytes, kind: str = "png") -> str:
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"


def figure_as_data_uri(figure: Figure) -> str:
    file = io.BytesIO()
    figure.savefig(file, format="png")
    return as_data_uri(file.getvalue())


def bin_by_mos(mos: Floats, scores: Floats) -> list[tuple[float, float, float]]:
    """Mean MOS, mean score and standard error of the score, in ten ranges of MOS that hold equally many pictures."""
    order = np.argsort(mos)
    parts = [part for part in np.array_split(order, 10) if len(part) > 1]
    return [
        (float(mos[part].mean()), float(scores[part].mean()), float(scores[part].std(ddof=1)) / len(part) ** 0.5)
        for part in parts
    ]


def plot_scatter(measured: Mapping[str, MeasuredModel]) -> str:
    """Predicted score against MOS: a row of plots for each data set, a column for each model."""
    datasets = datasets_of(measured)
    figure = Figure(figsize=(4.5 * len(measured), 4.5 * len(datasets)), layout="constrained")
    grid = figure.subplots(len(datasets), len(measured), squeeze=False)
    for column, (stage, model) in enumerate(measured.items()):
        for axes, (task, name) in zip(grid[:, column], datasets, strict=True):
            plot_scores(axes, model.rows_of(task, name))
            axes.set_title(f"{TASK_NAMES[task]}, {name}, {MODEL_NAMES[stage]}")
    return figure_as_data_uri(figure)


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


def read_log(recipe: Recipe, stage: str) -> list[dict[str, Any]]:
    path = recipe.out / stage / "log.json"
    return json.loads(path.read_text()) if path.exists() else []


def plot_curves(log: Sequence[Mapping[str, Any]], curves: Mapping[str, Mapping[str, str]], columns: int) -> str:
    """Logged figures over the steps: a plot for each title, a line for each label."""
    rows = -(-len(curves) // columns)
    figure = Figure(figsize=(4.5 * columns, 3 * rows), layout="constrained")
    for axes, (title, lines) in zip(figure.subplots(rows, columns, squeeze=False).flat, curves.items(), strict=False):
        for label, key in lines.items():
            logged = [entry for entry in log if entry.get(key) is not None]  # a NaN is logged as None
            axes.plot([entry["step"] for entry in logged], [entry[key] for entry in logged], label=label)
        axes.set(title=title, xlabel="step")
        if len(lines) > 1:
            axes.legend(fontsize="small")
    return figure_as_data_uri(figure)


# ---------------------------------------------------------------- example answers


class ShownExample(TypedDict):
    """An answer as the page shows it."""

    picture: str  # as a data URI
    image_id: str
    completion: str
    label: str


class ExampleGroup(TypedDict):
    title: str
    rows: list[ShownExample]


Attributes = Mapping[str, Mapping[str, float]]  # what is known of an image, by its name; only the tiny set has it


def pick_examples(model: MeasuredModel, paths: Mapping[str, Path], attributes: Attributes) -> list[ExampleGroup]:
    """For each data set the three best answers, the three worst, and three unreadable ones."""
    groups: list[ExampleGroup] = []
    for result in model.evaluation.datasets:
        for kind, rows in best_and_worst(model.rows_of(result.task, result.dataset)).items():
            shown = [show_example(row, paths, attributes) for row in rows]
            groups.append({"title": group_title(result, kind, bool(shown)), "rows": shown})
    return groups


def best_and_worst(rows: Sequence[Row]) -> dict[str, list[Row]]:
    scores = scores_of(rows)
    errors = {k: abs(score - rows[k]["mos"]) for k, score in enumerate(scores) if not np.isnan(score)}
    readable = sorted(errors, key=errors.__getitem__)
    unreadable = [k for k in range(len(rows)) if k not in errors]
    chosen = {"best": readable[:3], "worst": readable[3:][-3:], "unreadable": unreadable[:3]}
    return {kind: [rows[k] for k in numbers] for kind, numbers in chosen.items()}


def group_title(result: DatasetEvaluation, kind: str, has_rows: bool) -> str:
    return f"{TASK_NAMES[result.task]}, {result.dataset}, {kind}" + ("" if has_rows else ": none")


def show_example(row: Row, paths: Mapping[str, Path], attributes: Attributes) -> ShownExample:
    label = f"MOS {row['mos']:.0f}"
    if row["image_id"] in attributes:
        label += "; in truth: " + ", ".join(
            f"{name} {value:.2f}" for name, value in attributes[row["image_id"]].items()
        )
    status = parse_answer(row["completion"]).status
    if status is not AnswerStatus.OK:
        label += f"; {status}"
    return {
        "picture": thumbnail(paths[picture_key(row["task"], row["dataset"], row["image_id"])]),
        "image_id": row["image_id"],
        "completion": row["completion"],
        "label": label,
    }


def thumbnail(path: Path) -> str:
    """The picture, at most twice as large as it is shown, as a data URI; small ones without loss."""
    picture = open_picture(path)
    picture.thumbnail((2 * SHOWN_SIDE, 2 * SHOWN_SIDE))
    kind = "png" if max(picture.size) <= SHOWN_SIDE else "jpeg"
    file = io.BytesIO()
    picture.save(file, format=kind)
    return as_data_uri(file.getvalue(), kind)
