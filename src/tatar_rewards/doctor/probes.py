"""What the rewards pay for answers whose worth is known: exact, wrong, constant, garbage, and a simulated policy."""

import warnings
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from tatar_rewards.doctor.kinds import package_rewards
from tatar_rewards.doctor.labels import Reading, greatest_weight
from tatar_rewards.doctor.reading import Columns
from tatar_rewards.doctor.samples import Sample, completions_for, grade, panels_of, sample_of
from tatar_rewards.findings import Finding
from tatar_rewards.rewards import AnswerConfig, LabelConfig, Reward
from tatar_rewards.rewards.batch import Floats
from tatar_rewards.rewards.configs import RankingConfig
from tatar_rewards.rewards.running_figures import count_flat_groups

LARGEST_GROUP = 64  # completions of an image that are simulated
LEAST_FOR_LABELS = 0.85  # what a reward should pay for the labels themselves
LEAST_GAP = 0.1  # between what rewards pay for the labels and for a constant guess
NEARLY_ALL = 0.95  # flat groups: with fewer a run still learns


def probe_rewards(
    rewards: Sequence[Any],
    weights: Sequence[float] | None,
    readings: Sequence[Reading],
    columns: Columns,
    num_generations: int,
    facts: dict[str, str],
) -> Iterator[Finding]:
    """Findings on the package's rewards; those of others are not called, since they may ask a paid judge.

    What a reward pays for answers of known worth is added to the facts.
    """
    labelled = [reading for reading in readings if reading.targets is not None]
    samples = [(reading, sample_of(reading, rewards, columns)) for reading in labelled]
    paid = list[_Paid]()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for reward in package_rewards(rewards):
            sample = _sample_for(reward, samples)
            if sample is not None and (not isinstance(reward.config, RankingConfig) or len(sample.points) > 1):
                try:
                    yield from _probe(reward, sample, facts, paid)
                except Exception as error:  # a reward of the user's own that is built on ours
                    yield Finding("probe", f"{reward.__name__} fails on made-up answers: {error}", "try it", "advice")
        yield from _constant_guesses(paid)
        if weights is None or len(weights) == len(rewards):
            group = min(max(2, num_generations), LARGEST_GROUP)
            yield from _simulate(rewards, weights or [1.0] * len(rewards), samples, group)


def _sample_for(reward: Reward[AnswerConfig], samples: Sequence[tuple[Reading, Sample | None]]) -> Sample | None:
    """The reward's own labelled rows, or those of another reward of its task."""
    for reading, sample in samples:
        if reading.reward is reward:
            return sample
    of_task = [sample for reading, sample in samples if reward.config.task in (None, reading.reward.config.task)]
    return next((sample for sample in of_task if sample is not None), None)


class _Paid(NamedTuple):
    """What a reward pays for the labels themselves and for a constant guess, before its weight, were labels certain."""

    reward: Reward[AnswerConfig]
    gold: float
    constant: float


def _probe(reward: Reward[AnswerConfig], sample: Sample, facts: dict[str, str], paid: list[_Paid]) -> Iterator[Finding]:
    def rewards_of(completions: list[str]) -> Floats:
        return grade(reward, completions, sample.columns, sample.n_tokens)

    g, name, certain = sample.points, reward.__name__, _without_deviations(reward)
    mean_reward = partial(_mean_reward, reward, sample)
    for_gold = rewards_of(completions_for(reward, g, sample.n_words))
    if np.isnan(for_gold).any():  # rows of another task
        return
    gold, garbage = float(np.mean(for_gold)), rewards_of(["I cannot tell."] * len(g))
    if gold < LEAST_FOR_LABELS and _mean_reward(certain, sample, g) < LEAST_FOR_LABELS:
        yield Finding(
            "exact answers",
            f"{name} pays {gold:.2f} for answers that are the labels themselves",
            "check its scales, and its word budget and tolerance if it has them",
        )
    if np.nanmax(garbage, initial=0.0) > 0 or np.isnan(garbage).any():
        yield Finding("garbage", f"{name} pays {np.nanmean(garbage):.2f} for text without an answer", "pay 0 for it")
    if not isinstance(reward.config, LabelConfig) or len(g) < 4:
        return
    worst, constant = mean_reward(np.where(g < 50, 100.0, 0.0)), mean_reward(np.full_like(g, np.median(g)))
    pays = f"{gold:.2f} for the labels themselves, {constant:.2f} for a constant guess"
    panels = panels_of(cast(Reward[LabelConfig], reward), sample)
    if panels:
        pays += f", {np.mean([mean_reward(panel) for panel in panels]):.2f} for another panel of raters (human ceiling)"
    facts[f"{name} pays"] = pays
    if worst > gold - 0.2:
        yield Finding(
            "wrong answers",
            f"{name} pays {worst:.2f} for answers at the wrong end of the scale and {gold:.2f} for the labels",
            "choose a smaller tolerance or temperature",
        )
    guess = np.full_like(g, np.median(g))
    paid.append(_Paid(reward, _mean_reward(certain, sample, g), _mean_reward(certain, sample, guess)))


