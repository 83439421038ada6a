"""Several sampled answers to each picture: what one of them is worth, and what their mean."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tatar_rewards import metrics
from tatar_rewards.evaluation.figures import Figures, Floats, interval_of, mean_figures, measure
from tatar_rewards.evaluation.read_answers import Answers, counts_of, places_within
from tatar_rewards.metrics import Interval


class SampledFigures(NamedTuple):
    """The figures of the sampled answers to the labelled pictures of a data set.

    Attributes:
        pictures: How many labelled pictures have samples.
        fewest: Samples of the picture with the fewest.
        most: Of that with the most.
        coverage: Share of the samples that could be read.
        failures: How many could not, by status, the most frequent first.
        cure: What to do about most of them; None where all could be read.
        one: Of one sample a picture: the mean over the first, the second and so on to the last that all pictures have.
        mean: Of the mean of the samples of a picture that could be read.
        srcc_interval: Bootstrap interval of the SRCC of the mean.
        plcc_interval: Of its PLCC.
        spread: Standard deviation of the samples of a picture in points, the mean over pictures.
        crps: Continuous ranked probability score in points, the mean over pictures; smaller is better.
    """

    pictures: int
    fewest: int
    most: int
    coverage: float
    failures: dict[str, int]
    cure: str | None
    one: Figures
    mean: Figures
    srcc_interval: Interval
    plcc_interval: Interval
    spread: float
    crps: float

    @property
    def per_picture(self) -> str:
        """How many samples a picture has, in words."""
        return f"{self.fewest}" if self.fewest == self.most else f"{self.fewest} to {self.most}"


def measure_samples(answers: Answers, mos: Floats, n_resamples: int, *, bounded: bool = True) -> SampledFigures | None:
    """The figures against the MOS by picture, in points; None where no labelled picture has a sample."""
    pictures, order = np.array(answers.pictures, np.int64), np.lexsort((answers.samples, answers.pictures))
    order = order[~np.isnan(mos[pictures[order]])]  # labelled ones, by picture and number
    if not len(order):
        return None
    pictures, points = pictures[order], np.array(answers.points)[order]
    targets, counts, ranks = mos[pictures], counts_of(pictures), places_within(pictures)
    each = [measure(points[ranks == k], targets[ranks == k], bounded=bounded) for k in range(counts.min())]
    means = mean_by_picture(points, pictures, len(mos))
    return SampledFigures(
        pictures=len(counts),
        fewest=int(counts.min()),
        most=int(counts.max()),
        coverage=metrics.coverage(points),
        failures=dict(answers.failures.most_common()),
        cure=answers.cure,
        one=mean_figures(each),
        mean=measure(means, mos, bounded=bounded),
        srcc_interval=interval_of(metrics.srcc, means, mos, n_resamples),
        plcc_interval=interval_of(metrics.plcc, means, mos, n_resamples),
        spread=metrics.spread_within(points, targets, pictures) if bounded else math.nan,
        crps=metrics.crps(points, targets, pictures) if bounded else math.nan,
    )


def mean_of_samples(answers: Answers, n_pictures: int) -> Floats:
    """The mean of the readable samples of every picture; NaN where there is none."""
    return mean_by_picture(np.array(answers.points), np.array(answers.pictures, np.int64), n_pictures)


def mean_by_picture(points: Floats, pictures: NDArray[np.int64], n_pictures: int) -> Floats:
    """(n_pictures,) the mean of the points that are not NaN."""
    read = ~np.isnan(points)
    sums = np.bincount(pictures[read], points[read], minlength=n_pictures)
    counts = np.bincount(pictures[read], minlength=n_pictures)
    return np.where(counts > 0, sums / np.maximum(1, counts), np.nan)
