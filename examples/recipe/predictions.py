"""The answers of the trained models: reading them back from disk, measuring them against the MOS."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from recipe.config import Recipe
from recipe.files import read_append_only_jsonl
from recipe.labels import Picture, picture_key
from recipe.stages import fingerprint_of_model, start_stage, trained_model_folder
from tatar_rewards import parse_answer
from tatar_rewards.evaluation import DatasetEvaluation, Evaluation, evaluate_predictions
from tatar_rewards.evaluation.compare import GREEDY, MEAN

Row = dict[str, Any]  # one line of a file of predictions: dataset, task, image_id, mos, completion (sample, raters)
AnswerKey = tuple[str, int | None]  # of the picture, and of the sample; None: the greedy answer
Floats = NDArray[np.float64]

ONE = "one sample"  # beside GREEDY and MEAN
MODEL_NAMES = {"sft": "after SFT", "grpo": "after GRPO"}  # by the stage that trained the model


class MeasuredModel(NamedTuple):
    """The predictions of a model, and how well they agree with the MOS."""

    rows: list[Row]  # greedy answers
    evaluation: Evaluation
    sampled: Sequence[Row] = ()  # several a picture, numbered by `sample`

    def rows_of(self, task: str, dataset: str) -> list[Row]:
        return [row for row in self.rows if (row["task"], row["dataset"]) == (task, dataset)]

    def means_of(self, task: str, dataset: str) -> list[Row]:
        """A row for each picture with sampled answers: the mean of those that can be read stands in `score`."""
        by_picture: dict[str, list[Row]] = {}
        for row in self.sampled:
            if (row["task"], row["dataset"]) == (task, dataset):
                by_picture.setdefault(row["image_id"], []).append(row)
        return [mean_row(rows) for rows in by_picture.values()]

    def evaluation_of(self, task: str, dataset: str) -> DatasetEvaluation | None:
        """None where the model has not answered about this data set."""
        found = (result for result in self.evaluation.datasets if (result.task, result.dataset) == (task, dataset))
        return next(found, None)


def prediction_files(recipe: Recipe, stage: str) -> list[Path]:
    return sorted((recipe.out / "predictions" / stage).glob("rank*.jsonl"))


def read_answers(recipe: Recipe, stage: str) -> dict[AnswerKey, Row]:
    """The answers that a model has given so far, by picture and sample; of several to one question the last."""
    rows = [row for path in prediction_files(recipe, stage) for row in read_append_only_jsonl(path)]
    return {(picture_key(row["task"], row["dataset"], row["image_id"]), row.get("sample")): row for row in rows}


def unanswered(recipe: Recipe, stage: str, pictures: Sequence[Picture]) -> list[tuple[Picture, int | None]]:
    """The pictures and samples (None: greedy) that the model has not been asked for, or whose file was another one."""
    answers = answers_about(recipe, stage, pictures)
    wanted = [None, *range(recipe.evaluation.samples)]
    return [(p, sample) for sample in wanted for p in pictures if (p.key, sample) not in answers]


def answers_about(recipe: Recipe, stage: str, pictures: Sequence[Picture]) -> dict[AnswerKey, Row]:
    """The answers so far that are about the pictures as they are today."""
    digests, sampling = {p.key: p.digest for p in pictures}, sampling_of(recipe)
    return {
        (key, sample): row
        for (key, sample), row in read_answers(recipe, stage).items()
        if key in digests and row.get("digest") == digests[key] and (sample is None or row.get("sampling") == sampling)
    }


def sampling_of(recipe: Recipe) -> dict[str, Any]:
    """How GRPO draws completions; what a model's own generation settings say does not count, as in the trainer."""
    neutral = {"temperature": 1.0, "top_p": 1.0, "top_k": 0, "min_p": None, "repetition_penalty": 1.0}
    return {name: recipe.grpo.args.get(name, value) for name, value in neutral.items()}


