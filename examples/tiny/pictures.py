"""Labelled pictures for the tiny recipe: real photographs, known damage, and what can be said about each.

The photographs ship inside scikit-image. Crops of them become two data sets:

- **IQA**: each crop is blurred, made noisy, compressed or darkened by a known amount; its MOS falls with that amount.
- **IAA**: each crop is re-coloured and re-lit, and its MOS is a *proxy* computed from the picture: colourfulness
  (Hasler and Suesstrunk, 2003), contrast, and how near the subject lies to a rule-of-thirds point. No one was asked
  whether these pictures are beautiful; the proxy stands in for taste because it can be computed.

Train and test crops never come from the same photograph.
"""

import io
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter
from scipy.stats import norm
from skimage import data as photographs

from recipe.config import PictureSet
from recipe.pictures import Picture, read_pictures
from recipe.prompts import answer_text
from recipe.stages import finish, is_finished, parse_recipe
from tatar_rewards import ScoreScale

SIDE = 64
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
TEST_PHOTOGRAPHS = ("astronaut", "stereo_motorcycle", "moon", "brick")
DISTORTIONS = ("blur", "noise", "compression", "darkness")
IMPAIRMENT = dict(zip(DISTORTIONS, (0.85, 0.75, 0.7, 0.65), strict=True))  # share of quality lost at full strength


@dataclass(frozen=True)
class Example:
    image: Image.Image
    task: str
    image_id: str
    dataset: str
    mos: float
    attributes: dict[str, float]  # what is known: distortion strengths (IQA) or proxy terms (IAA)
    rationale: str

    def completion(self) -> str:
        return answer_text(self.rationale, self.mos)


def load_photograph(name: str) -> Image.Image:
    picture = getattr(photographs, name)()
    picture = picture[0] if isinstance(picture, tuple) else picture  # the motorcycle comes as a stereo pair
    return Image.fromarray(picture).convert("RGB")


def random_crop(photograph: Image.Image, rng: np.random.Generator) -> Image.Image:
    """A square crop, turned, mirrored and with its colour channels swapped at random: few photographs must go far."""
    shorter = min(photograph.size)
    side = int(rng.uniform(0.3, 0.95) * shorter)
    left = int(rng.integers(0, photograph.width - side + 1))
    top = int(rng.integers(0, photograph.height - side + 1))
    crop = photograph.resize((SIDE, SIDE), Image.Resampling.BOX, box=(left, top, left + side, top + side))
    pixels = np.rot90(np.asarray(crop), k=rng.integers(4))[:, :: rng.choice([1, -1])]
    return Image.fromarray(np.ascontiguousarray(pixels[..., rng.permutation(3)]))


def distort(crop: Image.Image, strengths: dict[str, float], rng: np.random.Generator) -> Image.Image:
    if strengths["darkness"] > 0:
        crop = crop.point([round(level * (1 - 0.8 * strengths["darkness"])) for level in range(256)] * 3)
    if strengths["blur"] > 0:
        crop = crop.filter(ImageFilter.GaussianBlur(0.4 + 2.6 * strengths["blur"]))
    if strengths["noise"] > 0:
        pixels = np.asarray(crop, np.float32)
        pixels = pixels + rng.normal(0, 4 + 56 * strengths["noise"], pixels.shape)
        crop = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
    if strengths["compression"] > 0:
        file = io.BytesIO()
        crop.save(file, "JPEG", quality=max(3, round(45 * (1 - strengths["compression"]) ** 1.5)))
        crop = Image.open(file).convert("RGB")
    return crop


def draw_strengths(rng: np.random.Generator) -> dict[str, float]:
    active = rng.choice(len(DISTORTIONS), size=rng.choice([0, 1, 2], p=[0.1, 0.6, 0.3]), replace=False)
    return {name: float(rng.uniform(0.1, 1)) if k in active else 0.0 for k, name in enumerate(DISTORTIONS)}


