"""What one step is like, in figures."""

import math
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tatar_rewards import metrics
from tatar_rewards.answers import AnswerStatus
from tatar_rewards.answers.words import count_words
from tatar_rewards.predictions import UNKNOWN_TASK
from tatar_rewards.rewards import AnswerFormatReward, LabelConfig
from tatar_rewards.rewards.running_figures import count_flat_groups
from tatar_rewards.scoring.calls import Scored, Scorer

Floats = NDArray[np.float64]
ANSWERS = "answers"  # what figures are called by that no reward logs


class StepFigures(NamedTuple):
    """The figures of a step; NaN where there is nothing to compute one from.

    Attributes:
        step: None where the files have no steps.
        completions: How many there are.
        unreadable: Share of them that cannot be read.
        repeated: Share of them whose text another one of the step has too.
        constant: Share of the most frequent answer; NaN where there is one image only.
        words: Mean words of thinking of the readable ones.
        flat_groups: Share of the groups whose completions all earn the same sum.
        srcc: By task, SRCC of answers with MOS.
        total: Mean sum of the rewards.
        rewards: Mean of each.
    """

    step: int | None
    completions: int
    unreadable: float
    repeated: float
    constant: float
    words: float
    flat_groups: float
    srcc: dict[str, float]
    total: float
    rewards: dict[str, float]


def measure_step(scored: Scored) -> StepFigures:
    """The figures of a step."""
    size = len(scored.answers)
    texts = Counter(text.whole for text in scored.texts)
    flat, n_groups = count_flat_groups(scored.total, scored.groups)
    return StepFigures(
        step=scored.table.step,
        completions=size,
        unreadable=1 - metrics.coverage(scored.predictions),
        repeated=sum(count for count in texts.values() if count > 1) / size,
        constant=_constant(scored),
        words=mean(words_of(scored)),
        flat_groups=flat / n_groups if n_groups else math.nan,
        srcc={
            task: metrics.srcc(scored.predictions[rows], scored.targets[rows]) for task, rows in rows_by_task(scored)
        },
        total=mean(scored.total),
        rewards={name: mean(values) for name, values in scored.rewards.items()},
    )


def words_of(scored: Scored) -> Floats:
    """Words of thinking of each completion; NaN for one that cannot be read."""
    return np.array([count_words(answer.think) if answer.ok else math.nan for answer in scored.answers], dtype=float)


def rows_by_task(scored: Scored) -> list[tuple[str, NDArray[np.bool_]]]:
    """The labelled rows of each task, in the order of the tasks' names; "all" where nothing tells a task."""
    labelled = ~np.isnan(scored.targets)
    tasks = ["all"] * len(labelled)
    if scored.labels.task:
        tasks = [UNKNOWN_TASK if task is None else str(task) for task in scored.labels.task]
    names = sorted({task for task, known in zip(tasks, labelled.tolist(), strict=True) if known})
    return [(name, labelled & np.array([task == name for task in tasks])) for name in names]


def figures_for_alarms(scored: Scored, scorer: Scorer) -> dict[str, float]:
    """What the detector reads: what the rewards log, and of the answers what none of them does."""
    computed, figures = scorer.ours, dict(scored.figures)
    if not any(isinstance(reward, AnswerFormatReward) for reward in computed):
        counts = Counter(str(answer.status) for answer in scored.answers)
        figures |= {f"{ANSWERS}/status_{status}": counts[status] / len(scored.answers) for status in AnswerStatus}
    if not any(isinstance(reward.config, LabelConfig) for reward in computed):
        figures[f"{ANSWERS}/constant_share"] = _constant(scored)
    return figures


def merge_steps(steps: Sequence[StepFigures], at_most: int) -> list[tuple[str, StepFigures]]:
    """The steps under their names, so many of them in one that there are no more than `at_most`.

    Args:
        steps: In order.
        at_most: How many are wanted.

    Returns:
        A name such as `3` or `1-20`, and the means over the completions of these steps, with the last step's number.
    """
    together = -(-len(steps) // at_most)
    merged = []
    for start in range(0, len(steps), together):
        some = steps[start : start + together]
        first, last = some[0].step, some[-1].step
        name = "all" if first is None else f"{first}" + f"-{last}" * (first != last)
        merged.append((name, some[0] if len(some) == 1 else _merged(some)))
    return merged


def _merged(steps: Sequence[StepFigures]) -> StepFigures:
    sizes = np.array([step.completions for step in steps], dtype=float)

    def of(values: Sequence[float]) -> float:
        figures = np.array(values, dtype=float)
        known = ~np.isnan(figures)
        return float(np.average(figures[known], weights=sizes[known])) if known.any() else math.nan

    def of_each(mappings: Sequence[dict[str, float]]) -> dict[str, float]:
        names = sorted({name for one in mappings for name in one})
        return {name: of([one.get(name, math.nan) for one in mappings]) for name in names}

    return StepFigures(
        step=steps[-1].step,
        completions=int(sizes.sum()),
        unreadable=of([step.unreadable for step in steps]),
        repeated=of([step.repeated for step in steps]),
        constant=of([step.constant for step in steps]),
        words=of([step.words for step in steps]),
        flat_groups=of([step.flat_groups for step in steps]),
        srcc=of_each([step.srcc for step in steps]),
        total=of([step.total for step in steps]),
        rewards=of_each([step.rewards for step in steps]),
    )


def mean(values: Floats) -> float:
    """The mean without what is missing; NaN where all is."""
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else math.nan


def _constant(scored: Scored) -> float:
    """The share of the most frequent answer; a group of answers to one image is right to agree."""
    groups = scored.groups if len(scored.groups) else np.arange(len(scored.answers))
    return metrics.constant_share(scored.predictions, groups.astype(float))
