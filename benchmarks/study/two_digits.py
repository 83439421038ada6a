"""Part 2: a policy of a few thousand weights that reads eight noisy features and writes a score as two digits.

Supervised training on labels, then group-relative policy gradient with a reward, then 2,000 pictures that neither has
seen. It writes as a language model does, digit by digit, and trains in a second.
"""

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import torch
from contestants import Contestant, contestant
from torch import nn

from tatar_rewards import metrics

SCORES = torch.arange(100.0)
N_TEST, N_VALIDATION, SAMPLES = 2000, 1000, 8


@dataclass(frozen=True)
class Regime:
    """What the labels are like, and how much of them there is."""

    sft_labels: int = 1000
    sft_steps: int = 400
    labels: int = 5000  # for the reward
    steps: int = 300
    images: int = 32  # a step
    generations: int = 8
    label_noise: float = 3.0  # points
    spread: float = 18.0  # of the MOS, in points
    datasets: int = 1
    offset: float = 0.0  # points from one data set to the next
    divide: bool = True  # the advantages by the group's standard deviation


REGIMES = {
    "clean": Regime(),
    "few labels first": Regime(sft_labels=200, sft_steps=150, steps=400),
    "three data sets, offsets of 20": Regime(datasets=3, offset=20, spread=14),
    "label noise of 15": Regime(label_noise=15),
    "narrow labels": Regime(spread=8),
    "clean, not divided": Regime(divide=False),
    "offsets, not divided": Regime(datasets=3, offset=20, spread=14, divide=False),
    "two images a call": Regime(images=2, steps=1500),
    "1,500 steps": Regime(steps=1500),
}
RATES = (3e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1)
# Tried first, on validation pictures: where advantages are not divided, the size of a reward is part of the rate.
TRIED = {True: slice(2, 6), False: slice(3, 7)}


class Pictures(NamedTuple):
    """What the policy sees of some pictures, their labels, their true scores and their data sets."""

    features: torch.Tensor
    mos: np.ndarray
    truth: np.ndarray
    dataset: np.ndarray


class World:
    """One way in which features make a score; pictures are drawn from it."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.weights = (
            0.7 * self.rng.normal(size=(8, 6)),
            self.rng.normal(size=6),
            0.7 * self.rng.normal(size=8),
        )

    def draw(self, count: int, regime: Regime) -> Pictures:
        first, second, wave = self.weights
        x = self.rng.normal(size=(count, 8))
        raw = np.tanh(x @ first) @ second + 0.5 * np.sin(x @ wave)
        truth = 50 + regime.spread * (raw - raw.mean()) / raw.std()
        dataset = self.rng.integers(regime.datasets, size=count)
        shift = regime.offset * (dataset - (regime.datasets - 1) / 2)
        mos = np.clip(truth + self.rng.normal(0, regime.label_noise, count) + shift, 0, 99)
        seen = x + 0.4 * self.rng.normal(size=x.shape)
        return Pictures(torch.tensor(seen, dtype=torch.float32), mos, np.clip(truth, 0, 99), dataset)


class Policy(nn.Module):
    """Logarithms of the probabilities of a first digit, and of a second one after it."""

    def __init__(self, hidden: int = 64) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(8, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU())
        self.tens, self.ones = nn.Linear(hidden, 10), nn.Linear(hidden, 100)

    def digits(self, features: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        h = self.body(features)
        return torch.log_softmax(self.tens(h), -1), torch.log_softmax(self.ones(h).view(-1, 10, 10), -1)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """(n, 100) log-probabilities of the scores."""
        tens, ones = self.digits(features)
        return (tens[:, :, None] + ones).reshape(len(features), 100)

    def greedy(self, features: torch.Tensor) -> np.ndarray:
        tens, ones = self.digits(features)
        first = tens.argmax(-1)
        return (10 * first + ones[torch.arange(len(first)), first].argmax(-1)).numpy().astype(float)


# ---------------------------------------------------------------- training


def supervise(policy: Policy, pictures: Pictures, steps: int, seed: int, batch: int = 64, rate: float = 3e-3) -> None:
    generator = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.AdamW(policy.parameters(), lr=rate, weight_decay=0.01)
    labels = torch.tensor(np.round(pictures.mos)).long()
    for _ in range(steps):
        rows = torch.randint(len(labels), (batch,), generator=generator)
        loss = nn.functional.nll_loss(policy(pictures.features[rows]), labels[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def reinforce(policy: Policy, pictures: Pictures, reward: Contestant, regime: Regime, rate: float, seed: int) -> None:
    """Group-relative policy gradient: the group's mean is the baseline."""
    generator = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.Adam(policy.parameters(), lr=rate)
    groups = np.repeat(np.arange(regime.images), regime.generations)
    for rows in _batches(len(pictures.mos), regime, generator):
        log_probabilities = policy(pictures.features[rows])
        drawn = torch.multinomial(
            log_probabilities.detach().exp(), regime.generations, replacement=True, generator=generator
        )
        mos, dataset = pictures.mos[rows.numpy()][groups], pictures.dataset[rows.numpy()][groups]
        earned = np.nan_to_num(reward(drawn.numpy().astype(float).ravel(), mos, groups, dataset))
        earned = earned.reshape(regime.images, regime.generations)
        advantages = earned - earned.mean(1, keepdims=True)
        if regime.divide:
            advantages = advantages / (earned.std(1, ddof=1, keepdims=True) + 1e-4)
        weights = torch.tensor(advantages, dtype=torch.float32)
        loss = -(weights * log_probabilities.gather(1, drawn)).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def _batches(count: int, regime: Regime, generator: torch.Generator) -> Iterator[torch.Tensor]:
    for _ in range(regime.steps):
        yield torch.randperm(count, generator=generator)[: regime.images]


