"""Part 1: what one step of GRPO sees of a reward, for a policy whose errors are known.

Of each regime: the rank correlation, within a picture, of the reward with minus the error; the signal of the advantages
against their noise; and the share of groups whose rewards are all equal.
"""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
from contestants import CONTESTANTS
from scipy.stats import rankdata

from tatar_rewards import ScoreScale

IMAGES, GENERATIONS, CALLS = 16, 8, 60
LABELS = Path(__file__).parents[2] / "tests" / "data" / "ava_mos.json"
Floats = np.ndarray


def uniform(rng: np.random.Generator) -> Floats:
    return rng.uniform(5, 95, IMAGES)


def like_ava(rng: np.random.Generator) -> Floats:
    points = ScoreScale(1, 10).column_to_points(json.loads(LABELS.read_text())["mos"])
    return rng.choice(points, IMAGES)


# MOS of a call, errors of an image's mean answer, of single answers, slope of the answers
REGIMES: dict[str, tuple[Callable[[np.random.Generator], Floats], float, float, float]] = {
    "calibrated, errors of 5": (uniform, 5.0, 5.0, 1.0),
    "calibrated, errors of 15": (uniform, 15.0, 8.0, 1.0),
    "AVA's MOS, errors of 6": (like_ava, 6.0, 6.0, 1.0),
    "half the scale": (uniform, 8.0, 6.0, 0.5),
    "sure, errors of 10": (uniform, 10.0, 1.5, 1.0),
}


def answers(mos: Floats, error: float, scatter: float, slope: float, rng: np.random.Generator) -> Floats:
    means = 50 + slope * (mos - 50) + rng.normal(0, error, len(mos))
    return np.clip(np.repeat(means, GENERATIONS) + rng.normal(0, scatter, len(mos) * GENERATIONS), 0, 100).round(1)


def within_correlation(rewards: Floats, worth: Floats) -> float:
    """Mean rank correlation over the groups in which both differ."""
    found = []
    for group, its_worth in zip(rewards.reshape(-1, GENERATIONS), worth.reshape(-1, GENERATIONS), strict=True):
        if np.ptp(group) > 1e-9 and np.ptp(its_worth) > 0:
            found.append(np.corrcoef(rankdata(group), rankdata(its_worth))[0, 1])
    return float(np.mean(found)) if found else 0.0


def signal_to_noise(advantages: Floats, worth: Floats) -> float:
    """How much of the advantages is linear in the centred worth, against the rest: slope over its standard error."""
    x = worth.reshape(-1, GENERATIONS)
    x = (x - x.mean(1, keepdims=True)).ravel()
    slope = advantages @ x / (x @ x)
    rest = advantages - slope * x
    return float(slope * np.sqrt(x @ x) / (rest.std() + 1e-12))


def measure(name: str, seed: int = 0) -> dict[str, dict[str, float]]:
    """The three figures of a contestant in every regime."""
    figures = {}
    for regime, (draw, error, scatter, slope) in REGIMES.items():
        rng = np.random.default_rng(seed)
        correlations, signals, flat = [], [], []
        for _ in range(CALLS):
            mos = draw(rng)
            q, g = answers(mos, error, scatter, slope, rng), np.repeat(mos, GENERATIONS)
            images = np.repeat(np.arange(IMAGES), GENERATIONS)
            rewards = np.nan_to_num(CONTESTANTS[name](q, g, images, np.zeros(len(q), np.int64)))
            groups = rewards.reshape(-1, GENERATIONS)
            spread = groups.std(1, ddof=1, keepdims=True)
            advantages = ((groups - groups.mean(1, keepdims=True)) / (spread + 1e-4)).ravel()
            worth = -np.abs(q - g)
            correlations.append(within_correlation(rewards, worth))
            signals.append(signal_to_noise(advantages, worth))
            flat.append(float(np.mean(np.ptp(groups, axis=1) < 1e-6)))
        figures[regime] = {
            "within-group correlation": float(np.mean(correlations)),
            "signal to noise": float(np.mean(signals)) / np.sqrt(IMAGES * GENERATIONS),
            "flat groups": float(np.mean(flat)),
        }
    return figures
