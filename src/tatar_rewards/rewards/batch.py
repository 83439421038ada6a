"""From what a trainer passes, completions and columns, to the numbers that the rewards work on."""

import math
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tatar_rewards.answers import Answer
from tatar_rewards.answers.messages import CompletionText, completion_texts
from tatar_rewards.answers.sequences import as_list, is_sequence, n_dimensions
from tatar_rewards.rewards.budgets import Lengths, measure_lengths
from tatar_rewards.rewards.column_values import column_of, on_task_rows, token_ids_of
from tatar_rewards.rewards.configs import AnswerConfig, LabelConfig
from tatar_rewards.rewards.function_configs import LengthConfig
from tatar_rewards.rewards.reward import Reward
from tatar_rewards.scales import POINTS, ScoreScale, as_scale, as_scales

Floats = NDArray[np.float64]

N_REMEMBERED, LONGEST_REMEMBERED = 4096, 4000  # texts whose answers are kept, and their characters


class Batch(NamedTuple):
    """What one reward sees of one batch; every array is (B,)."""

    texts: list[CompletionText]
    answers: list[Answer]
    on_task: NDArray[np.bool_]
    predictions: Floats  # points; NaN for an unreadable answer
    targets: Floats  # points; NaN off-task and for a missing label
    target_stds: Floats  # points; NaN where they are not known or not asked for
    lengths: Lengths | None  # in the unit of the reward's budget; None without a budget


def read_batch(reward: Reward[LabelConfig], completions: Sequence[Any], columns: Mapping[str, Any]) -> Batch:
    """Parse the completions and convert the label columns of a batch, as `reward` declares them.

    Raises:
        ValueError: a column is missing, has the wrong length, or holds a label that is off its scale.
        TypeError: a label is not a number, or a completion can be none.
    """
    texts = read_texts(reward, completions)
    answers = read_answers(reward, texts)
    on_task = on_task_rows(reward, columns, len(answers))
    targets, stds = _targets(reward, columns, on_task)
    budget, lengths = reward.budget, None
    if budget is not None:
        lengths = read_lengths(reward, budget, texts, answers, on_task, columns)
    return Batch(texts, answers, on_task, _predictions(reward, answers), targets, stds, lengths)


def read_texts(reward: Reward[AnswerConfig], completions: Sequence[Any]) -> list[CompletionText]:
    """What the model wrote in each completion.

    Raises:
        TypeError: `completions` is no sequence of them, or one of them can be no completion.
    """
    if not is_sequence(completions):
        raise TypeError(
            f"{reward.__name__}: completions must be a list, one string or list of messages a completion; got "
            f"{type(completions).__name__}{' of more than one dimension' * (n_dimensions(completions) > 1)}"
        )
    return completion_texts(as_list(completions))


def read_answers(reward: Reward[AnswerConfig], texts: Sequence[CompletionText]) -> list[Answer]:
    read = _reader(as_scale(reward.config.answer_scale), reward.config.think_prefilled)
    return [read(text) for text in texts]


@lru_cache(maxsize=2)
def _reader(scale: ScoreScale, think_prefilled: bool) -> Callable[[CompletionText], Answer]:
    """Reads a text, and remembers the last ones, so that the rewards of one step read each of them once."""

    def read(text: CompletionText) -> Answer:
        return text.parse(scale=scale, think_prefilled=think_prefilled)

    remembered = lru_cache(maxsize=N_REMEMBERED)(read)

    def read_once(text: CompletionText) -> Answer:
        short = len(text.text) + len(text.reasoning) < LONGEST_REMEMBERED
        return remembered(text) if short else read(text)

    return read_once


def read_lengths(
    reward: Reward[AnswerConfig],
    budget: LengthConfig,
    texts: Sequence[CompletionText],
    answers: Sequence[Answer],
    on_task: NDArray[np.bool_],
    columns: Mapping[str, Any],
) -> Lengths:
    """How long the completions are, in the unit of the budget."""
    token_ids = token_ids_of(reward, columns, len(answers)) if budget.unit == "tokens" else []
    return measure_lengths(budget, texts, answers, on_task, token_ids)


def _predictions(reward: Reward[LabelConfig], answers: Sequence[Answer]) -> Floats:
    scores = [math.nan if answer.score is None else answer.score for answer in answers]
    return as_scale(reward.config.answer_scale).column_to_points(scores, column="score")


# ---------------------------------------------------------------- labels


def _targets(
    reward: Reward[LabelConfig], columns: Mapping[str, Any], on_task: NDArray[np.bool_]
) -> tuple[Floats, Floats]:
    """MOS and, where asked for, the raters' standard deviations, in points; NaN off-task."""
    config, length = reward.config, len(on_task)
    mos = column_of(reward, columns, config.mos_column, length, "add the mean opinion scores, or set mos_column=")
    column, stds = config.mos_std_column, None
    if column is not None:
        stds = column_of(reward, columns, column, length, "add it, or set mos_std_column=None")
    targets, target_stds = np.full(length, math.nan), np.full(length, math.nan)
    for scale, rows in _rows_by_scale(reward, columns, on_task).items():
        labels = [mos[row] if on else None for row, on in enumerate(rows.tolist())]
        targets[rows] = scale.column_to_points(labels, column=config.mos_column)[rows]
        if column is not None and stds is not None:
            known = [stds[row] if on else None for row, on in enumerate(rows.tolist())]
            target_stds[rows] = scale.stds_to_points(known, column=column)[rows]
    return targets, target_stds


def _rows_by_scale(
    reward: Reward[LabelConfig], columns: Mapping[str, Any], on_task: NDArray[np.bool_]
) -> dict[ScoreScale, NDArray[np.bool_]]:
    """The on-task rows whose labels are on each scale."""
    config = reward.config
    scales = as_scales(config.mos_scale)
    if isinstance(scales, ScoreScale):
        return {scales: on_task}
    cure = "mos_scale has a scale for each data set: add the column, or give one ScoreScale"
    datasets = column_of(reward, columns, config.dataset_column, len(on_task), cure)
    for row in np.flatnonzero(on_task).tolist():
        if datasets[row] not in scales:
            raise ValueError(
                f"{config.dataset_column}[{row}] is {datasets[row]!r}, and mos_scale declares only "
                f"{sorted(scales)}; declare its scale too"
            )
    row_scales = [scales[name] if on else POINTS for name, on in zip(datasets, on_task.tolist(), strict=True)]
    return {
        scale: on_task & np.array([its_scale == scale for its_scale in row_scales], dtype=bool)
        for scale in dict.fromkeys(row_scales)
    }


def to_list(values: Floats) -> list[float | None]:
    """Floats as TRL takes them: NaN as None."""
    return [None if value != value else value for value in values.tolist()]
