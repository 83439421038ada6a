"""What GRPO changed, in a sentence for each task: no more than the interval allows, or why nothing is known."""

import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from recipe.changes import Change, Pairs, mean_change, pair_answers, srcc_change
from recipe.config import TASK_NAMES, Recipe
from recipe.label_scales import INTERVAL, interval
from recipe.predictions import MODEL_NAMES, MeasuredModel, Row, answers_of, datasets_of, scores_of
from tatar_rewards import metrics
from tatar_rewards.evaluation.compare import GREEDY, MEAN, srcc_gain


def headlines(recipe: Recipe, measured: Mapping[str, MeasuredModel]) -> dict[str, str]:
    """A sentence on each task, by its name."""
    tasks = dict.fromkeys(task for task, _ in datasets_of(measured))
    return {task_title(task): f"{say_task(recipe, measured, task)}." for task in tasks}


def task_title(task: str) -> str:
    return TASK_NAMES[task][0].upper() + TASK_NAMES[task][1:]


def say_task(recipe: Recipe, measured: Mapping[str, MeasuredModel], task: str) -> str:
    names = [name for one, name in datasets_of(measured) if one == task]
    if len(measured) < 2:
        return say_one_model(measured, task)
    kinds = [answers_of(measured, task, name) for name in names]
    said = {kind: say_kind(recipe, names, kinds, kind) for kind in (MEAN, GREEDY) if all(kind in one for one in kinds)}
    judged, *others = said.items()
    parts = [judged[1], *(f"{kind}: {text}" for kind, text in others), say_coverage(measured, task, judged[0])]
    return "; ".join(part for part in parts if part)


def say_kind(
    recipe: Recipe, names: Sequence[str], kinds: Sequence[Mapping[str, Mapping[str, Sequence[Row]]]], kind: str
) -> str:
    """What is known of the answers of a kind, before and after."""
    pairs = pairs_of(names, kinds, kind)
    ranked = [name for name, one in pairs.items() if not math.isnan(srcc_gain(*one.readable()))]
    if not ranked:
        return say_why_unknown(pairs, kind)
    resamples = recipe.evaluation.resamples
    if len(ranked) == 1:
        rows = kinds[names.index(ranked[0])][kind]
        change = srcc_change(rows["sft"], rows["grpo"], resamples)
    else:
        change = mean_change([pairs[name] for name in ranked], resamples)
    by = " by the mean of samples" if kind == MEAN else ""
    parts = [say_change(change, ranked, resamples, by), say_left_out(names, ranked)]
    return "; ".join(part for part in parts if part)


def pairs_of(
    names: Sequence[str], kinds: Sequence[Mapping[str, Mapping[str, Sequence[Row]]]], kind: str
) -> dict[str, Pairs]:
    """The answers of a kind before and after, by data set."""
    return {name: pair_answers(one[kind]["sft"], one[kind]["grpo"]) for name, one in zip(names, kinds, strict=True)}


def say_change(change: Change, names: Sequence[str], resamples: int, by: str = "") -> str:
    """The verdict that the interval allows."""
    what = (f"SRCC on {names[0]}" if len(names) == 1 else f"the mean SRCC on {listed(names)}") + by
    (low, high), moved = change.interval, f"from {change.before:.3f} to {change.after:.3f}"
    over = f"over {say_count(change)}"
    if math.isnan(low):
        why = "too few pictures have different answers" if resamples else "evaluation.resamples is 0"
        return f"{what} went {moved} ({change.gain:+.3f}) {over}; that may be chance: no interval exists, since {why}"
    if low == high == 0:
        return f"GRPO did not change the order of the pictures: {what} is {change.after:.3f} before and after, {over}"
    bounds = f"{INTERVAL} {interval(low, high, '+')}"
    if low <= 0 <= high:
        return f"no clear change: {what} went {moved} ({change.gain:+.3f}) {over}, and the {bounds} includes zero"
    return f"GRPO {'raised' if low > 0 else 'lowered'} {what} {moved} ({change.gain:+.3f}, {bounds}) {over}"


def say_count(change: Change) -> str:
    if change.pictures == change.asked:
        return f"{change.asked:,} test pictures"
    return f"the {change.pictures:,} of {change.asked:,} test pictures that both models gave a readable answer to"


def say_left_out(names: Sequence[str], ranked: Sequence[str]) -> str:
    left_out = [name for name in names if name not in ranked]
    return f"{listed(left_out)} left out, since no SRCC exists there" if left_out else ""


def say_coverage(measured: Mapping[str, MeasuredModel], task: str, kind: str) -> str:
    """A model that answers only where it is sure looks good; so a change in what could be read is told."""
    every = (model.sampled if kind == MEAN else model.rows for model in measured.values())
    scores = (scores_of([row for row in rows if row["task"] == task]) for rows in every)
    before, after = map(metrics.coverage, scores)
    if not abs(after - before) >= 0.01:  # nor where there is none
        return ""
    what = "readable samples" if kind == MEAN else "readable answers"
    return f"the share of {what} went from {before:.1%} to {after:.1%}"


def say_why_unknown(pairs: Mapping[str, Pairs], kind: str) -> str:
    """Why no data set has an SRCC before and after."""
    all_of = "all means of samples" if kind == MEAN else "all answers"
    asked = Pairs(*(np.concatenate(columns) for columns in zip(*pairs.values(), strict=True)))
    read, n = asked.readable(), len(asked.mos)
    if not n:
        return f"what GRPO changed is not known: no test picture of {listed(pairs)} was put to both models"
    if not len(read.mos):
        before, after = (int(np.sum(~np.isnan(column))) for column in asked[:2])
        counts = f"{before:,} of {n:,} were readable before GRPO, {after:,} after"
        return f"what GRPO changed is not known: no test picture of {listed(pairs)} has two readable answers ({counts})"
    constant = [stage for stage, column in zip(("SFT", "GRPO"), read, strict=False) if np.all(column == column[0])]
    why = f"{all_of} after {' and after '.join(constant)} are the same" if constant else "too few can be ranked"
    count = f"{len(read.mos):,} of {n:,} test pictures of {listed(pairs)} have two readable answers"
    return f"what GRPO changed is not known: {count}, but {why}, so there is no SRCC"


def say_one_model(measured: Mapping[str, MeasuredModel], task: str) -> str:
    stage, model = next(iter(measured.items()))
    results = [one for one in model.evaluation.datasets if one.task == task]
    by = " by the mean of samples" if any(one.samples for one in results) else ""
    figures = {one.dataset: (one.samples.mean if one.samples else one.figures).srcc for one in results}
    said = [f"none on {name}" if math.isnan(srcc) else f"{srcc:.3f} on {name}" for name, srcc in figures.items()]
    why = "GRPO has not been evaluated" if stage == "sft" else "there is no model before GRPO to compare with"
    return f"{why}, so what GRPO changed is not known; SRCC {MODEL_NAMES[stage]}{by} is {listed(said)}"


def listed(names: Iterable[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last
