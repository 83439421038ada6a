"""What the rewards pay for answers whose worth is known: gold, worst, constant, garbage, and a simulated policy."""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tatar_rewards.distributed import on_this_rank_alone
from tatar_rewards.doctor.budgets import joint_budget, length_within
from tatar_rewards.doctor.kinds import Rows, comparison_of, graded_rows, is_missing, labelled_rewards, package_rewards
from tatar_rewards.findings import Finding
from tatar_rewards.rewards import AnswerConfig, LabelConfig, Reward
from tatar_rewards.rewards.batch import Floats
from tatar_rewards.rewards.configs import RankingConfig
from tatar_rewards.rewards.running_figures import count_flat_groups
from tatar_rewards.scales import ScoreScale, as_scale, as_scales

PROBED = 48  # rows


def probe_rewards(
    rewards: Sequence[Any], weights: Sequence[float] | None, rows: Rows, num_generations: int
) -> Iterator[Finding]:
    """Findings on the package's rewards; those of others are not called, since they may ask a paid judge."""
    with on_this_rank_alone(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for reward in package_rewards(rewards):
            yield from _probe(reward, rewards, rows)
        if weights is None or len(weights) == len(rewards):
            yield from _simulate(rewards, weights, rows, max(2, num_generations))


class _Sample(NamedTuple):
    """Some labelled rows of one comparison, each another image, as the columns of a call."""

    columns: dict[str, list[Any]]
    points: Floats
    n_words: int  # of thinking, and tokens of a completion, that meet all budgets of the task
    n_tokens: int


def _sample(reward: Reward[LabelConfig], rewards: Sequence[Any], rows: Rows) -> _Sample | None:
    config = reward.config
    chosen = _rows_of_largest_comparison(reward, rows)
    if not chosen:
        return None
    chosen = chosen[:: max(1, len(chosen) // PROBED)][:PROBED]
    columns = {name: [values[row] for row in chosen] for name, values in rows.items()}
    scale = as_scales(config.mos_scale)
    if not isinstance(scale, ScoreScale):
        scale = scale[columns[config.dataset_column][0]]
    tasks = rows.get(config.task_column)
    task = config.task if tasks is None else tasks[chosen[0]]
    lengths = length_within(joint_budget(rewards, task, "words"), joint_budget(rewards, task, "tokens"))
    return _Sample(columns, scale.column_to_points(columns[config.mos_column]), *lengths)


def _rows_of_largest_comparison(reward: Reward[LabelConfig], rows: Rows) -> list[int]:
    """One labelled row of each image of the task and data set that has the most images."""
    by_comparison: dict[Any, dict[Any, int]] = {}
    mos, ids = rows[reward.config.mos_column], rows.get(reward.config.image_id_column)
    for row in graded_rows(reward, rows):
        if not is_missing(mos[row]):
            images = by_comparison.setdefault(comparison_of(reward, rows, row), {})
            images.setdefault(row if ids is None else ids[row], row)
    return list(max(by_comparison.values(), key=len, default={}).values())


def _completions(reward: Reward[AnswerConfig], points: Floats, n_words: int) -> list[str]:
    opening = "" if reward.config.think_prefilled else "<think>"
    thinking = opening + " ".join(f"word{k}" for k in range(n_words)) + "</think>"
    scale = as_scale(reward.config.answer_scale)
    answers = [scale.from_points(score) for score in np.clip(points, 0, 100).tolist()]
    # six digits, which none takes for padding, and no exponent, which the parser does not read
    numbers = [np.format_float_positional(float(f"{answer:.6g}"), trim="-") for answer in answers]
    return [f"{thinking}<answer>{number}</answer>" for number in numbers]


def _grade(
    reward: Reward[AnswerConfig], completions: list[str], columns: Mapping[str, list[Any]], n_tokens: int
) -> Floats:
    """Rewards of a fresh twin: the one that will train keeps its memory and its figures."""
    twin: Any = reward.fresh()
    columns = dict(columns)
    if isinstance(reward.config, RankingConfig):
        twin = reward.fresh(num_generations=None)
        columns.setdefault(reward.config.image_id_column, list(range(len(completions))))
    completion_ids = [list(range(n_tokens)) for _ in completions]
    return np.array(twin(completions, completion_ids=completion_ids, **columns), dtype=float)


def _probe(reward: Reward[AnswerConfig], rewards: Sequence[Any], rows: Rows) -> Iterator[Finding]:
    config = reward.config
    with_labels = labelled_rewards([reward, *rewards])
    labels = next((other for other in with_labels if config.task in (None, other.config.task)), None)
    sample = None if labels is None else _sample(labels, rewards, rows)
    if sample is None or (isinstance(config, RankingConfig) and len(sample.points) < 2):
        return

    def rewards_of(completions: list[str]) -> Floats:
        return _grade(reward, completions, sample.columns, sample.n_tokens)

    def mean_reward(points: Floats) -> float:
        return float(np.nanmean(rewards_of(_completions(reward, points, sample.n_words))))

    g, name = sample.points, reward.__name__
    gold, garbage = mean_reward(g), rewards_of(["I cannot tell."] * len(g))
    if gold < 0.85:
        yield Finding(
            "gold", f"{name} pays {gold:.2f} for the labels themselves", "check its word budget, scales and tolerance"
        )
    if np.nanmax(garbage, initial=0.0) > 0 or np.isnan(garbage).any():
        yield Finding("garbage", f"{name} pays {np.nanmean(garbage):.2f} for text without an answer", "pay 0 for it")
    if not isinstance(config, LabelConfig) or len(g) < 4:
        return
    worst, constant = mean_reward(np.where(g < 50, 100.0, 0.0)), mean_reward(np.full_like(g, np.median(g)))
    if worst > gold - 0.2:
        yield Finding(
            "worst",
            f"{name} pays {worst:.2f} for answers at the wrong end of the scale and {gold:.2f} for the labels",
            "choose a smaller tolerance or temperature",
        )
    if constant > gold - 0.1:
        yield Finding(
            "constant guess",
            f"{name} pays {constant:.2f} for one and the same answer everywhere and {gold:.2f} for the labels",
            "choose a smaller tolerance or temperature; for rankings loss='kl' with dispersion='matched'",
        )


def _simulate(rewards: Sequence[Any], weights: Sequence[float] | None, rows: Rows, group: int) -> Iterator[Finding]:
    """Groups of a policy with an error of 8 points an image and 3 a completion: how many have nothing to learn from?"""
    for labels in {reward.config.task: reward for reward in labelled_rewards(rewards)}.values():
        sample, task = _sample(labels, rewards, rows), labels.config.task
        if sample is None or len(sample.points) < 4:
            continue
        columns, answers = _simulated_groups(labels.config, sample, group)
        total: NDArray[np.float64] = np.zeros(len(answers))
        for reward, weight in zip(rewards, weights or [1.0] * len(rewards), strict=True):
            if isinstance(reward, Reward) and reward.config.task in (None, task):
                completions = _completions(reward, answers, sample.n_words)
                total += weight * np.nan_to_num(_grade(reward, completions, columns, sample.n_tokens))
        n_flat, n_groups = count_flat_groups(total, np.repeat(np.arange(len(sample.points)), group))
        flat = n_flat / n_groups
        if flat > 0.5:
            of_task = "" if task is None else f" of task {task!r}"
            yield Finding(
                "flat groups",
                f"{flat:.0%} of the groups{of_task} would earn one and the same reward and teach nothing, for a "
                f"policy that misses by about 8 points",
                "choose a reward with a slope (gaussian_score, a ranking), a wider tolerance, or more generations",
            )


def _simulated_groups(config: LabelConfig, sample: _Sample, group: int) -> tuple[dict[str, list[Any]], Floats]:
    """Columns with `group` rows an image, and the answers of the simulated policy."""
    rng = np.random.default_rng(0)
    means = sample.points + rng.normal(0, 8, len(sample.points))
    answers = (means[:, None] + rng.normal(0, 3, (len(means), group))).ravel()
    columns = {name: [value for value in values for _ in range(group)] for name, values in sample.columns.items()}
    columns.setdefault(config.image_id_column, [image for image in range(len(means)) for _ in range(group)])
    return columns, answers
