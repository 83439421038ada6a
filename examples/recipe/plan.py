"""What a recipe would do on this machine: stages, pictures, steps, memory, the doctor's findings. It runs no stage."""

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
import yaml
from transformers import AutoConfig, AutoModelForImageTextToText, AutoProcessor

from recipe.config import ModelSettings, PictureSet, Recipe
from recipe.labels import read_pictures
from recipe.models import register_architecture
from recipe.pictures import count_per_task
from recipe.stages import DEPENDS_ON, is_finished
from tatar_rewards.doctor import check_setup


def print_plan(recipe: Recipe, commands: dict[str, list[str]], rewards: Sequence[Callable[..., Any]]) -> bool:
    """Print what the commands of the stages would do, and what they lack; returns whether they lack nothing."""
    missing: list[str] = []
    print("stages")
    for name, command in commands.items():
        done = name in DEPENDS_ON and is_finished(recipe, name)
        print(f"  {name:<11}{'done' if done else 'to do':<7}{' '.join(command[1:])}")
    print("\npictures")
    counts = {part: {"iqa": 0, "iaa": 0} for part in ("sft", "grpo", "test")}
    for part in counts:
        for spec in getattr(recipe.data, part):
            counts[part][spec.task] += print_picture_set(spec, part, recipe, missing)
    print("\nsteps")
    for part in ("sft", "grpo"):
        n_pictures = sum(count_per_task(counts[part], recipe.data.iaa_share).values())
        print(f"  {part}: {describe_steps(recipe, part, n_pictures)}")
    print("\nmodel")
    n_parameters = print_model(recipe.model, missing)
    if n_parameters:
        print(f"  {describe_memory(recipe, n_parameters)}")
    print("\nrewards")
    report = check_setup(rewards, recipe.grpo.args, None, recipe.launch.processes)
    print("\n".join(f"  {line}" for line in str(report).splitlines()))
    missing += [f"doctor: {finding.problem}" for finding in report.findings]
    print("\nmissing" if missing else "\nNothing is missing.")
    for line in dict.fromkeys(missing):
        print(f"  {line}")
    return not missing


def print_picture_set(spec: PictureSet, part: str, recipe: Recipe, missing: list[str]) -> int:
    """Print a line on a set; returns how many pictures it has, or will have when the data stage has made it."""
    scale = f"labels on {spec.score_scale}"
    if not spec.labels.exists():
        made = recipe.data.make is not None
        print(f"  {part:<5}{spec.name:<14}{'made by the first stage' if made else 'no label file'}, {scale}")
        missing += [] if made else [f"{spec.labels}, the labels of {spec.name}"]
        return getattr(recipe.data.make, part) if made else 0
    pictures = read_pictures(spec)
    absent = [picture.path for picture in pictures if not picture.path.exists()]
    print(f"  {part:<5}{spec.name:<14}{len(pictures)} pictures, {scale}")
    missing += [f"{absent[0]} and {len(absent) - 1} more pictures of {spec.name}"] if absent else []
    return len(pictures)


def describe_steps(recipe: Recipe, part: str, n_pictures: int) -> str:
    args = getattr(recipe, part).args
    per_device, accumulation = args.get("per_device_train_batch_size", 8), args.get("gradient_accumulation_steps", 1)
    rows = per_device * accumulation * recipe.launch.processes
    batch = f"{rows} rows a step ({per_device} x {accumulation} accumulated x {recipe.launch.processes} processes)"
    generations = args.get("num_generations", 8) if part == "grpo" else 1
    if generations > 1:
        batch += f", {rows / generations:g} pictures with {generations} completions each"
    epochs, n_steps = args.get("num_train_epochs", 3), args.get("max_steps", -1)
    if n_steps < 1:
        n_steps = math.ceil(n_pictures * generations / rows) * epochs
        return f"{n_steps:g} steps, {epochs} epochs of {n_pictures} pictures; {batch}"
    return f"{n_steps} steps; {batch}"


def print_model(settings: ModelSettings, missing: list[str]) -> float | None:
    """Load the model's configuration and processor if they are on this machine; returns the number of parameters."""
    path, n_parameters = settings.path, settings.parameters
    if settings.make is not None and not Path(path).exists():
        print(f"  {path}: made by the second stage")
        return None
    register_architecture(settings)
    cure = f"get it with `hf download {path}`, or give a folder"
    try:
        config = AutoConfig.from_pretrained(path, local_files_only=True)
        with torch.device("meta"):
            n_parameters = float(AutoModelForImageTextToText.from_config(config).num_parameters())
        print(f"  {path}: {config.model_type}, {n_parameters / 1e6:,.1f} million parameters")
    except (OSError, ValueError, ImportError) as error:
        missing.append(f"model {path} is not on this machine; {cure}")
        fallback = f"{n_parameters / 1e9:.2f} billion parameters by the config" if n_parameters else first_line(error)
        print(f"  {path}: {fallback}")
    try:
        print(f"  processor: {type(AutoProcessor.from_pretrained(path, local_files_only=True)).__name__}")
    except (OSError, ValueError, ImportError) as error:
        reason = "" if isinstance(error, OSError) else f" ({first_line(error)})"
        missing.append(f"the processor of {path} is not on this machine{reason}; {cure}")
    return n_parameters


def first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0]


def describe_memory(recipe: Recipe, n_parameters: float) -> str:
    """The memory that the states of training take on one device, without activations: a lower bound, not a forecast."""
    accelerate = yaml.safe_load(recipe.launch.accelerate.read_text()) if recipe.launch.accelerate else {}
    sharded = accelerate.get("distributed_type") in ("DEEPSPEED", "FSDP")
    share = 1 / recipe.launch.processes if sharded else 1
    width = 4 if recipe.model.dtype == "float32" else 2  # bytes of a weight
    # 16 bytes: weights, gradients and two moments in single precision; in half precision a master copy beside them
    trained = 16 if recipe.model.lora is None else width + 0.2
    reference = width if recipe.grpo.args.get("beta", 0) > 0 and recipe.model.lora is None else 0
    gigabytes = n_parameters * (trained + reference) * share / 1e9
    text = f"at least {gigabytes:.3g} GB a process for weights, gradients, optimizer"
    text += " and reference model" if reference else ""
    text += f", sharded over {recipe.launch.processes} processes" if sharded else ""
    if recipe.grpo.args.get("use_vllm"):
        text += f"; vLLM takes {recipe.grpo.args.get('vllm_gpu_memory_utilization', 0.3):.0%} of each device beside it"
    return text + "; activations come on top"
