"""From what a trainer passes, completions and columns, to the numbers that the rewards work on."""

import math
import re
import threading
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tatar_rewards.configs import AnswerConfig, LabelConfig, LengthConfig
from tatar_rewards.lengths import length_reward, length_without_repetition
from tatar_rewards.parsing import Answer, parse_answer
from tatar_rewards.scales import POINTS, ScoreScale

Floats = NDArray[np.float64]


def read_completion(
    completion: Any, *, scale: ScoreScale = POINTS, think_prefilled: bool = False, lenient: bool = False
) -> Answer:
    """The answer of a completion: a string, or messages of which the last assistant message is graded.

    Reasoning that a trainer has moved into `reasoning_content` or `thinking` counts as the think block. Whatever a
    model can produce gets an answer with a status; nothing raises.

    Args:
        completion: A string, or a list of messages with `role` and `content` (a string, or blocks with `text`).
        scale: The scale that the model was asked to answer on.
        think_prefilled: True where the chat template writes `<think>` into the prompt.
        lenient: Read the lenient grammar of `parse_answer`; never for a reward.

    Returns:
        The parsed answer.

    Examples:
        >>> read_completion([{"role": "assistant", "content": "<answer>64</answer>"}]).score
        64.0
        >>> read_completion(
        ...     [{"role": "assistant", "reasoning_content": "Soft light.", "content": "<answer>64</answer>"}]
        ... ).think
        'Soft light.'
    """
    return _parse(*_source(completion), scale=scale, think_prefilled=think_prefilled, lenient=lenient)


def _source(completion: Any) -> tuple[str, str]:
    """The reasoning that was moved out of a completion, "" where none was, and its text."""
    if isinstance(completion, str):
        return "", completion
    message = _last_message(completion)
    for key in ("reasoning_content", "thinking"):
        reasoning = message.get(key)
        if isinstance(reasoning, str) and reasoning:
            return reasoning, _message_text(message)
    return "", _message_text(message)


def _parse(reasoning: str, text: str, *, scale: ScoreScale, think_prefilled: bool, lenient: bool) -> Answer:
    if reasoning:
        return parse_answer(f"<think>{reasoning}</think>{text}", scale=scale, lenient=lenient)
    return parse_answer(text, scale=scale, think_prefilled=think_prefilled, lenient=lenient)


def completion_text(completion: Any) -> str:
    """The text of a completion as the model wrote it last, without any reasoning that was moved out of it."""
    return completion if isinstance(completion, str) else _message_text(_last_message(completion))


def _last_message(completion: Any) -> Mapping[str, Any]:
    message = completion[-1] if isinstance(completion, Sequence) and completion else None
    if isinstance(message, Mapping) and message.get("role", "assistant") == "assistant":
        return message
    return {}


def _message_text(message: Mapping[str, Any]) -> str:
    content = message.get("content")
    if isinstance(content, str):
        return content
    if not isinstance(content, Sequence):
        return ""
    texts = (block.get("text") for block in content if isinstance(block, Mapping))
    return "".join(text for text in texts if isinstance(text, str))


class Batch(NamedTuple):
    """What one callable sees of one batch; every array is (B,)."""

    answers: list[Answer]
    on_task: NDArray[np.bool_]
    predictions: Floats  # points; NaN for an unreadable answer
    targets: Floats  # points; NaN off-task and for a missing label
    target_stds: Floats | None  # points


def read_batch(reward: LabelConfig, completions: Sequence[Any], columns: Mapping[str, Any]) -> Batch:
    """Parse the completions and convert the label columns of a batch, as `reward` declares them.

    Raises:
        ValueError: a column is missing, has the wrong length, or holds a label that is off its scale.
        TypeError: a label is not a number.
    """
    answers = read_answers(reward, completions)
    on_task = on_task_rows(reward, columns, len(answers))
    predictions = [math.nan if a.score is None else reward.answer_scale.to_points(a.score) for a in answers]
    targets, stds = _targets(reward, columns, on_task)
    return Batch(answers, on_task, np.array(predictions, dtype=float), targets, stds)


