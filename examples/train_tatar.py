# /// script
# dependencies = ["tatar-rewards[recipe]"]
# ///
"""The whole TATAR recipe, from data to report: runs the stages of a configuration one after the other.

    python examples/train_tatar.py                                # the tiny model, minutes on two cores
    python examples/train_tatar.py --seed 1 --out runs/seed1
    python examples/train_tatar.py --config examples/configs/qwen2_5_vl_7b_8gpu.yaml --plan
    python examples/train_tatar.py --config examples/configs/qwen2_5_vl_7b_8gpu.yaml

TATAR (arXiv 2603.19779, "One Model, Two Minds") teaches one vision-language model to judge quality at a glance and
aesthetics after some thought. Every stage is a script of its own, which can be run by itself with the same --config and
--set. A finished stage is not run again, and a killed one continues where it was. `--plan` prints what would run, and
what is missing for it.
"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

from recipe.config import Recipe
from recipe.stages import parse_command_line

FOLDER = Path(__file__).parent

####################
# Stages
####################


class Stage(NamedTuple):
    name: str
    program: tuple[str, ...]  # python's arguments
    on_all_processes: bool  # accelerate launches it
    needed: bool


def script(name: str) -> tuple[str, ...]:
    return (str(FOLDER / name),)


def module(name: str) -> tuple[str, ...]:
    return ("-P", "-m", name)  # -P: python does not search the current folder for modules


def stages_of(recipe: Recipe) -> list[Stage]:
    rationales = recipe.rationales
    has_writer = rationales is not None and (rationales.iqa is not None or rationales.iaa is not None)
    return [
        Stage("data", module("tiny.pictures"), False, recipe.data.make is not None),
        Stage("model", module("tiny.model"), False, recipe.model.make is not None),
        Stage("rationales", script("build_rationales.py"), False, has_writer),
        Stage("sft", script("train_sft.py"), True, recipe.sft is not None),
        Stage("grpo", script("train_grpo.py"), True, True),
        Stage("evaluate", script("evaluate_model.py"), True, True),
        Stage("report", script("make_report.py"), False, True),
    ]


####################
# Commands
####################


def command_of(stage: Stage, recipe: Recipe, config: Path, changes: list[str]) -> list[str]:
    launch = recipe.launch
    command = [sys.executable]
    if stage.on_all_processes and (launch.processes > 1 or launch.accelerate is not None):
        command += ["-m", "accelerate.commands.launch", "--num_processes", str(launch.processes)]
        # --multi_gpu starts processes on CPUs too; --cpu would start a single process, whatever --num_processes says
        command += ["--config_file", str(launch.accelerate)] if launch.accelerate else ["--multi_gpu"]
    return [*command, *stage.program, "--config", str(config), *(["--set", *changes] if changes else [])]


def environment() -> dict[str, str]:
    """The environment of the stages: in it, python finds the packages `recipe` and `tiny` from any folder."""
    folders = [str(FOLDER), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(folders)}


def run_stage(name: str, command: list[str], place: str) -> None:
    print(f"\n== {name} ({place})", flush=True)
    try:
        code = subprocess.run(command, check=False, env=environment()).returncode  # what ends this one, ends that one
    except KeyboardInterrupt:
        raise SystemExit(f"{name} was interrupted; start again to go on from there") from None
    if code:
        raise SystemExit(f"{name} ended with code {code}; mend what it says, and start again to go on from there")


def main() -> None:
    recipe, args = parse_command_line(
        "Run the TATAR recipe, from data to report.",
        ("--plan", {"action": "store_true", "help": "say what would run and what is missing, and run nothing"}),
        ("--only", {"nargs": "+", "metavar": "STAGE", "help": "run only these stages, for example sft grpo"}),
    )
    stages = [stage for stage in stages_of(recipe) if stage.needed]
    commands = {stage.name: command_of(stage, recipe, args.config, args.set) for stage in stages}
    if args.plan:
        import train_grpo  # these import the trainers, which takes seconds
        import train_sft
        from recipe.models import show_warnings_without_code
        from recipe.plan import print_plan
        from tatar_rewards.cli.commands import while_somebody_reads

        show_warnings_without_code()
        trainings = {"grpo": train_grpo} if recipe.sft is None else {"sft": train_sft, "grpo": train_grpo}
        sys.exit(while_somebody_reads(lambda: 0 if print_plan(recipe, commands, trainings) else 1))
    unknown = set(args.only or []) - set(commands)
    if unknown:
        raise SystemExit(f"--only knows {', '.join(commands)}; got {', '.join(sorted(unknown))}")
    if recipe.launch.accelerate is not None:
        from recipe.launch import read_accelerate  # accelerate takes a second

        read_accelerate(recipe.launch.accelerate)  # before the stages that take hours
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped; start again to go on from there"))
    started = time.monotonic()
    chosen = [name for name in commands if not args.only or name in args.only]
    for number, name in enumerate(chosen, start=1):
        run_stage(name, commands[name], f"{number} of {len(chosen)}")
    table = recipe.out / "table.txt"
    if table.exists():
        print(f"\n{table.read_text()}")
    report, minutes = recipe.out / "report.html", (time.monotonic() - started) / 60
    said = f"; the report with curves and pictures is {report}" if report.exists() else ""
    print(f"{minutes:.1f} minutes{said}")


if __name__ == "__main__":
    main()
