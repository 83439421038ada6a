"""What is suspicious of a data set's labels and predictions, with the cure."""

from collections.abc import Iterator

import numpy as np

from tatar_rewards.evaluation.figures import Figures, Floats
from tatar_rewards.findings import (
    Finding,
    answers_on_another_scale,
    answers_reversed,
    cure_of_direction,
    squeezed_labels,
)
from tatar_rewards.scales import ScoreScale


def find_suspicious(
    dataset: str,
    predictions: Floats,
    targets: Floats,
    figures: Figures,
    mos_scale: ScoreScale,
    answer_scale: ScoreScale,
) -> Iterator[Finding]:
    """Findings, from predictions and targets in points; NaN where there is none."""
    squeezed = squeezed_labels(targets, dataset, mos_scale)
    yield from squeezed
    for finding in answers_on_another_scale(predictions, targets, answer_scale, labels_doubted=bool(squeezed)):
        yield finding._replace(problem=f"{dataset!r}: {finding.problem}")
    if answers_reversed(predictions, targets):
        pictures = int(np.sum(~np.isnan(predictions + targets)))
        yield _reversed_order(dataset, pictures, figures.srcc, mos_scale)


def _reversed_order(dataset: str, pictures: int, srcc: float, mos_scale: ScoreScale) -> Finding:
    """Predictions in the reverse order of the MOS: the direction of a scale was probably not declared."""
    return Finding(
        "direction of a scale",
        f"SRCC of {dataset!r} is {srcc:.3f} over {pictures} pictures: the better the MOS on its declared scale "
        f"{mos_scale}, the lower the predictions",
        cure_of_direction(mos_scale, dataset),
    )
