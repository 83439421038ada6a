"""What is read of a step: each completion and its label as that reward reads them that grades the row."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tatar_rewards.answers import Answer
from tatar_rewards.answers.messages import CompletionText
from tatar_rewards.rewards import LabelConfig, Reward, ThresholdScoreReward
from tatar_rewards.rewards.batch import Batch, read_batch

Floats = NDArray[np.float64]
Columns = Mapping[str, Any]

_OF_READING = ("task", "task_column", "mos_column", "mos_scale", "dataset_column", "answer_scale", "think_prefilled")


class Read(NamedTuple):
    """A value a completion."""

    texts: list[CompletionText]
    answers: list[Answer]
    predictions: Floats  # points; NaN for an unreadable answer
    targets: Floats  # points; NaN without a label


def reader_of(reward: Reward[LabelConfig]) -> Reward[LabelConfig]:
    """A reward that reads completions and labels as this one does, and no deviations or lengths."""
    return ThresholdScoreReward(name=reward.__name__, **{name: getattr(reward.config, name) for name in _OF_READING})


def read_step(
    graded_by: Sequence[Reward[LabelConfig]],
    otherwise: Reward[LabelConfig],
    completions: Sequence[Any],
    columns_for: Callable[[Reward[Any]], Columns],
) -> Read:
    """Read every row as the first reward does that grades it, and what none of them grades by another reader.

    Args:
        graded_by: The rewards with labels that are computed.
        otherwise: Reads the rows that are left; a label that it cannot read is then none.
        completions: Of the step.
        columns_for: The columns as a reward is given them.

    Raises:
        TypeError, ValueError: what the rewards say of a completion or a label.
    """
    if not graded_by:
        return _as_it_is(read_batch(otherwise, completions, _with_labels(otherwise, columns_for, len(completions))))
    readers = [reader_of(reward) for reward in graded_by]
    batches = [read_batch(one, completions, columns_for(one)) for one in readers]
    rest = ~np.any([batch.on_task for batch in batches], axis=0)
    if rest.any():
        batches.append(_left_over(otherwise, completions, columns_for, rest))
    found = _as_it_is(batches[-1])
    answers, predictions, targets = list(found.answers), found.predictions.copy(), np.full(len(rest), math.nan)
    for batch in reversed(batches):  # so that the first counts
        for row in np.flatnonzero(batch.on_task).tolist():
            answers[row], predictions[row] = batch.answers[row], batch.predictions[row]
            targets[row] = batch.targets[row]
    return Read(found.texts, answers, predictions, targets)


def _as_it_is(batch: Batch) -> Read:
    return Read(batch.texts, batch.answers, batch.predictions, batch.targets)


def _with_labels(reader: Reward[LabelConfig], columns_for: Callable[[Reward[Any]], Columns], size: int) -> Columns:
    """The columns, with none of the labels where the files have no such column."""
    return {reader.config.mos_column: [None] * size, **columns_for(reader)}


def _left_over(
    reader: Reward[LabelConfig],
    completions: Sequence[Any],
    columns_for: Callable[[Reward[Any]], Columns],
    rest: NDArray[np.bool_],
) -> Batch:
    """Rows that no reward grades: their labels may be on any scale."""
    columns = dict(_with_labels(reader, columns_for, len(rest)))
    name = reader.config.mos_column
    columns[name] = [value if left else None for value, left in zip(columns[name], rest.tolist(), strict=True)]
    try:
        batch = read_batch(reader, completions, columns)
    except (TypeError, ValueError):
        batch = read_batch(reader, completions, columns | {name: [None] * len(rest)})
    return batch._replace(on_task=rest)
