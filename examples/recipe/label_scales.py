"""Scores as a reader of the labels knows them: on the scale that the configuration declares, beside points."""

import math

from recipe.config import Recipe
from tatar_rewards import ScoreScale

INTERVAL = "95\N{NO-BREAK SPACE}% interval"
MISSING = "-"  # in the place of a figure that does not exist


def scales_of(recipe: Recipe) -> dict[tuple[str, str], ScoreScale]:
    """The declared scales of the test sets, by task and name."""
    return {(spec.task, spec.name): spec.score_scale for spec in recipe.data.test}


def is_points(scale: ScoreScale) -> bool:
    """Whether its scores are points as they stand."""
    return (scale.low, scale.high, scale.higher_is_better) == (0, 100, True)


def say_scale(scale: ScoreScale) -> str:
    """Its ends, and which of them is the best."""
    return f"{scale.low:g} to {scale.high:g}, where {'higher' if scale.higher_is_better else 'lower'} is better"


def say_points(points: float) -> str:
    rounded = round(points, 1) + 0  # + 0: no minus zero
    return f"{rounded:g} point{'' if rounded == 1 else 's'}"


def say_score(points: float, scale: ScoreScale) -> str:
    """A score on its own scale with the points in brackets, such as "4.2 (80 points)"."""
    if is_points(scale):
        return say_points(points)
    return f"{number_on(scale.from_points(points), scale)} ({say_points(points)})"


def number_on(value: float, scale: ScoreScale) -> str:
    """A number of a scale, rounded to about a hundredth of it."""
    digits = max(0, 2 - math.floor(math.log10(scale.high - scale.low)))
    text = f"{value:.{digits}f}"
    return text.rstrip("0").rstrip(".") if digits else text


def error_on(error: float, scale: ScoreScale) -> float:
    """An error in points, in the units of a scale."""
    return error * (scale.high - scale.low) / 100


def figure(value: float, digits: int, sign: str = "") -> str:
    return MISSING if math.isnan(value) else f"{value:{sign}.{digits}f}"


def interval(low: float, high: float, sign: str = "") -> str:
    return MISSING if math.isnan(low) else f"{low:{sign}.3f} to {high:{sign}.3f}"
