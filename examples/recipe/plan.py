"""What a recipe would do on this machine, and what it lacks, by the checks of training itself. It writes nothing."""

import io
import math
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stdout
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import Any, TypeVar

from trl import GRPOConfig, SFTConfig

from recipe.arguments import arguments_on_paper, find_problems
from recipe.config import PictureSet, Recipe
from recipe.labels import Picture, check_labels
from recipe.launch import shards_of
from recipe.models import refuse_trained_frozen, starting_model
from recipe.pictures import count_per_task, load_pictures, mix_tasks, refuse_overlap, to_dataset
from recipe.plan_model import first_line, print_model
from recipe.prompts import questions_of
from recipe.secrets import redact
from recipe.stages import DEPENDS_ON, check_stage, fingerprint_of_model, is_finished
from tatar_rewards.doctor import check_setup
from tatar_rewards.wording import in_words

KINDS = {"sft": SFTConfig, "grpo": GRPOConfig}
LARGEST_BUILT = 2e9  # parameters of a model that a plan loads, to build the trainer
Result = TypeVar("Result")


class Plan:
    """What is printed, and what is missing."""

    def __init__(self, recipe: Recipe) -> None:
        self.recipe, self.missing = recipe, list[str]()

    def attempt(self, check: Callable[[], Result]) -> Result | None:
        """What a check of training returns; if it exits, what it says is missing."""
        try:
            return check()
        except SystemExit as error:
            self.missing += str(error).splitlines()
            return None


def print_plan(recipe: Recipe, commands: Mapping[str, Sequence[str]], trainings: Mapping[str, ModuleType]) -> bool:
    """Print what the commands of the stages would do, and what they lack; returns whether they lack nothing.

    Args:
        recipe: Its settings.
        commands: Of its stages, by name.
        trainings: The scripts that train, by stage; they bring the checks.
    """
    plan = Plan(recipe)
    print("stages")
    for name, command in commands.items():
        done = name in DEPENDS_ON and plan.attempt(partial(is_finished, recipe, name))
        shown = redact(" ".join(command[1:]), recipe.rationales)
        print(f"  {name:<11}{'done' if done else 'to do':<7}{shown}")
    for stage in trainings:
        plan.attempt(partial(is_finished, recipe, f"predictions/{stage}"))
    if recipe.model.make is not None and (recipe.data.make is None or recipe.rationales is None):
        plan.missing.append(
            "model.make takes the tiny pictures and their rationales: give data.make and rationales.file"
        )
    plan.missing += out_problems(recipe.out)
    print("\npictures")
    pictures = {part: print_pictures(plan, part) for part in (*trainings, "test")}
    for part in trainings:
        plan.attempt(partial(refuse_overlap, pictures[part].found, pictures["test"].found))
    if not any(pictures["test"].counts.values()):
        plan.missing.append("data.test has no picture to ask about")
    print("\nsteps")
    args = {part: planned_arguments(plan, part, script) for part, script in trainings.items()}
    n_steps = {part: print_steps(plan, part, args[part], pictures[part].counts) for part in trainings}
    print("\nmodel")
    shards = plan.attempt(partial(shards_of, recipe))
    n_parameters = print_model(recipe, args["grpo"], n_steps["grpo"], shards, plan.missing)
    print_doctor(plan, trainings["grpo"].make_rewards, pictures["grpo"].found)
    for part, script in trainings.items():
        if not plan.missing and pictures[part].found and "data" not in unfinished(recipe, commands):
            try_training(plan, part, script, n_parameters, written="rationales" in unfinished(recipe, commands))
    print("\nmissing" if plan.missing else "\nNothing is missing.")
    for line in dict.fromkeys(plan.missing):
        print(f"  {line}")
    return not plan.missing


def out_problems(out: Path) -> list[str]:
    """Why the results cannot be written, if so."""
    there = next(folder for folder in (out, *out.absolute().parents) if folder.exists())
    if not there.is_dir():
        return [f"out {out} cannot be made: {there} is no folder"]
    if not os.access(there, os.W_OK):
        return [f"out {out} cannot be made: {there} cannot be written to"]
    return []


def all_labels_here(recipe: Recipe, part: str) -> bool:
    """Whether no label file of a part is still missing, which is told elsewhere."""
    return recipe.data.make is not None or all(spec.labels.exists() for spec in getattr(recipe.data, part))


def unfinished(recipe: Recipe, commands: Mapping[str, Sequence[str]]) -> set[str]:
    return {name for name in commands if name not in DEPENDS_ON or not is_finished(recipe, name)}


def planned_arguments(plan: Plan, part: str, script: ModuleType) -> Any:
    """The arguments of a stage's trainer, on paper where this machine cannot build them; None where they are wrong."""
    recipe, processes = plan.recipe, plan.recipe.launch.processes
    built = plan.attempt(partial(script.training_arguments, recipe, processes))
    return built or arguments_on_paper(KINDS[part], part, getattr(recipe, part).args, processes)


