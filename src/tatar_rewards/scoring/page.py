"""The page of a post-mortem: one file of HTML without scripts, in which every text is escaped."""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from tatar_rewards.scoring.curves import Line, draw_curves
from tatar_rewards.scoring.figures import StepFigures, merge_steps
from tatar_rewards.scoring.output import OutputRow
from tatar_rewards.scoring.summary import Summary

MOST_POINTS = 300  # of a curve
# What no HTML page may hold, and what turns the direction of the words that follow.
_NO_CHARACTERS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff\u202a-\u202e\u2066-\u2069]")
_STYLE = """
:root { color-scheme: light; }
* { box-sizing: border-box; }
body { font: 16px/1.5 system-ui, sans-serif; color: #1c1c1c; margin: 0 auto; max-width: 1160px; padding: 1.2rem; }
h1 { font-size: 1.5rem; margin: 0 0 .3rem; } h2 { font-size: 1.15rem; margin: 2rem 0 .6rem; }
.lead { color: #555; margin: 0 0 1rem; }
.charts { display: grid; gap: 1.2rem; grid-template-columns: repeat(auto-fit, minmax(min(100%, 460px), 1fr)); }
figure { margin: 0; border: 1px solid #ddd; border-radius: 6px; padding: .7rem; }
figcaption { font-weight: 600; }
svg { display: block; width: 100%; height: auto; font: 12px system-ui, sans-serif; fill: #555; }
svg polyline { fill: none; stroke-width: 1.8; } svg .grid { stroke: #e6e6e6; }
svg .alarm { stroke: #c00; stroke-width: 1; stroke-dasharray: 2 3; }
.legend { list-style: none; display: flex; flex-wrap: wrap; gap: .1rem 1rem; margin: .3rem 0 0; padding: 0; }
.legend { font-size: .85rem; } .legend span { display: inline-block; width: .8em; height: .8em; margin-right: .4em; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: .92rem; }
th, td { text-align: left; vertical-align: top; padding: .3rem .8rem .3rem 0; border-bottom: 1px solid #e6e6e6; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.alarms li { border-left: 4px solid #c00; padding: .3rem .7rem; margin: .4rem 0; background: #fdf3f3; }
.remarks li { border-left: 4px solid #c8a200; padding: .3rem .7rem; margin: .4rem 0; background: #fdfaf0; }
.alarms, .remarks { list-style: none; padding: 0; } li, dd { overflow-wrap: anywhere; }
dt { font-weight: 600; } dd { margin: 0 0 .5rem; }
article { border: 1px solid #ddd; border-radius: 6px; padding: .7rem .9rem; margin: .7rem 0; }
article p { margin: .2rem 0; overflow-wrap: anywhere; }
pre { background: #f6f6f6; padding: .6rem; margin: .5rem 0 0; white-space: pre-wrap; overflow-wrap: anywhere; }
pre { max-height: 18rem; overflow-y: auto; font-size: .85rem; }
@media (max-width: 600px) { body { padding: .8rem; } svg { font-size: 17px; } table { font-size: .8rem; } }
@media (max-width: 600px) { th, td { padding-right: .5rem; } }
"""


def render_page(summary: Summary, title: str) -> str:
    """The whole page; everything that it shows is in it."""
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{show(title)}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{_STYLE}</style></head><body>'
        f'<h1>{show(title)}</h1><p class="lead">{show(_lead(summary))}</p>'
        f"{_section('Problems', _items('alarms', summary.problems))}"
        f"{_section('Remarks', _items('remarks', summary.remarks))}"
        f"{_section('Alarms', _items('alarms', summary.say_alarms()))}"
        f"{_section('By step', _charts(summary))}"
        f"{_section('Agreement with the labels, over all steps', _tasks(summary))}"
        f"{_section('What was read', _statuses(summary))}"
        f"{_section('The completions that earn least', ''.join(map(_worst, summary.worst)))}"
        "</body></html>\n"
    )


def show(value: Any) -> str:
    """A text as a page may hold it: escaped, without characters that no page may hold."""
    return escape(_NO_CHARACTERS.sub("\ufffd", str(value)))


def figure(value: float | None, form: str = ".3f") -> str:
    """A number as it is shown; a dash where there is none."""
    return "-" if value is None or math.isnan(value) else format(value, form)


def _lead(summary: Summary) -> str:
    steps = [step.step for step in summary.steps if step.step is not None]
    where = f" of steps {steps[0]} to {steps[-1]}" if steps else ""
    return f"{summary.completions} completions{where}; {summary.verdict()}"


