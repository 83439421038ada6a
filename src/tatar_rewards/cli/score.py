"""`python -m tatar_rewards score`: the post-mortem of a run from its completions."""

import argparse
import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

from tatar_rewards.cli.options import (
    SCALES,
    add_columns_of_files,
    add_deviations,
    add_reward_funcs,
    add_scales,
    answer_scale_of,
    check_task,
    mos_scales,
    named_columns,
    reward_funcs_of,
)
from tatar_rewards.cli.printing import show
from tatar_rewards.cli.score_tables import tables_of
from tatar_rewards.predictions import find_files
from tatar_rewards.rewards import LabelConfig, Reward
from tatar_rewards.scales import scale_of
from tatar_rewards.scoring import (
    ColumnNames,
    Scorer,
    Settings,
    Summary,
    open_output,
    read_tables,
    render_page,
    summarise,
)
from tatar_rewards.scoring.output import output_rows

_DESCRIPTION = """\
What completions earn, step by step, and what the detector of hacks would have said: the post-mortem of a run.
FILE is JSONL, JSON, CSV or Parquet with a completion in each row, or the folder of a run of TRL with
log_completions=True. Labels are in columns of their own, or in those that the rewards of this package have logged.
For example:

  score runs/grpo/completions --html page.html
  score answers.jsonl --mos-scale 1 5 --reward-funcs tatar --out rewards.csv
"""
_EXIT_CODES = """\
exit codes:
  0  no alarm was raised
  1  the detector raises alarms, or no reward compares the answers with their labels
  2  the command was wrong, or something that it names cannot be read
"""


_DEVIATIONS = """\
No reward needs them. Where they are given, gaussian_score and error_score take the standard error of each MOS,
rankings, win_rate and crps_score the spread of single ratings. --raters turns one into the other: rewards of both
kinds, such as tatar, need it; recommended does without. threshold_score takes no deviations."""


def add_score(commands: Any) -> None:
    """Add the command and its options."""
    command = commands.add_parser(
        "score",
        help="what completions earn, and the post-mortem of a run from its logs",
        description=_DESCRIPTION,
        epilog=_EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.set_defaults(run=_score)
    command.add_argument("files", nargs="+", type=Path, metavar="FILE", help="with completions, or a folder of them")
    command.add_argument("--out", type=Path, metavar="FILE", help=".jsonl, .csv or .parquet: a line a completion")
    command.add_argument("--html", type=Path, metavar="PAGE", help="with curves and the worst completions")
    command.add_argument("--json", action="store_true", help="the summary at full precision, as JSON")
    rewards = command.add_argument_group("rewards, which are called once a step, as a trainer calls them")
    add_reward_funcs(rewards)
    rewards.add_argument("--reward-weights", nargs="+", type=float, metavar="WEIGHT", help="in their sum (default: 1)")
    rewards.add_argument("--think-prefilled", action="store_true", help="the chat template writes <think>")
    rewards.add_argument("--max-steps", type=int, help="of the run, where a setting of a reward changes over training")
    columns = add_columns_of_files(command, *ColumnNames._fields)
    columns.add_argument("--num-generations", type=int, help="completions of one image, where no column has images")
    add_scales(command.add_argument_group(SCALES))
    add_deviations(command.add_argument_group("rater deviations", _DEVIATIONS))


def _score(options: dict[str, Any]) -> int:
    rewards = reward_funcs_of(options)
    scorer = Scorer(rewards, _settings(options, rewards))
    files = find_files(options["files"])
    page: Path | None = options.get("html")
    _check_written(files, options)
    ours = all(isinstance(reward, Reward) for reward in rewards)
    summary = Summary()
    tables = read_tables(files, scorer.settings.names, named=named_columns(options), pictures=not ours)
    with open_output(options.get("out")) as write, redirect_stdout(sys.stderr):  # rewards may print
        for found in summarise(tables, scorer):
            if isinstance(found, Summary):
                summary = found
            elif "out" in options:
                write(output_rows(found))
    if page is not None:
        title = f"What the completions of {', '.join(map(str, options['files']))} earn"
        page.write_text(render_page(summary, title), encoding="utf-8", errors="replace")
    if options["json"]:
        print(summary.to_json())
    else:
        show(*tables_of(summary))
    for name in ("out", "html"):
        if name in options:
            print(f"score: wrote {options[name]}", file=sys.stderr)
    return 0 if summary.ok else 1


def _check_written(files: Sequence[Path], options: dict[str, Any]) -> None:
    """Raise a ValueError where a file that is written is none, or one that is read, or where both are one file."""
    written = {f"--{name}": options[name].resolve() for name in ("out", "html") if name in options}
    for name, path in written.items():
        given = str(options[name[2:]])
        if path in {file.resolve() for file in files}:
            raise ValueError(f"{name} {given!r} is a file with completions; give it another name")
        if path.is_dir():
            raise ValueError(f"{name} {given!r} is a folder; name a file in it")
        if not path.parent.is_dir():
            raise ValueError(f"{name}: there is no folder {str(options[name[2:]].parent)!r}; make it first")
    if len(set(written.values())) < len(written):
        raise ValueError(f"--out and --html are both {str(options['out'])!r}; give them different names")


def _settings(options: dict[str, Any], rewards: list[Any]) -> Settings:
    for name in ("num_generations", "max_steps"):
        if name in options and options[name] < 1:
            raise ValueError(f"--{name.replace('_', '-')} must be at least 1; got {options[name]}")
    check_task(options.get("task"), rewards)
    configs = [one.config for one in rewards if isinstance(one, Reward) and isinstance(one.config, LabelConfig)]
    labels = {"mos_scale", "mos_scale_of", "lower_is_better", "lower_is_better_of"} & set(options)
    answers = {"answer_scale", "answers_lower_is_better"} & set(options)
    return Settings(
        names=_names(options, configs),
        mos_scale=mos_scales(options) if labels else None,
        answer_scale=answer_scale_of(options) if answers else None,
        think_prefilled=True if options["think_prefilled"] else None,
        task=options.get("task"),
        num_generations=options.get("num_generations"),
        max_steps=options.get("max_steps"),
        weights=options.get("reward_weights"),
        deviations=_deviations(options, configs),
    )


def _names(options: dict[str, Any], configs: Sequence[LabelConfig]) -> ColumnNames:
    """As the options call the columns, or else as the first reward with labels does."""
    names = ColumnNames()
    for config in configs[:1]:
        of_rewards = {field: str(getattr(config, f"{field}_column", name)) for field, name in names._asdict().items()}
        names = ColumnNames(**of_rewards)
    return names._replace(**{field: name for field, name in named_columns(options).items() if field in names._fields})


def _deviations(options: dict[str, Any], configs: Sequence[LabelConfig]) -> dict[str, Any]:
    """The settings on the deviations of raters, which some reward must take."""
    names = ("mos_std_column", "mos_std_of", "raters", "raters_column", "mos_std_scale")
    given = {name: options[name] for name in names if name in options}
    if given and all(config.needs_std_of is None for config in configs):
        option = f"--{next(iter(given)).replace('_', '-')}"
        raise ValueError(f"{option}: none of the rewards takes deviations of raters; leave it out, or name others")
    if "mos_std_scale" in given:
        given["mos_std_scale"] = scale_of("--mos-std-scale", given["mos_std_scale"])
    return given
