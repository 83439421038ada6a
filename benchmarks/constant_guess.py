"""How far is a constant guess behind a predictor, on labels as narrow as AVA's? Eight images of eight answers a call.

A predictor's mean for an image misses the MOS by a normal error of the given size in points; its eight answers scatter
by two points around that mean. A constant guess says the mean of all labels, whatever the picture.
"""

import json
from pathlib import Path

import numpy as np

from tatar_rewards import ScoreScale, thurstone_rank_reward

IMAGES, COMPLETIONS, ERRORS = 8, 8, (0, 3, 4, 6)
LABELS = Path(__file__).parents[1] / "tests" / "data" / "ava_mos.json"
FORMS = {
    "published": {"dispersion": "reference", "loss": "bce", "temperature": 8.0, "pair_weight_scale": 12.0},
    "default": {},
    "default, weights of 12": {"pair_weight_scale": 12.0},
}


def mean_reward(predictions_of, mos, settings):
    groups = np.repeat(np.arange(IMAGES), COMPLETIONS)
    calls = mos.reshape(-1, IMAGES)
    return np.mean([thurstone_rank_reward(predictions_of(call), call[groups], groups, **settings) for call in calls])


def predictor(error, rng):
    def predict(call):
        means = np.repeat(call + rng.normal(0, error, IMAGES), COMPLETIONS)
        return np.clip(means + rng.normal(0, 2, len(means)), 0, 100)

    return predict


def main():
    labels = json.loads(LABELS.read_text())["mos"]
    mos = ScoreScale(1, 10).column_to_points(labels[: len(labels) // IMAGES * IMAGES])
    print(f"mean Thurstone reward on {len(mos)} AVA labels with a spread of {mos.std():.1f} points")
    print(f"{'form':<24}" + "".join(f"{f'error {error}':>9}" for error in ERRORS) + f"{'constant':>10}")
    for name, settings in FORMS.items():
        rewards = [mean_reward(predictor(e, np.random.default_rng(0)), mos, settings) for e in ERRORS]
        constant = mean_reward(lambda call: np.full(IMAGES * COMPLETIONS, mos.mean()), mos, settings)
        print(f"{name:<24}" + "".join(f"{reward:>9.2f}" for reward in rewards) + f"{constant:>10.2f}")


if __name__ == "__main__":
    main()
