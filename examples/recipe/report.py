"""The plots, the example answers and the page of `make_report.py`."""

import base64
import io
import json
from pathlib import Path

import jinja2
import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from recipe.config import TASK_NAMES, Recipe
from recipe.predictions import STAGES, Measured, dataset_names, scores_of
from tatar_rewards import parse_answer

CURVES = {
    "Mean reward": {
        "answer format": "rewards/answer_format/mean",
        "quality, Gaussian": "rewards/iqa_gaussian_score/mean",
        "aesthetics, ranking": "rewards/iaa_thurstone_rank/mean",
    },
    "SRCC of the sampled answers (last 1,024)": {
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
SHOWN = 128  # pixels of a picture's longer side in the page

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
<p>Quality is judged at a glance and rewarded by a Gaussian around the MOS; aesthetics are judged after some thought and
rewarded by ranking against other pictures. No test picture was trained on.{% if tiny %} Pictures are crops of
photographs, the test's of others than training's. The aesthetics MOS is a proxy computed from the picture:
colourfulness, contrast and placement of the subject.{% endif %}</p>
<h2>On the test pictures</h2>
<pre>{{ table }}</pre>
<p>Intervals hold 95 % of {{ resamples }} bootstrap resamples of the pictures. What cannot be read is left out of the
figures and counted; taken at worst, it is the end of the scale farther from its MOS.</p>
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
<details><summary>Configuration, with all that it leaves at its default</summary>
<pre>{{ configuration }}</pre></details>
</html>
""",
    autoescape=True,
)


def as_data_uri(save, kind: str = "png") -> str:
    file = io.BytesIO()
    save(file, format=kind)
    return f"data:image/{kind};base64,{base64.b64encode(file.getvalue()).decode()}"


def binned(mos: np.ndarray, scores: np.ndarray) -> list[tuple[float, float, float]]:
    """Middle, mean and standard error of the scores in ten ranges of MOS that hold equally many pictures."""
    order = np.argsort(mos)
    parts = [part for part in np.array_split(order, 10) if len(part) > 1]
    return [(mos[p].mean(), scores[p].mean(), scores[p].std(ddof=1) / len(p) ** 0.5) for p in parts]


def plot_scatter(measured: dict[str, Measured]) -> str:
    names = dataset_names(measured)
    figure = Figure(figsize=(4.5 * len(measured), 4.5 * len(names)), layout="constrained")
    grid = figure.subplots(len(names), len(measured), squeeze=False)
    for column, (stage, model) in enumerate(measured.items()):
        for axes, (task, name) in zip(grid[:, column], names, strict=True):
            own = model.of(name)
            mos, scores = np.array([row["mos"] for row in own]), scores_of(own)
            read = ~np.isnan(scores)
            axes.plot([0, 100], [0, 100], color="0.8", zorder=0)
            axes.scatter(mos[read], scores[read], s=8, alpha=0.4)
            if bins := binned(mos[read], scores[read]):
                middles, means, errors = zip(*bins, strict=True)
                axes.errorbar(middles, means, 1.96 * np.array(errors), color="C1", marker="o", markersize=3, capsize=2)
            axes.set(xlim=(-2, 102), ylim=(-2, 102), title=f"{TASK_NAMES[task]}, {name}, {STAGES[stage]}")
            axes.set(xlabel="MOS (points)", ylabel="predicted score (points)", aspect="equal")
    return as_data_uri(figure.savefig)


def plot_curves(history: list[dict], curves: dict[str, dict[str, str]], columns: int) -> str:
    rows = -(-len(curves) // columns)
    figure = Figure(figsize=(4.5 * columns, 3 * rows), layout="constrained")
    for axes, (title, lines) in zip(figure.subplots(rows, columns, squeeze=False).flat, curves.items(), strict=False):
        for label, key in lines.items():
            points = [
                (line["step"], line[key]) for line in history if line.get(key) is not None
            ]  # NaN is logged as None
            axes.plot([step for step, _ in points], [value for _, value in points], label=label)
        axes.set(title=title, xlabel="step")
        if len(lines) > 1:
            axes.legend(fontsize="small")
    return as_data_uri(figure.savefig)


def pick_examples(model: Measured, paths: dict[tuple[str, str], Path], known: dict[str, dict]) -> list[dict]:
    """Answers a data set: the three best, the three worst, and unreadable ones."""
    groups = []
    for one in model.evaluation.datasets:
        own = model.of(one.dataset)
        answers = [parse_answer(row["completion"]) for row in own]
        read = [k for k, answer in enumerate(answers) if answer.ok]
        read.sort(key=lambda k: abs(answers[k].score - own[k]["mos"]))
        unread = [k for k, answer in enumerate(answers) if not answer.ok]
        for kind, chosen in {"best": read[:3], "worst": read[3:][-3:], "unreadable": unread[:3]}.items():
            shown = [describe_example(own[k], answers[k].status, paths, known) for k in chosen]
            groups.append(
                {"title": f"{TASK_NAMES[one.task]}, {one.dataset}, {kind}" + ("" if shown else ": none"), "rows": shown}
            )
    return groups


def describe_example(row: dict, status: str, paths: dict[tuple[str, str], Path], known: dict[str, dict]) -> dict:
    with Image.open(paths[row["dataset"], row["image_id"]]) as picture:
        picture = picture.convert("RGB")
        picture.thumbnail((2 * SHOWN, 2 * SHOWN))
        uri = as_data_uri(picture.save, "png" if max(picture.size) <= SHOWN else "jpeg")
    told = ", ".join(f"{name} {value:.2f}" for name, value in known.get(row["image_id"], {}).items())
    label = (
        f"MOS {row['mos']:.0f}" + (f"; in truth: {told}" if told else "") + ("" if status == "ok" else f"; {status}")
    )
    return {"picture": uri, "image_id": row["image_id"], "completion": row["completion"], "label": label}


def read_log(recipe: Recipe, stage: str) -> list[dict]:
    path = recipe.out / stage / "log.json"
    return json.loads(path.read_text()) if path.exists() else []
