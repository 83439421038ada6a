"""From a column of standard deviations of raters to what a reward needs of them, in points.

A column holds one of two things, and the config says which: the spread of single ratings of an image, or the standard
error of their mean. n ratings turn one into the other, error = spread / sqrt(n). A score reward asks how far the MOS
itself may be off, a ranking how far two raters differ.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tatar_rewards.distributed import GatheredRows
from tatar_rewards.rewards.configs import LabelConfig
from tatar_rewards.scales import DeviationOf, ScoreScale, is_missing

Floats = NDArray[np.float64]


def deviations_in_points(
    config: LabelConfig, scale: ScoreScale, stds: Sequence[Any], raters: Sequence[Any] | None, *, of: DeviationOf | None
) -> Floats:
    """The (B,) deviations of ratings or of their mean, or None: of what the column holds; NaN where not known.

    Raises:
        TypeError: a deviation, or a number of ratings, is no number.
        ValueError: a deviation is impossible on the scale, or an image has less than one rating.
    """
    counts = _counts(config, raters, len(stds))
    column = config.mos_std_column or "mos_std"
    points = scale.stds_to_points(stds, column=column, of=config.mos_std_of, raters=counts.tolist())
    points = np.where((counts == 1) & (points == 0), math.nan, points)  # one rating has no spread to know
    if of in (None, config.mos_std_of):
        return points
    return points / np.sqrt(counts) if of == "mean" else points * np.sqrt(counts)


def _counts(config: LabelConfig, raters: Sequence[Any] | None, length: int) -> Floats:
    if raters is None:
        return np.full(length, math.nan if config.raters is None else config.raters)
    counts = np.full(length, math.nan)
    for row, value in enumerate(raters):
        try:
            counts[row] = math.nan if is_missing(value) else float(value)
        except (TypeError, ValueError):
            counts[row] = -1
        if counts[row] < 1 or math.isinf(counts[row]) or isinstance(value, bool):
            raise ValueError(
                f"{config.raters_column}[{row}] is {value!r}; give the number of ratings of the image, at least 1, or "
                f"None where it is not known"
            )
    return counts


def complete_deviations(rows: GatheredRows, *, fallback: float | None) -> GatheredRows:
    """The rows with one deviation an image, and none missing where there is something to go by.

    What a labelled row knows serves where another row of the image lacks it. An image of which no row knows any has the
    median of its data set's images.

    Args:
        rows: With (prediction, target, deviation) in a row, of all ranks.
        fallback: Where no image of the data set has a deviation: that of earlier calls, if in this call none has any,
            else the median of all. None leaves them out, for rankings, which compare within a data set.
    """
    stds = rows.values[:, 2].copy()
    labelled = ~np.isnan(rows.values[:, 1])
    known = ~np.isnan(stds) & labelled
    if known.all() or (not known.any() and fallback is None):
        return rows
    stds[~labelled] = math.nan  # no reward needs them, and they tell nothing of others
    if known.any() and rows.keys.shape[1]:
        of_image = dict(zip(rows.keys[known, 0].tolist(), stds[known].tolist(), strict=True))
        datasets = dict(zip(rows.keys[:, 0].tolist(), rows.keys[:, 1].tolist(), strict=True))
        of_dataset: dict[int, list[float]] = {}
        for image, std in of_image.items():
            of_dataset.setdefault(datasets[image], []).append(std)
        for row in np.flatnonzero(~known).tolist():
            image, dataset = rows.keys[row].tolist()
            stds[row] = of_image.get(image, np.median(of_dataset.get(dataset, [math.nan])))
    if fallback is not None:
        stds = np.where(np.isnan(stds), np.median(stds[~np.isnan(stds)]) if known.any() else fallback, stds)
    values = rows.values.copy()
    values[:, 2] = stds
    return rows._replace(values=values)
