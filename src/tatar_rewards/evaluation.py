"""How well a model's completions agree with mean opinion scores (MOS), from nothing but its predictions.

Rows hold `dataset`, `task`, `image_id`, `mos` and `completion`, from whatever model; the parser of the rewards reads
them. A completion that it cannot read is a failure: left out of the figures, counted by status, and taken at its worst
in a second, pessimistic line, since a model that answers only where it is sure would look good without. From a shell:

    python -m tatar_rewards evaluate predictions.jsonl
"""

import json
import math
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tatar_rewards import metrics
from tatar_rewards.answers import AnswerStatus, completion_text
from tatar_rewards.findings import squeezed_labels
from tatar_rewards.metrics import Interval
from tatar_rewards.predictions import PredictionRow, check_row, read_predictions
from tatar_rewards.scales import POINTS, Scale, ScalesByDataset, ScoreScale, as_scale, as_scales

__all__ = ["DatasetEvaluation", "Evaluation", "Figures", "evaluate_predictions", "read_predictions"]

Floats = NDArray[np.float64]


class Figures(NamedTuple):
    """Agreement of predictions with MOS, both in points on 0-100; NaN where a figure does not exist."""

    srcc: float
    plcc: float
    krcc: float
    rmse: float
    mae: float


class DatasetEvaluation(NamedTuple):
    """The figures of one data set.

    Attributes:
        task: Its task.
        dataset: Its name.
        rows: How many predictions there are.
        unlabelled: How many of them have no MOS and count in nothing else.
        coverage: Share of the labelled ones that could be read.
        failures: How many could not, by status.
        figures: Over those that could be read.
        srcc_interval: Bootstrap interval of their SRCC.
        plcc_interval: Of their PLCC.
        pessimistic: With every failure taken for the end of the scale that lies farther from its MOS.
    """

    task: str
    dataset: str
    rows: int
    unlabelled: int
    coverage: float
    failures: dict[str, int]
    figures: Figures
    srcc_interval: Interval
    plcc_interval: Interval
    pessimistic: Figures


class Evaluation(NamedTuple):
    """Every data set, in the order of the rows, and the mean figures of each task over its data sets."""

    datasets: list[DatasetEvaluation]
    task_means: dict[str, Figures]

    def to_json(self) -> str:
        """All of it at full precision; NaN as null."""
        records = {
            "datasets": [
                {name: _as_json_value(value) for name, value in one._asdict().items()} for one in self.datasets
            ],
            "task_means": {task: _as_json_value(figures) for task, figures in self.task_means.items()},
        }
        return json.dumps(records, indent=2)

    def __str__(self) -> str:
        width = max([len(one.dataset) for one in self.datasets] + [12])
        lines = [
            f"{'task':<5}{'data set':<{width + 1}}{'pictures':>9}{'SRCC':>7}{'(95 %)':>16}{'PLCC':>7}{'KRCC':>7}"
            f"{'RMSE':>7}{'read':>8}"
        ]
        for one in self.datasets:
            low, high = one.srcc_interval
            bounds = "" if math.isnan(low) else f"{low:.3f} to {high:.3f}"
            lines.append(
                _table_row(one.task, one.dataset, width, one.figures, one.rows - one.unlabelled, bounds)
                + f"{one.coverage:>8.1%}"
            )
            if one.failures:
                lines.append(_table_row("", "  at worst", width, one.pessimistic, None, ""))
                failures_by_status = ", ".join(f"{count} {status}" for status, count in one.failures.items())
                lines.append(f"{'':<5}  not read: {failures_by_status}")
        for task, figures in self.task_means.items():
            lines.append(_table_row(task, "mean", width, figures, None, ""))
        return "\n".join(lines)


