"""Images that a ranking remembers, to compare with where a call brings too few of its own.

Small GPUs, asynchronous trainers and one-sample reward interfaces hand a reward one image at a time. The memory keeps
what the policy last said of the last images: their readable predictions, from which mean and variance follow, and
their MOS. What it said is as old as the call that it was said in; the age is logged.
"""

import math
from collections.abc import Mapping, Sequence, Set
from typing import Any, NamedTuple


class RememberedImage(NamedTuple):
    """What is kept of an image; points throughout."""

    predictions: tuple[float, ...]
    target: float
    target_std: float  # NaN: not known
    call: int  # the number of the call that it was seen in


class OpponentMemory:
    """The last `size` images of each comparison (task and data set); the oldest go first.

    Raises:
        ValueError: `size` is below 1.

    Examples:
        >>> memory = OpponentMemory(size=2)
        >>> for image in (1, 2, 3):
        ...     memory.remember(0, {image: RememberedImage((50.0,), 60.0, 5.0, call=image)})
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

    def remember(self, comparison: int, images: Mapping[int, RememberedImage]) -> None:
        """Add images, each in place of what was remembered of it before."""
        old = self._images.get(comparison, {})
        every = {image: remembered for image, remembered in old.items() if image not in images} | dict(images)
        kept = dict(list(every.items())[-self.size :])
        self._images = {**self._images, comparison: kept}  # swapped whole: another thread sees the old or the new

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

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take up what `state_dict` gave; of more images than `size` the newest.

        Raises:
            ValueError: the state is not one of an `OpponentMemory`.
        """
        try:
            calls, rows = int(state["calls"]), [_read_row(row) for row in state["images"]]
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(
                f"state must be what state_dict() gave, with calls and images; got {str(state)[:80]}"
            ) from error
        self.calls, self._images = calls, {}
        for comparison, image, remembered in rows:
            self.remember(comparison, {image: remembered})


def _read_row(row: Sequence[Any]) -> tuple[int, int, RememberedImage]:
    comparison, image, predictions, target, target_std, call = row
    std = math.nan if target_std is None else float(target_std)
    remembered = RememberedImage(tuple(float(prediction) for prediction in predictions), float(target), std, int(call))
    return int(comparison), int(image), remembered


def _nan_as_none(number: float) -> float | None:
    return None if math.isnan(number) else number
