# /// script
# dependencies = ["tatar-rewards[recipe]"]
# ///
"""The TATAR recipe from data to report: one model, two minds. Runs the stages of a configuration, one after the other.

    python examples/train_tatar.py                                # the tiny model, minutes on two cores
    python examples/train_tatar.py --seed 1 --out runs/seed1
    python examples/train_tatar.py --config examples/configs/qwen2_5_vl_7b_8gpu.yaml --plan
    python examples/train_tatar.py --config examples/configs/qwen2_5_vl_7b_8gpu.yaml

TATAR (arXiv 2603.19779) teaches one vision-language model to judge quality at a glance and aesthetics after some
thought. Every stage is a script of its own, which can be run by itself with the same --config and --set; what is done
is not done again, and what was killed goes on where it was. `--plan` says what would run, and what is missing for it.
"""

import math
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import yaml

from picture_data import read_pictures
from recipe import PictureSet, Recipe, is_finished, parse_recipe

FOLDER = Path(__file__).parent


class Stage(NamedTuple):
    name: str
    script: str
    launched: bool  # on all processes
    needed: bool


def stages_of(recipe: Recipe) -> list[Stage]:
    asks = any((recipe.rationales.iqa, recipe.rationales.iaa))
    return [
        Stage("data", "tiny_data.py", False, recipe.data.make is not None),
        Stage("model", "tiny_model.py", False, recipe.model.make is not None),
        Stage("rationales", "build_rationales.py", False, asks),
        Stage("sft", "train_sft.py", True, True),
        Stage("grpo", "train_grpo.py", True, True),
        Stage("evaluate", "evaluate.py", True, True),
        Stage("report", "report.py", False, True),
    ]


def command_of(stage: Stage, recipe: Recipe, config: Path, changes: list[str]) -> list[str]:
    launch = recipe.launch
    command = [sys.executable]
    if stage.launched and (launch.processes > 1 or launch.accelerate is not None):
        command += ["-m", "accelerate.commands.launch", "--num_processes", str(launch.processes)]
        # --multi_gpu starts processes on CPUs too; --cpu would start one, whatever --num_processes says
        command += ["--config_file", str(launch.accelerate)] if launch.accelerate else ["--multi_gpu"]
    return [*command, str(FOLDER / stage.script), "--config", str(config), *(["--set", *changes] if changes else [])]


# ---------------------------------------------------------------- --plan


def plan(recipe: Recipe, config: Path, changes: list[str]) -> bool:
    """Say what would run; whether nothing is missing."""
    missing: list[str] = []
    print("stages")
    for stage in stages_of(recipe):
        if stage.needed:
            done = stage.name in ("data", "model", "sft", "grpo") and is_finished(recipe, stage.name)
            command = " ".join(command_of(stage, recipe, config, changes)[1:])
            print(f"  {stage.name:<11}{'done' if done else 'to do':<7}{command}")
    print("\npictures")
    counts = {
        part: sum(describe(spec, part, recipe, missing) for spec in getattr(recipe.data, part))
        for part in ("sft", "grpo", "test")
    }
    print("\nsteps")
    for part in ("sft", "grpo"):
        print(f"  {part}: {steps(recipe, part, counts[part])}")
    print("\nmodel")
    parameters = model_parameters(recipe, missing)
    if parameters:
        print(f"  {memory(recipe, parameters)}")
    print("\nrewards")
    from tatar_rewards.doctor import check_setup
    from train_grpo import make_rewards

    report = check_setup(make_rewards(recipe), recipe.grpo.args, None, recipe.launch.processes)
    print("\n".join(f"  {line}" for line in str(report).splitlines()))
    missing += [f"doctor: {finding.problem}" for finding in report.findings]
    print(
        "\n"
        + (
            "\n".join(["missing", *(f"  {line}" for line in dict.fromkeys(missing))])
            if missing
            else "Nothing is missing."
        )
    )
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
    import torch
    from transformers import AutoConfig, AutoModelForImageTextToText, AutoProcessor

    if recipe.model.make is not None:
        import tiny_model  # noqa: F401  # makes its vision tower known to transformers
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


# ---------------------------------------------------------------- all stages


def main() -> None:
    recipe, args = parse_recipe(
        "Run the TATAR recipe, from data to report.",
        ("--plan", {"action": "store_true", "help": "say what would run and what is missing, and run nothing"}),
        ("--only", {"nargs": "+", "metavar": "STAGE", "help": "run only these stages, for example sft grpo"}),
    )
    if args.plan:
        sys.exit(0 if plan(recipe, args.config, args.set) else 1)
    stages = [stage for stage in stages_of(recipe) if stage.needed]
    unknown = set(args.only or []) - {stage.name for stage in stages}
    if unknown:
        raise SystemExit(f"--only knows {', '.join(stage.name for stage in stages)}; got {', '.join(sorted(unknown))}")
    started = time.monotonic()
    for stage in stages:
        if args.only and stage.name not in args.only:
            continue
        print(f"\n== {stage.name}", flush=True)
        code = subprocess.run(command_of(stage, recipe, args.config, args.set), check=False).returncode
        if code:
            raise SystemExit(
                f"{stage.name} ended with code {code}; mend what it says, and start again to go on from there"
            )
    table = recipe.out / "table.txt"
    if table.exists():
        print(f"\n{table.read_text()}")
    minutes = (time.monotonic() - started) / 60
    print(f"{minutes:.1f} minutes; the report with curves and pictures is {recipe.out / 'report.html'}")


if __name__ == "__main__":
    main()
