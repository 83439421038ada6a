"""Some labelled rows of the data as the columns of a call, and completions with answers of known worth."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from tatar_rewards.doctor.budgets import joint_budget, length_within
from tatar_rewards.doctor.labels import Reading, twin_of, with_image_keys
from tatar_rewards.doctor.reading import Columns, as_values
from tatar_rewards.panels import other_panels
from tatar_rewards.rewards import AnswerConfig, LabelConfig, Reward
from tatar_rewards.rewards.batch import Floats, target_stds
from tatar_rewards.rewards.columns import on_task_rows
from tatar_rewards.scales import ScoreScale, as_scale

PROBED = 48  # rows
PANELS = 8  # of raters, that are simulated
LONGEST_THINKING, LONGEST_COMPLETION = 5_000, 20_000  # words and tokens that a probe writes


class Sample(NamedTuple):
    """Labelled rows of one comparison, each another image."""

    columns: dict[str, list[Any]]
    points: Floats
    n_words: int  # of thinking, and tokens of a completion, that meet all budgets of the task
    n_tokens: int


def sample_of(reading: Reading, rewards: Sequence[Any], columns: Columns) -> Sample | None:
    """None where no row has a label, or where the budgets ask for more than a probe writes."""
    chosen = _rows_of_largest_comparison(reading)
    if not chosen or reading.targets is None:
        return None
    chosen = chosen[:: max(1, len(chosen) // PROBED)][:PROBED]
    config = reading.reward.config
    lists = {name: as_values(values) for name, values in columns.items()}
    tasks = lists.get(config.task_column)
    task = config.task if tasks is None or config.task is not None else str(tasks[chosen[0]])
    n_words, n_tokens = length_within(joint_budget(rewards, task, "words"), joint_budget(rewards, task, "tokens"))
    if n_words > LONGEST_THINKING or n_tokens > LONGEST_COMPLETION:
        return None
    sampled = {name: [values[row] for row in chosen] for name, values in lists.items()}
    return Sample(sampled, reading.targets[chosen], int(n_words), int(n_tokens))


def _rows_of_largest_comparison(reading: Reading) -> list[int]:
    """One labelled row of each image of the task and data set that has the most images; all where no key tells."""
    if reading.targets is None or reading.keys is None:
        return []
    rows = np.flatnonzero(reading.on_task)
    labelled = ~np.isnan(reading.targets[rows])
    if reading.keys.shape[1] < 2 or not labelled.any():
        return [int(row) for row in rows[labelled]]
    rows, keys = rows[labelled], reading.keys[labelled]
    _, first = np.unique(keys[:, 0], return_index=True)  # of each image
    comparisons, counts = np.unique(keys[first, 1], return_counts=True)
    largest = first[keys[first, 1] == comparisons[counts.argmax()]]
    return [int(row) for row in rows[np.sort(largest)]]


def completions_for(reward: Reward[AnswerConfig], points: Floats, n_words: int) -> list[str]:
    """Well-formed completions whose answers are worth `points`."""
    opening = "" if reward.config.think_prefilled else "<think>"
    thinking = opening + " ".join(f"word{k}" for k in range(n_words)) + "</think>"
    scale = as_scale(reward.config.answer_scale)
    return [f"{thinking}<answer>{_number(score, scale)}</answer>" for score in np.clip(points, 0, 100).tolist()]


def panels_of(reward: Reward[LabelConfig], sample: Sample) -> list[Floats]:
    """What other panels of as many raters could have said; none where nothing tells how sure a MOS is."""
    config = reward.config
    counted = config.raters is not None or config.raters_column is not None
    if config.mos_std_column is None or (config.mos_std_of == "ratings" and not counted):
        return []
    on_task = on_task_rows(reward, sample.columns, len(sample.points))
    errors = target_stds(reward, sample.columns, on_task, of="mean")
    return [] if np.isnan(errors).all() else list(other_panels(sample.points, errors, PANELS))


def _number(points: float, scale: ScoreScale) -> str:
    """Six digits, which none takes for padding, and no exponent, which the parser does not read."""
    answer = scale.from_points(points)
    short = float(f"{answer:.6g}")
    return str(np.format_float_positional(short if short in scale else answer, trim="-"))


def grade(reward: Reward[AnswerConfig], completions: list[str], columns: Columns, n_tokens: int) -> Floats:
    """Rewards of a fresh twin: the one that will train keeps its memory and its figures."""
    twin: Any = twin_of(reward)
    columns = with_image_keys(twin, columns, len(completions))
    completion_ids = [list(range(n_tokens))] * len(completions)
    return np.array(twin(completions, completion_ids=completion_ids, **columns), dtype=float)
