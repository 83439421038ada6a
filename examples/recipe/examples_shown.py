"""Pictures of a data set with the models' answers: before and after GRPO, the best, the worst, the unreadable."""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from recipe.label_scales import say_points, say_score
from recipe.labels import Picture, picture_key
from recipe.predictions import MODEL_NAMES, MeasuredModel, Row, pair_rows, scores_of
from recipe.thumbnails import Thumbnail, thumbnail
from tatar_rewards import AnswerStatus, ScoreScale, parse_answer

REASONS = {
    AnswerStatus.NO_ANSWER: "it holds no answer",
    AnswerStatus.SEVERAL_ANSWERS: "it holds several answers",
    AnswerStatus.UNCLOSED: "it ends inside a tag",
    AnswerStatus.UNOPENED: "it closes a tag that it did not open",
    AnswerStatus.ANSWER_IN_THINK: "its answer stands inside the thinking",
    AnswerStatus.SEVERAL_THINKS: "it thinks several times",
    AnswerStatus.TEXT_BEFORE_ANSWER: "words stand outside the thinking",
    AnswerStatus.TEXT_AFTER_ANSWER: "words follow the answer",
    AnswerStatus.NOT_A_NUMBER: "its answer is no number",
    AnswerStatus.OFF_SCALE: "its answer is off the scale",
}
EACH = 2  # pictures of a kind, before and after; of the other kinds one more

Attributes = Mapping[str, Mapping[str, float]]  # what is known of an image, by its name; only the tiny set has it


class ShownAnswer(NamedTuple):
    """What a model said about a picture."""

    model: str
    verdict: str  # its score and error, or why it cannot be read
    words: str


class Example(NamedTuple):
    """A picture, what people said about it, and what the models did."""

    picture: Thumbnail
    name: str
    mos: str
    note: str
    answers: list[ShownAnswer]


class ExampleGroup(NamedTuple):
    """Pictures of one kind."""

    title: str
    examples: list[Example]


class Shown(NamedTuple):
    """What showing an answer takes, besides the answer."""

    pictures: Mapping[str, Picture]  # by key
    attributes: Attributes
    scale: ScoreScale

    def example(self, rows: Mapping[str, Row], note: str = "") -> Example:
        """The answers to one picture, by the stage that trained the model."""
        row = next(iter(rows.values()))
        picture = self.pictures[picture_key(row["task"], row["dataset"], row["image_id"])]
        known = self.attributes.get(picture.image_id, {})
        truth = "in truth: " + ", ".join(f"{name} {value:.2f}" for name, value in known.items()) if known else ""
        direction = "" if self.scale.higher_is_better else "lower is better"
        return Example(
            thumbnail(picture.path),
            name_of(picture),
            f"MOS {say_score(row['mos'], self.scale)}",
            "; ".join(part for part in (direction, note, truth) if part),
            [self.answer(stage, row) for stage, row in rows.items()],
        )

    def answer(self, stage: str, row: Row) -> ShownAnswer:
        answer = parse_answer(row["completion"])
        if answer.score is None:
            reason = REASONS.get(answer.status, str(answer.status).replace("_", " "))
            return ShownAnswer(MODEL_NAMES[stage], f"not read: {reason}", row["completion"])
        said, error = say_score(answer.score, self.scale), say_points(abs(answer.score - row["mos"]))
        return ShownAnswer(MODEL_NAMES[stage], f"answer {said}, error {error}", answer.think)


def name_of(picture: Picture) -> str:
    """The name that the labels give it, and the name of its file where that is another one."""
    name, file = picture.image_id, picture.path.name
    return f"{picture.dataset}: {name}" + ("" if name.rpartition("/")[2] == file else f" ({file})")


# ---------------------------------------------------------------- best, worst, unreadable


def best_and_worst(model: MeasuredModel, stage: str, task: str, name: str, shown: Shown) -> list[ExampleGroup]:
    """The three answers of a data set with the smallest errors, the three with the largest, three unreadable ones."""
    rows = model.rows_of(task, name)
    errors = errors_of(rows)
    readable = sorted((k for k in range(len(rows)) if not math.isnan(errors[k])), key=errors.__getitem__)
    unreadable = [k for k in range(len(rows)) if math.isnan(errors[k])]
    several = EACH + 1
    chosen = {
        "Best": readable[:several],
        "Worst": readable[several:][: -several - 1 : -1],
        "Unreadable": unreadable[:several],
    }
    return [
        ExampleGroup(title, [shown.example({stage: rows[k]}) for k in numbers]) for title, numbers in chosen.items()
    ]


def errors_of(rows: Sequence[Row]) -> list[float]:
    """The distance of each answer to its MOS, in points; NaN where it cannot be read."""
    errors = np.abs(scores_of(rows) - np.array([row["mos"] for row in rows], float))
    return [float(error) for error in errors]


# ---------------------------------------------------------------- before and after


def before_and_after(measured: Mapping[str, MeasuredModel], task: str, name: str, shown: Shown) -> list[ExampleGroup]:
    """Where GRPO gained most, changed least and lost most, and what only one of the two models answered readably."""
    first, second = pair_rows(*(measured[stage].rows_of(task, name) for stage in ("sft", "grpo")))
    before, after = errors_of(first), errors_of(second)
    gains = [old - new for old, new in zip(before, after, strict=True)]
    known = sorted((k for k, gain in enumerate(gains) if not math.isnan(gain)), key=lambda k: -gains[k])
    best, worst = [k for k in known if gains[k] > 0][:EACH], [k for k in known if gains[k] < 0][: -EACH - 1 : -1]
    middle = sorted((k for k in known if k not in best + worst), key=lambda k: abs(gains[k]))[:EACH]
    read = [(not math.isnan(old), not math.isnan(new)) for old, new in zip(before, after, strict=True)]
    chosen = {
        "Greatest gain": best,
        "Least change": middle,
        "Greatest loss": worst,
        "Readable only after GRPO": [k for k, both in enumerate(read) if both == (False, True)][:EACH],
        "Readable only before GRPO": [k for k, both in enumerate(read) if both == (True, False)][:EACH],
    }
    return [
        ExampleGroup(title, [shown.example({"sft": first[k], "grpo": second[k]}, say_move(gains[k])) for k in numbers])
        for title, numbers in chosen.items()
        if numbers or not title.startswith("Readable")
    ]


def say_move(gain: float) -> str:
    """How much smaller or larger the error has become."""
    if math.isnan(gain):
        return ""
    if gain == 0:
        return "as far from the MOS as before"
    return f"{say_points(abs(gain))} {'closer to' if gain > 0 else 'farther from'} the MOS"
