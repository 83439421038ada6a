"""What raters' deviations mean to the rewards, shown by simulated raters; draws docs/deviations.png with --draw.

Single ratings deviate by 27 points, as in two public studies; twelve raters judge each of 500 images.
"""

import argparse
import math
from pathlib import Path

import numpy as np

from tatar_rewards import gaussian_score_reward, thurstone_rank_reward
from tatar_rewards.panels import other_panels

SPREAD, RATERS, IMAGES = 27.0, 12, 500
GAPS = (5, 10, 20, 30, 40)
PICTURE = Path(__file__).parents[1] / "docs" / "deviations.png"


def logistic(z):
    return 1 / (1 + np.exp(-z))


def preferences(gaps):
    """How often the better image is preferred: by simulated raters, and as three links have it."""
    rng, gaps = np.random.default_rng(0), np.asarray(gaps, float)
    noise = rng.normal(0, SPREAD, 1_000_000) - rng.normal(0, SPREAD, 1_000_000)
    spread = math.hypot(SPREAD, SPREAD)
    return {
        "simulated raters": np.array([np.mean(gap + noise > 0) for gap in gaps]),
        "link='logistic'": logistic(gaps / spread * math.pi / math.sqrt(3)),
        "link='normal'": np.array([math.erfc(-gap / spread / math.sqrt(2)) / 2 for gap in gaps]),
        "deviation taken for a logistic scale": logistic(gaps / spread),
    }


def score_rewards():
    """Mean Gaussian reward of four kinds of answers, by what the bell is widened with."""
    rng = np.random.default_rng(0)
    mos = rng.uniform(10, 90, IMAGES)
    answers = {
        "error 5": mos + rng.normal(0, 5, IMAGES),
        "error 12": mos + rng.normal(0, 12, IMAGES),
        "constant": np.full(IMAGES, 50.0),
        "reversed": 100 - mos,
        "other panel": another_panel(mos),
    }
    widths = {"nothing": None, "the error of the MOS": SPREAD / math.sqrt(RATERS), "the spread of ratings": SPREAD}
    return {
        name: {
            kind: float(np.mean(gaussian_score_reward(np.clip(q, 0, 100), mos, target_stds=_column(width))))
            for kind, q in answers.items()
        }
        for name, width in widths.items()
    }


def ranking_rewards():
    """Mean Thurstone reward of the same, with the spread of ratings and a small temperature."""
    rng = np.random.default_rng(0)
    mos = rng.uniform(10, 90, IMAGES)
    panel = another_panel(mos)
    answers = {"error 12": mos + rng.normal(0, 12, IMAGES), "constant": np.full(IMAGES, 50.0), "other panel": panel}
    forms = {"without deviations": {}, "with them": {"target_stds": _column(SPREAD), "temperature": 1.0}}
    return {
        name: {
            kind: float(np.mean(thurstone_rank_reward(np.clip(q, 0, 100), mos, np.arange(IMAGES), **form)))
            for kind, q in answers.items()
        }
        for name, form in forms.items()
    }


def another_panel(mos):
    (panel,) = other_panels(mos, _column(SPREAD / math.sqrt(RATERS)), 1)
    return panel


def _column(value):
    return None if value is None else np.full(IMAGES, value)


def draw():
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.6), layout="constrained")
    preference, bell = figure.subplots(1, 2)
    gaps = np.linspace(0, 60, 61)
    for name, curve in preferences(gaps).items():
        preference.plot(gaps, curve, "k." if name == "simulated raters" else "-", markersize=3, label=name)
    preference.set(xlabel="gap between two MOS (points)", ylabel="share that prefers the better image")
    preference.legend(fontsize="small")
    errors = np.linspace(-50, 50, 201)
    widths = {"nothing": 0.0, "error of the MOS, 27 / sqrt(12)": SPREAD / RATERS**0.5, "spread of ratings, 27": SPREAD}
    for name, width in widths.items():
        columns = np.full(201, 50.0), np.full(201, width)
        bell.plot(errors, gaussian_score_reward(50 + errors, columns[0], target_stds=columns[1]), label=name)
    bell.set(xlabel="error of the answer (points)", ylabel="Gaussian score reward", ylim=(-0.05, 1.5))
    bell.legend(fontsize="small", title="bell widened by", loc="upper center")
    figure.savefig(PICTURE, dpi=110)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draw", action="store_true", help="draw docs/deviations.png too")
    print(f"how often the better of two images is preferred; ratings deviate by {SPREAD:g} points")
    print(f"{'gap (points)':<38}" + "".join(f"{gap:>8}" for gap in GAPS))
    for name, curve in preferences(GAPS).items():
        print(f"{name:<38}" + "".join(f"{value:>8.3f}" for value in curve))
    for title, table in (
        (f"mean gaussian_score_reward, {RATERS} raters an image; bell widened by", score_rewards()),
        ("mean thurstone_rank_reward", ranking_rewards()),
    ):
        kinds = list(next(iter(table.values())))
        print(f"\n{title}\n{'':<38}" + "".join(f"{kind:>13}" for kind in kinds))
        for name, row in table.items():
            print(f"{name:<38}" + "".join(f"{row[kind]:>13.2f}" for kind in kinds))
    if parser.parse_args().draw:
        draw()


if __name__ == "__main__":
    main()