def true_quality(strengths: dict[str, float]) -> float:
    kept = np.prod([1 - IMPAIRMENT[name] * strength for name, strength in strengths.items()])
    return float(5 + 90 * kept)


def restyle(crop: Image.Image, rng: np.random.Generator) -> Image.Image:
    pixels = np.asarray(crop, np.float32) / 255
    grey = pixels.mean(axis=2, keepdims=True)
    pixels = grey + (pixels - grey) * rng.uniform(0, 1.7)
    pixels = 0.5 + (pixels - pixels.mean()) * rng.uniform(0.3, 1.5)
    tint = rng.normal(0, 0.1, (1, 1, 3))
    return Image.fromarray((np.clip(pixels + tint, 0, 1) * 255).astype(np.uint8))


def aesthetic_terms(picture: Image.Image) -> dict[str, float]:
    """Colourfulness, contrast and placement of the subject, each as a z-score over pictures of this kind."""
    pixels = np.asarray(picture, np.float32)
    red, green, blue = pixels[..., 0], pixels[..., 1], pixels[..., 2]
    red_green, yellow_blue = red - green, (red + green) / 2 - blue
    spread = np.hypot(red_green.std(), yellow_blue.std())
    colourfulness = spread + 0.3 * np.hypot(red_green.mean(), yellow_blue.mean())
    luma = pixels @ np.float32([0.299, 0.587, 0.114])
    salience = (luma - luma.mean()) ** 2
    salience /= salience.sum() + 1e-6
    rows, columns = np.mgrid[0:SIDE, 0:SIDE] / (SIDE - 1)
    centre = np.array([(salience * rows).sum(), (salience * columns).sum()])
    thirds = np.abs(np.abs(centre - 0.5) - 1 / 6).max()
    return {
        "colour": float((colourfulness - 28) / 28),
        "contrast": float((luma.std() - 34) / 20),
        "placement": float((0.13 - thirds) / 0.035),
    }


def true_beauty(terms: dict[str, float]) -> float:
    taste = 0.8 * terms["colour"] + 0.7 * terms["contrast"] + 0.3 * terms["placement"]
    return float(5 + 90 * norm.cdf(taste))


def level(value: float, bounds: tuple[float, ...], words: tuple[str, ...]) -> str:
    return words[int(np.searchsorted(bounds, value))]


def quality_rationale(strengths: dict[str, float]) -> str:
    """Brief, as quality wants it: one clause a distortion, the strength in words, never the score."""
    said = {
        name: level(s, (0.05, 0.3, 0.5, 0.75), ("no", "slight", "clear", "strong", "extreme"))
        for name, s in strengths.items()
    }
    return (
        f"I see {said['blur']} blur, {said['noise']} noise, {said['compression']} blocks and {said['darkness']} dark."
    )


def beauty_rationale(terms: dict[str, float]) -> str:
    """Long, as aesthetics wants it: colour, contrast, placement, mood, and a verdict in words."""
    bounds = (-1.0, -0.35, 0.35, 1.0)
    colour = level(terms["colour"], bounds, ("grey", "muted", "natural", "rich", "vivid"))
    contrast = level(terms["contrast"], bounds, ("flat", "soft", "even", "bold", "dramatic"))
    placement = level(terms["placement"], bounds, ("lost", "loose", "fair", "good", "ideal"))
    verdict = level(true_beauty(terms), (20, 40, 60, 80), ("dull", "modest", "pleasant", "beautiful", "stunning"))
    return (
        f"The colours of this picture are {colour} and they set its mood before anything else does. "
        f"The light is {contrast} so the shapes stand out as much as that allows. "
        f"The subject has a {placement} place in the frame. Taken together I find it {verdict}."
    )


