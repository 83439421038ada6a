"""The folder of a run whose pictures, labels and answers are made up: what a report reads, without any training."""

import json

import numpy as np
import yaml
from PIL import Image, ImageDraw

SIZES = ((256, 96), (96, 256), (48, 48), (1200, 900), (3, 200), (640, 360))
THOUGHT = "Even light over a calm scene, but the edges are soft and the shadows hold some noise."


def draw_circle(path, size):
    """A round circle in the middle, so that a reader sees whether the aspect ratio is kept."""
    picture = Image.new("RGB", size, (90, 120, 160))
    radius, middle = min(size) * 0.4, (size[0] / 2, size[1] / 2)
    corners = [middle[k] + sign * radius for sign in (-1, 1) for k in (0, 1)]
    ImageDraw.Draw(picture).ellipse(corners, fill=(230, 180, 60))
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.save(path)


def make_set(folder, name, task, scale, seed, n=40, label_columns=None, image_ids=None, **fields):
    """The pictures and the label file of a test set; returns its declaration and its MOS in points."""
    rng = np.random.default_rng(seed)
    low, high = scale
    mos = rng.uniform(low, high, n).round(2)
    ids = image_ids or [f"{name[:3]}-{k:03}.png" for k in range(n)]
    files = [f"{k:03}.png" for k in range(n)]
    for k in range(n):
        draw_circle(folder / f"images-{seed}" / files[k], SIZES[k % len(SIZES)])
    rows = [
        {"image": ids[k], "file": files[k], "gt_score": mos[k], **{c: v[k] for c, v in (label_columns or {}).items()}}
        for k in range(n)
    ]
    path = folder / f"labels-{seed}.json"
    path.write_text(json.dumps(rows))
    spec = {"name": name, "task": task, "labels": str(path), "images": str(folder / f"images-{seed}")}
    spec |= {"file": "{file}", "scale": list(scale), **fields}
    points = 100 * (mos - low) / (high - low)
    return spec, dict(zip(ids, points if fields.get("higher_is_better", True) else 100 - points, strict=True))


def answer(score, thought=THOUGHT):
    return f"<think>{thought}</think><answer>{score:.0f}</answer>"


def noisy_answers(points, noise, seed):
    """By image, the MOS in points with an error of so many points."""
    rng = np.random.default_rng(seed)
    return {name: answer(float(np.clip(mos + noise * rng.normal(), 0, 100))) for name, mos in points.items()}


def write_predictions(out, stage, spec, completions, digests=None):
    """Append the answers to the pictures of a set, by image."""
    path = out / "predictions" / stage / "rank0.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        for name, completion in completions.items():
            row = {"dataset": spec["name"], "task": spec["task"], "image_id": name, "mos": None}
            file.write(json.dumps({**row, "digest": digests[name], "completion": completion}) + "\n")


def write_logs(out):
    rng = np.random.default_rng(0)
    keys = ("rewards/answer_format/mean", "rewards/iqa_gaussian_score/mean", "iqa_gaussian_score/srcc", "entropy")
    for stage, names in {"sft": ("loss",), "grpo": keys}.items():
        log = [{"step": 5 * k, **{name: float(rng.uniform(0.4, 0.6)) for name in names}} for k in range(1, 10)]
        (out / stage).mkdir(parents=True, exist_ok=True)
        (out / stage / "log.json").write_text(json.dumps(log))


def write_config(folder, specs, **sections):
    """A configuration with these test sets and no more than a report needs."""
    settings = {"out": str(folder / "run"), "data": {"grpo": [], "test": specs}, "model": {"path": "none"}, "grpo": {}}
    path = folder / "made_up.yaml"
    path.write_text(yaml.safe_dump({**settings, "evaluation": {"resamples": 200}, **sections}))
    return path
