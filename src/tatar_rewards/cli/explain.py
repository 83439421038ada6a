"""`python -m tatar_rewards explain`."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from tatar_rewards.cli.options import (
    add_reward_funcs,
    add_scales,
    answer_scale_of,
    check_task,
    mos_scales,
    reward_funcs_of,
)
from tatar_rewards.cli.printing import Table, show, terminal
from tatar_rewards.explain import Explanation, Opponent, explain_reward
from tatar_rewards.predictions import decoded_lines
from tatar_rewards.rewards import LabelConfig, Reward

_DESCRIPTION = """\
Why a completion earns its reward, step by step. For example:

  explain "<think>Sharp.</think><answer>64</answer>" --mos 3.9 --mos-scale 1 5 --reward-funcs gaussian_score
  explain --file answer.txt --mos 70 --other 60 --opponent 40 35 45 --opponent 80 90"""


def add_explain(commands: Any) -> None:
    """Add the command and its options."""
    command = commands.add_parser(
        "explain",
        help="why a completion earns its reward",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.set_defaults(run=_explain)
    command.add_argument("completion", nargs="?", help="the text; - reads it from the standard input")
    command.add_argument("--file", type=Path, help="a file with the text")
    command.add_argument("--mos", type=float, help="of its image")
    add_reward_funcs(command)
    command.add_argument("--task", help="explain the rewards of this task only")
    command.add_argument(
        "--other", nargs="+", type=float, metavar="SCORE", help="other answers to the same image, for CRPS"
    )
    command.add_argument(
        "--opponent",
        nargs="+",
        action="append",
        type=float,
        metavar=("MOS", "SCORE"),
        help="another image, for rankings: its MOS and the answers to it; may be given several times",
    )
    add_scales(command, of_datasets=False)
    command.add_argument("--think-prefilled", action="store_true", help="the chat template writes <think>")
    command.add_argument("--json", action="store_true", help="everything at full precision, as JSON")


def _explain(options: dict[str, Any]) -> int:
    text = _text(options)
    opponents = [Opponent(mos, scores) for mos, *scores in options.get("opponent", ())]
    for opponent in opponents:
        if not opponent.answers:
            raise ValueError(
                f"--opponent {opponent.mos:g} needs the answers to that image too: --opponent MOS SCORE ..."
            )
    explained = [
        explain_reward(reward, text, mos=options.get("mos"), others=options.get("other", ()), opponents=opponents)
        for reward in _rewards(options)
    ]
    if options["json"]:
        print(_as_json(explained))
    else:
        show(*(map(str, explained) if terminal() is None else map(_table, explained)))
    return 0


def _text(options: dict[str, Any]) -> str:
    given = [name for name in ("completion", "file") if name in options]
    if len(given) != 1:
        place = "; it stands before --reward-funcs, which takes all that follows" if "reward_funcs" in options else ""
        raise ValueError(f"give the completion, or - to read it from the standard input, or --file{place}")
    if "file" in options:
        with options["file"].open("rb") as lines:
            return "".join(decoded_lines(lines, options["file"]))
    completion: str = options["completion"]
    return sys.stdin.read() if completion == "-" else completion


def _rewards(options: dict[str, Any]) -> list[Reward[Any]]:
    """The rewards that are asked for, on the scales that are given."""
    loaded = reward_funcs_of(options)
    ours = [reward for reward in loaded if isinstance(reward, Reward)]
    if len(ours) < len(loaded):
        raise TypeError("explain knows the rewards of this package; one of --reward-funcs is another function")
    task = options.get("task")
    check_task(task, ours)
    changes: dict[str, Any] = {"think_prefilled": True} if options["think_prefilled"] else {}
    if {"answer_scale", "answers_lower_is_better"} & set(options):
        changes["answer_scale"] = answer_scale_of(options)
    labels: dict[str, Any] = {}
    if {"mos_scale", "lower_is_better"} & set(options):
        labels["mos_scale"] = mos_scales(options)
    return [
        reward.fresh(**changes, **(labels if isinstance(reward.config, LabelConfig) else {}))
        for reward in ours
        if task is None or reward.config.task in (None, task)
    ]


def _table(explained: Explanation) -> Table:
    """What a terminal shows."""
    title = str(explained).partition("\n")[0]
    return Table(title, ["", ""], [[step.what, step.says] for step in explained.steps], words=2)


def _as_json(explained: list[Explanation]) -> str:
    return json.dumps([json.loads(one.to_json()) for one in explained], indent=2)
