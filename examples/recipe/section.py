"""What every part of a configuration is: frozen, and helpful where a field is misspelt; and pairs that stand in it."""

from typing import Annotated

from pydantic import AfterValidator, ConfigDict

from tatar_rewards import ScoreScale
from tatar_rewards.rewards.frozen_config import FrozenConfig


class Section(FrozenConfig):
    """A part of a configuration, whose values are read as YAML writes them: a path is a text, a pair a list."""

    model_config = ConfigDict(strict=False)


def check_ends(ends: tuple[float, float]) -> tuple[float, float]:
    ScoreScale(*ends)
    return ends


def check_order(words: tuple[int, int]) -> tuple[int, int]:
    if not 1 <= words[0] <= words[1]:
        raise ValueError("must be the fewest words and the most, such as [30, 50]")
    return words


Ends = Annotated[tuple[float, float], AfterValidator(check_ends)]
Words = Annotated[tuple[int, int], AfterValidator(check_order)]
