"""One self-contained HTML page about a run: table, training curves, scatter plots, pictures with the model's words."""

import base64
import io
import platform
from importlib.metadata import version
from pathlib import Path

import jinja2
from matplotlib.figure import Figure

from evaluate import Evaluation, task_rows
from tatar_rewards import Answer
from tiny_data import Example

NAMES = {"iqa": "quality (IQA)", "iaa": "aesthetics (IAA)"}
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
    "Tokens a completion": {"mean": "completions/mean_length", "longest": "completions/max_length"},
    "Entropy (nats a token)": {"entropy": "entropy"},
}

PAGE = jinja2.Template(
    """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>TATAR on a tiny model</title>
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
<h1>TATAR on a tiny model</h1>
<p>Quality is judged at a glance and rewarded by a Gaussian around the MOS; aesthetics are judged after some thought and
rewarded by ranking against other pictures. The aesthetics MOS is a proxy computed from the picture: colourfulness,
contrast and placement of the subject. Test pictures are crops of photographs that training never saw.</p>
<h2>On the test pictures</h2>
<pre>{{ table }}</pre>
<h2>Predictions against MOS</h2>
<img alt="Scatter plots of predicted score against MOS for both tasks, after SFT and after GRPO" src="{{ scatter }}">
<h2>GRPO</h2>
<img alt="Curves of rewards, SRCC, lengths and entropy over GRPO steps" src="{{ grpo_curves }}">
<h2>SFT</h2>
<img alt="Curve of the SFT loss" src="{{ sft_curve }}">
<h2>In the model's words, after GRPO</h2>
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
<table>{% for name, value in settings.items() %}<tr><td>{{ name }}</td><td>{{ value }}</td></tr>{% endfor %}</table>
</html>
""",
    autoescape=True,
)


def as_data_uri(save) -> str:
    file = io.BytesIO()
    save(file, format="png")
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"


def plot_scatter(before: Evaluation, after: Evaluation, test: list[Example]) -> str:
    figure = Figure(figsize=(9, 9), layout="constrained")
    for axes, (task, (stage, evaluation)) in zip(
        figure.subplots(2, 2).flat,
        [(task, stage) for task in NAMES for stage in (("after SFT", before), ("after GRPO", after))],
        strict=True,
    ):
        rows = task_rows(test, task)
        axes.plot([0, 100], [0, 100], color="0.8", zorder=0)
        axes.scatter([test[row].mos for row in rows], evaluation.scores(rows), s=8, alpha=0.4)
        axes.set(xlim=(-2, 102), ylim=(-2, 102), title=f"{NAMES[task]}, {stage}", aspect="equal")
        axes.set(xlabel="MOS (points)", ylabel="predicted score (points)")
    return as_data_uri(figure.savefig)


def plot_curves(history: list[dict], curves: dict[str, dict[str, str]], columns: int) -> str:
    rows = -(-len(curves) // columns)
    figure = Figure(figsize=(4.5 * columns, 3 * rows), layout="constrained")
    for axes, (title, lines) in zip(figure.subplots(rows, columns, squeeze=False).flat, curves.items(), strict=False):
        for label, key in lines.items():
            points = [(line["step"], line[key]) for line in history if key in line]
            axes.plot([step for step, _ in points], [value for _, value in points], label=label)
        axes.set(title=title, xlabel="step")
        if len(lines) > 1:
            axes.legend(fontsize="small")
    return as_data_uri(figure.savefig)


def pick_examples(after: Evaluation, test: list[Example]) -> list[dict]:
    """A few answers a task: near the tenth percentile of the error, near the ninety-fifth, and unreadable ones."""
    groups = []
    for task, name in NAMES.items():
        rows = task_rows(test, task)
        readable = [row for row in rows if after.answers[row].ok]
        order = sorted(readable, key=lambda row: abs(after.answers[row].score - test[row].mos))
        well, badly = len(order) // 10, max(0, min(len(order) * 19 // 20, len(order) - 3))
        unreadable = [row for row in rows if not after.answers[row].ok]
        kinds = {"well judged": order[well:], "badly judged": order[badly:], "unreadable": unreadable}
        for kind, chosen in kinds.items():
            shown = [describe_example(test[row], after.completions[row], after.answers[row]) for row in chosen[:3]]
            groups.append({"title": f"{name}, {kind}" + ("" if shown else ": none"), "rows": shown})
    return groups


def describe_example(example: Example, completion: str, answer: Answer) -> dict:
    known = ", ".join(f"{name} {value:.2f}" for name, value in example.attributes.items())
    return {
        "picture": as_data_uri(example.image.save),
        "image_id": example.image_id,
        "completion": completion,
        "label": f"MOS {example.mos:.0f}; in truth: {known}" + ("" if answer.ok else f"; {answer.status}"),
    }


def write_report(
    path: Path,
    table: str,
    histories: dict[str, list[dict]],
    before: Evaluation,
    after: Evaluation,
    test: list[Example],
    settings: dict[str, str],
) -> Path:
    versions = {name: version(name) for name in ("tatar-rewards", "torch", "transformers", "trl")}
    page = PAGE.render(
        table=table,
        scatter=plot_scatter(before, after, test),
        grpo_curves=plot_curves(histories["grpo"], CURVES, columns=2),
        sft_curve=plot_curves(histories["sft"], {"Loss": {"loss": "loss"}}, columns=1),
        examples=pick_examples(after, test),
        settings={**settings, "Python": platform.python_version(), **versions},
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page, encoding="utf-8")
    return path
