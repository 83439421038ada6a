"""What a recipe would do on this machine: stages, pictures, steps, memory, the doctor's findings; it runs nothing."""

import math
from pathlib import Path

import torch
import yaml
from transformers import AutoConfig, AutoModelForImageTextToText, AutoProcessor

from recipe.config import PictureSet, Recipe
from recipe.pictures import read_pictures, share_out
from recipe.stages import DEPENDS_ON, is_finished
from tatar_rewards.doctor import check_setup
from train_grpo import make_rewards


def plan(recipe: Recipe, commands: dict[str, list[str]]) -> bool:
    """Say what the stages' commands would do; whether nothing is missing."""
    missing: list[str] = []
    print("stages")
    for name, command in commands.items():
        done = name in DEPENDS_ON and is_finished(recipe, name)
        print(f"  {name:<11}{'done' if done else 'to do':<7}{' '.join(command[1:])}")
    print("\npictures")
    counts = {part: {"iqa": 0, "iaa": 0} for part in ("sft", "grpo", "test")}
    for part in counts:
        for spec in getattr(recipe.data, part):
            counts[part][spec.task] += describe(spec, part, recipe, missing)
    print("\nsteps")
    for part in ("sft", "grpo"):
        print(f"  {part}: {steps(recipe, part, sum(share_out(counts[part], recipe.data.iaa_share).values()))}")
    print("\nmodel")
    parameters = model_parameters(recipe, missing)
    if parameters:
        print(f"  {memory(recipe, parameters)}")
    print("\nrewards")
    report = check_setup(make_rewards(recipe), recipe.grpo.args, None, recipe.launch.processes)
    print("\n".join(f"  {line}" for line in str(report).splitlines()))
    missing += [f"doctor: {finding.problem}" for finding in report.findings]
    print("\nmissing" if missing else "\nNothing is missing.")
    for line in dict.fromkeys(missing):
        print(f"  {line}")
    return not missing


def describe(spec: PictureSet, part: str, recipe: Recipe, missing: list[str]) -> int:
    """One line on a set; how many pictures it has, or will have once it is made."""
    scale = f"labels on {spec.score_scale}"
    if not spec.labels.exists():
        made = recipe.data.make is not None
        count = getattr(recipe.data.make, part) if made else 0
        print(f"  {part:<5}{spec.name:<14}{'made by the first stage' if made else 'no label file'}, {scale}")
        missing += [] if made else [f"{spec.labels}, the labels of {spec.name}"]
        return count
    pictures = read_pictures(spec)
    absent = [picture.path for picture in pictures if not picture.path.exists()]
    print(f"  {part:<5}{spec.name:<14}{len(pictures)} pictures, {scale}")
    missing += [f"{absent[0]} and {len(absent) - 1} more pictures of {spec.name}"] if absent else []
    return len(pictures)


def steps(recipe: Recipe, part: str, pictures: int) -> str:
    args = getattr(recipe, part).args
    per_device, accumulation = args.get("per_device_train_batch_size", 8), args.get("gradient_accumulation_steps", 1)
    rows = per_device * accumulation * recipe.launch.processes
    batch = f"{rows} rows a step ({per_device} x {accumulation} accumulated x {recipe.launch.processes} processes)"
    generations = args.get("num_generations", 8) if part == "grpo" else 1
    if generations > 1:
        batch += f", {rows / generations:g} pictures with {generations} completions each"
    epochs = args.get("num_train_epochs", 3)
    total = args.get("max_steps", -1)
    if total < 1:
        total = math.ceil(pictures * generations / rows) * epochs
        return f"{total:g} steps, {epochs} epochs of {pictures} pictures; {batch}"
    return f"{total} steps; {batch}"


def model_parameters(recipe: Recipe, missing: list[str]) -> float | None:
    """Build the model's configuration and processor, where they are at hand; the number of parameters."""
    path, hint = recipe.model.path, recipe.model.parameters
    if recipe.model.make is not None and not Path(path).exists():
        print(f"  {path}: made by the second stage")
        return None
    if recipe.model.make is not None:
        import tiny.model  # noqa: F401  # makes its vision tower known to transformers
    cure = f"get it with `hf download {path}`, or give a folder"
    try:
        config = AutoConfig.from_pretrained(path, local_files_only=True)
        with torch.device("meta"):
            hint = AutoModelForImageTextToText.from_config(config).num_parameters()
        print(f"  {path}: {config.model_type}, {hint / 1e6:,.1f} million parameters")
    except (OSError, ValueError, ImportError) as error:
        missing.append(f"model {path} is not on this machine; {cure}")
        told = f"{hint / 1e9:.2f} billion parameters by the config" if hint else str(error).splitlines()[0]
        print(f"  {path}: {told}")
    try:
        print(f"  processor: {type(AutoProcessor.from_pretrained(path, local_files_only=True)).__name__}")
    except (OSError, ValueError, ImportError) as error:
        why = "" if isinstance(error, OSError) else f" ({str(error).strip().splitlines()[0]})"
        missing.append(f"the processor of {path} is not on this machine{why}; {cure}")
    return hint


def memory(recipe: Recipe, parameters: float) -> str:
    """What the states of training take on one device, without activations: a floor, not a forecast."""
    accelerate = yaml.safe_load(recipe.launch.accelerate.read_text()) if recipe.launch.accelerate else {}
    sharded = accelerate.get("distributed_type") in ("DEEPSPEED", "FSDP")
    share = 1 / recipe.launch.processes if sharded else 1
    width = 4 if recipe.model.dtype == "float32" else 2
    states = 4 * width if width == 4 else 16  # weights, gradients, two moments; in half precision a master copy too
    trained = states if recipe.model.lora is None else width + 0.2
    reference = width if recipe.grpo.args.get("beta", 0) > 0 and recipe.model.lora is None else 0
    total = parameters * (trained + reference) * share / 1e9
    told = f"at least {total:.3g} GB a process for weights, gradients, optimizer"
    told += " and reference model" if reference else ""
    told += f", sharded over {recipe.launch.processes} processes" if sharded else ""
    if recipe.grpo.args.get("use_vllm"):
        told += f"; vLLM takes {recipe.grpo.args.get('vllm_gpu_memory_utilization', 0.3):.0%} of each device beside it"
    return told + "; activations come on top"