def _section(title: str, content: str) -> str:
    return f"<section><h2>{show(title)}</h2>{content}</section>" if content else ""


def _items(kind: str, texts: Sequence[str]) -> str:
    return f'<ul class="{kind}">{"".join(f"<li>{show(text)}</li>" for text in texts)}</ul>' if texts else ""


# ---------------------------------------------------------------- curves


def _charts(summary: Summary) -> str:
    if not summary.has_steps:
        return ""
    steps = [figures for _, figures in merge_steps(summary.steps, MOST_POINTS)]
    marks = sorted({float(alarm.step) for alarm, _ in summary.first_alarms()})
    share = {"lowest": 0.0, "highest": 1.0}
    shares = {"unreadable": "cannot be read", "flat_groups": "flat groups", "constant": "most frequent answer"}
    shares["repeated"] = "repeat another text"
    charts = [
        draw_curves("Mean rewards", _of_each(steps, "rewards"), **share, alarms=marks),
        draw_curves("SRCC with the labels", _of_each(steps, "srcc"), **share, alarms=marks),
        draw_curves("Shares", {told: _line(steps, name) for name, told in shares.items()}, **share, alarms=marks),
        draw_curves("Words of thinking", {"mean": _line(steps, "words")}, lowest=0.0, alarms=marks),
    ]
    note = '<p class="lead">Red lines mark the steps of the alarms.</p>' if marks else ""
    return f'{note}<div class="charts">{"".join(charts)}</div>'


def _of_each(steps: Sequence[StepFigures], field: str) -> dict[str, Line]:
    figures: list[Mapping[str, float]] = [getattr(step, field) for step in steps]
    names = dict.fromkeys(name for one in figures for name in one)
    return {name: Line(_numbers(steps), [one.get(name, math.nan) for one in figures]) for name in names}


def _line(steps: Sequence[StepFigures], field: str) -> Line:
    return Line(_numbers(steps), [getattr(step, field) for step in steps])


def _numbers(steps: Sequence[StepFigures]) -> list[float]:
    return [float(step.step or 0) for step in steps]


# ---------------------------------------------------------------- tables


def _tasks(summary: Summary) -> str:
    heads = ("task", "completions", "not read", "SRCC", "MAE, points")
    rows = [
        (one.task, str(one.completions), figure(one.unreadable, ".1%"), figure(one.srcc), figure(one.mae, ".1f"))
        for one in summary.tasks
    ]
    return _table(heads, rows, range(1, 5)) if rows else ""


def _statuses(summary: Summary) -> str:
    """A list, which a narrow screen can show."""
    lines = []
    for status, count in summary.statuses.items():
        told = f"{status.replace('_', ' ')}: {count}, {count / summary.completions:.1%}"
        lines.append(f"<dt>{show(told)}</dt><dd>{show(summary.cures.get(status, ''))}</dd>")
    return f"<dl>{''.join(lines)}</dl>"


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]], numbers: Iterable[int]) -> str:
    right = set(numbers)

    def line(cells: Sequence[str], tag: str) -> str:
        kinds = ["number" if k in right else "" for k in range(len(cells))]
        return "".join(f'<{tag} class="{kind}">{show(cell)}</{tag}>' for cell, kind in zip(cells, kinds, strict=True))

    body = "".join(f"<tr>{line(row, 'td')}</tr>" for row in rows)
    return f'<div class="scroll"><table><thead><tr>{line(heads, "th")}</tr></thead><tbody>{body}</tbody></table></div>'


def _worst(row: OutputRow) -> str:
    names = list(row)
    rewards = names[names.index("words") + 1 : names.index("total")]
    place = ["" if row["step"] is None else f"step {row['step']}", f"row {row['row']}"]
    place += [str(row[name]) for name in ("task", "dataset", "image_id") if row[name] is not None]
    earned = ", ".join(f"{name} {figure(row[name])}" for name in rewards)
    read = (
        "read nothing: " + str(row["status"]).replace("_", " ") if row["score"] is None else f"read {row['score']:.4g}"
    )
    label = "" if row["target"] is None else f"; MOS {row['target']:.4g}, in points"
    cure = f"<p>{show(row['cure'])}</p>" if row["cure"] else ""
    return (
        f"<article><p><strong>{show(', '.join(filter(None, place)))}</strong></p><p>{show(read + label)}</p>"
        f"<p>total {figure(row['total'])}: {show(earned)}</p>{cure}<pre>{show(row['completion'])}</pre></article>"
    )