def read_answers(reward: AnswerConfig, completions: Sequence[Any]) -> list[Answer]:
    if isinstance(completions, str | Mapping) or not hasattr(completions, "__len__"):
        raise TypeError(
            f"{reward.__name__}: completions must be a list, one string or list of messages a completion; got "
            f"{type(completions).__name__}"
        )
    scale, think_prefilled = reward.answer_scale, reward.think_prefilled
    sources = [_source(completion) for completion in completions]
    kept: _Read | None = getattr(_last, "read", None)
    if kept is None or not kept.holds(sources, scale, think_prefilled):
        answers = [_parse(*source, scale=scale, think_prefilled=think_prefilled, lenient=False) for source in sources]
        kept = _last.read = _Read(sources, scale, think_prefilled, answers)
    return kept.answers


class _Read(NamedTuple):
    """The answers of one batch, and what they were read from."""

    sources: list[tuple[str, str]]
    scale: ScoreScale
    think_prefilled: bool
    answers: list[Answer]

    def holds(self, sources: list[tuple[str, str]], scale: ScoreScale, think_prefilled: bool) -> bool:
        return (
            self.sources == sources  # the same objects in every reward of a step, which takes no time to see
            and self.scale == scale
            and self.think_prefilled == think_prefilled
        )


_last = threading.local()  # a step's completions come to one reward after the other: each thread keeps one batch


def column_of(reward: AnswerConfig, columns: Mapping[str, Any], column: str, length: int, cure: str) -> Sequence[Any]:
    values: Sequence[Any] | None = columns.get(column)
    if values is None:
        raise ValueError(f"{reward.__name__} needs a column {column!r}, but the batch has {sorted(columns)}; {cure}")
    if isinstance(values, str) or not hasattr(values, "__len__"):
        raise TypeError(f"column {column!r} must hold one value a completion; got {values!r}; give a list")
    if len(values) != length:
        raise ValueError(f"column {column!r} has {len(values)} rows for {length} completions; give one a completion")
    return values


def on_task_rows(reward: AnswerConfig, columns: Mapping[str, Any], length: int) -> NDArray[np.bool_]:
    if reward.task is None:
        return np.ones(length, dtype=bool)
    cure = f"add it to the dataset, set task_column=, or grade every row with task=None instead of {reward.task!r}"
    tasks = column_of(reward, columns, reward.task_column, length, cure)
    return np.array([task == reward.task for task in tasks], dtype=bool)


def _targets(
    reward: LabelConfig, columns: Mapping[str, Any], on_task: NDArray[np.bool_]
) -> tuple[Floats, Floats | None]:
    """MOS and, where asked for, the raters' standard deviations, in points; NaN off-task."""
    length = len(on_task)
    mos = column_of(reward, columns, reward.mos_column, length, "add the mean opinion scores, or set mos_column=")
    scales = _row_scales(reward, columns, on_task)
    targets = np.full(length, math.nan)
    for scale in {scale for scale, on in zip(scales, on_task, strict=True) if on}:
        its_own = [m if on and s == scale else None for m, s, on in zip(mos, scales, on_task, strict=True)]
        points = scale.column_to_points(its_own, column=reward.mos_column)
        targets = np.where(np.isnan(points), targets, points)
    if reward.mos_std_column is None:
        return targets, None
    column = reward.mos_std_column
    stds = column_of(reward, columns, column, length, "add it, or set mos_std_column=None")
    rows = np.flatnonzero(on_task).tolist()
    target_stds = np.full(length, math.nan)
    target_stds[rows] = [_std_points(stds[row], row, column, scales[row]) for row in rows]
    return targets, target_stds


def _std_points(std: Any, row: int, column: str, scale: ScoreScale) -> float:
    """A standard deviation of raters, in points; NaN where it is not known."""
    cure = f"give a finite number of at least 0 on the scale of the MOS ({scale}), or None where it is not known"
    try:
        number = math.nan if std is None else float(std)
    except (TypeError, ValueError):
        raise TypeError(f"{column}[{row}] is {std!r}; {cure}") from None
    if number < 0 or math.isinf(number):
        raise ValueError(f"{column}[{row}] is {number:g}; {cure}")
    return number * 100 / (scale.high - scale.low)


