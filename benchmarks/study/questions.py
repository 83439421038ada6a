"""The questions of docs/study.md: which rewards answer each, and their table."""

import numpy as np
from contestants import RECOMMENDED, REMEMBERING
from results import Runs, behind_best, is_level, mean_and_error, regimes_of, table, values
from two_digits import BASELINES, MORE_LABELS, ORACLE, START

OURS = "TATAR, ours, aesthetics: Thurstone matched 14.5"
BELL = "TATAR, quality: Gaussian 8.75"
QUESTIONS: dict[str, list[str]] = {
    "What has been published": [
        BELL,
        "TATAR, paper, aesthetics: Thurstone",
        "TATAR, released, aesthetics",
        OURS,
        "VisualQuality-R1: fidelity",
        "Q-Insight: threshold 8.75",
        "MR-IQA: margin 25",
        "Q-Hawkeye: Laplace 7.5",
        "IE-Critic-R1: linear 25",
        RECOMMENDED,
    ],
    "How wide should a bell be, and of which shape?": [
        BELL,
        "Gaussian 20",
        "Gaussian 40",
        "Q-Hawkeye: Laplace 7.5",
        "IE-Critic-R1: linear 25",
        "linear 100",
        "squared 100",
        "Huber 20",
        "CRPS",
    ],
    "What does ranking buy?": ["Gaussian 20", "linear 100", OURS, "margin 40", "win rate", RECOMMENDED],
    "Which dispersion and temperature?": [
        "matched 8",
        OURS,
        "matched 29",
        "observer 14.5",
        "observer 29",
        "observer 50",
        "fidelity, observer 29",
        "pairwise 14.5",
        "margin 40",
        "TATAR, paper, aesthetics: Thurstone",
    ],
    "Order and score together": [
        "win rate",
        "win rate + CRPS",
        "win rate + linear 100",
        "win rate + margin 40",
        "margin 40",
        "margin 40 + 0.3 CRPS",
        "margin 40 + CRPS",
        RECOMMENDED,
        "observer 29 + win rate + 0.3 CRPS",
    ],
    "What else could be done with the labels?": [START, MORE_LABELS, ORACLE, BELL, RECOMMENDED],
    "Does dividing by the deviation of a group matter?": [
        BELL,
        "Gaussian 20",
        "linear 100",
        OURS,
        "margin 40",
        "win rate",
        RECOMMENDED,
    ],
    "How many images a call, and does memory make up for few?": [BELL, OURS, "margin 40", RECOMMENDED, *REMEMBERING],
}


ONLY = {  # the regimes that a question is about
    "How many images a call, and does memory make up for few?": ("clean", "two images a call", "1,500 steps"),
    "Does dividing by the deviation of a group matter?": (
        "clean",
        "clean, not divided",
        "three data sets, offsets of 20",
        "offsets, not divided",
    ),
}


def answer(runs: Runs, question: str) -> str:
    """Change of SRCC of the mean of 8 samples over the supervised start, and RMSE, by regime."""
    known = regimes_of(runs)
    regimes = [regime for regime in ONLY.get(question, known) if regime in known]
    rows = [[name, *(cell(runs, regime, name) for regime in regimes)] for name in QUESTIONS[question]]
    return table(["change of SRCC / RMSE", *regimes], rows)


def cell(runs: Runs, regime: str, name: str) -> str:
    if (regime, name) not in runs:
        return ""
    srcc, rmse = values(runs, regime, name, "mean SRCC"), np.mean(values(runs, regime, name, "mean RMSE"))
    if name == START:
        return f"{srcc.mean():.3f} / {rmse:.1f}"
    gain, _ = mean_and_error(srcc - values(runs, regime, START, "mean SRCC"))
    shown = f"{gain:+.3f}"
    if name not in BASELINES and is_level(*behind_best(runs, regime, name)):
        shown = f"**{shown}**"
    return f"{shown} / {rmse:.1f}"
