"""Command line: `python -m tatar_rewards doctor` and `python -m tatar_rewards evaluate`."""

import argparse
import sys
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from tatar_rewards.doctor_command import add_doctor
from tatar_rewards.evaluation import evaluate_predictions, read_predictions
from tatar_rewards.scales import ScoreScale


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code: 0 done, 1 the doctor has findings, 2 the command itself was wrong."""
    options = {name: value for name, value in vars(_parse_arguments(arguments)).items() if value is not None}
    command: Callable[[dict[str, Any]], int] = options.pop("run")
    try:
        return command(options)
    except (ValueError, TypeError, OSError, ImportError, AttributeError, ValidationError) as error:
        missing = isinstance(error, ImportError) and error.name in ("yaml", "datasets")
        cure = '; pip install "tatar-rewards[recipe]"' if missing else ""
        print(f"{command.__name__.strip('_')}: {error}{cure}", file=sys.stderr)
        return 2


def _parse_arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tatar_rewards", description="Rewards for judging pictures.")
    commands = parser.add_subparsers(required=True)
    add_doctor(commands)
    _add_evaluate(commands)
    return parser.parse_args(arguments)


# ---------------------------------------------------------------- evaluate


def _add_evaluate(commands: Any) -> None:
    command = commands.add_parser(
        "evaluate",
        help="agreement of a model's completions with mean opinion scores",
        description="Rows of JSONL with dataset, task, image_id, mos and completion, from any model.",
    )
    command.set_defaults(run=_evaluate)
    command.add_argument("predictions", nargs="+", type=Path, help="JSONL files")
    command.add_argument("--json", action="store_true", help="everything at full precision, as JSON")
    command.add_argument("--mos-scale", nargs=2, type=float, metavar=("LOW", "HIGH"), help="default: 0 100")
    command.add_argument(
        "--mos-scale-of",
        nargs=3,
        action="append",
        metavar=("DATASET", "LOW", "HIGH"),
        help="of one data set; may be given several times, for all of them",
    )
    command.add_argument("--answer-scale", nargs=2, type=float, metavar=("LOW", "HIGH"), help="default: 0 100")
    command.add_argument("--think-prefilled", action="store_true", help="the chat template writes <think>")
    command.add_argument("--lenient", action="store_true", help="for a model that was never asked for tags")
    command.add_argument("--resamples", type=int, default=1000, help="of the bootstrap; 0: no intervals")


def _evaluate(options: dict[str, Any]) -> int:
    scale: ScoreScale | dict[str, ScoreScale] = ScoreScale(*options.get("mos_scale", (0, 100)))
    if "mos_scale_of" in options:
        if "mos_scale" in options:
            raise ValueError("give --mos-scale for all data sets or --mos-scale-of for each, not both")
        scale = {name: ScoreScale(float(low), float(high)) for name, low, high in options["mos_scale_of"]}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        evaluation = evaluate_predictions(
            read_predictions(options["predictions"]),
            mos_scale=scale,
            answer_scale=ScoreScale(*options.get("answer_scale", (0, 100))),
            think_prefilled=options["think_prefilled"],
            lenient=options["lenient"],
            n_resamples=options["resamples"],
        )
    for warning in caught:
        print(f"evaluate: {warning.message}", file=sys.stderr)
    print(evaluation.to_json() if options["json"] else evaluation)
    return 0
