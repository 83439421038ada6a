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
from tatar_rewards.rewards.columns import needed_columns
from tatar_rewards.scales import POINTS

Floats = NDArray[np.float64]
Columns = Mapping[str, Any]

_OF_READING = ("task", "task_column", "mos_column", "mos_scale", "dataset_column", "answer_scale", "think_prefilled")


class Read(NamedTuple):
    """A value a completion."""

    texts: list[CompletionText]
    answers: list[Answer]
    predictions: Floats  # points; NaN for an unreadable answer
    targets: Floats  # points; NaN without a label, and where no reward grades the row
    graded: NDArray[np.bool_]  # whether the label is read


def reader_of(reward: Reward[LabelConfig]) -> Reward[LabelConfig]:
    """A reward that reads completions and labels as this one does, and no deviations or lengths."""
    return ThresholdScoreReward(name=reward.__name__, **{name: getattr(reward.config, name) for name in _OF_READING})


def read_step(
    graded_by: Sequence[Reward[LabelConfig]],
    otherwise: Reward[LabelConfig],
    completions: Sequence[Any],
    columns_for: Callable[[Reward[Any]], Columns],
) -> Read:
    """Read every row as the first reward does that grades it; by another reader where no reward reads labels.

    Args:
        graded_by: The rewards with labels that are computed.
        otherwise: Reads answers and labels if there are none.
        completions: Of the step.
        columns_for: The columns as a reward is given them.

    Raises:
        TypeError, ValueError: what the rewards say of a completion or a label.
    """
    if not graded_by:
        batch = _read_otherwise(otherwise, completions, columns_for(otherwise))
        return Read(batch.texts, batch.answers, batch.predictions, batch.targets, np.ones(len(completions), bool))
    batches = [read_batch(one, completions, columns_for(one)) for one in map(reader_of, graded_by)]
    first = batches[0]
    answers, predictions = list(first.answers), first.predictions.copy()
    targets = np.full(len(answers), math.nan)
    for batch in reversed(batches):  # so that the first counts
        for row in np.flatnonzero(batch.on_task).tolist():
            answers[row], predictions[row] = batch.answers[row], batch.predictions[row]
            targets[row] = batch.targets[row]
    return Read(first.texts, answers, predictions, targets, np.any([batch.on_task for batch in batches], axis=0))


def _read_otherwise(reader: Reward[LabelConfig], completions: Sequence[Any], columns: Columns) -> Batch:
    """With labels, if the files have the columns for them."""
    if set(needed_columns(reader.config)) <= set(columns):
        return read_batch(reader, completions, columns)
    plain = reader.fresh(mos_scale=POINTS)
    return read_batch(plain, completions, {**columns, plain.config.mos_column: [None] * len(completions)})
