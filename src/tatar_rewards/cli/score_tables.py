"""What `score` prints: the summary as tables."""

import textwrap
from collections.abc import Sequence

from tatar_rewards.cli.printing import Table
from tatar_rewards.scoring import Summary
from tatar_rewards.scoring.figures import StepFigures, merge_steps
from tatar_rewards.scoring.page import figure

MOST_LINES = 20  # of steps
WIDTH, CURE_WIDTH = 110, 75  # characters of a line


def tables_of(summary: Summary) -> list[Table | str]:
    """The tables, and the texts between them."""
    parts: list[Table | str] = [_steps(summary.steps)]
    if summary.tasks:
        parts.append(_tasks(summary))
    parts.append(_statuses(summary))
    parts += [_paragraphs("Problems", summary.problems)] * bool(summary.problems)
    parts += [_paragraphs("Remarks", summary.remarks)] * bool(summary.remarks)  # may explain the alarms
    parts += [_paragraphs("Alarms", summary.say_alarms())] * bool(summary.alarms)
    verdict = summary.verdict()
    return [*parts, f"{verdict[0].upper()}{verdict[1:]}."]


def _steps(steps: Sequence[StepFigures]) -> Table:
    lines = merge_steps(steps, MOST_LINES)
    tasks = sorted({task for step in steps for task in step.srcc})
    names = list(dict.fromkeys(name for step in steps for name in step.rewards))
    heads = ["step", "completions", "not read", "repeated", "constant", "words", "flat groups"]
    heads += ["SRCC" if task == "all" else f"SRCC {task}" for task in tasks] + names
    rows = [
        [
            name,
            str(one.completions),
            *(figure(share, ".1%") for share in (one.unreadable, one.repeated, one.constant)),
            figure(one.words, ".1f"),
            figure(one.flat_groups, ".1%"),
            *(figure(one.srcc.get(task)) for task in tasks),
            *(figure(one.rewards.get(reward)) for reward in names),
        ]
        for name, one in lines
    ]
    return Table("", heads, rows)


def _tasks(summary: Summary) -> Table:
    rows = [
        [one.task, str(one.completions), figure(one.unreadable, ".1%"), figure(one.srcc), figure(one.mae, ".1f")]
        for one in summary.tasks
    ]
    return Table("", ["task, over all steps", "labelled", "not read", "SRCC", "MAE, points"], rows)


def _statuses(summary: Summary) -> Table:
    rows = []
    for status, count in summary.statuses.items():
        first, *more = textwrap.wrap(summary.cures.get(status, ""), CURE_WIDTH) or [""]
        rows += [[status, f"{count} ({count / summary.completions:.1%})", first], *(["", "", line] for line in more)]
    return Table("", ["status", "completions", "what to do"], rows, words=3)


def _paragraphs(title: str, texts: Sequence[str]) -> str:
    wrapped = (
        textwrap.fill(text, WIDTH, initial_indent="- ", subsequent_indent="  ", break_on_hyphens=False)
        for text in texts
    )
    return "\n".join([f"{title}:", *wrapped])
