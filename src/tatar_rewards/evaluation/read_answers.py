"""What has been read in the answers to the pictures of a data set, and which of them are of one picture."""

from array import array
from collections import Counter
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray


def _numbers() -> "array[int]":
    return array("q")


def _floats() -> "array[float]":
    return array("d")


@dataclass
class Answers:
    """Answers to the pictures of a data set, one value each, and nothing of their texts."""

    points: "array[float]" = field(default_factory=_floats)  # NaN where not read
    pictures: "array[int]" = field(default_factory=_numbers)  # places of their pictures
    samples: "array[int]" = field(default_factory=_numbers)  # their numbers among the answers to one picture
    rows: "array[int]" = field(default_factory=_numbers)
    failures: Counter[str] = field(default_factory=Counter)  # of labelled pictures
    cures: Counter[str] = field(default_factory=Counter)  # of those failures

    def add(self, points: float, picture: int, sample: int, row: int) -> None:
        self.points.append(points)
        self.pictures.append(picture)
        self.samples.append(sample)
        self.rows.append(row)

    def count_failure(self, status: str, cure: str | None) -> None:
        self.failures[str(status)] += 1
        self.cures[cure or ""] += 1

    @property
    def cure(self) -> str | None:
        return next((cure for cure, _ in self.cures.most_common(1)), None)

    def number(self) -> None:
        """Number the answers to each picture by their order."""
        order = np.argsort(np.array(self.pictures, np.int64), kind="stable")
        places = np.empty(len(order), np.int64)
        places[order] = places_within(np.array(self.pictures, np.int64)[order])
        self.samples = array("q", places.tolist())

    def first_repeated(self) -> tuple[int, int, int] | None:
        """The rows of two answers of one number to one picture, and the number."""
        order = np.lexsort((self.rows, self.samples, self.pictures))
        keys = np.stack([self.pictures, self.samples])[:, order]
        again = np.flatnonzero((keys[:, 1:] == keys[:, :-1]).all(axis=0))
        if not len(again):
            return None
        return self.rows[order[again[0]]], self.rows[order[again[0] + 1]], int(keys[1, again[0]])


def places_within(pictures: NDArray[np.int64]) -> NDArray[np.int64]:
    """The place of each answer among those of its picture, where pictures are in order.

    Examples:
        >>> places_within(np.array([3, 3, 5, 5, 5])).tolist()
        [0, 1, 0, 1, 2]
    """
    counts = counts_of(pictures)
    return np.arange(len(pictures)) - np.repeat(np.cumsum(counts) - counts, counts)


def counts_of(pictures: NDArray[np.int64]) -> NDArray[np.int64]:
    """How many answers each picture has that has any."""
    counts = np.bincount(pictures)
    return counts[counts > 0]
