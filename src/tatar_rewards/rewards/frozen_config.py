"""What every config is: frozen, hashable, comparable, and helpful where a setting is misspelt."""

from collections.abc import Mapping
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, model_validator
from pydantic_core import PydanticCustomError

from tatar_rewards.wording import did_you_mean


class FrozenConfig(BaseModel):
    """A config that cannot be changed, and that names the nearest setting where one is unknown."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    @model_validator(mode="before")
    @classmethod
    def _name_the_nearest_setting(cls, settings: Any) -> Any:
        for name in settings if isinstance(settings, Mapping) else ():
            if name not in cls.model_fields:
                message = unknown_setting(str(name), list(cls.model_fields))
                raise PydanticCustomError("unknown_setting", "{message}", {"message": message})
        return settings

    def __deepcopy__(self, memo: Any = None) -> Self:
        """Itself: nothing in it changes, and a process group cannot be copied."""
        return self

    def __hash__(self) -> int:
        values = (tuple(value.items()) if isinstance(value, dict) else value for value in self.__dict__.values())
        return hash((type(self), *values))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.changed_settings()})"

    __str__ = __repr__

    def given_settings(self) -> dict[str, Any]:
        """The settings that were given, as keyword arguments for another one."""
        return {name: getattr(self, name) for name in self.model_fields_set}

    def changed_settings(self) -> str:
        """The settings that differ from their defaults, as keyword arguments."""
        changed = {
            name: getattr(self, name)
            for name, field in type(self).model_fields.items()
            if getattr(self, name) != field.default
        }
        return ", ".join(f"{name}={value!r}" for name, value in changed.items())


def unknown_setting(name: str, known: list[str]) -> str:
    """What to say of a keyword that does not exist."""
    return f"unknown setting {name!r}; {did_you_mean(name, known)}"
