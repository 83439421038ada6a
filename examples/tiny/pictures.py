"""Labelled pictures for the tiny recipe: crops of real photographs, made worse or restyled by known amounts.

    python examples/train_tatar.py --only data
    PYTHONPATH=examples python -m tiny.pictures --config examples/configs/tiny.yaml

The photographs ship inside scikit-image. Crops of them become two data sets:

- **IQA**: each crop is blurred, made noisy, compressed or darkened by a known amount.
- **IAA**: each crop is re-coloured and re-lit.

`tiny/labels.py` computes the MOS and the rationales. Training, validation and test never share a
photograph.
"""

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter
from skimage import data as photographs

from recipe.config import PictureSet, Recipe, Task, TinyPictures
from recipe.files import write_whole
from recipe.labels import Picture, read_pictures
from recipe.prompts import answer_text
from recipe.stages import is_finished, mark_finished, parse_command_line, run_lock, start_stage
from tatar_rewards import ScoreScale
from tiny.labels import (
    beauty_rationale,
    draw_strengths,
    measure_aesthetics,
    quality_rationale,
    true_beauty,
    true_quality,
)

SIDE = 64  # of a picture, in pixels
RATER_NOISE = 3.0  # standard deviation of a MOS around its true value, in points
TRAIN_PHOTOGRAPHS = (
    "coffee",
    "chelsea",
    "rocket",
    "hubble_deep_field",
    "camera",
    "coins",
    "immunohistochemistry",
    "retina",
    "grass",
    "gravel",
)
VALIDATION_PHOTOGRAPHS = ("clock", "cell", "page", "microaneurysms")
TEST_PHOTOGRAPHS = ("astronaut", "stereo_motorcycle", "moon", "brick")
TASKS: tuple[Task, ...] = ("iqa", "iaa")


@dataclass(frozen=True)
class Example:
    image: Image.Image
    task: Task
    image_id: str
    dataset: str
    mos: float
    attributes: dict[str, float]  # strengths of the distortions (IQA), or colour, contrast and placement (IAA)
    rationale: str

    def completion(self) -> str:
        return answer_text(self.rationale, self.mos)


# ---------------------------------------------------------------- crops


def load_photograph(name: str) -> Image.Image:
    pixels = getattr(photographs, name)()
    pixels = pixels[0] if isinstance(pixels, tuple) else pixels  # the motorcycle comes as a stereo pair
    return Image.fromarray(pixels).convert("RGB")


def random_crop(photograph: Image.Image, rng: np.random.Generator) -> Image.Image:
    """A square crop, turned, mirrored and with its colour channels swapped at random, since photographs are few."""
    shorter = min(photograph.size)
    side = int(rng.uniform(0.3, 0.95) * shorter)
    left = int(rng.integers(0, photograph.width - side + 1))
    top = int(rng.integers(0, photograph.height - side + 1))
    crop = photograph.resize((SIDE, SIDE), Image.Resampling.BOX, box=(left, top, left + side, top + side))
    pixels = np.rot90(np.asarray(crop), k=int(rng.integers(4)))[:, :: rng.choice([1, -1])]
    return Image.fromarray(np.ascontiguousarray(pixels[..., rng.permutation(3)]))


def distort(crop: Image.Image, strengths: dict[str, float], rng: np.random.Generator) -> Image.Image:
    if strengths["darkness"] > 0:
        crop = crop.point([round(level * (1 - 0.8 * strengths["darkness"])) for level in range(256)] * 3)
    if strengths["blur"] > 0:
        crop = crop.filter(ImageFilter.GaussianBlur(0.4 + 2.6 * strengths["blur"]))
    if strengths["noise"] > 0:
        pixels = np.asarray(crop, np.float32)
        noise = rng.normal(0, 4 + 56 * strengths["noise"], pixels.shape)
        crop = Image.fromarray(np.clip(pixels + noise, 0, 255).astype(np.uint8))
    if strengths["compression"] > 0:
        file = io.BytesIO()
        crop.save(file, "JPEG", quality=max(3, round(45 * (1 - strengths["compression"]) ** 1.5)))
        crop = Image.open(file).convert("RGB")
    return crop


