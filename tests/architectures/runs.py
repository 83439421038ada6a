"""Runs of the recipe from the configurations for GPUs, with the data, the sizes and the model of a test.

Everything that is not named here stays as the files in `examples/configs/` have it.
"""

import json
from pathlib import Path

import numpy as np
import torch
import yaml
from architectures.models import ARCHITECTURES
from PIL import Image
from safetensors.torch import load_file
from support import kills, stages
from support.chat_server import ChatServer
from transformers import AutoModelForImageTextToText

LORA, FULL = "qwen2_5_vl_3b_lora_1gpu", "qwen2_5_vl_7b_8gpu"
SIDES = ((64, 64), (96, 60), (60, 130), (150, 110), (84, 84), (200, 90))  # pictures differ in size and shape
SMALL = (
    "sft.args.use_cpu=true",
    "grpo.args.use_cpu=true",
    "sft.args.max_steps=2",
    "sft.args.gradient_accumulation_steps=1",
    "sft.args.report_to=none",
    "sft.args.logging_steps=1",
    "sft.args.save_steps=1",
    "grpo.args.report_to=none",
    "grpo.args.max_steps=2",
    "grpo.args.save_steps=2",
    "grpo.args.max_completion_length=200",
    "evaluation.max_new_tokens=12",
    "evaluation.resamples=20",
)
OF = {  # what only one of the two configurations needs to be small
    LORA: ("grpo.args.gradient_accumulation_steps=2", "grpo.args.steps_per_generation=2"),
    FULL: (
        "grpo.args.use_vllm=false",
        "grpo.args.per_device_train_batch_size=4",
        "grpo.args.num_generations=4",
        "grpo.args.steps_per_generation=2",
        "launch.processes=1",
        "launch.accelerate=null",
    ),
}


def config_file(name):
    return stages.EXAMPLES / "configs" / f"{name}.yaml"


def write_pictures(folder):
    """Label files and pictures of all sets of a configuration: four pictures to train on, two to test with."""
    data, changes, rng = yaml.safe_load(config_file(LORA).read_text())["data"], [], np.random.default_rng(0)
    for part, count in (("sft", 4), ("test", 2)):
        for number, spec in enumerate(data[part]):
            (low, high), place = spec["scale"], folder / f"{part}_{spec['name']}"
            place.mkdir(parents=True)
            labels = []
            for k in range(count):
                cells = rng.integers(0, 256, (5, 6, 3), dtype=np.uint8)
                Image.fromarray(cells).resize(SIDES[(k + number) % len(SIDES)]).save(place / f"{part}-{k}.png")
                labels.append({"image": f"{part}-{k}.png", "gt_score": round(low + (high - low) * (0.3 + 0.17 * k), 3)})
            (place / "labels.json").write_text(json.dumps(labels))
            for one in {"sft": ("sft", "grpo"), "test": ("test",)}[part]:
                changes += [f"data.{one}.{number}.labels={place}/labels.json", f"data.{one}.{number}.images={place}"]
    return changes


def flags(name, out, model, pictures, *changes):
    """The command line of a stage: the configuration, and what the test has in place of its model, data and sizes."""
    given = [f"out={out}", f"model.path={model}", "rationales.notes=null", *pictures, *SMALL, *OF[name], *changes]
    return ["--config", str(config_file(name)), "--set", *given]


def for_architecture(architecture):
    """The name of its vision tower, in place of that of Qwen."""
    return f"model.frozen=[{ARCHITECTURES[architecture].vision_tower}]"


def limit_of(architecture):
    """Only the image processors of Qwen know a limit of pixels."""
    return [] if architecture.startswith("qwen") else ["model.max_pixels=null"]


def servers(url):
    return [f"rationales.{role}.base_url={url}" for role in ("iqa", "iaa", "judge")]


def run_stage(name, argv, said):
    """In a process of its own; what it says, if it does not end well."""
    said.write_text("")
    code = kills.run(name, argv, said, seconds=300)
    assert code == 0, said.read_text()[-4000:]
    return said.read_text()


def write_rationales(argv, said):
    with ChatServer() as server:
        return run_stage("build_rationales", [*argv, *servers(server.url)], said), server


def weights(folder: Path):
    """The weights of a model, by name."""
    return {name: value for path in sorted(folder.glob("*.safetensors")) for name, value in load_file(path).items()}


def loaded(folder: Path):
    """The weights of a model as transformers reads them: DeepSpeed writes the same ones under names of its own."""
    model, told = AutoModelForImageTextToText.from_pretrained(folder, dtype=torch.bfloat16, output_loading_info=True)
    assert not any(told.values()), told
    return {name: weight.detach() for name, weight in model.named_parameters()}


def moved(before, after):
    """The names of the weights that differ; the two models have the same ones."""
    assert before.keys() == after.keys()
    return {name for name in before if not before[name].equal(after[name])}


def in_tower(name, architecture):
    return ARCHITECTURES[architecture].vision_tower in name


def log_of(out, stage):
    return json.loads((out / stage / "log.json").read_text())


def losses(out, stage):
    return [row["loss"] for row in log_of(out, stage) if "loss" in row]
