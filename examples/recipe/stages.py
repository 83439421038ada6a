"""What all stages use: their command line, append-only files, and the record that a stage is finished."""

import argparse
import json
import os
from hashlib import blake2b
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
    """Read a JSONL file to which a stage appends lines; cut off a last line that a killed stage did not finish."""
    if not path.exists():
        return []
    content = path.read_bytes()
    complete = content.rfind(b"\n") + 1
    if complete != len(content):
        os.truncate(path, complete)  # never rewritten: a second kill would lose what was paid for
    return [json.loads(line) for line in content[:complete].split(b"\n") if line]


# ---------------------------------------------------------------- the record of a stage

_SFT: dict[str, Any] = {
    "data": {"make", "sft", "iaa_share"},
    "model": True,
    "prompts": True,
    "seed": True,
    "sft": True,
}
_GRPO: dict[str, Any] = {**_SFT, "data": {"make", "sft", "grpo", "iaa_share"}, "grpo": True}
DEPENDS_ON: dict[str, dict[str, Any]] = {  # the settings on which the results of a stage depend
    "data": {"data": {"make"}, "seed": True},
    "model": {"data": {"make"}, "model": True, "seed": True},
    "sft": _SFT,
    "grpo": _GRPO,
    "predictions/sft": {**_SFT, "data": _SFT["data"] | {"test"}, "evaluation": {"max_new_tokens"}},
    "predictions/grpo": {**_GRPO, "data": _GRPO["data"] | {"test"}, "evaluation": {"max_new_tokens"}},
}


def start_stage(recipe: Recipe, stage: str, model: Path | None = None) -> None:
    """Record with which settings, and on which model, a stage starts; exits if it has started with others before."""
    folder = recipe.out / stage
    now = _settings_of(recipe, stage) | ({} if model is None else {"model_weights": fingerprint_of(model)})
    check_settings(folder, now)
    _write_record(folder / "started.json", now)


def is_finished(recipe: Recipe, stage: str) -> bool:
    """Whether a stage has finished; exits if it has started with other settings than these."""
    check_settings(recipe.out / stage, _settings_of(recipe, stage))
    return (recipe.out / stage / "finished.json").exists()


def mark_finished(recipe: Recipe, stage: str) -> None:
    """Record that a stage has finished. A stage calls this last: a killed stage runs again."""
    _write_record(recipe.out / stage / "finished.json", {"stage": stage})


def check_settings(folder: Path, now: dict[str, Any]) -> None:
    """Exits if what stands in the folder was begun with other settings; names them and the two ways out."""
    record = folder / "started.json"
    if not record.exists():
        return
    then, new = _flatten(json.loads(record.read_text())), _flatten(now)
    if "model_weights" not in new:
        then.pop("model_weights", None)
    changed = [
        f"{name}: {then.get(name)!r} then, {new.get(name)!r} now"
        for name in sorted({*then, *new})
        if then.get(name) != new.get(name)
    ]
    if changed:
        listed = "\n  ".join(changed[:8])
        raise SystemExit(
            f"{folder} was made with other settings:\n  {listed}\ntake another out=, or delete that folder"
        )


def fingerprint_of(model: Path) -> str:
    """Of the weights in a folder: names, sizes, and the first and last megabyte of each file."""
    digest = blake2b(digest_size=8)
    for path in sorted(path for path in model.iterdir() if path.suffix in (".safetensors", ".bin")):
        size = path.stat().st_size
        with path.open("rb") as file:
            head = file.read(1 << 20)
            file.seek(max(0, size - (1 << 20)))
            digest.update(f"{path.name} {size}".encode() + head + file.read())
    return digest.hexdigest()


def _write_record(path: Path, settings: dict[str, Any]) -> None:
    """Whole or not at all, whatever kills it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(f".part{os.getpid()}")
    unfinished.write_text(json.dumps(settings, indent=2))
    os.replace(unfinished, path)


def _settings_of(recipe: Recipe, stage: str) -> dict[str, Any]:
    """The settings on which a stage depends; paths in the folder of the run begin with `{out}`, so it can be moved."""
    settings = recipe.model_dump_json(include=DEPENDS_ON[stage])
    loaded: dict[str, Any] = json.loads(settings.replace(json.dumps(f"{recipe.out}/")[:-1], '"{out}/'))
    return loaded


def _flatten(value: Any, name: str = "") -> dict[str, Any]:
    """Nested settings as one dictionary whose keys are dotted names."""
    if not isinstance(value, dict | list):
        return {name: value}
    items = value.items() if isinstance(value, dict) else enumerate(value)
    return {k: v for key, item in items for k, v in _flatten(item, f"{name}.{key}".lstrip(".")).items()}
