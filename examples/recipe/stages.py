"""What the stages share: their command line, the files to which they append, and the record that one is finished."""

import argparse
import json
import os
from pathlib import Path
from typing import Any

from recipe.config import TINY, Recipe, load_recipe


def parse_recipe(description: str, *flags: tuple[str, dict[str, Any]]) -> tuple[Recipe, argparse.Namespace]:
    """The command line that every stage has: --config and --set, and flags of its own."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--config", type=Path, default=TINY, help="YAML file of the recipe (default: the tiny one)")
    parser.add_argument("--set", nargs="+", default=[], metavar="NAME=VALUE", help="change fields of it")
    parser.add_argument("--out", help="short for --set out=")
    parser.add_argument("--seed", help="short for --set seed=")
    for name, options in flags:
        parser.add_argument(name, **options)
    args = parser.parse_args()
    args.set += [f"{name}={getattr(args, name)}" for name in ("out", "seed") if getattr(args, name) is not None]
    return load_recipe(args.config, args.set), args


def read_grown(path: Path) -> list[Any]:
    """The lines of a JSONL file that a stage appends to; one that a kill cut off is taken off the file."""
    if not path.exists():
        return []
    content = path.read_bytes()
    whole = content[: content.rfind(b"\n") + 1]
    if whole != content:
        path.write_bytes(whole)
    return [json.loads(line) for line in whole.decode().splitlines()]


_SFT = {"data": {"make", "sft", "iaa_share"}, "model": True, "prompts": True, "seed": True, "sft": True}
DEPENDS_ON: dict[str, dict[str, Any]] = {
    "data": {"data": {"make"}, "seed": True},
    "model": {"data": {"make"}, "model": True, "seed": True},
    "sft": _SFT,
    "grpo": {**_SFT, "data": {"make", "sft", "grpo", "iaa_share"}, "grpo": True},
}


def is_finished(recipe: Recipe, stage: str) -> bool:
    """Whether a stage has been done with these settings; exits where it was done with others."""
    record = recipe.out / stage / "finished.json"
    if not record.exists():
        return False
    then, now = _flat(json.loads(record.read_text())), _flat(_settings_of(recipe, stage))
    changed = [
        f"{k}: {then.get(k)!r} then, {now.get(k)!r} now" for k in sorted({*then, *now}) if then.get(k) != now.get(k)
    ]
    if changed:
        listed = "\n  ".join(changed[:8])
        raise SystemExit(
            f"{record.parent} was made with other settings:\n  {listed}\ntake another out=, or delete that folder"
        )
    return True


def finish(recipe: Recipe, stage: str) -> None:
    """Note that a stage is done; the last thing it does, so that what a kill leaves behind is done again."""
    folder = recipe.out / stage
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / "finished.part"
    part.write_text(json.dumps(_settings_of(recipe, stage), indent=2))
    os.replace(part, folder / "finished.json")


def _settings_of(recipe: Recipe, stage: str) -> dict[str, Any]:
    settings = recipe.model_dump_json(include=DEPENDS_ON[stage])
    return json.loads(settings.replace(json.dumps(f"{recipe.out}/")[:-1], '"{out}/'))  # a folder may be moved


def _flat(value: Any, name: str = "") -> dict[str, Any]:
    if not isinstance(value, dict | list):
        return {name: value}
    items = value.items() if isinstance(value, dict) else enumerate(value)
    return {k: v for key, one in items for k, v in _flat(one, f"{name}.{key}".lstrip(".")).items()}
