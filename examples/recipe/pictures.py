"""Labelled pictures from disk, as Hugging Face data sets that decode a picture only when it is needed.

`load_pictures` decodes every picture once before a run and stores the results, so that the next start is quick. A
missing or broken picture stops the run, or is dropped and counted if `on_broken: drop` says so. No picture ever takes
the place of another.
"""

import hashlib
import io
import json
import random
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from datasets import Dataset
from tqdm import tqdm

from recipe.config import PictureSet, Recipe, Task
from recipe.files import open_append_only, read_append_only_jsonl
from recipe.images import open_picture
from recipe.labels import Picture, check_labels, read_pictures

# ---------------------------------------------------------------- decode every picture once


def _digest_or_fault(path: Path) -> tuple[str | None, str | None]:
    """A digest of the file if it can be decoded, else what is wrong with it."""
    try:
        content = path.read_bytes()
        open_picture(path)
    except FileNotFoundError:
        return None, "missing"
    except Exception as error:  # PIL raises nearly any exception on broken files
        return None, f"broken: {error}"
    return hashlib.sha256(content).hexdigest(), None


def check_pictures(
    pictures: Sequence[Picture], cache: Path, *, keep: bool = True
) -> tuple[dict[Path, str], dict[Path, str]]:
    """Digests of the sound pictures, and the faults of the others; files that the cache holds unchanged are not read.

    What is found is added to the cache, unless `keep` is False.

    Returns:
        Digests and faults, by path.
    """
    cached = {path: (size_and_time, digest) for path, size_and_time, digest in read_append_only_jsonl(cache)}
    digests, faults, unchecked = {}, {}, []
    for path in dict.fromkeys(picture.path for picture in pictures):
        size_and_time, digest = cached.get(str(path), (None, None))
        if size_and_time is not None and size_and_time == _size_and_time(path):
            digests[path] = digest
        else:
            unchecked.append(path)
    if unchecked:
        with ThreadPoolExecutor() as pool, open_append_only(cache) if keep else io.StringIO() as file:
            results = tqdm(pool.map(_digest_or_fault, unchecked), total=len(unchecked), desc="pictures", unit="")
            for path, (digest, fault) in zip(unchecked, results, strict=True):
                if fault is None:
                    digests[path] = digest
                    file.write(json.dumps([str(path), _size_and_time(path), digest]) + "\n")
                else:
                    faults[path] = fault
    return digests, faults


def _size_and_time(path: Path) -> str | None:
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return f"{status.st_size} {status.st_mtime_ns}"


def load_pictures(specs: Iterable[PictureSet], cache: Path, *, keep: bool = True) -> list[Picture]:
    """The sound pictures of some sets; exits if one is faulty, unless its set says that faulty pictures are dropped."""
    sound = []
    for spec in specs:
        pictures = read_pictures(spec)
        digests, faults = check_pictures(pictures, cache, keep=keep)
        faulty = [(row, picture) for row, picture in enumerate(pictures) if picture.path in faults]
        if faulty and spec.on_broken == "refuse":
            listed = "\n".join(f"  row {row}: {p.path}: {faults[p.path]}" for row, p in faulty[:10])
            raise SystemExit(
                f"{spec.labels}: {len(faulty)} of {len(pictures)} pictures cannot be used:\n{listed}\nmend them, "
                f"declare how their files are named (file, find), or set on_broken: drop for {spec.name}"
            )
        if faulty:
            print(f"{spec.name}: dropped {len(faulty)} of {len(pictures)} pictures, the first in row {faulty[0][0]}")
        sound += [p._replace(digest=digests[p.path]) for p in pictures if p.path not in faults]
    return sound


def refuse_overlap(train: Sequence[Picture], test: Sequence[Picture]) -> None:
    """Exits if a training picture is in the test set, by its name in its data set or by the content of its file."""
    train_by_name = {(picture.dataset, picture.image_id): picture for picture in train}
    train_by_digest = {picture.digest: picture for picture in train}
    matches = [(p, train_by_name.get((p.dataset, p.image_id)) or train_by_digest.get(p.digest)) for p in test]
    shared = [(p, match) for p, match in matches if match is not None]
    if shared:
        listed = "\n".join(f"  {p.key} ({p.path}) is {match.path} of training" for p, match in shared[:10])
        raise SystemExit(f"{len(shared)} test pictures are trained on:\n{listed}\ntake them out of one of the two")


