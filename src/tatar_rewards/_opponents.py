"""Whom a ranking compares with: the images of all ranks in this call, and remembered ones where those are too few."""

import math
from collections.abc import Mapping, Sequence
from numbers import Integral
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tatar_rewards._batches import Batch, Floats, column_of
from tatar_rewards.configs import LabelConfig, RankingConfig
from tatar_rewards.distributed import GatheredRows, gather_texts, rank, stable_keys
from tatar_rewards.memory import OpponentMemory, RememberedImage

Keys = NDArray[np.int64]


class Contest(NamedTuple):
    """Everything that a ranking is computed from: the rows of all ranks, then the remembered ones."""

    values: Floats  # (n, 3) prediction, target, rater deviation
    keys: Keys  # (n, 2) image and comparison
    wanted: NDArray[np.bool_]  # (n,) this rank's rows
    mean_opponents: float  # images that a readable completion is compared with
    remembered_share: float  # of those, how many are remembered
    mean_age: float  # of those, in calls; images of this call are of age 0
    no_opponent_rate: float  # readable completions without any


# ---------------------------------------------------------------- keys


def image_keys(reward: RankingConfig, columns: Mapping[str, Any], batch: Batch) -> Keys:
    """(n, 2) keys of the on-task rows: the image's, and that of what it may be compared with."""
    length = len(batch.on_task)
    on_task = np.flatnonzero(batch.on_task).tolist()
    tasks, datasets = (
        [None] * length if columns.get(column) is None else column_of(reward, columns, column, length, "")
        for column in (reward.task_column, reward.dataset_column)
    )
    ids = _image_ids(reward, columns, batch.on_task)
    for row in on_task:
        _check_key(reward.dataset_column, row, datasets[row], or_none=True)
    comparisons = [(str(tasks[row]), datasets[row]) for row in on_task]
    images = [(*comparison, ids[row]) for comparison, row in zip(comparisons, on_task, strict=True)]
    return np.stack([stable_keys(images), stable_keys(comparisons)], axis=1)


def group_keys(reward: LabelConfig, columns: Mapping[str, Any], batch: Batch) -> Keys:
    """(n, 1) keys of the on-task rows' images, for a reward that can do without; (n, 0) where no column tells."""
    on_task = np.flatnonzero(batch.on_task).tolist()
    ids, datasets = columns.get(reward.image_id_column), columns.get(reward.dataset_column)
    if ids is None or len(ids) != len(batch.on_task):
        return np.zeros((len(on_task), 0), np.int64)
    if datasets is None or len(datasets) != len(ids):
        datasets = [None] * len(ids)
    return stable_keys([(str(datasets[row]), str(ids[row])) for row in on_task])[:, None]


def _image_ids(reward: RankingConfig, columns: Mapping[str, Any], on_task: NDArray[np.bool_]) -> Sequence[Any]:
    length = len(on_task)
    if by_place(reward, columns):
        return _places(reward, on_task)
    cure = (
        "a ranking must know which completions show the same image. Add a column of image keys (or name yours with "
        "image_id_column=), or, where no group of completions is split over processes, set num_generations= to the "
        "trainer's, which takes that many consecutive rows for one image"
    )
    ids = column_of(reward, columns, reward.image_id_column, length, cure)
    for row in np.flatnonzero(on_task).tolist():
        _check_key(reward.image_id_column, row, ids[row], or_none=False)
    return ids


def by_place(reward: RankingConfig, columns: Mapping[str, Any]) -> bool:
    """Whether images are known by the place of their rows only."""
    return reward.num_generations is not None and columns.get(reward.image_id_column) is None


def _places(reward: RankingConfig, on_task: NDArray[np.bool_]) -> list[str]:
    """Consecutive rows as images; the rank is part of the key, so that no two ranks share one."""
    size, length = reward.num_generations or 1, len(on_task)
    split = f"a group is split; let per_device_train_batch_size * steps_per_generation be a multiple of {size}"
    if length % size:
        raise ValueError(
            f"num_generations={size} takes consecutive rows for one image, but the call has {length} rows: {split}, or "
            f"add a column {reward.image_id_column!r}"
        )
    for start in range(0, length, size):
        tasks = on_task[start : start + size]
        if tasks.any() and not tasks.all():
            raise ValueError(
                f"num_generations={size} takes rows {start} to {start + size - 1} for one image, but not all of them "
                f"are of task {reward.task!r}: {split}, or add a column {reward.image_id_column!r}"
            )
    return [f"{rank()}/{row // size}" for row in range(length)]


def _check_key(column: str, row: int, key: Any, *, or_none: bool) -> None:
    if not isinstance(key, str | Integral) and not (or_none and key is None):
        raise TypeError(
            f"{column}[{row}] must be a string or an integer; got {key!r} of {type(key).__name__}; give each image a "
            f"key, for example its file name"
        )


# ---------------------------------------------------------------- one image has one MOS