def _row_scales(reward: LabelConfig, columns: Mapping[str, Any], on_task: NDArray[np.bool_]) -> list[ScoreScale]:
    if isinstance(reward.mos_scale, ScoreScale):
        return [reward.mos_scale] * len(on_task)
    cure = "mos_scale has a scale for each data set: add the column, or give one ScoreScale"
    datasets = column_of(reward, columns, reward.dataset_column, len(on_task), cure)
    for row in np.flatnonzero(on_task).tolist():
        if datasets[row] not in reward.mos_scale:
            raise ValueError(
                f"{reward.dataset_column}[{row}] is {datasets[row]!r}, and mos_scale declares only "
                f"{sorted(reward.mos_scale)}; declare its scale too"
            )
    return [reward.mos_scale.get(name, POINTS) for name in datasets]


def to_list(values: Floats) -> list[float | None]:
    """Floats as TRL takes them: NaN as None."""
    return [None if math.isnan(value) else value for value in values.tolist()]


_SIGNS = re.compile(r"[^\w\s]+|_+")


class Lengths(NamedTuple):
    """How long completions are; (B,), NaN for an unreadable answer, so that length earns nothing without one."""

    total: Floats  # with everything: what a budget's upper end counts
    novel: Floats  # without repetition and padding, where that could matter: what its lower end counts


def count_words(answers: Sequence[Answer], counted: NDArray[np.bool_], budget: LengthConfig | None) -> Lengths:
    """Words of thinking; for the lower end they must hold a letter or a digit, and case makes no difference."""
    total = np.full(len(answers), math.nan)
    novel = total.copy()
    for row in np.flatnonzero(counted).tolist():
        answer = answers[row]
        if answer.score is not None:
            total[row] = novel[row] = len(answer.think.split())
            if _within_reach(total[row], budget):
                novel[row] = length_without_repetition(_SIGNS.sub("", answer.think.casefold()).split())
    return Lengths(total, novel)


def count_tokens(
    answers: Sequence[Answer],
    counted: NDArray[np.bool_],
    budget: LengthConfig,
    completions: Sequence[Any],
    completion_ids: Sequence[Any],
) -> Lengths:
    """Tokens of the completion; for the lower end less one for each superfluous space or digit of the answer."""
    total = np.full(len(answers), math.nan)
    novel = total.copy()
    for row in np.flatnonzero(counted).tolist():
        answer, ids = answers[row], completion_ids[row]
        if answer.score is not None:
            total[row] = novel[row] = len(ids)
            if _within_reach(total[row], budget):
                padding = _padding(completion_text(completions[row]), answer.score)
                novel[row] = max(0, length_without_repetition(ids) - padding)
    return Lengths(total, novel)


def _within_reach(length: float, budget: LengthConfig | None) -> bool:
    """Whether it matters how much of a length is repetition: it is enough as it stands, and enough is asked for."""
    return budget is not None and budget.shortest > 0 and length > budget.shortest - budget.margin - 1


def _padding(text: str, score: float) -> int:
    """Characters that the grammar lets stand and that say nothing: white space, and digits beyond the sixth."""
    number = text.rpartition("<answer>")[2].partition("</answer>")[0].strip()
    return len(text) - len(" ".join(text.split())) + max(0, len(number) - len(f"{score:.6g}"))


def budget_reward(lengths: Lengths, budget: LengthConfig) -> Floats:
    """`length_reward` that repetition cannot reach: the shortest length must be met without it, the longest with it."""
    enough: Floats = length_reward(lengths.novel, shortest=budget.shortest, margin=budget.margin)
    not_too_much: Floats = length_reward(lengths.total, longest=budget.longest, margin=budget.margin)
    return np.minimum(enough, not_too_much)
