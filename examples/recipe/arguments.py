"""The trainer's arguments: names and types are checked before a trainer is built, which takes any type."""

import dataclasses
import difflib
from collections.abc import Mapping
from typing import Any, TypeVar, get_type_hints

from pydantic import TypeAdapter, ValidationError
from pydantic.errors import PydanticSchemaGenerationError, PydanticUserError

from tatar_rewards.wording import without_place

Arguments = TypeVar("Arguments")


def build_arguments(
    kind: type[Arguments], stage: str, args: Mapping[str, Any], world_size: int | None = None, **fixed: Any
) -> Arguments:
    """An `SFTConfig` or `GRPOConfig`; exits where an argument has no such name or type, or fails its own check."""
    problems = find_problems(kind, stage, args)
    problems += [f"{stage}.args.{name}: the recipe sets it itself; take it out" for name in fixed.keys() & args.keys()]
    if not problems:
        try:
            return _planned(kind, world_size)(**fixed, **args)
        except (ValueError, TypeError, ImportError) as error:
            problems = [f"{stage}.args: {error}"]
    raise SystemExit("\n".join(problems))


def _planned(kind: type[Arguments], world_size: int | None) -> type[Arguments]:
    """The class as it is where so many processes run; None: those that do run."""
    if world_size is None:
        return kind
    return type(kind.__name__, (kind,), {"world_size": property(lambda _: world_size)})


def find_problems(kind: type[Any], stage: str, args: Mapping[str, Any]) -> list[str]:
    hints = get_type_hints(kind)
    fields = {field.name: hints[field.name] for field in dataclasses.fields(kind) if field.init}
    return [problem for name, value in args.items() for problem in _check(name, value, fields, kind, stage)]


def _check(name: str, value: Any, fields: Mapping[str, Any], kind: type[Any], stage: str) -> list[str]:
    if name not in fields:
        nearest = difflib.get_close_matches(name, fields, n=1)
        cure = f"; did you mean {nearest[0]!r}?" if nearest else ""
        return [f"{stage}.args.{name}: {kind.__name__} has no such argument{cure}"]
    try:
        TypeAdapter(fields[name]).validate_python(value)
    except ValidationError as error:
        return [f"{stage}.args.{name}: {without_place(error.errors()[0])}; got {value!r:.60}"]
    except (PydanticSchemaGenerationError, PydanticUserError):  # a type that pydantic does not know
        return []
    return []
