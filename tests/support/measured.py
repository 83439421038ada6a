"""Models measured on made-up answers, without a file."""

import numpy as np

from recipe.config import Recipe
from recipe.predictions import MeasuredModel
from support.made_up_run import answer
from tatar_rewards.evaluation import evaluate_predictions

MOS = np.linspace(2, 98, 40)


def recipe_with(sets, resamples=200, samples=0):
    """Settings with these test sets; no file is read."""
    test = [{"name": n, "task": t, "labels": "l.json", "images": "i", "scale": (0, 100)} for t, n in sets]
    needed = {"out": "out", "data": {"grpo": [], "test": test}, "model": {"path": "m"}, "grpo": {}}
    return Recipe.model_validate({**needed, "evaluation": {"resamples": resamples, "samples": samples}})


def rows_of(scores, name="set", task="iqa", mos=MOS):
    """A row for each score; a text stands as it is."""
    said = [score if isinstance(score, str) else answer(score) for score in scores]
    labels = {"dataset": name, "task": task}
    return [
        {**labels, "image_id": f"{k}", "mos": float(m), "completion": c}
        for k, (m, c) in enumerate(zip(mos, said, strict=True))
    ]


def measure(**rows):
    return {stage: MeasuredModel(one, evaluate_predictions(one, n_resamples=20)) for stage, one in rows.items()}


def sampled(noise, count, seed=0, name="set", task="iqa"):
    """Rows of sampled answers with so much noise each."""
    rows = [rows_of(noisy(noise, seed + k), name, task) for k in range(count)]
    return [{**row, "sample": k} for k, some in enumerate(rows) for row in some]


def measure_sampled(**rows):
    """Each model by its greedy and its sampled rows."""
    return {
        stage: MeasuredModel(greedy, evaluate_predictions([*greedy, *drawn], n_resamples=20), drawn)
        for stage, (greedy, drawn) in rows.items()
    }


def noisy(noise, seed=0, mos=MOS):
    return np.clip(mos + noise * np.random.default_rng(seed).normal(size=len(mos)), 0, 100)
