"""The evaluation of rows of predictions."""

import warnings
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from tatar_rewards import metrics
from tatar_rewards.evaluation.columns import Columns, Reading, read_columns, reading_of
from tatar_rewards.evaluation.figures import another_panel, constant_guess, interval_of, mean_figures, measure
from tatar_rewards.evaluation.looks import find_suspicious
from tatar_rewards.evaluation.results import DatasetEvaluation, Evaluation
from tatar_rewards.evaluation.samples import mean_of_samples, measure_samples
from tatar_rewards.findings import Finding, squeezed_labels
from tatar_rewards.scales import POINTS, Scale, ScalesByDataset


def evaluate_predictions(
    rows: Iterable[Mapping[str, Any]],
    *,
    mos_scale: Scale | ScalesByDataset = POINTS,
    other_mos_scale: Scale | None = None,
    answer_scale: Scale = POINTS,
    think_prefilled: bool = False,
    lenient: bool = False,
    n_resamples: int = 1000,
    logistic: bool = False,
    unbounded: bool = False,
) -> Evaluation:
    """Read the completions and compare them with the MOS, data set by data set.

    Rows are read one after the other and not kept, so that an iterator over a million of them is as good as a list.

    Args:
        rows: Mappings with `task`, `image_id`, `mos` (None: unlabelled) and `completion` (text or messages), and with
            `dataset`, without which they are one data set. Several sampled answers to a picture are rows with numbers
            in `sample`, or a list `completions` in one row. If no row has either, several rows of a picture are sampled
            answers, numbered by their order.
            Where all labelled rows of a data set have `mos_std` (standard deviation of single ratings) and `raters`, or
            `mos_error` (standard error of the MOS), it is said what another panel of raters would reach.
        mos_scale: The scale of the MOS, a `ScoreScale` or a pair (low, high), or one for each data set.
        other_mos_scale: The scale of data sets that `mos_scale` does not name; None: such a data set is an error.
        answer_scale: The scale that the model was asked to answer on.
        think_prefilled: True where the chat template writes `<think>` into the prompt.
        lenient: Read the lenient grammar of `parse_answer`, for models that were not trained on the strict one.
        n_resamples: Bootstrap resamples of the intervals; 0 leaves them out.
        unbounded: Rows hold a number in `prediction` in place of a completion, and it is on no scale: only correlations
            (and errors after the logistic fit) are measured.
        logistic: Also say PLCC and RMSE after the field's four-parameter logistic fit.

    Returns:
        Figures of each data set and means of each task.

    Warns:
        UserWarning: all labels of a data set, or all answers, lie in the lowest tenth of the scale that was declared,
            answers lie beside their labels by a constant, or they are in the reverse order of the MOS; some pictures
            have more answers without a number than others.

    Raises:
        TypeError: a scale, a row or a completion is something else.
        ValueError: a row lacks a field or repeats a picture or a sample, a picture has two labels, a label or a
            deviation is off its scale, or a data set has no scale.

    Examples:
        >>> scores = [("a", 20, 30), ("b", 50, 45), ("c", 80, 90)]
        >>> rows = [
        ...     {"dataset": "mine", "task": "iqa", "image_id": i, "mos": mos, "completion": f"<answer>{said}</answer>"}
        ...     for i, mos, said in scores
        ... ]
        >>> print(evaluate_predictions(rows, n_resamples=0))
        task data set           pictures   SRCC           (95 %)   PLCC   KRCC   RMSE    read
        iqa  mine                      3  1.000                   0.961  1.000    8.7  100.0%
               constant guess                 -                       -      -   24.5
        iqa  mean                         1.000                   0.961  1.000    8.7
    """
    check_resamples(n_resamples)
    reading = reading_of(mos_scale, other_mos_scale, answer_scale, think_prefilled, lenient, unbounded)
    return evaluate_columns(read_columns(rows, reading), reading, n_resamples, logistic=logistic)


def check_resamples(n_resamples: int) -> None:
    """ValueError: no number of resamples."""
    if isinstance(n_resamples, bool) or n_resamples < 0:
        raise ValueError(f"n_resamples must be at least 1; got {n_resamples!r}; 0 leaves the intervals out")


def evaluate_columns(
    read: Sequence[Columns], reading: Reading, n_resamples: int, *, logistic: bool = False
) -> Evaluation:
    """`evaluate_predictions` of rows that have been read."""
    evaluated, alike = [], dict[tuple[str, str], list[tuple[str, Finding]]]()
    for columns in read:
        one, findings = _evaluate_dataset(columns, n_resamples, reading, logistic=logistic)
        for finding in findings:
            alike.setdefault((finding.check, finding.cure), []).append((columns.dataset, finding))
        evaluated.append(one)
    for (_, first), *others in alike.values():  # one wrong scale shows in each data set
        also = f" (and so of {', '.join(repr(dataset) for dataset, _ in others)})" if others else ""
        warnings.warn(f"{first.problem}{also}; {first.cure}", stacklevel=3)
    tasks = dict.fromkeys(one.task for one in evaluated)
    by_task = {task: [one for one in evaluated if one.task == task] for task in tasks}
    means = {task: mean_figures([one.figures for one in some]) for task, some in by_task.items()}
    of_samples = {
        task: mean_figures([one.samples.mean for one in some if one.samples is not None])
        for task, some in by_task.items()
        if all(one.samples is not None for one in some)
    }
    return Evaluation(evaluated, means, of_samples)


def _evaluate_dataset(
    columns: Columns, n_resamples: int, reading: Reading, *, logistic: bool
) -> tuple[DatasetEvaluation, list[Finding]]:
    mos = columns.targets_in_points()
    every, asked_about = np.array(columns.single.points), mos[np.array(columns.single.pictures, np.int64)]
    labelled = ~np.isnan(asked_about)
    predictions, targets = every[labelled], asked_about[labelled]
    at_worst = np.where(np.isnan(predictions), np.where(targets < 50, 100.0, 0.0), predictions)
    figures = measure(predictions, targets, bounded=not reading.unbounded)
    samples = measure_samples(columns.samples, mos, n_resamples, bounded=not reading.unbounded)
    one = DatasetEvaluation(
        task=columns.task,
        dataset=columns.dataset,
        rows=len(every),
        unlabelled=int(np.sum(~labelled)),
        coverage=metrics.coverage(predictions),
        failures=dict(columns.single.failures.most_common()),
        cure=columns.single.cure,
        figures=figures,
        srcc_interval=interval_of(metrics.srcc, predictions, targets, n_resamples),
        plcc_interval=interval_of(metrics.plcc, predictions, targets, n_resamples),
        pessimistic=measure(at_worst, targets) if columns.single.failures and not reading.unbounded else figures,
        fitted=metrics.logistic_fit(predictions, targets) if logistic else None,
        samples=samples,
        floor=constant_guess(mos[~np.isnan(mos)]),
        ceiling=another_panel(mos[~np.isnan(mos)], columns.errors_in_points()[~np.isnan(mos)]),
        mos_scale=columns.mos_scale,
    )
    if reading.unbounded:
        return one, list(squeezed_labels(mos, columns.dataset, columns.mos_scale))
    if len(every) or samples is None:
        looked_at = every, asked_about, figures
    else:
        looked_at = mean_of_samples(columns.samples, len(mos)), mos, samples.mean
    return one, list(find_suspicious(columns.dataset, *looked_at, columns.mos_scale, reading.answer_scale))
