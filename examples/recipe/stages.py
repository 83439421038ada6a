"""What all stages use: their command line, append-only files, and the record that a stage is finished."""

import argparse
import json
import os
from pathlib import Path
from typing import Any

from recipe.config import TINY_CONFIG, Recipe, load_recipe


def parse_command_line(description: str, *flags: tuple[str, dict[str, Any]]) -> tuple[Recipe, argparse.Namespace]:
    """Read --config, --set, --out and --seed, which every stage has, and the flags that one stage adds."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument(
        "--config", type=Path, default=TINY_CONFIG, help="YAML file of the recipe (default: the tiny one)"
    )
    parser.add_argument("--set", nargs="+", default=[], metavar="NAME=VALUE", help="change fields of it")
    parser.add_argument("--out", help="short for --set out=")
    parser.add_argument("--seed", help="short for --set seed=")
    for name, options in flags:
        parser.add_argument(name, **options)
    args = parser.parse_args()
    args.set += [f"{name}={getattr(args, name)}" for name in ("out", "seed") if getattr(args, name) is not None]
    return load_recipe(args.config, args.set), args


def read_append_only_jsonl(path: Path) -> list[Any]:
    """Read a JSONL file to which a stage appends lines; remove a last line that a killed stage did not finish."""
    if not path.exists():
        return []
    content = path.read_bytes()
    complete_lines = content[: content.rfind(b"\n") + 1]
    if complete_lines != content:
        path.write_bytes(complete_lines)
    return [json.loads(line) for line in complete_lines.decode().splitlines()]


# ---------------------------------------------------------------- finished stages

_SFT: dict[str, Any] = {
    "data": {"make", "sft", "iaa_share"},
    "model": True,
    "prompts": True,
    "seed": True,
    "sft": True,
}
DEPENDS_ON: dict[str, dict[str, Any]] = {  # the settings on which the results of a stage depend
    "data": {"data": {"make"}, "seed": True},
    "model": {"data": {"make"}, "model": True, "seed": True},
    "sft": _SFT,
    "grpo": {**_SFT, "data": {"make", "sft", "grpo", "iaa_share"}, "grpo": True},
}


def is_finished(recipe: Recipe, stage: str) -> bool:
    """Whether a stage has finished with these settings; exits if it has finished with other settings."""
    record = recipe.out / stage / "finished.json"
    if not record.exists():
        return False
    then, now = _flatten(json.loads(record.read_text())), _flatten(_settings_of(recipe, stage))
    changed = [
        f"{name}: {then.get(name)!r} then, {now.get(name)!r} now"
        for name in sorted({*then, *now})
        if then.get(name) != now.get(name)
    ]
    if changed:
        listed = "\n  ".join(changed[:8])
        raise SystemExit(
            f"{record.parent} was made with other settings:\n  {listed}\ntake another out=, or delete that folder"
        )
    return True


def mark_finished(recipe: Recipe, stage: str) -> None:
    """Record that a stage has finished, and with which settings. A stage calls this last: a killed stage runs again."""
    folder = recipe.out / stage
    folder.mkdir(parents=True, exist_ok=True)
    unfinished = folder / "finished.part"
    unfinished.write_text(json.dumps(_settings_of(recipe, stage), indent=2))
    os.replace(unfinished, folder / "finished.json")


def _settings_of(recipe: Recipe, stage: str) -> Any:
    """The settings on which a stage depends; paths in the folder of the run begin with `{out}`, so it can be moved."""
    settings = recipe.model_dump_json(include=DEPENDS_ON[stage])
    return json.loads(settings.replace(json.dumps(f"{recipe.out}/")[:-1], '"{out}/'))


def _flatten(value: Any, name: str = "") -> dict[str, Any]:
    """Nested settings as one dictionary whose keys are dotted names."""
    if not isinstance(value, dict | list):
        return {name: value}
    items = value.items() if isinstance(value, dict) else enumerate(value)
    return {k: v for key, item in items for k, v in _flatten(item, f"{name}.{key}".lstrip(".")).items()}
