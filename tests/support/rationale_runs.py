"""`build_rationales.py` in this process, on eight pictures, against a server."""

import contextlib
import io
import json
import sys
from types import SimpleNamespace

import pytest
import yaml

import build_rationales
from support import stages
from tiny.pictures import TEST_PHOTOGRAPHS, make_examples, write_examples


def write_pictures(folder, per_task=4):
    """A data set of as many pictures of each task."""
    write_examples(make_examples(TEST_PHOTOGRAPHS, per_task=per_task, seed=0), "sft", folder)
    return folder


def write_config(tmp_path, folder, url, endpoint=None, **changes):
    endpoint = {
        **{"base_url": url, "model": "m", "timeout": 1.5, "retries": 3, "price_in": 1.0, "price_out": 10.0},
        **(endpoint or {}),
    }
    config = yaml.safe_load((stages.EXAMPLES / "configs" / "tiny.yaml").read_text())
    sets = [
        {
            "name": f"tiny-{task}",
            "task": task,
            "labels": f"{folder}/{task}_sft.json",
            "images": f"{folder}/images",
            "scale": scale,
        }
        for task, scale in (("iqa", [0, 100]), ("iaa", [1, 10]))
    ]
    config |= {"out": str(tmp_path / "run"), "data": {"sft": sets, "grpo": sets, "test": []}}
    config["grpo"] = {"rewards": {"iqa_words": 65, "iaa_words": 125}}
    config["rationales"] = {
        "file": str(tmp_path / "rationales.jsonl"),
        "iqa": endpoint,
        "iaa": endpoint,
        "judge": endpoint,
        "concurrency": 4,
        **changes,
    }
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump(config))
    return path


def build(config, *flags):
    """Run the script's main in this process: what it printed and how it ended."""
    out, code, message = io.StringIO(), 0, ""
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(out):
        patch.setattr(sys, "argv", ["build_rationales.py", "--config", str(config), *flags])
        try:
            build_rationales.main()
        except SystemExit as end:
            code, message = 1, str(end)
    return SimpleNamespace(returncode=code, stdout=out.getvalue(), stderr=message)


def events_of(tmp_path):
    return [json.loads(line) for line in (tmp_path / "rationales.jsonl").read_text().splitlines()]