# ---------------------------------------------------------------- measuring


def measure(policy: Policy, pictures: Pictures, seed: int = 0) -> dict[str, float]:
    """Agreement with the true scores of pictures that were not trained on: greedy, one sample, mean of eight."""
    with torch.no_grad():
        probabilities = policy(pictures.features).exp()
        greedy = policy.greedy(pictures.features)
        generator = torch.Generator().manual_seed(seed)
        samples = torch.multinomial(probabilities, SAMPLES, replacement=True, generator=generator).numpy().astype(float)
    truth, mean = pictures.truth, samples.mean(1)
    return {
        "greedy SRCC": metrics.srcc(greedy, truth),
        "one sample SRCC": float(np.mean([metrics.srcc(column, truth) for column in samples.T])),
        "mean SRCC": metrics.srcc(mean, truth),
        "mean RMSE": metrics.rmse(mean, truth),
        "greedy RMSE": metrics.rmse(greedy, truth),
        "slope": metrics.calibration_slope(truth, mean),  # points of truth for a point of answer: 1 is calibrated
        "spread in a picture": float(samples.std(1, ddof=1).mean()),
        "distinct greedy answers": float(len(np.unique(greedy))),
    }


START, MORE_LABELS, ORACLE = "supervised", "supervised, as many labels more", "oracle: supervised on true scores"
BASELINES = (START, MORE_LABELS, ORACLE)


class Bench:
    """One seed of a regime: its pictures, and the supervised policy that everything starts from."""

    def __init__(self, regime: Regime, seed: int) -> None:
        world = World(seed)
        clean = replace(regime, label_noise=0.0, offset=0.0)
        self.regime, self.seed = regime, seed
        first = world.draw(regime.sft_labels, regime)
        self.pictures = world.draw(regime.labels, regime)
        self.validation, self.test = world.draw(N_VALIDATION, clean), world.draw(N_TEST, clean)
        torch.manual_seed(seed)
        self.start = Policy()
        supervise(self.start, first, regime.sft_steps, seed)

    def trained(self, name: str, rate: float) -> Policy:
        """Trained on with a contestant or a baseline, on the same labels and for as many pictures."""
        policy = copy.deepcopy(self.start)
        if name in (MORE_LABELS, ORACLE):
            labels = self.pictures.truth if name == ORACLE else self.pictures.mos
            pictures = self.pictures._replace(mos=labels)
            supervise(policy, pictures, self.regime.steps, self.seed, batch=self.regime.images, rate=rate)
        elif name != START:
            reinforce(policy, self.pictures, contestant(name), self.regime, rate, self.seed)
        return policy


bench = lru_cache(maxsize=16)(Bench)


def best_rate(regime: Regime, name: str, seeds: Sequence[int]) -> float:
    """The learning rate with the best mean of samples on the validation pictures of other seeds.

    While the best one lies at an end of those that were tried, the next one is tried too.
    """

    def validated(rate: float) -> float:
        policies = [(bench(regime, seed), bench(regime, seed).trained(name, rate)) for seed in seeds]
        srccs = [measure(policy, one.validation)["mean SRCC"] for one, policy in policies]
        return float(np.mean(np.nan_to_num(srccs, nan=-1.0)))

    window = TRIED[regime.divide]
    if name == START:
        return RATES[window][0]
    found = {place: validated(RATES[place]) for place in range(window.start, window.stop)}
    while True:
        best = max(found, key=found.__getitem__)
        beyond = next((place for place in (best - 1, best + 1) if place not in found), best)
        if beyond == best or beyond not in range(len(RATES)):
            return RATES[best]
        found[beyond] = validated(RATES[beyond])


def run_seed(regime: Regime, name: str, rate: float, seed: int) -> dict[str, float]:
    """The figures of a baseline or of a contestant on the test pictures."""
    one = bench(regime, seed)
    return measure(one.trained(name, rate), one.test)