def read_predictions(recipe: Recipe, stage: str, pictures: Sequence[Picture]) -> list[Row]:
    """The whole answers about some pictures, set after set and by key; the MOS comes from the pictures' labels."""
    answers, opened = answers_about(recipe, stage, pictures), "<think>" if recipe.think_prefilled else ""
    sets = {name: number for number, name in enumerate(dict.fromkeys((p.task, p.dataset) for p in pictures))}
    rows = []
    for sample in [None, *range(recipe.evaluation.samples)]:
        for p in sorted(pictures, key=lambda p: (sets[p.task, p.dataset], p.image_id)):
            if (p.key, sample) in answers:
                said = answers[p.key, sample]["completion"]
                whole = said if said.lstrip().startswith("<think>") else opened + said
                labels = {name: getattr(p, name) for name in ("dataset", "task", "image_id", "mos")}
                number = {} if sample is None else {"sample": sample}
                rows.append({**labels, **known_of_raters(p), **number, "completion": whole})
    return rows


def known_of_raters(picture: Picture) -> dict[str, float]:
    """Of the people who judged a picture: the standard deviation of their judgements in points, and their number."""
    known = {"mos_std": picture.mos_std, "raters": picture.raters}
    return {name: value for name, value in known.items() if value is not None and not math.isnan(value)}


def measure_models(recipe: Recipe, pictures: Sequence[Picture]) -> dict[str, MeasuredModel]:
    """Each model that has answered, by its stage; exits where the answers are of another model or other settings."""
    measured = {}
    for stage in MODEL_NAMES:
        if not prediction_files(recipe, stage):
            continue
        start_stage(recipe, f"predictions/{stage}", model=fingerprint_of_model(trained_model_folder(recipe, stage)))
        if rows := read_predictions(recipe, stage, pictures):
            evaluation = evaluate_predictions(rows, n_resamples=recipe.evaluation.resamples)
            greedy, sampled = ([row for row in rows if ("sample" in row) == wanted] for wanted in (False, True))
            measured[stage] = MeasuredModel(greedy, evaluation, sampled)
    return measured


def scores_of(rows: Sequence[Row]) -> Floats:
    """The scores in points; NaN for an unreadable answer."""
    scores = [row["score"] if "score" in row else parse_answer(row["completion"]).score for row in rows]
    return np.array([math.nan if score is None else score for score in scores])


def mean_row(rows: Sequence[Row]) -> Row:
    """One row for the sampled answers to a picture, with their mean in `score` and their deviation in `spread`."""
    labels = {name: rows[0][name] for name in ("dataset", "task", "image_id", "mos")}
    scores = scores_of(rows)
    read = scores[~np.isnan(scores)]
    spread = float(read.std(ddof=1)) if len(read) > 1 else math.nan
    return {**labels, "score": float(read.mean()) if len(read) else None, "spread": spread}


def pair_rows(before: Sequence[Row], after: Sequence[Row]) -> tuple[list[Row], list[Row]]:
    """The rows of two models about the pictures of a data set that both were asked about, in one order."""
    earlier = {row["image_id"]: row for row in before}
    later = [row for row in after if row["image_id"] in earlier]
    return [earlier[row["image_id"]] for row in later], later


def answers_of(measured: Mapping[str, MeasuredModel], task: str, dataset: str) -> dict[str, dict[str, list[Row]]]:
    """The rows of each model by what they are: greedy answers, and the means of samples where all models have some.

    The last kind is the one to judge by.
    """
    kinds = {GREEDY: {stage: model.rows_of(task, dataset) for stage, model in measured.items()}}
    means = {stage: model.means_of(task, dataset) for stage, model in measured.items()}
    return kinds | {MEAN: means} if all(means.values()) else kinds


def datasets_of(measured: Mapping[str, MeasuredModel]) -> list[tuple[str, str]]:
    """Task and name of the data sets."""
    every = [(one.task, one.dataset) for model in measured.values() for one in model.evaluation.datasets]
    return list(dict.fromkeys(every))
