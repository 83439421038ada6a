"""Labelled pictures from disk, as Hugging Face data sets whose pictures are decoded only when they are needed.

A set is a label file and a folder of pictures, as the benchmarks are published: a JSON list of {"image", "gt_score"},
JSONL, or CSV with a header. The scale of the labels is declared; a label off it is an error with its row. Every picture
is decoded once before a run (the results are kept, so the next start is quick): one that is missing or broken stops the
run, or is dropped and counted where `on_broken: drop` says so. None is ever replaced by another.
"""

import csv
import hashlib
import json
import random
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

from datasets import Dataset, Image, List
from PIL import Image as PIL
from tqdm import tqdm

from recipe.config import PictureSet, Recipe
from recipe.stages import read_grown


class Picture(NamedTuple):
    """One labelled picture; MOS and deviation in points on 0-100."""

    path: Path
    image_id: str
    dataset: str
    task: str
    mos: float
    mos_std: float | None
    digest: str | None = None  # of its content, once it has been decoded

    @property
    def key(self) -> str:
        return f"{self.dataset}/{self.image_id}"


def read_labels(path: Path) -> list[dict[str, Any]]:
    """The rows of a label file."""
    if not path.exists():
        raise SystemExit(f"label file {path} does not exist; mend its path in the config")
    text = path.read_text(encoding="utf-8-sig")
    if path.suffix == ".csv":
        return list(csv.DictReader(text.splitlines()))
    if path.suffix not in (".json", ".jsonl"):
        raise SystemExit(f"labels must be .json, .jsonl or .csv; got {path}")
    try:
        rows = json.loads(text) if path.suffix == ".json" else [json.loads(line) for line in text.splitlines() if line]
    except json.JSONDecodeError as error:
        raise SystemExit(f"{path} is no {path.suffix[1:]}: {error}") from None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise SystemExit(f"{path} must hold a list of objects, one a picture")
    return rows


def read_pictures(spec: PictureSet) -> list[Picture]:
    """The labelled pictures of a set, in the order of its file; nothing is opened yet."""
    rows = read_labels(spec.labels)[: spec.limit]
    columns = {}
    for key in filter(None, (spec.image_key, spec.mos_key, spec.mos_std_key)):
        missing = [number for number, row in enumerate(rows) if row.get(key) in (None, "")]
        if missing:
            raise SystemExit(
                f"{spec.labels}, row {missing[0]}: no {key!r} among {sorted(rows[missing[0]])}; set the "
                f"keys of the label file in the config"
            )
        columns[key] = [row[key] for row in rows]
    names = [str(name) for name in columns[spec.image_key]]
    seen: dict[str, int] = {}
    for number, name in enumerate(names):
        if seen.setdefault(name, number) != number:
            raise SystemExit(f"{spec.labels}: rows {seen[name]} and {number} are both of {name!r}; keep one")
    try:
        points = spec.score_scale.column_to_points(columns[spec.mos_key], column=f"{spec.labels}: {spec.mos_key}")
    except (ValueError, TypeError) as error:
        raise SystemExit(str(error)) from None
    span = (spec.scale[1] - spec.scale[0]) / 100
    stds = [float(std) / span for std in columns[spec.mos_std_key]] if spec.mos_std_key else [None] * len(rows)
    return [
        Picture(spec.images / name, name, spec.name, spec.task, float(mos), std)
        for name, mos, std in zip(names, points, stds, strict=True)
    ]


# ---------------------------------------------------------------- every picture once


def _digest_or_fault(path: Path) -> tuple[str | None, str | None]:
    """What identifies the picture's content, or what is wrong with it."""
    try:
        content = path.read_bytes()
        with PIL.open(path) as picture:
            picture.load()
    except FileNotFoundError:
        return None, "missing"
    except Exception as error:  # PIL raises nearly anything on broken files
        return None, f"broken: {error}"
    return hashlib.sha256(content).hexdigest(), None


def check_pictures(pictures: Sequence[Picture], cache: Path) -> tuple[dict[Path, str], dict[Path, str]]:
    """Digests of the sound pictures and faults of the others; what has not changed since the last time is not read."""
    known = {path: rest for path, *rest in read_grown(cache)}
    digests, faults, fresh = {}, {}, []
    for path in dict.fromkeys(picture.path for picture in pictures):
        stamp = _stamp(path)
        if stamp and known.get(str(path), [None])[0] == stamp:
            digests[path] = known[str(path)][1]
        else:
            fresh.append(path)
    if fresh:
        cache.parent.mkdir(parents=True, exist_ok=True)
        with ThreadPoolExecutor() as pool, cache.open("a") as kept:
            for path, (digest, fault) in zip(
                fresh, tqdm(pool.map(_digest_or_fault, fresh), total=len(fresh), desc="pictures", unit=""), strict=True
            ):
                if fault is None:
                    digests[path] = digest
                    kept.write(json.dumps([str(path), _stamp(path), digest]) + "\n")
                else:
                    faults[path] = fault
    return digests, faults


