"""`python -m tatar_rewards evaluate`."""

import argparse
import json
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

from tatar_rewards.cli.printing import Table, show, terminal
from tatar_rewards.evaluation import Evaluation, read_predictions
from tatar_rewards.evaluation.columns import read_columns, reading_of
from tatar_rewards.evaluation.compare import compare_columns, read_named
from tatar_rewards.evaluation.evaluate import check_resamples, evaluate_columns
from tatar_rewards.evaluation.table import HEADS, table_lines
from tatar_rewards.predictions import RowError
from tatar_rewards.scales import ScoreScale

_DESCRIPTION = """\
Files with dataset, task, image_id, mos and completion in each row, from any model: JSONL, JSON, CSV or Parquet; or the
completions table of a trainer, whose scores are in points already, so that no scale need be given."""


def add_evaluate(commands: Any) -> None:
    """Add the command and its options."""
    command = commands.add_parser(
        "evaluate",
        help="agreement of a model's completions with mean opinion scores",
        description=_DESCRIPTION,
    )
    command.set_defaults(run=_evaluate)
    command.add_argument("predictions", nargs="+", type=Path, help=".jsonl, .json, .csv or .parquet")
    command.add_argument(
        "--baseline",
        nargs="+",
        type=Path,
        metavar="FILE",
        help="another model's predictions about the same pictures: what changed since, with its interval",
    )
    command.add_argument("--json", action="store_true", help="everything at full precision, as JSON")
    add_scales(command)
    command.add_argument(
        "--unbounded",
        action="store_true",
        help="plain numbers are on no scale: correlations only",
    )
    command.add_argument("--think-prefilled", action="store_true", help="the chat template writes <think>")
    command.add_argument("--lenient", action="store_true", help="for a model that was never asked for tags")
    command.add_argument(
        "--logistic",
        action="store_true",
        help="PLCC and RMSE after the logistic fit too",
    )
    command.add_argument("--resamples", type=int, default=1000, help="of the bootstrap; 0: no intervals")


def add_scales(command: argparse.ArgumentParser) -> None:
    """Add the options of scales."""
    scales = command.add_argument_group("scales, of which the higher end is the better one unless it is said")
    scales.add_argument(
        "--mos-scale",
        nargs=2,
        type=float,
        metavar=("LOW", "HIGH"),
        help="of the MOS of all data sets, or of all others (default: 0 100)",
    )
    scales.add_argument(
        "--mos-scale-of",
        nargs=3,
        action="append",
        metavar=("DATASET", "LOW", "HIGH"),
        help="of one data set; may be given several times. Without --mos-scale, for each of them",
    )
    scales.add_argument("--lower-is-better", action="store_true", help="MOS of impairment (DMOS): lowest is best")
    scales.add_argument(
        "--lower-is-better-of",
        action="append",
        metavar="DATASET",
        help="the same of one data set; may be given several times",
    )
    scales.add_argument(
        "--answer-scale",
        nargs=2,
        type=float,
        metavar=("LOW", "HIGH"),
        help="that the model was asked to answer on (default: 0 100)",
    )
    scales.add_argument("--answers-lower-is-better", action="store_true", help="it was asked for impairment")


def _evaluate(options: dict[str, Any]) -> int:
    by_dataset, other = mos_scales(options)
    low, high = options.get("answer_scale", (0, 100))
    answer_scale = ScoreScale(low, high, higher_is_better=not options["answers_lower_is_better"])
    check_resamples(n_resamples := options["resamples"])
    reading = reading_of(
        by_dataset, other, answer_scale, options["think_prefilled"], options["lenient"], options["unbounded"]
    )
    with warnings.catch_warnings(record=True) as caught, _rows_named_by_file(options["predictions"]):
        warnings.simplefilter("always", UserWarning)
        columns = read_columns(read_predictions(options["predictions"]), reading)
        evaluation = evaluate_columns(columns, reading, n_resamples, logistic=options["logistic"])
    for remark in [*(str(warning.message) for warning in caught), *_unknown_datasets(options, evaluation)]:
        print(f"evaluate: {remark}", file=sys.stderr)
    compared = None
    if "baseline" in options:
        baseline = read_named(read_predictions(options["baseline"]), reading, "baseline")
        compared = compare_columns(baseline, columns, n_resamples)
    if options["json"]:
        record = json.loads(evaluation.to_json())
        print(json.dumps(record | ({} if compared is None else {"baseline": json.loads(compared.to_json())}), indent=2))
    else:
        shown = [str(evaluation)] if terminal() is None else _tables(evaluation)
        show(*shown, *([] if compared is None else [str(compared)]))
    return 0


def _tables(evaluation: Evaluation) -> list[Table | str]:
    """What a terminal shows: the table, and below it what no column can say."""
    lines = table_lines(evaluation.datasets, evaluation.task_means, evaluation.sample_means)
    rows = [[line.task, line.name, line.pictures, *line.cells] for line in lines if not line.remark]
    remarks = [f"{line.name}: {line.remark}" for line in lines if line.remark]
    table = Table("", ["task", "data set", "pictures", *HEADS], rows, words=2)
    return [table, "\n".join(remarks)] if remarks else [table]


@contextmanager
def _rows_named_by_file(paths: Sequence[Path]) -> Iterator[None]:
    """Rows are counted over all files; an error says which row of which file it means."""
    try:
        yield
    except RowError as error:
        if len(paths) < 2:
            raise
        places = ", ".join(f"row {number} is {_place_of_row(paths, number)}" for number in error.rows)
        raise ValueError(f"{error} ({places})") from None


def _place_of_row(paths: Sequence[Path], number: int) -> str:
    """The files are read once more, up to the row."""
    for path in paths:
        rows = sum(1 for _ in islice(read_predictions([path]), number + 1))
        if rows > number:
            return f"row {number} of {path}"
        number -= rows
    return "in none of the files that can be read twice"


# ---------------------------------------------------------------- scales


def mos_scales(options: dict[str, Any]) -> tuple[dict[str, ScoreScale], ScoreScale | None]:
    """The scales of data sets that are named, and that of all others; None where these must be named too."""
    lower = set(options.get("lower_is_better_of", ()))
    everywhere: bool = options["lower_is_better"]
    scales = {}
    for name, low, high in options.get("mos_scale_of", ()):
        if name in scales:
            raise ValueError(f"--mos-scale-of {name} is given twice; give it once")
        try:
            scales[name] = ScoreScale(float(low), float(high), higher_is_better=not (everywhere or name in lower))
        except ValueError as error:
            raise ValueError(f"--mos-scale-of {name} must have two numbers LOW < HIGH; got {low} {high}") from error
    if "mos_scale" not in options and scales:
        return scales, None
    low, high = options.get("mos_scale", (0, 100))
    for name in lower - set(scales):
        scales[name] = ScoreScale(low, high, higher_is_better=False)
    return scales, ScoreScale(low, high, higher_is_better=not everywhere)


def _unknown_datasets(options: dict[str, Any], evaluation: Evaluation) -> list[str]:
    """A misspelt name would leave a data set on another scale."""
    known = sorted({one.dataset for one in evaluation.datasets})
    named = {"--mos-scale-of": [name for name, *_ in options.get("mos_scale_of", ())]}
    named["--lower-is-better-of"] = options.get("lower_is_better_of", [])
    return [
        f"{option} names {name!r}, of which there is no row; the data sets are {known}"
        for option, names in named.items()
        for name in names
        if name not in known
    ]