def restyle(crop: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Change saturation, contrast and tint at random."""
    pixels = np.asarray(crop, np.float32) / 255
    grey = pixels.mean(axis=2, keepdims=True)
    pixels = grey + (pixels - grey) * rng.uniform(0, 1.7)
    pixels = 0.5 + (pixels - pixels.mean()) * rng.uniform(0.3, 1.5)
    tint = rng.normal(0, 0.1, (1, 1, 3))
    return Image.fromarray((np.clip(pixels + tint, 0, 1) * 255).astype(np.uint8))


# ---------------------------------------------------------------- labelled examples


def make_example(photograph: Image.Image, name: str, task: Task, number: int, rng: np.random.Generator) -> Example:
    crop = random_crop(photograph, rng)
    if task == "iqa":
        attributes = draw_strengths(rng)
        image = distort(crop, attributes, rng)
        true_mos, rationale = true_quality(attributes), quality_rationale(attributes)
    else:
        image = restyle(crop, rng)
        attributes = measure_aesthetics(image)
        true_mos, rationale = true_beauty(attributes), beauty_rationale(attributes)
    if np.asarray(image).std() < 1:  # the picture shows nothing: take another crop
        return make_example(photograph, name, task, number, rng)
    mos = float(np.clip(true_mos + rng.normal(0, RATER_NOISE), 0, 100))
    return Example(image, task, f"{name}-{task}-{number}", f"tiny-{task}", round(mos, 2), attributes, rationale)


def make_examples(names: Sequence[str], per_task: int, seed: int) -> list[Example]:
    """`per_task` IQA and as many IAA examples, drawn evenly from the photographs, in mixed order."""
    rng = np.random.default_rng(seed)
    sources = [(name, load_photograph(name)) for name in names]
    examples = []
    for task in TASKS:
        for number in range(per_task):
            name, photograph = sources[number % len(sources)]
            examples.append(make_example(photograph, name, task, number, rng))
    return [examples[k] for k in rng.permutation(len(examples))]


# ---------------------------------------------------------------- on disk, as benchmarks are published

SCALES = {"iqa": ScoreScale(0, 100), "iaa": ScoreScale(1, 10)}  # two scales, as the published benchmarks differ too
PARTS = {
    "sft": (TRAIN_PHOTOGRAPHS, 0),
    "grpo": (TRAIN_PHOTOGRAPHS, 1000),
    "test": (TEST_PHOTOGRAPHS, 2000),
    "validation": (VALIDATION_PHOTOGRAPHS, 3000),
}


def write_examples(examples: Sequence[Example], part: str, folder: Path) -> None:
    """Write pictures, a label file for each task, and the attributes of each picture, which only this set has."""
    (folder / "images").mkdir(parents=True, exist_ok=True)
    for task in TASKS:
        named = {f"{part}-{example.image_id}.png": example for example in examples if example.task == task}
        for name, example in named.items():
            example.image.save(folder / "images" / name, compress_level=1)
        labels = [
            {"image": name, "gt_score": round(SCALES[task].from_points(example.mos), 4)}
            for name, example in named.items()
        ]
        attributes = {name: example.attributes for name, example in named.items()}
        (folder / f"{task}_{part}.json").write_text(json.dumps(labels))
        (folder / f"{task}_{part}_attributes.json").write_text(json.dumps(attributes))


def written_pictures(folder: Path, part: str) -> list[Picture]:
    """The pictures that `write_examples` wrote, quality first, read as any labelled set."""
    sets = [
        PictureSet(
            name=f"tiny-{task}",
            task=task,
            labels=folder / f"{task}_{part}.json",
            images=folder / "images",
            scale=(SCALES[task].low, SCALES[task].high),
        )
        for task in TASKS
    ]
    return [picture for spec in sets for picture in read_pictures(spec)]


def write_rationales(examples: Sequence[Example], part: str, path: Path) -> None:
    """Write the rationales that `build_rationales.py` asks larger models for at full size."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [
        {"key": f"{e.task}/{e.dataset}/{part}-{e.image_id}.png", "step": "given", "text": e.rationale} for e in examples
    ]
    write_whole(path, "".join(json.dumps(line) + "\n" for line in lines))


def main() -> None:
    recipe, _ = parse_command_line("Write the tiny data set: pictures, labels, rationales.")
    if recipe.data.make is not None:
        with run_lock(recipe):
            make_tiny_pictures(recipe, recipe.data.make)


def make_tiny_pictures(recipe: Recipe, n_pictures: TinyPictures) -> None:
    if is_finished(recipe, "data"):
        return
    rationales = None if recipe.rationales is None else recipe.rationales.file
    if rationales is not None and rationales.exists() and not (recipe.out / "data" / "started.json").exists():
        raise SystemExit(f"{rationales} exists, and this stage would write its own: give another rationales.file")
    start_stage(recipe, "data")
    for part, (photographs_of_part, seed_offset) in PARTS.items():
        per_task = getattr(n_pictures, part)
        examples = make_examples(photographs_of_part, per_task, seed=recipe.seed + seed_offset)
        write_examples(examples, part, recipe.out / "data")
        if part == "sft" and recipe.rationales is not None:
            write_rationales(examples, part, recipe.rationales.file)
        print(f"{len(examples)} crops of {len(photographs_of_part)} photographs for {part}")
    mark_finished(recipe, "data")


if __name__ == "__main__":
    main()