def _stamp(path: Path) -> str | None:
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return f"{status.st_size} {status.st_mtime_ns}"


def load_pictures(specs: Iterable[PictureSet], cache: Path) -> list[Picture]:
    """The sound pictures of some sets; exits at a fault, unless the set says that such are dropped."""
    kept = []
    for spec in specs:
        pictures = read_pictures(spec)
        digests, faults = check_pictures(pictures, cache)
        wrong = [(row, picture) for row, picture in enumerate(pictures) if picture.path in faults]
        if wrong and spec.on_broken == "refuse":
            listed = "\n".join(f"  row {row}: {p.path}: {faults[p.path]}" for row, p in wrong[:10])
            raise SystemExit(
                f"{spec.labels}: {len(wrong)} of {len(pictures)} pictures cannot be used:\n{listed}\nmend them, or set "
                f"on_broken: drop for {spec.name}"
            )
        if wrong:
            print(f"{spec.name}: dropped {len(wrong)} of {len(pictures)} pictures, the first in row {wrong[0][0]}")
        kept += [p._replace(digest=digests[p.path]) for p in pictures if p.path not in faults]
    return kept


def refuse_overlap(train: Sequence[Picture], test: Sequence[Picture]) -> None:
    """Exits where a test picture is trained on: by its name in its data set, or by its content under another name."""
    names = {picture.key: picture for picture in train}
    contents = {picture.digest: picture for picture in train}
    found = [(p, names.get(p.key) or contents.get(p.digest)) for p in test]
    shared = [(p, other) for p, other in found if other is not None]
    if shared:
        listed = "\n".join(f"  {p.key} ({p.path}) is {other.path} of training" for p, other in shared[:10])
        raise SystemExit(f"{len(shared)} test pictures are trained on:\n{listed}\ntake them out of one of the two")


def load_training_pictures(recipe: Recipe, part: str) -> list[Picture]:
    """The pictures of SFT or GRPO, none of them in the test; one process decodes, the others read what it found."""
    from accelerate import PartialState  # with torch, which takes seconds and which the other stages need not load

    with PartialState().main_process_first():
        pictures = load_pictures(getattr(recipe.data, part), recipe.out / "pictures.jsonl")
        refuse_overlap(pictures, load_pictures(recipe.data.test, recipe.out / "pictures.jsonl"))
    return pictures


# ---------------------------------------------------------------- for trainers


def share_out(available: dict[str, int], iaa_share: float | None) -> dict[str, int]:
    """How many pictures of each task are trained on."""
    if iaa_share is None:
        return available
    shares = {"iqa": 1 - iaa_share, "iaa": iaa_share}
    total = min(available[task] / share for task, share in shares.items() if share > 0)
    return {task: round(total * share) for task, share in shares.items()}


def mix(pictures: Sequence[Picture], iaa_share: float | None, seed: int) -> list[Picture]:
    """The pictures in random order; with a share, as many of each task as it allows, and the rest left out."""
    shuffled = random.Random(seed).sample(list(pictures), len(pictures))
    by_task = {task: [p for p in shuffled if p.task == task] for task in ("iqa", "iaa")}
    wanted = share_out({task: len(its_own) for task, its_own in by_task.items()}, iaa_share)
    chosen = {p.key for task in by_task for p in by_task[task][: wanted[task]]}
    return [p for p in shuffled if p.key in chosen]


def to_dataset(pictures: Sequence[Picture], questions: dict[str, str], answers: Sequence[str] | None = None) -> Dataset:
    """Rows as TRL takes them: picture and prompt, with `answers` the completion to learn, else the labels."""
    columns: dict[str, list[Any]] = {
        "images": [[str(p.path)] for p in pictures],
        "prompt": [[{"role": "user", "content": questions[p.task]}] for p in pictures],
    }
    if answers is not None:
        columns["completion"] = [[{"role": "assistant", "content": answer}] for answer in answers]
    else:
        columns |= {name: [getattr(p, name) for p in pictures] for name in ("mos", "task", "dataset", "image_id")}
        if any(p.mos_std is not None for p in pictures):
            columns["mos_std"] = [p.mos_std for p in pictures]
    return Dataset.from_dict(columns).cast_column("images", List(Image()))
