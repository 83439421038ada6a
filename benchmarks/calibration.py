"""Which dispersion keeps the scale of the scores? Closed-loop policies, started at half the right spread.

A policy is one slope and one spread: it answers `50 + slope * (mos - 50)` with Gaussian noise. Each step draws images
with AVA-like labels and eight answers each, grades them, and moves slope and spread along the policy gradient of the
group-normalised advantages. A slope of 1 is right; a ranking measure such as SRCC cannot see the slope at all.
"""

import numpy as np

from tatar_rewards import thurstone_rank_reward

IMAGES, COMPLETIONS, STEPS, SEEDS = 16, 8, 3000, 5
PUBLISHED = {"dispersion": "reference", "loss": "bce", "temperature": 8.0, "pair_weight_scale": 12.0}
FORMS = {
    "reference (published)": {"dispersion": "reference", "loss": "bce", "temperature": 8.0, "pair_weight_scale": 12.0},
    "reference, normal link": {
        "dispersion": "reference",
        "loss": "bce",
        "temperature": 8.0,
        "pair_weight_scale": 12.0,
        "link": "normal",
    },
    "matched (default)": {},
    "observer": {"dispersion": "observer"},
}


def train(settings, seed):
    rng = np.random.default_rng(seed)
    slope, log_spread = 0.5, np.log(6.0)
    groups = np.repeat(np.arange(IMAGES), COMPLETIONS)
    reward = 0.0
    for _ in range(STEPS):
        mos = np.clip(rng.normal(50, 8, IMAGES), 1, 99)[groups]
        spread = np.exp(log_spread)
        noise = rng.normal(0, 1, len(mos))
        answers = 50 + slope * (mos - 50) + spread * noise
        rewards = thurstone_rank_reward(np.clip(answers, 0, 100), mos, groups, **settings)
        by_image = rewards.reshape(IMAGES, COMPLETIONS)
        advantages = ((by_image - by_image.mean(1, keepdims=True)) / (by_image.std(1, keepdims=True) + 1e-4)).ravel()
        slope += 0.02 * np.mean(advantages * noise * (mos - 50) / spread)
        log_spread = max(log_spread + 0.01 * np.mean(advantages * (noise**2 - 1)), np.log(1.0))
        reward = rewards.mean()
    return slope, np.exp(log_spread), reward


def main():
    print(f"{STEPS} steps of {IMAGES} images, {SEEDS} seeds; MOS spread 8 points; start: slope 0.50, spread 6.0 points")
    print(f"{'dispersion':<26}{'slope':>8}{'worst':>8}{'spread':>9}{'reward':>9}")
    for name, settings in FORMS.items():
        ends = np.array([train(settings, seed) for seed in range(SEEDS)])
        worst = ends[np.argmax(np.abs(ends[:, 0] - 1)), 0]
        print(f"{name:<26}{ends[:, 0].mean():>8.2f}{worst:>8.2f}{ends[:, 1].mean():>9.1f}{ends[:, 2].mean():>9.2f}")


if __name__ == "__main__":
    main()
