"""Options that several commands have: under one name, of one meaning."""

import argparse
import sys
from collections.abc import Mapping, Sequence
from contextlib import redirect_stdout
from typing import Any

from tatar_rewards.presets import load_reward_funcs
from tatar_rewards.presets.load import WITHOUT_NAMES
from tatar_rewards.rewards import LabelConfig, Reward
from tatar_rewards.scales import ScoreScale, label_scales, scale_of
from tatar_rewards.wording import did_you_mean

Options = Mapping[str, Any]
COLUMNS = {  # what a column holds, by field
    "completion": "what the model said",
    "mos": "the mean opinion score",
    "task": "the task of the picture",
    "image_id": "the key of the picture",
    "dataset": "the data set of the picture",
    "step": "the step of training",
    "mos_std": "the standard deviation of the raters",
    "raters": "how many raters there were",
}
REWARD_FUNCS = "a preset such as tatar or recommended, a reward such as gaussian_score, or module.name of your own"


def add_reward_funcs(command: Any) -> None:
    """Add the option that names rewards, as TRL calls it."""
    told = f"{REWARD_FUNCS} (default: {WITHOUT_NAMES})"
    command.add_argument("--reward-funcs", nargs="+", metavar="NAME", help=told)


def reward_funcs_of(options: Options) -> list[Any]:
    """The rewards that are named; without any the recommended ones."""
    with redirect_stdout(sys.stderr):  # a module may print while it is imported
        return load_reward_funcs(options.get("reward_funcs", [WITHOUT_NAMES]))


def check_task(task: str | None, rewards: Sequence[Any]) -> None:
    """A ValueError where rewards of this package are given only, and none of them grades the task."""
    if task is None or not all(isinstance(reward, Reward) for reward in rewards):
        return
    configs = [reward.config for reward in rewards]
    tasks = {config.task for config in configs if config.task is not None or isinstance(config, LabelConfig)}
    if tasks and not tasks & {None, task}:
        raise ValueError(f"--task: no reward is of task {task!r}; {did_you_mean(task, sorted(tasks))}")


# ---------------------------------------------------------------- columns


def add_columns(command: Any, *fields: str) -> None:
    """Add an option for the name of each column."""
    for field in fields:
        option = f"--{field.replace('_', '-')}-column"
        command.add_argument(option, metavar="COLUMN", help=f"{COLUMNS[field]} (default: {field})")


def add_columns_of_files(command: argparse.ArgumentParser, *fields: str) -> Any:
    """Add an option for the name of each column, and the task of all rows."""
    columns = command.add_argument_group("columns of the files")
    add_columns(columns, *fields)
    columns.add_argument("--task", help="the task of all rows, where no column has it")
    return columns


def named_columns(options: Options) -> dict[str, str]:
    """The columns that are named, by field."""
    return {field: options[f"{field}_column"] for field in COLUMNS if f"{field}_column" in options}


# ---------------------------------------------------------------- scales

SCALES = "scales, of which the higher end is the better one unless it is said"


def add_deviations(group: Any) -> None:
    """Add the options of the raters' deviations."""
    group.add_argument("--mos-std-column", metavar="COLUMN", help="of the raters' standard deviations")
    group.add_argument("--mos-std-of", choices=("ratings", "mean"), help="what deviates there (default: ratings)")
    scale = {"nargs": 2, "type": float, "metavar": ("LOW", "HIGH")}
    group.add_argument("--mos-std-scale", **scale, help="where it is not that of the labels")
    group.add_argument("--raters", type=float, help="ratings of each image")
    group.add_argument("--raters-column", metavar="COLUMN", help="of their number")


def add_scales(group: Any, *, of_datasets: bool = True) -> None:
    """Add the options of scales; those that are not given stand in no options."""
    ends: dict[str, Any] = {"nargs": 2, "type": float, "metavar": ("LOW", "HIGH")}
    yes: dict[str, Any] = {"action": "store_const", "const": True}
    others = " of all data sets, or of all others" if of_datasets else ""
    group.add_argument("--mos-scale", **ends, help=f"of the MOS{others} (default: 0 100)")
    group.add_argument("--lower-is-better", **yes, help="MOS of impairment (DMOS): the lowest is the best")
    if of_datasets:
        group.add_argument(
            "--mos-scale-of",
            nargs=3,
            action="append",
            metavar=("DATASET", "LOW", "HIGH"),
            help="of one data set; repeatable. Without --mos-scale, for each of them",
        )
        group.add_argument(
            "--lower-is-better-of", action="append", metavar="DATASET", help="the same of one data set; repeatable"
        )
    group.add_argument("--answer-scale", **ends, help="that prompts ask for (default: 0 100)")
    group.add_argument("--answers-lower-is-better", **yes, help="prompts ask for impairment")


def answer_scale_of(options: Options) -> ScoreScale:
    """The scale of the answers."""
    ends = options.get("answer_scale", (0, 100))
    return scale_of("--answer-scale", ends, lower=options.get("answers_lower_is_better", False))


def mos_scales(options: Options) -> ScoreScale | dict[str, ScoreScale]:
    """The scale of the labels, or that of each data set that is named and of all others."""
    return label_scales(
        options.get("mos_scale"),
        [(name, ends) for name, *ends in options.get("mos_scale_of", ())],
        lower=options.get("lower_is_better", False),
        lower_of=options.get("lower_is_better_of", ()),
        spell=lambda name: f"--{name.replace('_', '-')}",
    )
