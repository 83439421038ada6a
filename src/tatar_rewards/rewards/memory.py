"""Images that a ranking remembers, to compare with where a call brings too few of its own.

Small GPUs, asynchronous trainers and one-sample reward interfaces hand a reward one image at a time. The memory keeps
what the policy last said of the last images: their readable predictions, from which mean and variance follow, and
their MOS. What it said is as old as the call that it was said in; the age is logged.
"""

import math
from collections.abc import Mapping, Set
from typing import Any, NamedTuple, Self

import numpy as np

N_COMPARISONS = 64  # tasks and data sets that are remembered; those go first that were not met for longest
INT64 = np.iinfo(np.int64)
ROUNDING = 1e-6  # points
LARGEST = float(np.finfo(float).max)


class RememberedImage(NamedTuple):
    """What is kept of an image; points throughout."""

    predictions: tuple[float, ...]
    target: float
    target_std: float  # NaN: not known
    call: int  # the number of the call that it was seen in


class OpponentMemory:
    """The last `size` images of each comparison (task and data set), of the 64 met last; the oldest go first.

    Raises:
        ValueError: `size` is below 1.

    Examples:
        >>> memory = OpponentMemory(size=2)
        >>> for image in (1, 2, 3):
        ...     memory.remember({0: {image: RememberedImage((50.0,), 60.0, 5.0, call=image)}})
        >>> [image for image, _ in memory.newest(0, 10, without={3})]
        [2]
    """

    def __init__(self, size: int) -> None:
        if size < 1:
            raise ValueError(f"size must be at least 1 image; got {size}")
        self.size = size
        self.calls = 0
        self._images: dict[int, dict[int, RememberedImage]] = {}

    def newest(self, comparison: int, count: float, without: Set[int]) -> list[tuple[int, RememberedImage]]:
        """Up to `count` images with their keys, the newest first, leaving some out."""
        images = reversed(self._images.get(comparison, {}).items())
        others = [(image, remembered) for image, remembered in images if image not in without]
        return others[: int(min(count, len(others)))]

    def remember(self, seen: Mapping[int, Mapping[int, RememberedImage]]) -> None:
        """Take in one call: the images of each comparison, each in place of what was remembered of it before."""
        kept = dict(self._images)
        for comparison, images in seen.items():
            old = kept.pop(comparison, {})
            every = {image: remembered for image, remembered in old.items() if image not in images} | dict(images)
            kept[comparison] = dict(list(every.items())[-self.size :])
        self.calls += 1
        self._images = dict(list(kept.items())[-N_COMPARISONS:])  # swapped whole: a thread sees the old or the new

    def state_dict(self) -> dict[str, Any]:
        """Everything, as JSON can hold it."""
        return {
            "calls": self.calls,
            "images": [
                [comparison, image, list(kept.predictions), kept.target, _nan_as_none(kept.target_std), kept.call]
                for comparison, images in self._images.items()
                for image, kept in images.items()
            ],
        }

    @classmethod
    def from_state_dict(cls, state: Any, size: int) -> Self:
        """A memory that goes on where the one left off that gave `state`; of more images than `size` the newest.

        Raises:
            ValueError: the state is not one of an `OpponentMemory`; the message names what is wrong.
        """
        if not isinstance(state, Mapping) or not {"calls", "images"} <= state.keys():
            raise ValueError(f"state must be what state_dict() gave, with calls and images; got {str(state)[:80]}")
        memory, calls = cls(size), _integer(state["calls"], "state['calls']", 0, INT64.max)
        if not isinstance(state["images"], list | tuple):
            raise ValueError(f"state['images'] must be a list; got {str(state['images'])[:80]}")
        for number, row in enumerate(state["images"]):
            comparison, image, remembered = _read_row(row, f"state['images'][{number}]", calls)
            memory.remember({comparison: {image: remembered}})
        memory.calls = calls
        return memory


def _read_row(row: Any, place: str, calls: int) -> tuple[int, int, RememberedImage]:
    if not isinstance(row, list | tuple) or len(row) != 6:
        raise ValueError(f"{place} must be [comparison, image, predictions, target, target_std, call]; got {row!r:.80}")
    comparison, image = (_integer(key, f"the key in {place}", INT64.min, INT64.max) for key in row[:2])
    predictions, target, std = row[2:5]
    if not isinstance(predictions, list | tuple) or not predictions:
        raise ValueError(f"the predictions in {place} must be a list with at least one; got {predictions!r:.80}")
    remembered = RememberedImage(
        tuple(_points(prediction, f"a prediction in {place}") for prediction in predictions),
        _points(target, f"the target in {place}"),
        math.nan if std is None else _points(std, f"the target_std in {place}", math.inf),
        _integer(row[5], f"the call in {place}", 0, calls),
    )
    return comparison, image, remembered


def _integer(value: Any, what: str, low: int, high: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise ValueError(f"{what} must be an integer from {low} to {high}; got {value!r:.80}")
    return value


def _points(value: Any, what: str, high: float = 100.0) -> float:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not 0 <= value <= min(high + ROUNDING, LARGEST):
        raise ValueError(f"{what} must be in points, from 0 to {high:g}; got {value!r:.80}")
    return float(value)


def _nan_as_none(number: float) -> float | None:
    return None if math.isnan(number) else number
