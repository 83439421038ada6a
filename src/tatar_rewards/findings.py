"""What can be said of a training set-up from a few numbers: shared by the doctor and by the first call of a reward."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Finding(NamedTuple):
    """Something wrong, and what to do about it."""

    check: str
    problem: str
    cure: str


def squeezed_labels(points: NDArray[np.float64], column: str, scale: str) -> list[Finding]:
    """Labels in a corner of their declared scale: they were probably given on another one."""
    known = points[~np.isnan(points)]
    if len(known) < 4 or known.max() > 10.5:
        return []
    return [
        Finding(
            "label scale",
            f"all of {len(known)} labels in {column!r} lie in the lowest tenth of their declared scale {scale}",
            "declare the scale that they were given on, for example mos_scale=ScoreScale(1, 5)",
        )
    ]


def equal_labels(points: NDArray[np.float64], images: Sequence[object], column: str) -> list[Finding]:
    """Different images with one and the same label: nothing to rank, and a constant answer earns everything."""
    known = points[~np.isnan(points)]
    if len(set(images)) < 4 or len(known) < 4 or np.ptp(known) > 0:
        return []
    return [
        Finding(
            "equal labels",
            f"all of {len(known)} labels in {column!r} are {known[0]:g} points",
            "give each image its own mean opinion score: a constant answer would earn the full reward",
        )
    ]