def try_training(plan: Plan, stage: str, script: ModuleType, n_parameters: float | None, *, written: bool) -> None:
    """Read what a stage reads and build its trainer, as far as everything is here and the model is small."""
    recipe, model = plan.recipe, starting_model(plan.recipe, stage)
    if stage == "sft" and written:
        return  # the stage before makes what it reads
    examples = plan.attempt(partial(script.read_examples, recipe, keep=False))
    if examples is None:
        return
    if Path(model).is_dir():
        read = script.fingerprints(examples) | {"model": fingerprint_of_model(model)}
        plan.attempt(partial(check_stage, recipe, stage, **read))
    start = model if Path(model).is_dir() else recipe.model.path
    if recipe.launch.processes > 1 or not Path(start).is_dir() or (n_parameters or math.inf) > LARGEST_BUILT:
        return
    with TemporaryDirectory() as folder, redirect_stdout(io.StringIO()):
        elsewhere = recipe.model_copy(update={"out": Path(folder)})
        try:
            trainer = plan.attempt(partial(script.make_trainer, elsewhere, examples, start))
            if trainer is not None:
                plan.attempt(partial(refuse_trained_frozen, trainer.model, recipe.model.frozen))
                trainer.create_optimizer_and_scheduler(num_training_steps=10)  # they may not be installed, or refuse
        except Exception as error:  # whatever a trainer says to its settings
            plan.missing.append(f"{stage}: {type(error).__name__}: {first_line(error)}")


class PlannedPictures:
    """The pictures of a part that there are, and how many of each task there will be."""

    def __init__(self) -> None:
        self.found: list[Picture] = []
        self.counts = {"iqa": 0, "iaa": 0}


def print_pictures(plan: Plan, part: str) -> PlannedPictures:
    planned = PlannedPictures()
    for spec in getattr(plan.recipe.data, part):
        found = print_picture_set(plan, spec, part)
        planned.counts[spec.task] += found if isinstance(found, int) else len(found)
        planned.found += [] if isinstance(found, int) else found
    return planned


def print_picture_set(plan: Plan, spec: PictureSet, part: str) -> list[Picture] | int:
    """Print a line on a set; returns its pictures, or how many the data stage will make."""
    recipe, scale = plan.recipe, f"labels on {spec.score_scale}"
    if not spec.labels.exists():
        made = recipe.data.make is not None
        print(f"  {part:<5}{spec.name:<14}{'made by the first stage' if made else 'no label file'}, {scale}")
        plan.missing += [] if made else [f"{spec.labels}, the labels of {spec.name}"]
        return getattr(recipe.data.make, part) if recipe.data.make is not None else 0
    pictures = plan.attempt(partial(load_pictures, [spec], recipe.out / "pictures.jsonl", keep=False)) or []
    print(f"  {part:<5}{spec.name:<14}{len(pictures)} pictures, {scale}")
    if part != "test" and recipe.grpo.doctor == "stop":
        plan.missing += check_labels(spec, pictures)
    return pictures


def print_doctor(
    plan: Plan, rewards: Callable[[Recipe], Sequence[Callable[..., Any]]], pictures: Sequence[Picture]
) -> None:
    recipe = plan.recipe
    print("\nrewards")
    if find_problems(KINDS["grpo"], "grpo", recipe.grpo.args):
        print("  not looked at: grpo.args are wrong")
        return
    rows = mix_tasks(pictures, recipe.data.iaa_share, recipe.seed)
    dataset = to_dataset(rows, questions_of(recipe)).with_format(None) if rows else None
    try:
        report = check_setup(rewards(recipe), recipe.grpo.args, dataset, recipe.launch.processes)
    except (ValueError, TypeError, ImportError, AttributeError, SystemExit) as error:
        plan.missing.append(f"rewards: {in_words(error)}")
        return
    print("\n".join(f"  {line}" for line in str(report).splitlines()))
    if recipe.grpo.doctor == "stop":
        plan.missing += [f"doctor: {finding.problem}" for finding in report.faults]


def print_steps(plan: Plan, part: str, args: Any, counts: dict[str, int]) -> float:
    """Print how many steps a stage takes, and of how many rows; returns their number."""
    if args is None:
        print(f"  {part}: unknown")
        return 0
    processes, pictures = plan.recipe.launch.processes, count_per_task(counts, plan.recipe.data.iaa_share)
    n_pictures, epochs = sum(pictures.values()), args.num_train_epochs
    per_device, accumulation = args.per_device_train_batch_size, args.gradient_accumulation_steps
    rows, generations = per_device * accumulation * processes, getattr(args, "num_generations", 1)
    batch = f"{rows} rows a step ({per_device} x {accumulation} accumulated x {processes} processes)"
    if generations > 1:
        batch += f", {rows / generations:g} pictures with {generations} completions each"
    each_epoch = math.ceil(n_pictures / rows)
    if part == "grpo":  # pictures that do not fill a generation are left out
        size = args.generation_batch_size
        each_epoch = n_pictures // max(1, size // generations) * size // rows * args.num_iterations
    n_steps, length = each_epoch * epochs, f", {epochs:g} epochs of {n_pictures} pictures"
    if args.max_steps > 0:
        n_steps, length = args.max_steps, ""
    known = n_pictures or args.max_steps > 0
    print(f"  {part}: {f'{n_steps:g} steps{length}' if known else 'steps unknown without its labels'}; {batch}")
    if not n_pictures and all_labels_here(plan.recipe, part):
        plan.missing.append(f"{part} has no picture to train on; see data.{part}")
    elif n_pictures and not each_epoch:
        plan.missing.append(f"{part} takes no step: {n_pictures} pictures fill no batch; give more, or fewer rows")
    elif n_pictures and n_steps <= 0:
        plan.missing.append(f"{part} takes no step: num_train_epochs is {epochs:g}; give more, or max_steps")
    return float(n_steps)
