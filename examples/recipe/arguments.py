"""The trainer's arguments: names, types and ranges are checked before a trainer is built, which takes any type."""

import dataclasses
import json
import math
from collections.abc import Mapping, Sequence
from enum import EnumType
from importlib.util import find_spec
from typing import Any, TypeVar, get_args, get_type_hints

from pydantic import TypeAdapter, ValidationError
from pydantic.errors import PydanticSchemaGenerationError, PydanticUserError

from recipe.argument_values import NEEDS, hint_of, known_texts
from tatar_rewards.wording import alike, did_you_mean, in_words, with_kind, without_place

Arguments = TypeVar("Arguments")
ALIKE = 0.8  # as much as a name that is meant for another: max_prompt_length is no max_completion_length
_NO_GPU = "this machine has no GPU with bfloat16; train on one that has, or on the CPU by bf16: false and use_cpu: true"
ON_ANY_MACHINE = {name: False for name in ("bf16", "fp16", "bf16_full_eval", "fp16_full_eval", "tf32")}


def build_arguments(
    kind: type[Arguments], stage: str, args: Mapping[str, Any], world_size: int | None = None, **fixed: Any
) -> Arguments:
    """An `SFTConfig` or `GRPOConfig`; exits where an argument has no such name or type, or fails its own check."""
    problems = find_problems(kind, stage, args)
    problems += [f"{stage}.args.{name}: the recipe sets it itself; take it out" for name in fixed.keys() & args.keys()]
    if not problems:
        try:
            return _planned(kind, world_size)(**fixed, **args)
        except (ValueError, ImportError) as error:
            no_gpu = "bf16/gpu" in str(error)  # as transformers says it, with a cure that trains on the CPU
            problems = [f"{stage}.args.bf16: {_NO_GPU}" if no_gpu else f"{stage}.args: {in_words(error)}"]
        except Exception as error:  # whatever a trainer says to its settings
            problems = [f"{stage}.args: {with_kind(error)}"]
    raise SystemExit("\n".join(problems))


def arguments_on_paper(kind: type[Arguments], stage: str, args: Mapping[str, Any], world_size: int) -> Arguments | None:
    """As the machine builds them that a recipe is for, whose precision this one may lack; None where they are wrong."""
    if find_problems(kind, stage, args):
        return None
    try:
        return _planned(kind, world_size)(**{**args, "output_dir": "unused", "use_cpu": True, **ON_ANY_MACHINE})
    except Exception:  # whatever a trainer says to its settings
        return None


def _planned(kind: type[Arguments], world_size: int | None) -> type[Arguments]:
    """The class as it is where so many processes run; None: those that do run."""
    if world_size is None:
        return kind
    return type(kind.__name__, (kind,), {"world_size": property(lambda _: world_size)})


def find_problems(kind: type[Any], stage: str, args: Mapping[str, Any]) -> list[str]:
    hints = get_type_hints(kind)
    fields = {field.name: field for field in dataclasses.fields(kind) if field.init}
    problems = []
    for name, value in args.items():
        if name not in fields:
            likely = alike(name, fields, ALIKE)
            cure = f"did you mean {likely}?" if likely else "take it out"
            problems.append(f"{stage}.args.{name}: {kind.__name__} has no such argument; {cure}")
        elif value and name in NEEDS and find_spec(NEEDS[name]) is None:
            problems.append(
                f"{stage}.args.{name} needs {NEEDS[name]}, which is not installed; install it, or set false"
            )
        elif problem := _problem_of(hint_of(name, hints[name]), known_texts(kind, fields[name]), value):
            problems.append(f"{stage}.args.{name}: {problem}")
    return problems


def _problem_of(hint: Any, texts: Sequence[str], value: Any) -> str | None:
    """What is wrong with a value: a trainer reckons with it as it is, so that a number in quotes is none."""
    enums: list[Any] = [part for part in get_args(hint) if isinstance(part, EnumType)]
    choices = [*texts, *(one.value for enum in enums for one in enum)]
    if choices and isinstance(value, str) and value not in choices:  # the type allows any text, the trainer does not
        return f"got {value!r:.60}; {did_you_mean(value, choices)}"
    if isinstance(value, float) and math.isnan(value):
        return "must be a number; got nan"
    try:
        TypeAdapter(hint).validate_python(value, strict=True)
    except ValidationError as error:
        said = dict.fromkeys(without_place(one) for one in error.errors())
        return f"{' or '.join(said)}; got {value!r:.60}{_as_it_should_be(hint, value)}"
    except (PydanticSchemaGenerationError, PydanticUserError):  # a type that pydantic does not know
        return None
    return None


def _as_it_should_be(hint: Any, value: Any) -> str:
    try:
        return f"; write {json.dumps(TypeAdapter(hint).validate_python(value))}"
    except (ValidationError, TypeError):
        return ""
