"""What the rewards pay for answers whose worth is known: gold, worst, constant, garbage, and a simulated policy."""

import math
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tatar_rewards._batches import Floats
from tatar_rewards._findings import Finding
from tatar_rewards.configs import AnswerConfig, LabelConfig, LengthConfig, RankingConfig
from tatar_rewards.distributed import on_this_rank_alone
from tatar_rewards.scales import ScoreScale

PROBED = 48  # rows


def word_budget(rewards: Sequence[Any], task: str | None) -> tuple[float, float]:
    """Fewest and most words of thinking that all rewards of a task accept."""
    budgets = [LengthConfig()]
    for reward in rewards:
        if isinstance(reward, AnswerConfig) and reward.task in (None, task):
            budget = reward if isinstance(reward, LengthConfig) else getattr(reward, "length_gate", None)
            budgets += [] if budget is None else [budget]
    return max(budget.shortest for budget in budgets), min(budget.longest for budget in budgets)


def probe_rewards(
    rewards: Sequence[Any], weights: Sequence[float] | None, rows: Mapping[str, list[Any]], num_generations: int
) -> Iterator[Finding]:
    """Findings on our own rewards; those of others are not called, since they may ask a paid judge."""
    ours = [reward for reward in rewards if isinstance(reward, AnswerConfig)]
    with on_this_rank_alone(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for reward in ours:
            yield from _probe(reward, rewards, rows)
        if weights is None or len(weights) == len(rewards):
            yield from _simulate(rewards, weights, rows, max(2, num_generations))


class _Sample(NamedTuple):
    """Some labelled rows of one comparison, each another image, as the columns of a call."""

    columns: dict[str, list[Any]]
    points: Floats
    budget: tuple[float, float]


def _sample(reward: LabelConfig, rewards: Sequence[Any], rows: Mapping[str, list[Any]]) -> _Sample | None:
    by_comparison: dict[Any, dict[Any, int]] = {}
    tasks, datasets, ids = (
        rows.get(name) for name in (reward.task_column, reward.dataset_column, reward.image_id_column)
    )
    for row, mos in enumerate(rows[reward.mos_column]):
        if mos is None or mos != mos or (reward.task is not None and tasks is not None and tasks[row] != reward.task):
            continue
        comparison = (tasks and tasks[row], datasets and datasets[row])
        by_comparison.setdefault(comparison, {}).setdefault(row if ids is None else ids[row], row)
    if not by_comparison:
        return None
    every = list(max(by_comparison.values(), key=len).values())
    chosen = every[:: max(1, len(every) // PROBED)][:PROBED]
    columns = {name: [values[row] for row in chosen] for name, values in rows.items()}
    scale = reward.mos_scale
    if isinstance(scale, dict):
        scale = scale[columns[reward.dataset_column][0]]
    task = reward.task if tasks is None else tasks[chosen[0]]
    return _Sample(columns, scale.column_to_points(columns[reward.mos_column]), word_budget(rewards, task))


def _completions(reward: AnswerConfig, points: Floats, budget: tuple[float, float]) -> list[str]:
    words = min(max(math.ceil(budget[0]), 1), budget[1])
    thinking = (
        ("" if reward.think_prefilled else "<think>") + " ".join(f"word{k}" for k in range(int(words))) + "</think>"
    )
    scale: ScoreScale = reward.answer_scale
    answers = scale.low + np.clip(points, 0, 100) / 100 * (scale.high - scale.low)
    return [f"{thinking}<answer>{float(answer):.6f}</answer>" for answer in answers]


def _grade(reward: Any, completions: list[str], columns: Mapping[str, list[Any]]) -> Floats:
    """Rewards of a fresh twin: the one that will train keeps its memory and its metrics."""
    changes = {"num_generations": None} if isinstance(reward, RankingConfig) else {}
    twin = type(reward)(**{name: getattr(reward, name) for name in type(reward).model_fields} | changes)
    extra: dict[str, Any] = {}
    if isinstance(reward, RankingConfig) and reward.image_id_column not in columns:
        extra[reward.image_id_column] = list(range(len(completions)))
    ids = [[0] * round(1.3 * len(text.split())) for text in completions]
    return np.array(twin(completions, completion_ids=ids, **{**columns, **extra}), dtype=float)


def _probe(reward: AnswerConfig, rewards: Sequence[Any], rows: Mapping[str, list[Any]]) -> Iterator[Finding]:
    labels = next((r for r in (reward, *rewards) if isinstance(r, LabelConfig) and reward.task in (None, r.task)), None)
    sample = None if labels is None else _sample(labels, rewards, rows)
    if sample is None or (isinstance(reward, RankingConfig) and len(sample.points) < 2):
        return

    def paid(points: Floats) -> float:
        return float(np.nanmean(_grade(reward, _completions(reward, points, sample.budget), sample.columns)))

    g, name = sample.points, reward.__name__
    gold, garbage = paid(g), _grade(reward, ["I cannot tell."] * len(g), sample.columns)
    if gold < 0.85:
        yield Finding(
            "gold", f"{name} pays {gold:.2f} for the labels themselves", "check its word budget, scales and tolerance"
        )
    if np.nanmax(garbage, initial=0.0) > 0 or np.isnan(garbage).any():
        yield Finding("garbage", f"{name} pays {np.nanmean(garbage):.2f} for text without an answer", "pay 0 for it")
    if not isinstance(reward, LabelConfig) or len(g) < 4:
        return
    worst, constant = paid(np.where(g < 50, 100.0, 0.0)), paid(np.full_like(g, np.median(g)))
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


def _simulate(
    rewards: Sequence[Any], weights: Sequence[float] | None, rows: Mapping[str, list[Any]], group: int
) -> Iterator[Finding]:
    """Groups of a policy with an error of 8 points an image and 3 a completion: how many have nothing to learn from?"""
    for task_reward in {r.task: r for r in rewards if isinstance(r, LabelConfig)}.values():
        sample = _sample(task_reward, rewards, rows)
        if sample is None or len(sample.points) < 4:
            continue
        rng = np.random.default_rng(0)
        means = sample.points + rng.normal(0, 8, len(sample.points))
        answers = (means[:, None] + rng.normal(0, 3, (len(means), group))).ravel()
        columns = {name: [value for value in values for _ in range(group)] for name, values in sample.columns.items()}
        if task_reward.image_id_column not in columns:
            columns[task_reward.image_id_column] = [image for image in range(len(means)) for _ in range(group)]
        total: NDArray[np.float64] = np.zeros(len(answers))
        for reward, weight in zip(rewards, weights or [1.0] * len(rewards), strict=True):
            if isinstance(reward, AnswerConfig) and reward.task in (None, task_reward.task):
                total += weight * np.nan_to_num(_grade(reward, _completions(reward, answers, sample.budget), columns))
        flat = float(np.mean(np.ptp(total.reshape(-1, group), axis=1) < 1e-6))
        if flat > 0.5:
            of_task = "" if task_reward.task is None else f" of task {task_reward.task!r}"
            yield Finding(
                "flat groups",
                f"{flat:.0%} of the groups{of_task} would earn one and the same reward and teach nothing, for a "
                f"policy that misses by about 8 points",
                "choose a reward with a slope (gaussian_score, a ranking), a wider tolerance, or more generations",
            )
