"""What every part of a configuration is: frozen, and helpful where a field is misspelt."""

from pydantic import ConfigDict

from tatar_rewards.rewards.frozen_config import FrozenConfig


class Section(FrozenConfig):
    """A part of a configuration, whose values are read as YAML writes them: a path is a text, a pair a list."""

    model_config = ConfigDict(strict=False)