def check_one_mos_each(reward: RankingConfig, columns: Mapping[str, Any], batch: Batch, rows: GatheredRows) -> None:
    """Raise, on all ranks alike, where two rows of one image have different labels; name both rows."""
    targets = rows.values[:, 1]
    labelled = np.flatnonzero(~np.isnan(targets))
    labelled = labelled[np.argsort(rows.keys[labelled, 0], kind="stable")]
    keys, mos = rows.keys[labelled, 0], targets[labelled]
    differ = np.flatnonzero((keys[1:] == keys[:-1]) & (mos[1:] != mos[:-1]))
    if not len(differ):
        return
    pair = [int(row) for row in labelled[differ[0] : differ[0] + 2]]
    (name, told), (other_name, other_told) = (_tell_row(reward, columns, batch, rows, row) for row in pair)
    if by_place(reward, columns):
        cure = (
            f"num_generations={reward.num_generations} takes consecutive rows for one image, and here they are not: "
            f"add a column {reward.image_id_column!r}"
        )
    elif name == other_name:
        cure = "one image has one MOS, so give different images different keys, or mend the label"
    else:
        cure = "their keys collide after hashing; rename one of the two images"
    raise ValueError(f"{reward.__name__}: {told} and {other_told} count as one image, but their labels differ; {cure}")


def _tell_row(
    reward: RankingConfig, columns: Mapping[str, Any], batch: Batch, rows: GatheredRows, gathered_row: int
) -> tuple[str, str]:
    """The image's name and a description of the row: what only its own rank knows, told to all."""
    owner, place = rows.place(gathered_row)
    told = ""
    if owner == rows.rank:
        row = int(np.flatnonzero(batch.on_task)[place])
        ids = columns.get(reward.image_id_column)
        name = "" if ids is None else f" of {reward.image_id_column} {ids[row]!r}"
        on_rank = f" on rank {owner}" if len(rows.lengths) > 1 else ""
        told = f"{name}\nrow {row}{on_rank}{name} with {reward.mos_column} {columns[reward.mos_column][row]}"
    name, _, description = gather_texts(told)[owner].partition("\n")
    return name, description


# ---------------------------------------------------------------- the contest


def assemble(reward: RankingConfig, rows: GatheredRows, memory: OpponentMemory, *, remember: bool) -> Contest:
    """Put the rows of all ranks and the remembered images together; with `remember`, remember this call's images."""
    fresh = _images_at_hand(rows)
    memory.calls += 1
    present = set(rows.keys[:, 0].tolist())  # also where no answer of theirs can be read
    taken = {
        comparison: memory.newest(comparison, _wished(reward, at_hand), without=present)
        for comparison, at_hand in fresh.items()
    }
    extra = [
        (prediction, kept.target, kept.target_std, image, comparison)
        for comparison, opponents in taken.items()
        for image, kept in opponents
        for prediction in kept.predictions
    ]
    counts = _count(fresh, taken, memory.calls)
    if remember:
        for comparison, at_hand in fresh.items():
            _remember(memory, comparison, at_hand, rows.values)
    values = np.concatenate([rows.values, np.array([row[:3] for row in extra], float).reshape(-1, 3)])
    keys = np.concatenate([rows.keys, np.array([row[3:] for row in extra], np.int64).reshape(-1, 2)])
    wanted = np.zeros(len(values), dtype=bool)
    wanted[rows.local] = True
    return Contest(values, keys, wanted, *counts)


AtHand = dict[int, list[int]]  # an image's key, and its readable labelled rows


def _images_at_hand(rows: GatheredRows) -> dict[int, AtHand]:
    """By comparison and image, in the order of their keys: the same whatever the ranks that rows came from."""
    readable = np.flatnonzero(~np.isnan(rows.values[:, :2]).any(axis=1))
    images, comparisons = rows.keys[readable].T
    order = readable[np.lexsort((images, comparisons))].tolist()
    at_hand: dict[int, AtHand] = {}
    for row, (image, comparison) in zip(order, rows.keys[order].tolist(), strict=True):
        at_hand.setdefault(comparison, {}).setdefault(image, []).append(row)
    return at_hand


def _wished(reward: RankingConfig, at_hand: AtHand) -> float:
    """How many remembered images to compare with."""
    return math.inf if reward.opponents == "memory" else max(0, reward.min_opponents - (len(at_hand) - 1))


def _remember(memory: OpponentMemory, comparison: int, at_hand: AtHand, values: Floats) -> None:
    newest = list(at_hand.items())[-memory.size :]
    memory.remember(
        comparison,
        {
            image: RememberedImage(
                tuple(values[image_rows, 0].tolist()),
                float(values[image_rows[0], 1]),
                float(values[image_rows[0], 2]),
                memory.calls,
            )
            for image, image_rows in newest
        },
    )


def _count(
    fresh: Mapping[int, AtHand], taken: Mapping[int, list[tuple[int, RememberedImage]]], call: int
) -> tuple[float, float, float, float]:
    """Opponents per completion, the remembered share of them, their mean age, and the completions without any."""
    completions = opponents = remembered = ages = alone = 0
    for comparison, at_hand in fresh.items():
        n = sum(len(image_rows) for image_rows in at_hand.values())
        of_each = len(at_hand) - 1 + len(taken[comparison])
        completions += n
        opponents += n * of_each
        remembered += n * len(taken[comparison])
        ages += n * sum(call - kept.call for _, kept in taken[comparison])
        alone += n * (of_each == 0)
    return (
        opponents / max(1, completions),
        remembered / max(1, opponents),
        ages / max(1, opponents),
        alone / max(1, completions),
    )
