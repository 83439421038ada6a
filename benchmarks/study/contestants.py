"""The rewards that the study compares, by name: each takes predictions, MOS, image keys and data sets of one call."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from tatar_rewards.functional import (
    crps_score_reward,
    error_score_reward,
    gaussian_score_reward,
    pairwise_rank_reward,
    threshold_score_reward,
    thurstone_rank_reward,
    win_rate_reward,
)

Contestant = Callable[[np.ndarray, np.ndarray, np.ndarray, np.ndarray], np.ndarray]


def score(function: Any, **settings: Any) -> Contestant:
    """A reward that looks at a completion's own label."""

    def reward(q: np.ndarray, g: np.ndarray, images: np.ndarray, datasets: np.ndarray) -> np.ndarray:
        return function(q, g, **settings)

    return reward


def order(function: Any, **settings: Any) -> Contestant:
    """A reward that looks at other images of the same data set."""

    def reward(q: np.ndarray, g: np.ndarray, images: np.ndarray, datasets: np.ndarray) -> np.ndarray:
        return function(q, g, images, datasets, **settings)

    return reward


def added(*rewards: Contestant, weights: tuple[float, ...] | None = None) -> Contestant:
    """The weighted sum; a reward that has nothing to compare counts 0, as a trainer counts it."""
    factors = weights or (1.0,) * len(rewards)

    def reward(q: np.ndarray, g: np.ndarray, images: np.ndarray, datasets: np.ndarray) -> np.ndarray:
        parts = (one(q, g, images, datasets) for one in rewards)
        return sum(factor * np.nan_to_num(part) for factor, part in zip(factors, parts, strict=True))

    return reward


thurstone = partial(order, thurstone_rank_reward)
PUBLISHED = {"dispersion": "reference", "loss": "bce", "temperature": 8.0, "pair_weight_scale": 12.0}
VISUALQUALITY = {"link": "normal", "loss": "fidelity", "hard_targets": True, "variance_floor": 0.0625}
CRPS, WINS = order(crps_score_reward), order(win_rate_reward)

CONTESTANTS: dict[str, Contestant] = {
    "threshold 8.75": score(threshold_score_reward),
    "Gaussian 8.75 (TATAR, quality)": score(gaussian_score_reward),
    "Gaussian 8.75, gain 1.5 (TATAR as released, aesthetics)": score(gaussian_score_reward, gain=1.5, widening=2.0),
    "Gaussian 20": score(gaussian_score_reward, tolerance=20, widening=0),
    "Laplace 20": score(error_score_reward, shape="laplace"),
    "linear 50": score(error_score_reward, tolerance=50),
    "squared 50": score(error_score_reward, shape="squared", tolerance=50),
    "Huber 20": score(error_score_reward, shape="huber", reward_at_tolerance=0.8),
    "CRPS": CRPS,
    "Thurstone, published": thurstone(**PUBLISHED),
    "pairwise, published": order(
        pairwise_rank_reward, loss="bce", temperature=8.0, pair_weight_scale=12.0, within_image=True
    ),
    "Thurstone, matched 14.5 (ours)": thurstone(),
    "Thurstone, matched 8": thurstone(temperature=8.0),
    "Thurstone, matched 29": thurstone(temperature=29.0),
    "Thurstone, observer 14.5": thurstone(dispersion="observer"),
    "Thurstone, observer 29": thurstone(dispersion="observer", temperature=29.0),
    "pairwise, 14.5": order(pairwise_rank_reward),
    "fidelity, observer 29": thurstone(loss="fidelity", dispersion="observer", temperature=29.0),
    "fidelity, hard (VisualQuality-R1)": thurstone(dispersion="reference", **VISUALQUALITY),
    "margin 40 (MR-IQA)": thurstone(loss="margin", temperature=40.0),
    "win rate": WINS,
    "win rate + CRPS": added(WINS, CRPS),
    "win rate + linear 50": added(WINS, score(error_score_reward, tolerance=50)),
    "observer 29 + CRPS": added(thurstone(dispersion="observer", temperature=29.0), CRPS),
}
