"""What all stages use: their command line, the lock of a run, and the record of what a stage was begun with.

A stage is a record: the settings on which its results depend, and fingerprints of what it reads. It is written when
the stage starts and compared at every start. What has changed is refused, and named.
"""

import argparse
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path
from typing import Any

from recipe.config import TINY_CONFIG, Recipe
from recipe.files import locked, write_whole
from recipe.yaml_files import load_recipe


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


@contextmanager
def run_lock(recipe: Recipe, *, is_main_process: bool = True) -> Iterator[None]:
    """One stage at a time in the folder of a run; of a stage on many processes the main one holds the lock."""
    if not is_main_process:
        yield
        return
    with locked(recipe.out / "run.lock"):
        yield


# ---------------------------------------------------------------- the record of a stage

MEGABYTE = 1 << 20

# How a run shows itself, and what it keeps, changes nothing in what it trains.
SHOWS = {"report_to", "run_name", "disable_tqdm", "log_level", "log_completions", "num_completions_to_print"}
SHOWS |= {"logging_steps", "logging_strategy", "logging_dir", "logging_first_step", "trackio_space_id"}
SHOWS |= {"log_level_replica", "logging_nan_inf_filter", "project", "dataloader_persistent_workers", "save_only_model"}
SHOWS |= {"save_steps", "save_strategy", "save_total_limit", "dataloader_num_workers", "dataloader_pin_memory"}
_TRAINED = {"model": {"path", "dtype", "max_pixels", "frozen", "lora"}, "prompts": True, "seed": True}
_ANSWERS = {"model": {"dtype", "max_pixels"}, "prompts": True, "evaluation": {"max_new_tokens"}}
_WRITER = {"model", "temperature", "max_tokens", "extra_body"}
DEPENDS_ON: dict[str, dict[str, Any]] = {  # the settings on which the results of a stage depend
    "data": {"data": {"make"}, "seed": True},
    "model": {"data": {"make"}, "model": {"path", "make"}, "seed": True},
    "rationales": {
        "rationales": {"iqa": _WRITER, "iaa": _WRITER, "judge": _WRITER, "iqa_words": True, "iaa_words": True}
    },
    "sft": {**_TRAINED, "data": {"iaa_share"}, "sft": True},
    "grpo": {**_TRAINED, "data": {"iaa_share"}, "grpo": {"args", "rewards", "reward_funcs"}, "think_prefilled": True},
    "predictions/sft": _ANSWERS,
    "predictions/grpo": _ANSWERS,
}


def check_stage(recipe: Recipe, stage: str, **fingerprints: str) -> None:
    """Exits if a stage has started on something else before; records nothing yet."""
    check_record(stage_folder(recipe, stage), settings_of(recipe, stage) | {"fingerprints": fingerprints})


def start_stage(recipe: Recipe, stage: str, **fingerprints: str) -> None:
    """Record with which settings, and on what, a stage starts; exits if it has started on something else before.

    A stage calls it when nothing but its work is left: a start that fails before leaves no record.

    Args:
        recipe: Its settings.
        stage: Its name, which is its folder in the folder of the run.
        **fingerprints: Of what it reads: its pictures, its rationales, the model that it starts from.
    """
    folder = stage_folder(recipe, stage)
    now = settings_of(recipe, stage) | {"fingerprints": fingerprints}
    check_record(folder, now)
    if not (folder / "started.json").exists():
        write_whole(folder / "started.json", json.dumps(now, indent=2))


def is_finished(recipe: Recipe, stage: str) -> bool:
    """Whether a stage has finished; exits if it has started with other settings than these."""
    folder = stage_folder(recipe, stage)
    check_record(folder, settings_of(recipe, stage))
    return (folder / "finished.json").exists()


def mark_finished(recipe: Recipe, stage: str) -> None:
    """Record that a stage has finished. A stage calls this last: a killed stage runs again."""
    write_whole(stage_folder(recipe, stage) / "finished.json", json.dumps({"stage": stage}))


def stage_folder(recipe: Recipe, stage: str) -> Path:
    """The folder of a stage. Rationales may serve several runs, so their record stands beside their file."""
    if stage == "rationales" and recipe.rationales is not None:
        file = recipe.rationales.file
        return file.with_name(f"{file.name}.record")
    return recipe.out / stage


def trained_model_folder(recipe: Recipe, stage: str) -> Path:
    return recipe.out / stage / "model"


def check_record(folder: Path, now: dict[str, Any]) -> None:
    """Exits if what stands in the folder was begun on something else; names that and the two ways out.

    Fingerprints that are not given are not compared: they cost something, and a stage that reads the results of this
    one reads nothing of what went into it.
    """
    record = folder / "started.json"
    if not record.exists():
        return
    then, new = json.loads(record.read_text()), _flatten(now)
    if "fingerprints" not in now:
        then.pop("fingerprints", None)
    then = _flatten(then)
    changed = [
        f"{name}: {then.get(name)!r} then, {new.get(name)!r} now"
        for name in sorted({*then, *new})
        if then.get(name) != new.get(name)
    ]
    if changed:
        listed = "\n  ".join(changed[:8])
        other = "another rationales.file=" if folder.suffix == ".record" else "another out="
        raise SystemExit(f"{folder} was made with other settings:\n  {listed}\ntake {other}, or delete that folder")


def fingerprint_of_model(path: str | Path) -> str:
    """Of the files in a folder: names, sizes, contents (of large ones a megabyte in sixteen). Else the name itself."""
    if not Path(path).is_dir():
        return str(path)
    digest = blake2b(digest_size=8)
    for file_path in sorted(p for p in Path(path).iterdir() if p.is_file() and p.suffix not in (".md", ".lock")):
        size = file_path.stat().st_size
        stride = MEGABYTE if size <= 256 * MEGABYTE else 16 * MEGABYTE
        digest.update(f"{file_path.name} {size}".encode())
        with file_path.open("rb") as file:
            for start in [*range(0, size, stride), max(0, size - MEGABYTE)]:
                file.seek(start)
                digest.update(file.read(MEGABYTE))
    return digest.hexdigest()


def settings_of(recipe: Recipe, stage: str) -> dict[str, Any]:
    """The settings on which a stage depends; paths in the folder of the run begin with `{out}`, so it can be moved."""
    settings = recipe.model_dump_json(include=DEPENDS_ON[stage])
    out = json.dumps(f"{recipe.out}/", ensure_ascii=False)[:-1]
    loaded: dict[str, Any] = json.loads(settings.replace(out, '"{out}/'))
    if "path" in loaded.get("model", {}):
        loaded["model"]["path"] = os.path.normpath(loaded["model"]["path"])
    args = (loaded.get(stage) or {}).get("args", {})
    for name in SHOWS & args.keys():
        del args[name]
    return loaded


def _flatten(value: Any, name: str = "") -> dict[str, Any]:
    """Nested settings as one dictionary whose keys are dotted names."""
    if not isinstance(value, dict | list):
        return {name: value}
    items = value.items() if isinstance(value, dict) else enumerate(value)
    return {k: v for key, item in items for k, v in _flatten(item, f"{name}.{key}".lstrip(".")).items()}
