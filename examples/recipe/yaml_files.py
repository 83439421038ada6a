"""A configuration from a YAML file as people write it: numbers and truth as YAML 1.2 has them."""

import re
from pathlib import Path
from typing import Any, ClassVar

import yaml
from pydantic import ValidationError

from recipe.config import Recipe
from tatar_rewards.wording import problem_in_words


class _Loader(yaml.SafeLoader):  # type: ignore[misc]  # yaml is not typed here
    """Numbers and truth as YAML 1.2 has them: PyYAML, of 1.1, reads 1e-5 as a text and `save_strategy: no` as False."""

    yaml_implicit_resolvers: ClassVar = {
        first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith(":bool")]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"^[-+]?\d+(\.\d*)?[eE][-+]?\d+$"), list("-+0123456789")
)


_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"^(true|false)$", re.IGNORECASE), list("tTfF"))


def read_yaml(text: str) -> Any:
    return yaml.load(text, Loader=_Loader)


def load_recipe(path: Path, changes: list[str] | None = None) -> Recipe:
    """Read a YAML file and apply changes such as `sft.args.max_steps=10`; `{out}` stands for the folder of the run."""
    if not path.is_file():
        raise SystemExit(f"config {path} does not exist; see examples/configs")
    try:
        settings = read_yaml(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise SystemExit(f"{path} is no YAML: {error}") from None
    if not isinstance(settings, dict):
        raise SystemExit(f"{path} must hold a mapping of settings; got {settings!r:.60}")
    for change in changes or []:
        _set_field(settings, change)
    try:
        return Recipe.model_validate(_replace_out(settings, str(Path(str(settings.get("out"))))))
    except ValidationError as error:
        lines = [f"  {_problem(one)}" for one in error.errors()]
        raise SystemExit("\n".join([f"{path} is not a recipe:", *lines])) from None


def _problem(error: Any) -> str:
    """One problem of a configuration, at the field as `--set` names it."""
    place = ".".join(map(str, error["loc"]))
    if error["type"] == "unknown_setting" and place:  # it names the field, and the value is the whole section
        return f"{place}: {error['msg']}"
    return problem_in_words(error)


def _set_field(settings: dict[str, Any], change: str) -> None:
    """Set one field; make the sections on the way to it that do not exist."""
    name, equals, value = change.partition("=")
    if not equals:
        raise SystemExit(f"--set takes name=value, for example sft.args.max_steps=10; got {change!r}")
    *sections, field = name.split(".")
    section: Any = settings
    try:
        for part in sections:
            section = section[int(part)] if isinstance(section, list) else section.setdefault(part, {})
        section[int(field) if isinstance(section, list) else field] = read_yaml(value)
    except yaml.YAMLError as error:
        raise SystemExit(f"--set {name}: {value!r} is no YAML ({error}); quote it") from None
    except (ValueError, IndexError, TypeError, AttributeError):
        raise SystemExit(f"--set {name}: the config has no such section, or it holds a single value") from None


def _replace_out(value: Any, out: str) -> Any:
    """The value with `{out}` replaced by the folder of the run, in all its strings."""
    if isinstance(value, dict):
        return {name: _replace_out(item, out) for name, item in value.items()}
    if isinstance(value, list):
        return [_replace_out(item, out) for item in value]
    return value.replace("{out}", out) if isinstance(value, str) else value