def load_training_pictures(recipe: Recipe, part: str, *, keep: bool = True) -> list[Picture]:
    """The pictures of SFT or GRPO, none of them in the test; one process decodes them, the others read its results."""
    from accelerate import PartialState  # imports torch, which takes seconds; stages that do not train need not wait

    with PartialState().main_process_first():
        cache = recipe.out / "pictures.jsonl"
        pictures = load_pictures(getattr(recipe.data, part), cache, keep=keep)
        refuse_overlap(pictures, load_pictures(recipe.data.test, cache, keep=keep))
    refuse_suspicious_labels(recipe, part)
    return pictures


def refuse_suspicious_labels(recipe: Recipe, part: str) -> None:
    """Exits where a set's labels do not look like the scale that it declares, unless findings only warn."""
    suspicious = [line for spec in getattr(recipe.data, part) for line in check_labels(spec, read_pictures(spec))]
    if suspicious and recipe.grpo.doctor == "stop":
        listed = "\n  ".join(suspicious)
        raise SystemExit(f"labels that look wrong:\n  {listed}\nor train on them with grpo.doctor: warn")
    for line in suspicious:
        print(line)


# ---------------------------------------------------------------- for trainers


def count_per_task(available: dict[str, int], iaa_share: float | None) -> dict[str, int]:
    """How many pictures of each task to train on, if so many are available and `iaa_share` of them are aesthetics."""
    if iaa_share is None:
        return available
    if 0 in available.values():  # of one task alone there is nothing to share
        return available
    shares = {"iqa": 1 - iaa_share, "iaa": iaa_share}
    total = min(available[task] / share for task, share in shares.items() if share > 0)
    return {task: round(total * share) for task, share in shares.items()}


def trained_tasks(specs: Iterable[PictureSet], iaa_share: float | None) -> set[Task]:
    """The tasks of which pictures are trained on: a share of 0 or 1 leaves one out, where there are both."""
    tasks: set[Task] = {spec.task for spec in specs}
    if len(tasks) < 2 or iaa_share not in (0, 1):
        return tasks
    return {"iaa"} if iaa_share else {"iqa"}


def mix_tasks(pictures: Sequence[Picture], iaa_share: float | None, seed: int) -> list[Picture]:
    """The pictures in random order; with a share, as many of each task as it allows."""
    shuffled = random.Random(seed).sample(list(pictures), len(pictures))
    by_task = {task: [p for p in shuffled if p.task == task] for task in ("iqa", "iaa")}
    counts = count_per_task({task: len(of_task) for task, of_task in by_task.items()}, iaa_share)
    chosen = {p.key for task, of_task in by_task.items() for p in of_task[: counts[task]]}
    return [p for p in shuffled if p.key in chosen]


def fingerprint_of_rows(rows: Iterable[Sequence[Any]]) -> str:
    """Of what a stage reads of its pictures, in the order in which it reads them."""
    lines = "\n".join(json.dumps(row) for row in rows)
    return hashlib.blake2b(lines.encode(), digest_size=8).hexdigest()


def to_dataset(
    pictures: Sequence[Picture], questions: Mapping[Task, str], answers: Sequence[str] | None = None
) -> Dataset:
    """Rows as TRL reads them: picture and prompt; the completion to learn if there are `answers`, else the labels.

    A row's picture is opened when the row is asked for; `with_format(None)` has the paths in its place.
    """

    def open_pictures(rows: dict[str, list[Any]]) -> dict[str, list[Any]]:
        if "images" in rows:
            rows["images"] = [[open_picture(path) for path in paths] for paths in rows["images"]]
        return rows

    columns: dict[str, list[Any]] = {
        "images": [[str(p.path)] for p in pictures],
        "prompt": [[{"role": "user", "content": questions[p.task]}] for p in pictures],
    }
    if answers is not None:
        columns["completion"] = [[{"role": "assistant", "content": answer}] for answer in answers]
    else:
        columns |= {name: [getattr(p, name) for p in pictures] for name in ("mos", "task", "dataset", "image_id")}
        if any(p.mos_std is not None for p in pictures):
            columns |= {"mos_std": [p.mos_std for p in pictures], "raters": [p.raters for p in pictures]}
    return Dataset.from_dict(columns).with_transform(open_pictures)
