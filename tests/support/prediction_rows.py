"""Rows of predictions, and their evaluation where they are one data set."""

from tatar_rewards.evaluation import evaluate_predictions


def row(k, mos, said, **more):
    completion = "none" if said is None else f"<answer>{said}</answer>"
    return {"dataset": "mine", "task": "iqa", "image_id": k, "mos": mos, "completion": completion, **more}


def evaluated(rows, **how):
    (one,) = evaluate_predictions(rows, **{"n_resamples": 0, **how}).datasets
    return one
