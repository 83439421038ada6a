"""`python -m tatar_rewards score`: the post-mortem of a run from its completions."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tatar_rewards.cli.evaluate import add_scales, mos_scales
from tatar_rewards.cli.printing import show
from tatar_rewards.cli.score_tables import tables_of
from tatar_rewards.presets import load_reward_funcs
from tatar_rewards.rewards import LabelConfig, Reward
from tatar_rewards.scales import ScoreScale
from tatar_rewards.scoring import (
    ColumnNames,
    Scorer,
    Settings,
    Summary,
    find_files,
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
  score answers.jsonl --mos-scale 1 5 --rewards recommended --out rewards.csv
"""
_EXIT_CODES = """\
exit codes:
  0  no alarm was raised
  1  the detector raises alarms
  2  the command was wrong, or something that it names cannot be read
"""


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
    rewards.add_argument(
        "--rewards",
        nargs="+",
        metavar="NAME",
        help="a preset such as tatar or recommended, or module.name of rewards of your own (default: tatar)",
    )
    rewards.add_argument("--reward-weights", nargs="+", type=float, metavar="WEIGHT", help="in their sum (default: 1)")
    rewards.add_argument("--think-prefilled", action="store_true", help="the chat template writes <think>")
    rewards.add_argument("--max-steps", type=int, help="of the run, where a setting of a reward changes over training")
    columns = command.add_argument_group("columns of the files")
    for name, default in ColumnNames()._asdict().items():
        columns.add_argument(f"--{name.replace('_', '-')}-column", metavar="COLUMN", help=f"default: {default}")
    columns.add_argument("--task", help="of all rows, where no column has it")
    columns.add_argument("--num-generations", type=int, help="completions of one image, where no column has images")
    add_scales(command)


def _score(options: dict[str, Any]) -> int:
    rewards = load_reward_funcs(options.get("rewards", ["tatar"]))
    scorer = Scorer(rewards, _settings(options, rewards))
    files = find_files(options["files"])
    page: Path | None = options.get("html")
    _refuse_overwriting(files, options)
    if page is not None and not page.parent.is_dir():
        raise ValueError(f"--html: there is no folder {str(page.parent)!r}; make it first")
    ours = all(isinstance(reward, Reward) for reward in rewards)
    summary = Summary()
    with open_output(options.get("out")) as write:
        for found in summarise(read_tables(files, scorer.settings.names, pictures=not ours), scorer):
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
    return 1 if summary.alarms else 0


def _refuse_overwriting(files: Sequence[Path], options: dict[str, Any]) -> None:
    """Raise a ValueError where a file that is written is one that is read, or where both are one file."""
    written = {f"--{name}": options[name].resolve() for name in ("out", "html") if name in options}
    for name, path in written.items():
        if path in {file.resolve() for file in files}:
            raise ValueError(f"{name} {str(options[name[2:]])!r} is a file with completions; give it another name")
    if len(set(written.values())) < len(written):
        raise ValueError(f"--out and --html are both {str(options['out'])!r}; give them different names")


def _settings(options: dict[str, Any], rewards: list[Any]) -> Settings:
    for name in ("num_generations", "max_steps"):
        if name in options and options[name] < 1:
            raise ValueError(f"--{name.replace('_', '-')} must be at least 1; got {options[name]}")
    of_labels = next((one.config for one in rewards if isinstance(one, Reward) and _has_labels(one)), None)
    names: dict[str, Any] = {}
    for name, default in ColumnNames()._asdict().items():
        of_reward = getattr(of_labels, f"{name}_column", default)
        names[name] = options.get(f"{name}_column", of_reward)
    scales = {"mos_scale", "mos_scale_of", "lower_is_better_of"} & set(options)
    answers_low = options["answers_lower_is_better"]
    answer_scale = None
    if "answer_scale" in options or answers_low:
        low, high = options.get("answer_scale", (0.0, 100.0))
        answer_scale = ScoreScale(low, high, higher_is_better=not answers_low)
    return Settings(
        names=ColumnNames(**names),
        mos_scale=_mos_scale(options) if scales or options["lower_is_better"] else None,
        answer_scale=answer_scale,
        think_prefilled=True if options["think_prefilled"] else None,
        task=options.get("task"),
        num_generations=options.get("num_generations"),
        max_steps=options.get("max_steps"),
        weights=options.get("reward_weights"),
    )


def _has_labels(reward: Reward[Any]) -> bool:
    return isinstance(reward.config, LabelConfig)


def _mos_scale(options: dict[str, Any]) -> ScoreScale | dict[str, ScoreScale]:
    """One scale, or that of each data set."""
    by_dataset, other = mos_scales(options)
    if by_dataset and other is not None:
        raise ValueError("give --mos-scale for all data sets or --mos-scale-of for each of them, not both")
    return other if other is not None else by_dataset
