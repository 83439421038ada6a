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

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

from recipe.config import Recipe
from recipe.stages import parse_recipe

FOLDER = Path(__file__).parent


class Stage(NamedTuple):
    name: str
    program: tuple[str, ...]  # what python is to run
    launched: bool  # on all processes
    needed: bool


def script(name: str) -> tuple[str, ...]:
    return (str(FOLDER / name),)


def module(name: str) -> tuple[str, ...]:
    return ("-P", "-m", name)  # -P: python does not look for modules in the current folder


def stages_of(recipe: Recipe) -> list[Stage]:
    asks = any((recipe.rationales.iqa, recipe.rationales.iaa))
    return [
        Stage("data", module("tiny.pictures"), False, recipe.data.make is not None),
        Stage("model", module("tiny.model"), False, recipe.model.make is not None),
        Stage("rationales", script("build_rationales.py"), False, asks),
        Stage("sft", script("train_sft.py"), True, True),
        Stage("grpo", script("train_grpo.py"), True, True),
        Stage("evaluate", script("evaluate_model.py"), True, True),
        Stage("report", script("make_report.py"), False, True),
    ]


def command_of(stage: Stage, recipe: Recipe, config: Path, changes: list[str]) -> list[str]:
    launch = recipe.launch
    command = [sys.executable]
    if stage.launched and (launch.processes > 1 or launch.accelerate is not None):
        command += ["-m", "accelerate.commands.launch", "--num_processes", str(launch.processes)]
        # --multi_gpu starts processes on CPUs too; --cpu would start one, whatever --num_processes says
        command += ["--config_file", str(launch.accelerate)] if launch.accelerate else ["--multi_gpu"]
    return [*command, *stage.program, "--config", str(config), *(["--set", *changes] if changes else [])]


def environment() -> dict[str, str]:
    """The environment of a stage: python finds `recipe` and `tiny`, from whichever folder it is started."""
    folders = [str(FOLDER), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(folders)}


def main() -> None:
    recipe, args = parse_recipe(
        "Run the TATAR recipe, from data to report.",
        ("--plan", {"action": "store_true", "help": "say what would run and what is missing, and run nothing"}),
        ("--only", {"nargs": "+", "metavar": "STAGE", "help": "run only these stages, for example sft grpo"}),
    )
    stages = [stage for stage in stages_of(recipe) if stage.needed]
    commands = {stage.name: command_of(stage, recipe, args.config, args.set) for stage in stages}
    if args.plan:
        from recipe.plan import plan  # it imports the trainers, which takes seconds

        sys.exit(0 if plan(recipe, commands) else 1)
    unknown = set(args.only or []) - set(commands)
    if unknown:
        raise SystemExit(f"--only knows {', '.join(commands)}; got {', '.join(sorted(unknown))}")
    started = time.monotonic()
    for name, command in commands.items():
        if args.only and name not in args.only:
            continue
        print(f"\n== {name}", flush=True)
        code = subprocess.run(command, check=False, env=environment()).returncode
        if code:
            raise SystemExit(f"{name} ended with code {code}; mend what it says, and start again to go on from there")
    table = recipe.out / "table.txt"
    if table.exists():
        print(f"\n{table.read_text()}")
    minutes = (time.monotonic() - started) / 60
    print(f"{minutes:.1f} minutes; the report with curves and pictures is {recipe.out / 'report.html'}")


if __name__ == "__main__":
    main()
