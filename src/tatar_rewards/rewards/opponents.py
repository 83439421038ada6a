"""Whom a ranking compares with: the images of all ranks in this call, and remembered ones where those are too few."""

import math
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tatar_rewards.distributed import GatheredRows
from tatar_rewards.rewards.batch import Floats
from tatar_rewards.rewards.call import Call
from tatar_rewards.rewards.configs import OpponentConfig, RankingConfig
from tatar_rewards.rewards.memory import RememberedImage

ImagesInCall = dict[int, list[int]]  # an image's key, and its readable labelled rows
Recalled = list[tuple[int, RememberedImage]]


class RankedRows(NamedTuple):
    """Everything that a ranking is computed from: the rows of all ranks, then those of remembered images."""

    values: Floats  # (n, 3) prediction, target, rater deviation
    keys: NDArray[np.int64]  # (n, 2) image and comparison
    wanted: NDArray[np.bool_]  # (n,) this rank's rows
    figures: dict[str, float]  # to log
    images_in_call: Mapping[int, set[int]]  # readable ones, by comparison
    recalled: Mapping[int, Recalled]  # by comparison


def gather_opponents(call: Call[RankingConfig], rows: GatheredRows, *, by_place: bool) -> RankedRows:
    """The rows of all ranks and of remembered images; this call's images are remembered, unless they lack keys."""
    config, memory = call.config, call.state.memory
    assert memory is not None  # every ranking has one
    in_call = _images_in_call(rows)
    number = memory.calls + 1
    present = set(rows.keys[:, 0].tolist())  # also where no answer of theirs can be read
    recalled = {
        comparison: memory.newest(comparison, _n_to_recall(config, images), without=present)
        for comparison, images in in_call.items()
    }
    figures = _count_opponents(in_call, recalled, number)
    keeps = config.min_opponents > 0 and not by_place
    seen = _as_remembered(in_call if keeps else {}, rows.values, number)
    call.changes.append(lambda: memory.remember(seen))
    values, keys = _as_rows(recalled)
    values, keys = np.concatenate([rows.values, values]), np.concatenate([rows.keys, keys])
    wanted = np.zeros(len(values), dtype=bool)
    wanted[rows.local] = True
    images = {comparison: set(images) for comparison, images in in_call.items()}
    return RankedRows(values, keys, wanted, figures, images, recalled)


def _images_in_call(rows: GatheredRows) -> dict[int, ImagesInCall]:
    """By comparison and image, in the order of their keys: the same whatever the ranks that rows came from."""
    readable = np.flatnonzero(~np.isnan(rows.values[:, :2]).any(axis=1))
    images, comparisons = rows.keys[readable].T
    order = readable[np.lexsort((images, comparisons))].tolist()
    in_call: dict[int, ImagesInCall] = {}
    for row, (image, comparison) in zip(order, rows.keys[order].tolist(), strict=True):
        in_call.setdefault(comparison, {}).setdefault(image, []).append(row)
    return in_call


def _n_to_recall(config: OpponentConfig, images: ImagesInCall) -> float:
    """How many remembered images to compare with."""
    return math.inf if config.opponents == "memory" else max(0, config.min_opponents - (len(images) - 1))


def _as_rows(recalled: Mapping[int, Recalled]) -> tuple[Floats, NDArray[np.int64]]:
    """Values and keys of the remembered predictions, one row each."""
    rows = [
        (prediction, kept.target, kept.target_std, image, comparison)
        for comparison, opponents in recalled.items()
        for image, kept in opponents
        for prediction in kept.predictions
    ]
    values = np.array([row[:3] for row in rows], float).reshape(-1, 3)
    return values, np.array([row[3:] for row in rows], np.int64).reshape(-1, 2)


def _as_remembered(
    in_call: Mapping[int, ImagesInCall], values: Floats, number: int
) -> dict[int, dict[int, RememberedImage]]:
    return {
        comparison: {
            image: RememberedImage(
                tuple(values[rows, 0].tolist()), float(values[rows[0], 1]), float(values[rows[0], 2]), number
            )
            for image, rows in images.items()
        }
        for comparison, images in in_call.items()
    }


def _count_opponents(
    in_call: Mapping[int, ImagesInCall], recalled: Mapping[int, Recalled], call: int
) -> dict[str, float]:
    """Images that a readable completion is compared with, the share of remembered ones, their mean age in calls
    (images of this call are of age 0), and the share of completions without any.
    """
    completions = opponents = remembered = ages = alone = 0
    for comparison, images in in_call.items():
        n = sum(len(image_rows) for image_rows in images.values())
        of_each = len(images) - 1 + len(recalled[comparison])
        completions += n
        opponents += n * of_each
        remembered += n * len(recalled[comparison])
        ages += n * sum(call - kept.call for _, kept in recalled[comparison])
        alone += n * (of_each == 0)
    return {
        "mean_opponents": opponents / max(1, completions),
        "remembered_share": remembered / max(1, opponents),
        "mean_age": ages / max(1, opponents),
        "no_opponent_rate": alone / max(1, completions),
    }