def _constant_guesses(paid: Sequence[_Paid]) -> Iterator[Finding]:
    """Rewards that pay a constant guess nearly as much as the labels, where no other reward of their task makes up."""
    for one in paid:
        task = one.reward.config.task
        of_task = [other for other in paid if task is None or other.reward.config.task in (None, task)]
        together = sum(greatest_weight(other.reward.config) * (other.gold - other.constant) for other in of_task)
        if one.constant > one.gold - LEAST_GAP and together < LEAST_GAP:
            yield Finding(
                "constant guess",
                f"{one.reward.__name__} pays {one.constant:.2f} for one and the same answer everywhere and "
                f"{one.gold:.2f} for the labels",
                "choose a smaller tolerance or temperature, or add a reward for the order, such as win_rate",
            )


def _without_deviations(reward: Reward[AnswerConfig]) -> Reward[AnswerConfig]:
    """With deviations of raters an order is uncertain, so that the labels themselves need not earn all."""
    if getattr(reward.config, "mos_std_column", None) is None:
        return reward
    return reward.fresh(mos_std_column=None, mos_std_scale=None, raters=None, raters_column=None)


def _mean_reward(reward: Reward[AnswerConfig], sample: Sample, points: Floats) -> float:
    completions = completions_for(reward, points, sample.n_words)
    return float(np.nanmean(grade(reward, completions, sample.columns, sample.n_tokens)))


def _simulate(
    rewards: Sequence[Any],
    weights: Sequence[float],
    samples: Sequence[tuple[Reading, Sample | None]],
    group: int,
) -> Iterator[Finding]:
    """Groups of a policy with an error of 8 points an image and 3 a completion: how many have nothing to learn from?"""
    by_task = {reading.reward.config.task: (reading, sample) for reading, sample in samples}
    for task, (reading, sample) in by_task.items():
        if sample is None or len(sample.points) < 4:
            continue
        columns, answers = _simulated_groups(reading.reward, sample, group)
        total: NDArray[np.float64] = np.zeros(len(answers))
        for reward, weight in zip(rewards, weights, strict=True):
            if isinstance(reward, Reward) and reward.config.task in (None, task):
                completions = completions_for(reward, answers, sample.n_words)
                weight *= greatest_weight(reward.config)
                total += weight * np.nan_to_num(grade(reward, completions, columns, sample.n_tokens))
        n_flat, n_groups = count_flat_groups(total, np.repeat(np.arange(len(sample.points)), group))
        flat = n_flat / n_groups if n_groups else 0.0
        others = [reward for reward in rewards if not isinstance(reward, Reward)]  # they may tell answers apart
        if flat > 0.5:
            of_task = "" if task is None else f" of task {task!r}"
            yield Finding(
                "flat groups",
                f"{flat:.0%} of the groups{of_task} would earn one and the same reward and teach nothing, for a "
                f"policy that misses by about 8 points",
                "choose a reward with a slope (gaussian_score, a ranking), a wider tolerance, or more generations",
                "fault" if flat > NEARLY_ALL and not others else "advice",
            )


def _simulated_groups(reward: Reward[AnswerConfig], sample: Sample, group: int) -> tuple[dict[str, list[Any]], Floats]:
    """Columns with `group` rows an image, and the answers of the simulated policy."""
    config = reward.config
    assert isinstance(config, LabelConfig)
    rng = np.random.default_rng(0)
    means = sample.points + rng.normal(0, 8, len(sample.points))
    answers = (means[:, None] + rng.normal(0, 3, (len(means), group))).ravel()
    columns = {name: [value for value in values for _ in range(group)] for name, values in sample.columns.items()}
    columns.setdefault(config.image_id_column, [image for image in range(len(means)) for _ in range(group)])
    return columns, answers
