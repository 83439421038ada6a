"""The folder of a run whose pictures, labels and answers are made up: what a report reads, without any training."""

import hashlib
import json
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image, ImageDraw

SIZES = ((256, 96), (96, 256), (48, 48), (1200, 900), (3, 200), (640, 360))
DRAWN = {"temperature": 1.0, "top_p": 1.0, "top_k": 0, "min_p": None, "repetition_penalty": 1.0}
THOUGHT = "Even light over a calm scene, but the edges are soft."


def draw_circle(path, size):
    """A round circle in the middle, so that a reader sees whether the aspect ratio is kept."""
    picture = Image.new("RGB", size, (90, 120, 160))
    radius, middle = min(size) * 0.4, (size[0] / 2, size[1] / 2)
    corners = [middle[k] + sign * radius for sign in (-1, 1) for k in (0, 1)]
    ImageDraw.Draw(picture).ellipse(corners, fill=(230, 180, 60))
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.save(path)


def make_set(folder, name, mos, task="iqa", scale=(0, 100), columns=None, ids=None, **fields):
    """The pictures and the label file of a test set; returns its declaration and the MOS in points, by image."""
    place, rows = folder / f"set-{len(list(folder.glob('set-*')))}", []
    ids = ids or [f"picture {k:03}" for k in range(len(mos))]
    for k, label in enumerate(mos):
        draw_circle(place / f"{k:03}.png", SIZES[k % len(SIZES)])
        more = {column: values[k] for column, values in (columns or {}).items()}
        rows.append({"image": ids[k], "file": f"{k:03}.png", "gt_score": float(label), **more})
    (place / "labels.json").write_text(json.dumps(rows))
    spec = {"name": name, "task": task, "labels": str(place / "labels.json"), "images": str(place)}
    spec |= {"file": "{file}", "scale": list(scale), **fields}
    points = 100 * (np.asarray(mos) - scale[0]) / (scale[1] - scale[0])
    return spec, dict(zip(ids, points if fields.get("higher_is_better", True) else 100 - points, strict=True))


def answer(score, thought=THOUGHT):
    return f"<think>{thought}</think><answer>{score:.0f}</answer>"


def noisy_answers(points, noise, seed):
    """By image, the MOS in points with an error of so many points."""
    rng = np.random.default_rng(seed)
    return {name: answer(float(np.clip(mos + noise * rng.normal(), 0, 100))) for name, mos in points.items()}


def write_predictions(out, stage, spec, completions, sample=None):
    """Append a model's answers to the pictures of a set, by image; greedy ones, or those of a sample."""
    path = out / "predictions" / stage / "rank0.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    files = {row["image"]: row["file"] for row in json.loads(Path(spec["labels"]).read_text())}
    with path.open("a") as file:
        for name, completion in completions.items():
            digest = hashlib.sha256((Path(spec["images"]) / files[name]).read_bytes()).hexdigest()
            row = {"dataset": spec["name"], "task": spec["task"], "image_id": name, "mos": None, "digest": digest}
            number = {} if sample is None else {"sample": sample, "sampling": DRAWN}
            file.write(json.dumps({**row, **number, "completion": completion}) + "\n")


def write_logs(out):
    keys = ("rewards/answer_format/mean", "rewards/iqa_gaussian_score/mean", "iqa_gaussian_score/srcc", "entropy")
    for stage, names in {"sft": ("loss",), "grpo": keys}.items():
        log = [{"step": 5 * k, **dict.fromkeys(names, 1 / k)} for k in range(1, 10)]
        (out / stage).mkdir(parents=True, exist_ok=True)
        (out / stage / "log.json").write_text(json.dumps(log))


def write_config(folder, specs, name="made_up.yaml", **sections):
    """A configuration with these test sets, and no more than a report needs."""
    settings = {"out": str(folder / "run"), "data": {"grpo": [], "test": specs}, "model": {"path": "none"}, "grpo": {}}
    path = folder / name
    path.write_text(yaml.safe_dump({**settings, "evaluation": {"resamples": 100}, **sections}))
    return path


def write_page(config):
    """The text of the page that `make_report.py` writes."""
    import make_report  # takes seconds to import

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["make_report", "--config", str(config)])
        make_report.main()
    return (config.parent / "run" / "report.html").read_text()