def make_example(photograph: Image.Image, name: str, task: str, number: int, rng: np.random.Generator) -> Example:
    crop = random_crop(photograph, rng)
    if task == "iqa":
        known = draw_strengths(rng)
        image, truth, rationale = distort(crop, known, rng), true_quality(known), quality_rationale(known)
    else:
        image = restyle(crop, rng)
        known = aesthetic_terms(image)
        truth, rationale = true_beauty(known), beauty_rationale(known)
    if np.asarray(image).std() < 1:  # nothing is left to see: another crop
        return make_example(photograph, name, task, number, rng)
    mos = float(np.clip(truth + rng.normal(0, RATER_NOISE), 0, 100))
    return Example(image, task, f"{name}-{task}-{number}", f"tiny-{task}", round(mos, 2), known, rationale)


def make_examples(names: tuple[str, ...], per_task: int, seed: int) -> list[Example]:
    """`per_task` IQA and as many IAA examples, drawn evenly from the photographs, in mixed order."""
    rng = np.random.default_rng(seed)
    sources = [(name, load_photograph(name)) for name in names]
    examples = [
        make_example(sources[k % len(sources)][1], sources[k % len(sources)][0], task, k, rng)
        for task in ("iqa", "iaa")
        for k in range(per_task)
    ]
    return [examples[k] for k in rng.permutation(len(examples))]


# ---------------------------------------------------------------- on disk, as benchmarks are published

SCALES = {"iqa": ScoreScale(0, 100), "iaa": ScoreScale(1, 10)}  # two, since labels come on many
PARTS = {"sft": (TRAIN_PHOTOGRAPHS, 0), "grpo": (TRAIN_PHOTOGRAPHS, 1000), "test": (TEST_PHOTOGRAPHS, 2000)}


def write_examples(examples: list[Example], part: str, folder: Path) -> None:
    """Pictures, a label file for each task, and what is known of each picture, which only this data set has."""
    (folder / "images").mkdir(parents=True, exist_ok=True)
    for task, scale in SCALES.items():
        its_own = [example for example in examples if example.task == task]
        names = [f"{part}-{example.image_id}.png" for example in its_own]
        for name, example in zip(names, its_own, strict=True):
            example.image.save(folder / "images" / name, compress_level=1)
        labels = [
            {"image": name, "gt_score": round(scale.from_points(example.mos), 4)}
            for name, example in zip(names, its_own, strict=True)
        ]
        (folder / f"{task}_{part}.json").write_text(json.dumps(labels))
        known = {name: example.attributes for name, example in zip(names, its_own, strict=True)}
        (folder / f"{task}_{part}_known.json").write_text(json.dumps(known))


def written_pictures(folder: Path, part: str) -> list[Picture]:
    """The pictures of `write_examples`, quality first, as any labelled set is read."""
    shared = {"images": folder / "images"}
    sets = [
        PictureSet(
            name=f"tiny-{task}",
            task=task,
            labels=folder / f"{task}_{part}.json",
            scale=(scale.low, scale.high),
            **shared,
        )
        for task, scale in SCALES.items()
    ]
    return [picture for one in sets for picture in read_pictures(one)]


def write_rationales(examples: list[Example], part: str, path: Path) -> None:
    """What `build_rationales.py` would have asked a larger model for is written from what is known here."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [{"key": f"{e.dataset}/{part}-{e.image_id}.png", "step": "given", "text": e.rationale} for e in examples]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))


def main() -> None:
    recipe, _ = parse_recipe("Write the tiny data set: pictures, labels, rationales.")
    if recipe.data.make is None or is_finished(recipe, "data"):
        return
    for part, (photographs_of_part, offset) in PARTS.items():
        per_task = getattr(recipe.data.make, part)
        examples = make_examples(photographs_of_part, per_task, seed=recipe.seed + offset)
        write_examples(examples, part, recipe.out / "data")
        if part == "sft":
            write_rationales(examples, part, recipe.rationales.file)
        print(f"{len(examples)} crops of {len(photographs_of_part)} photographs for {part}")
    finish(recipe, "data")


if __name__ == "__main__":
    main()
