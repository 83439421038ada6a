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
from tatar_rewards.rewards.columns import column_of, on_task_rows, token_ids_of
from tatar_rewards.rewards.configs import AnswerConfig, LabelConfig
from tatar_rewards.rewards.deviations import deviations_in_points
from tatar_rewards.rewards.function_configs import LengthConfig
from tatar_rewards.rewards.reward import Reward
from tatar_rewards.scales import DeviationOf, ScoreScale, as_scale, as_scales, scale_for

Floats = NDArray[np.float64]

N_REMEMBERED, LONGEST_REMEMBERED = 4096, 4000  # texts whose answers are kept, and their characters


class Batch(NamedTuple):
    """What one reward sees of one batch; every array is (B,)."""

    texts: list[CompletionText]
    answers: list[Answer]
    on_task: NDArray[np.bool_]
    predictions: Floats  # points; NaN for an unreadable answer
    targets: Floats  # points; NaN off-task and for a missing label
    target_stds: Floats  # what the reward needs, in points; NaN where it is not known or not asked for
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
    targets = np.full(length, math.nan)
    for scale, rows in rows_by_scale(reward, columns, on_task, "mos_scale").items():
        targets[rows] = scale.column_to_points(_only(rows, mos), column=config.mos_column)[rows]
    return targets, target_stds(reward, columns, on_task, of=config.needs_std_of)


def target_stds(
    reward: Reward[LabelConfig], columns: Mapping[str, Any], on_task: NDArray[np.bool_], *, of: DeviationOf | None
) -> Floats:
    """The standard deviations of the ratings, or of their mean, in points; NaN where they are not known."""
    config, length = reward.config, len(on_task)
    in_points, raters = np.full(length, math.nan), None
    if config.mos_std_column is None:
        return in_points
    stds = column_of(reward, columns, config.mos_std_column, length, "add it, or set mos_std_column=None")
    if config.raters_column is not None:
        raters = column_of(reward, columns, config.raters_column, length, "add it, or set raters=")
    setting = "mos_scale" if config.mos_std_scale is None else "mos_std_scale"
    for scale, rows in rows_by_scale(reward, columns, on_task, setting).items():
        counts = None if raters is None else _only(rows, raters)
        in_points[rows] = deviations_in_points(config, scale, _only(rows, stds), counts, of=of)[rows]
    return in_points


def _only(rows: NDArray[np.bool_], column: Sequence[Any]) -> list[Any]:
    """The cells of some rows, None in the others, so that each stays at its row."""
    return [column[row] if on else None for row, on in enumerate(rows.tolist())]


def rows_by_scale(
    reward: Reward[LabelConfig], columns: Mapping[str, Any], on_task: NDArray[np.bool_], setting: str
) -> dict[ScoreScale, NDArray[np.bool_]]:
    """The on-task rows whose labels are on each scale, as the setting declares them."""
    config = reward.config
    scales = as_scales(getattr(config, setting))
    if isinstance(scales, ScoreScale):
        return {scales: on_task}
    cure = f"{setting} has a scale for each data set: add the column, or give one ScoreScale"
    datasets = column_of(reward, columns, config.dataset_column, len(on_task), cure)
    for row in np.flatnonzero(on_task).tolist():
        if scale_for(scales, datasets[row]) is None:
            raise ValueError(
                f"{config.dataset_column}[{row}] is {datasets[row]!r}, and {setting} declares only "
                f"{sorted(scales)}; declare its scale too"
            )
    row_scales = [scale_for(scales, name) if on else None for name, on in zip(datasets, on_task.tolist(), strict=True)]
    return {
        scale: on_task & np.array([its_scale == scale for its_scale in row_scales], dtype=bool)
        for scale in dict.fromkeys(row_scales)
        if scale is not None
    }


def to_list(values: Floats) -> list[float | None]:
    """Floats as TRL takes them: NaN as None."""
    return [None if value != value else value for value in values.tolist()]
