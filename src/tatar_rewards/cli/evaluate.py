"""`python -m tatar_rewards evaluate`."""

import argparse
import json
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import Any

from tatar_rewards.cli.options import (
    SCALES,
    add_columns_of_files,
    add_scales,
    answer_scale_of,
    mos_scales,
    named_columns,
)
from tatar_rewards.cli.printing import Table, show, terminal
from tatar_rewards.evaluation import Evaluation, read_predictions
from tatar_rewards.evaluation.columns import read_columns, reading_of
from tatar_rewards.evaluation.compare import compare_columns, read_named
from tatar_rewards.evaluation.evaluate import check_resamples, evaluate_columns
from tatar_rewards.evaluation.table import HEADS, table_lines
from tatar_rewards.findings import datasets_without_rows
from tatar_rewards.predictions import RowError, find_files

_DESCRIPTION = """\
Files with task, image_id, mos and completion in each row, and dataset if there are several, from any model: JSONL,
JSON, CSV or Parquet; or the completions table of a trainer, whose scores are in points already, so that no scale need
be given. No reward is called, so that --task may be any name."""


_EXIT_CODES = """\
exit codes:
  0  done
  1  done, and a scale, its direction or the name of a data set looks wrong
  2  the command was wrong, or something that it names cannot be read
"""


def add_evaluate(commands: Any) -> None:
    """Add the command and its options."""
    command = commands.add_parser(
        "evaluate",
        help="agreement of a model's completions with mean opinion scores",
        description=_DESCRIPTION,
        epilog=_EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.set_defaults(run=_evaluate)
    files = "with predictions, or a folder of completions tables"
    command.add_argument("predictions", nargs="+", type=Path, metavar="FILE", help=files)
    command.add_argument(
        "--baseline",
        nargs="+",
        type=Path,
        metavar="FILE",
        help="another model's predictions about the same pictures: what changed since, with its interval",
    )
    command.add_argument("--json", action="store_true", help="everything at full precision, as JSON")
    add_columns_of_files(command, "completion", "mos", "task", "image_id", "dataset", "mos_std", "raters")
    add_scales(command.add_argument_group(SCALES))
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


def _evaluate(options: dict[str, Any]) -> int:
    scales = mos_scales(options)
    check_resamples(n_resamples := options["resamples"])
    given = (options["think_prefilled"], options["lenient"], options["unbounded"])
    reading = reading_of(scales, None, answer_scale_of(options), *given)
    new, old = _Files(options["predictions"], options), _Files(options.get("baseline", ()), options)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        with new.named_in_errors():
            columns = read_columns(new.rows(), reading)
            of_rows = len(caught)
            evaluation = evaluate_columns(columns, reading, n_resamples, logistic=options["logistic"])
            wrong_scale = len(caught) > of_rows
        compared = None
        if old.paths:
            with old.named_in_errors():
                baseline = read_named(old.rows(), reading, "baseline")
            with _both_named_in_errors(old, new):
                compared = compare_columns(baseline, columns, n_resamples)
    unknown = datasets_without_rows(scales, {one.dataset for one in evaluation.datasets})
    told = [*dict.fromkeys(str(one.message) for one in caught)] + [f"{one.problem}; {one.cure}" for one in unknown]
    for remark in told:
        print(f"evaluate: {remark}", file=sys.stderr)
    for one in evaluation.datasets:
        if one.unlabelled:
            print(f"evaluate: {one.unlabelled} of {one.rows} answers of {one.dataset!r} have no label", file=sys.stderr)
    if "mos_std_column" in options and all(one.ceiling is None for one in evaluation.datasets):
        missing = "what another panel of raters would reach is not known: it takes the number of raters of each picture"
        print(f"evaluate: {missing} (--raters-column)", file=sys.stderr)
    if options["json"]:
        record = json.loads(evaluation.to_json())
        print(json.dumps(record | ({} if compared is None else {"baseline": json.loads(compared.to_json())}), indent=2))
    else:
        shown = [str(evaluation)] if terminal() is None else _tables(evaluation)
        show(*shown, *([] if compared is None else [str(compared)]))
    return 1 if unknown or wrong_scale else 0


def _tables(evaluation: Evaluation) -> list[Table | str]:
    """What a terminal shows: the table, and below it what no column can say."""
    lines = table_lines(evaluation.datasets, evaluation.task_means, evaluation.sample_means)
    rows = [[line.task, line.name, line.pictures, *line.cells] for line in lines if not line.remark]
    remarks = [f"{line.name}: {line.remark}" for line in lines if line.remark]
    table = Table("", ["task", "data set", "pictures", *HEADS], rows, words=2)
    return [table, "\n".join(remarks)] if remarks else [table]


class _Files:
    """The predictions of one model, in one file or several."""

    def __init__(self, paths: Sequence[Path], options: Mapping[str, Any]) -> None:
        self.paths, self.columns, self.task = find_files(paths), named_columns(options), options.get("task")

    def rows(self) -> Iterator[Mapping[str, Any]]:
        return read_predictions(self.paths, columns=self.columns, task=self.task)

    @contextmanager
    def named_in_errors(self) -> Iterator[None]:
        """Rows are counted over all files; an error says which row of which file it means."""
        try:
            yield
        except RowError as error:
            said = str(error)
            for field, column in self.columns.items():
                said = said.replace(f": {field}: ", f": {column}: ", 1)
            if len(self.paths) == 1 or not error.rows:
                raise ValueError(f"{', '.join(map(str, self.paths))}: {said}") from None
            places = ", ".join(f"row {number} is {self.place_of(number)}" for number in error.rows)
            raise ValueError(f"{said} ({places})") from None

    def place_of(self, number: int) -> str:
        """The files are read once more, up to the row."""
        for path in self.paths:
            rows = 0
            with suppress(ValueError):  # columns that another file has
                for _ in islice(read_predictions([path], columns=self.columns, task=self.task), number + 1):
                    rows += 1
            if rows > number:
                return f"row {number} of {path}"
            number -= rows
        return "in none of the files that can be read twice"


@contextmanager
def _both_named_in_errors(old: _Files, new: _Files) -> Iterator[None]:
    """An error about a picture of both says where its rows are."""
    try:
        yield
    except RowError as error:
        places = [files.place_of(number) for files, number in zip((old, new), error.rows, strict=False)]
        raise ValueError(f"{error} ({', '.join(places)})") from None
