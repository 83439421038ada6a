"""What an evaluation gives: the figures of each data set, as records, as JSON and as a table."""

import json
import math
from dataclasses import asdict, is_dataclass
from typing import Any, NamedTuple

from tatar_rewards.evaluation.figures import Figures
from tatar_rewards.evaluation.samples import SampledFigures
from tatar_rewards.evaluation.table import format_table
from tatar_rewards.metrics import FittedFigures, Interval
from tatar_rewards.scales import ScoreScale


class DatasetEvaluation(NamedTuple):
    """The figures of one data set, of the greedy answer to each picture, or the only one.

    Attributes:
        task: Its task.
        dataset: Its name.
        rows: How many predictions there are.
        unlabelled: How many of them have no MOS and count in nothing else.
        coverage: Share of the labelled ones that could be read.
        failures: How many could not, by status, the most frequent first.
        cure: What to do about most of them; None where all could be read.
        figures: Over those that could be read.
        srcc_interval: Bootstrap interval of their SRCC.
        plcc_interval: Of their PLCC.
        pessimistic: With every failure taken for the end of the scale that lies farther from its MOS.
        fitted: PLCC and RMSE of the answers that could be read after a logistic fit; None where it was not asked for.
        samples: Figures of sampled answers; None where there are none. Those before are of the greedy answers.
        floor: What the mean MOS reaches as the answer to every labelled picture; it has no correlation.
        ceiling: What another panel of raters reaches; None where a labelled picture lacks the error of its MOS.
        mos_scale: The scale that its MOS were declared on.
    """

    task: str
    dataset: str
    rows: int
    unlabelled: int
    coverage: float
    failures: dict[str, int]
    cure: str | None
    figures: Figures
    srcc_interval: Interval
    plcc_interval: Interval
    pessimistic: Figures
    fitted: FittedFigures | None
    samples: SampledFigures | None
    floor: Figures
    ceiling: Figures | None
    mos_scale: ScoreScale


class Evaluation(NamedTuple):
    """Every data set, in the order of the rows, and the mean figures of each task over its data sets.

    Attributes:
        datasets: Their figures.
        task_means: Of the greedy answers.
        sample_means: Of the means of samples, for the tasks whose data sets all have samples.
    """

    datasets: list[DatasetEvaluation]
    task_means: dict[str, Figures]
    sample_means: dict[str, Figures]

    def to_json(self) -> str:
        """All of it at full precision; NaN as null."""
        records = {
            "datasets": [_dataset_record(one) for one in self.datasets],
            "task_means": {task: as_json_value(figures) for task, figures in self.task_means.items()},
            "sample_means": {task: as_json_value(figures) for task, figures in self.sample_means.items()},
        }
        return json.dumps(records, indent=2)

    def __str__(self) -> str:
        return format_table(self.datasets, self.task_means, self.sample_means)


def _dataset_record(one: DatasetEvaluation) -> dict[str, Any]:
    record = {name: as_json_value(value) for name, value in one._asdict().items()}
    resamples = {
        "drawn": one.srcc_interval.n_resamples,
        "without_srcc": one.srcc_interval.left_out,
        "without_plcc": one.plcc_interval.left_out,
    }
    return {**record, "resamples": resamples}


def as_json_value(value: Any) -> Any:
    """Named tuples and scales as mappings, lists of them as lists, NaN as None."""
    if isinstance(value, float) and math.isnan(value):
        return None
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, list):
        return [as_json_value(one) for one in value]
    return {name: as_json_value(one) for name, one in value._asdict().items()} if hasattr(value, "_asdict") else value
