"""The rewards that the study compares, by name: each takes predictions, MOS, image keys and data sets of one call."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from tatar_rewards import (
    CrpsScoreConfig,
    CrpsScoreReward,
    ErrorScoreConfig,
    ErrorScoreReward,
    GaussianScoreConfig,
    GaussianScoreReward,
    PairwiseRankConfig,
    PairwiseRankReward,
    ThresholdScoreConfig,
    ThresholdScoreReward,
    ThurstoneRankConfig,
    ThurstoneRankReward,
    WinRateReward,
    presets,
)
from tatar_rewards.functional import (
    crps_score_reward,
    error_score_reward,
    gaussian_score_reward,
    pairwise_rank_reward,
    threshold_score_reward,
    thurstone_rank_reward,
    win_rate_reward,
)
from tatar_rewards.rewards.configs import ImageConfig
from tatar_rewards.rewards.function_configs import function_settings

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


FUNCTIONS: dict[type[Any], tuple[Any, Any]] = {
    GaussianScoreReward: (gaussian_score_reward, GaussianScoreConfig),
    ErrorScoreReward: (error_score_reward, ErrorScoreConfig),
    ThresholdScoreReward: (threshold_score_reward, ThresholdScoreConfig),
    ThurstoneRankReward: (thurstone_rank_reward, ThurstoneRankConfig),
    PairwiseRankReward: (pairwise_rank_reward, PairwiseRankConfig),
    CrpsScoreReward: (crps_score_reward, CrpsScoreConfig),
    WinRateReward: (win_rate_reward, None),
}


def of_reward(reward: Any) -> Contestant:
    """The function behind a ready reward, with its settings, and without its budget of words."""
    function, config = FUNCTIONS[type(reward)]
    take = order if isinstance(reward.config, ImageConfig) else score
    return take(function, **({} if config is None else function_settings(reward.config, config)))


def added(*rewards: Contestant, weights: tuple[float, ...] | None = None) -> Contestant:
    """The weighted sum; a reward that has nothing to compare counts 0, as a trainer counts it."""
    factors = weights or (1.0,) * len(rewards)

    def reward(q: np.ndarray, g: np.ndarray, images: np.ndarray, datasets: np.ndarray) -> np.ndarray:
        parts = (one(q, g, images, datasets) for one in rewards)
        return sum(factor * np.nan_to_num(part) for factor, part in zip(factors, parts, strict=True))

    return reward


def one_image_a_call(reward: Contestant) -> Contestant:
    """The reward as it is where every process holds the completions of one image and gathers nothing."""

    def rewards(q: np.ndarray, g: np.ndarray, images: np.ndarray, datasets: np.ndarray) -> np.ndarray:
        earned = np.full(len(q), np.nan)
        for image in np.unique(images):
            its = images == image
            earned[its] = reward(q[its], g[its], images[its], datasets[its])
        return earned

    return rewards


class Remembering:
    """The reward, with the images of earlier calls among those of this one."""

    def __init__(self, reward: Contestant, size: int = 64) -> None:
        self.reward, self.size, self.calls = reward, size, list[tuple[np.ndarray, ...]]()

    def __call__(self, q: np.ndarray, g: np.ndarray, images: np.ndarray, datasets: np.ndarray) -> np.ndarray:
        n_images = len(np.unique(images))
        older = [(*columns[:2], -1 - columns[2] - k * n_images, columns[3]) for k, columns in enumerate(self.calls)]
        columns = [np.concatenate(parts) for parts in zip((q, g, images, datasets), *older, strict=True)]
        self.calls = [(q, g, images, datasets), *self.calls][: max(1, self.size // n_images)]
        return self.reward(*columns)[: len(q)]


def weighed(rewards: list[Any]) -> Contestant:
    """Ready rewards, added with their weights."""
    return added(*map(of_reward, rewards), weights=tuple(reward.config.weight for reward in rewards))


thurstone = partial(order, thurstone_rank_reward)
PUBLISHED = {"loss": "bce", "temperature": 8.0, "pair_weight_scale": 12.0}
CRPS, WINS = order(crps_score_reward), order(win_rate_reward)
MARGIN = thurstone(loss="margin", temperature=40.0)
OBSERVER = thurstone(dispersion="observer", temperature=29.0)
RECOMMENDED = "margin 40 + 0.3 win rate + 0.3 CRPS"

CONTESTANTS: dict[str, Contestant] = {
    # what has been published, by the constants of the released code, in points
    "TATAR, quality: Gaussian 8.75": of_reward(presets.tatar()[1]),
    "TATAR, released, aesthetics": added(
        of_reward(presets.tatar_released()[2]), one_image_a_call(of_reward(presets.tatar_released()[3]))
    ),
    "TATAR, paper, aesthetics: Thurstone": thurstone(**PUBLISHED, dispersion="reference"),
    "VisualQuality-R1: fidelity": of_reward(presets.visualquality_r1()[1]),
    "Q-Insight: threshold 8.75": of_reward(presets.q_insight()[1]),
    "MR-IQA: margin 25": of_reward(presets.mr_iqa()[1]),
    "Q-Hawkeye: Laplace 7.5": of_reward(presets.q_hawkeye()[1]),
    "IE-Critic-R1: linear 25": of_reward(presets.ie_critic_r1()[1]),
    # widths and shapes of the score reward
    "Gaussian 20": score(gaussian_score_reward, tolerance=20, widening=0),
    "Gaussian 40": score(gaussian_score_reward, tolerance=40, widening=0),
    "linear 100": score(error_score_reward, tolerance=50),
    "squared 100": score(error_score_reward, shape="squared", tolerance=70),
    "Huber 20": score(error_score_reward, shape="huber", reward_at_tolerance=0.9),
    "CRPS": CRPS,
    # the ranking of this package, by dispersion and temperature
    "TATAR, ours, aesthetics: Thurstone matched 14.5": of_reward(presets.tatar()[2]),
    "matched 8": thurstone(temperature=8.0),
    "matched 29": thurstone(temperature=29.0),
    "observer 14.5": thurstone(dispersion="observer"),
    "observer 29": OBSERVER,
    "observer 50": thurstone(dispersion="observer", temperature=50.0),
    "pairwise 14.5": order(pairwise_rank_reward),
    "fidelity, observer 29": thurstone(loss="fidelity", dispersion="observer", temperature=29.0),
    "margin 40": MARGIN,
    "win rate": WINS,
    # an order and a score
    "win rate + CRPS": added(WINS, CRPS),
    "win rate + linear 100": added(WINS, score(error_score_reward, tolerance=50)),
    "win rate + margin 40": added(WINS, MARGIN),
    "margin 40 + 0.3 CRPS": added(MARGIN, CRPS, weights=(1.0, 0.3)),
    "margin 40 + CRPS": added(MARGIN, CRPS),
    RECOMMENDED: weighed(presets.recommended()[1:]),
    "observer 29 + win rate + 0.3 CRPS": added(OBSERVER, WINS, CRPS, weights=(1.0, 1.0, 0.3)),
}
# What remembers: where a call holds few images. They are made anew for every run, since a memory belongs to one.
REMEMBERS = ", remembering 64 images"
REMEMBERING: dict[str, Contestant] = {
    f"Thurstone matched 14.5{REMEMBERS}": thurstone(),
    f"{RECOMMENDED}{REMEMBERS}": CONTESTANTS[RECOMMENDED],
}


def contestant(name: str) -> Contestant:
    return Remembering(REMEMBERING[name]) if name in REMEMBERING else CONTESTANTS[name]