def evaluate_predictions(
    rows: Iterable[Mapping[str, Any]],
    *,
    mos_scale: Scale | ScalesByDataset = POINTS,
    answer_scale: Scale = POINTS,
    think_prefilled: bool = False,
    lenient: bool = False,
    n_resamples: int = 1000,
) -> Evaluation:
    """Read the completions and compare them with the MOS, data set by data set.

    Args:
        rows: Mappings with `dataset`, `task`, `image_id`, `mos` (None: unlabelled) and `completion` (text or messages).
        mos_scale: The scale of the MOS, a `ScoreScale` or a pair (low, high), or one for each data set.
        answer_scale: The scale that the model was asked to answer on.
        think_prefilled: True where the chat template writes `<think>` into the prompt.
        lenient: Read the lenient grammar of `parse_answer`, for models that were not trained on the strict one.
        n_resamples: Bootstrap resamples of the intervals; 0 leaves them out.

    Returns:
        Figures of each data set and means of each task.

    Warns:
        UserWarning: all labels of a data set lie in the lowest tenth of the scale that was declared.

    Raises:
        TypeError: a scale is something else.
        ValueError: a row lacks a field or repeats a picture, a label is off its scale, or a data set has no scale.

    Examples:
        >>> scores = [("a", 20, 30), ("b", 50, 45), ("c", 80, 90)]
        >>> rows = [
        ...     {"dataset": "mine", "task": "iqa", "image_id": i, "mos": mos, "completion": f"<answer>{said}</answer>"}
        ...     for i, mos, said in scores
        ... ]
        >>> print(evaluate_predictions(rows, n_resamples=0))
        task data set      pictures   SRCC          (95 %)   PLCC   KRCC   RMSE    read
        iqa  mine                 3  1.000                  0.961  1.000    8.7  100.0%
        iqa  mean                    1.000                  0.961  1.000    8.7
    """
    by_dataset: dict[tuple[str, str], list[PredictionRow]] = {}
    seen: dict[tuple[str, str, str | int], int] = {}
    for number, raw in enumerate(rows):
        row = check_row(number, raw)
        key = (row.task, row.dataset, row.image_id)
        if key in seen:
            raise ValueError(
                f"rows {seen[key]} and {number} are both of image_id {row.image_id!r} of {row.dataset!r}; keep one "
                f"prediction a picture"
            )
        seen[key] = number
        by_dataset.setdefault(key[:2], []).append(row)
    if not seen:
        raise ValueError("there are no rows to evaluate; give one for each picture")
    answer_scale, mos_scales = as_scale(answer_scale), as_scales(mos_scale)
    evaluated = []
    for (task, dataset), its_rows in by_dataset.items():
        scale = _scale_of(dataset, mos_scales)
        targets = scale.column_to_points([row.mos for row in its_rows], column=f"mos of {dataset}")
        for finding in squeezed_labels(targets, dataset, scale):
            warnings.warn(f"{finding.problem}; {finding.cure}", stacklevel=2)
        answers = [
            completion_text(row.completion, name=f"row {seen[task, dataset, row.image_id]}: completion").parse(
                scale=answer_scale, think_prefilled=think_prefilled, lenient=lenient
            )
            for row in its_rows
        ]
        scores = np.array([math.nan if a.score is None else answer_scale.to_points(a.score) for a in answers])
        statuses = [a.status for a in answers]
        evaluated.append(_evaluate_dataset(task, dataset, scores, targets, statuses, n_resamples))
    tasks = dict.fromkeys(one.task for one in evaluated)
    means = {task: _mean_figures([one.figures for one in evaluated if one.task == task]) for task in tasks}
    return Evaluation(evaluated, means)


def _scale_of(dataset: str, mos_scale: ScoreScale | Mapping[str, ScoreScale]) -> ScoreScale:
    if isinstance(mos_scale, ScoreScale):
        return mos_scale
    if dataset not in mos_scale:
        raise ValueError(f"mos_scale declares no scale for {dataset!r}, only for {sorted(mos_scale)}; declare it too")
    return mos_scale[dataset]


def _evaluate_dataset(
    task: str, dataset: str, scores: Floats, targets: Floats, statuses: list[AnswerStatus], n_resamples: int
) -> DatasetEvaluation:
    labelled = ~np.isnan(targets)
    x, y = scores[labelled], targets[labelled]
    failures = Counter(
        str(status) for status, known in zip(statuses, labelled, strict=True) if known and status is not AnswerStatus.OK
    )
    at_worst = np.where(np.isnan(x), np.where(y < 50, 100.0, 0.0), x)

    def interval(figure: Callable[[Any, Any], float]) -> Interval:
        if n_resamples == 0:
            return Interval(math.nan, math.nan)
        return metrics.bootstrap_interval(figure, x, y, n_resamples=n_resamples)

    return DatasetEvaluation(
        task=task,
        dataset=dataset,
        rows=len(scores),
        unlabelled=int(np.sum(~labelled)),
        coverage=metrics.coverage(x),
        failures=dict(failures.most_common()),
        figures=_figures(x, y),
        srcc_interval=interval(metrics.srcc),
        plcc_interval=interval(metrics.plcc),
        pessimistic=_figures(at_worst, y),
    )


def _figures(x: Floats, y: Floats) -> Figures:
    return Figures(*(figure(x, y) for figure in (metrics.srcc, metrics.plcc, metrics.krcc, metrics.rmse, metrics.mae)))


def _mean_figures(figures: list[Figures]) -> Figures:
    return Figures(*(float(np.mean(column)) for column in zip(*figures, strict=True)))


def _as_json_value(value: Any) -> Any:
    """Named tuples as mappings, NaN as None."""
    if isinstance(value, float) and math.isnan(value):
        return None
    return {name: _as_json_value(one) for name, one in value._asdict().items()} if hasattr(value, "_asdict") else value


def _table_row(task: str, name: str, width: int, f: Figures, pictures: int | None, bounds: str) -> str:
    count = "" if pictures is None else str(pictures)
    return f"{task:<5}{name:<{width + 1}}{count:>9}{f.srcc:>7.3f}{bounds:>16}{f.plcc:>7.3f}{f.krcc:>7.3f}{f.rmse:>7.1f}"
