"""Which completions show the same image: keys that are equal in every process, and one label for each of them."""

import math
from collections.abc import Mapping, Sequence
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tatar_rewards.distributed import GatheredRows, gather_texts, rank, stable_keys
from tatar_rewards.rewards.batch import Batch
from tatar_rewards.rewards.columns import column_if_any, column_if_usable, column_of
from tatar_rewards.rewards.configs import ImageConfig, LabelConfig
from tatar_rewards.rewards.reward import Reward

Keys = NDArray[np.int64]


def image_keys(reward: Reward[LabelConfig], columns: Mapping[str, Any], batch: Batch) -> Keys:
    """(n, 2) keys of the on-task rows: the image's, and that of what it may be compared with."""
    length = len(batch.on_task)
    on_task = np.flatnonzero(batch.on_task).tolist()
    tasks, datasets = (
        column_if_any(reward, columns, column, length) or [None] * length
        for column in (reward.config.task_column, reward.config.dataset_column)
    )
    ids = _image_ids(reward, columns, batch.on_task)
    for row in on_task:
        _check_key(reward.config.dataset_column, row, datasets[row], or_none=True)
    comparisons = [(str(tasks[row]), datasets[row]) for row in on_task]
    images = [(*comparison, ids[row]) for comparison, row in zip(comparisons, on_task, strict=True)]
    return np.stack([stable_keys(images), stable_keys(comparisons)], axis=1)


def group_keys(reward: Reward[LabelConfig], columns: Mapping[str, Any], batch: Batch) -> Keys:
    """`image_keys` for a reward that can do without; (n, 0) where no column tells."""
    on_task, config, length = np.flatnonzero(batch.on_task).tolist(), reward.config, len(batch.on_task)
    given = (config.image_id_column, config.task_column, config.dataset_column)
    ids, tasks, datasets = (column_if_usable(reward, columns, column, length) for column in given)
    if ids is None:
        return np.zeros((len(on_task), 0), np.int64)
    tasks, datasets = tasks or [None] * length, datasets or [None] * length
    keys = [
        (str(tasks[row]), str(datasets[row]), ids[row])
        if isinstance(ids[row], str | Integral)
        else ("without a key", rank(), row)  # an image of its own
        for row in on_task
    ]
    comparisons = [key[:2] for key in keys]
    return np.stack([stable_keys(keys), stable_keys(comparisons)], axis=1)


def _image_ids(reward: Reward[LabelConfig], columns: Mapping[str, Any], on_task: NDArray[np.bool_]) -> Sequence[Any]:
    length = len(on_task)
    if by_place(reward, columns):
        return _image_numbers_by_place(reward, on_task)
    cure = (
        "it must know which completions show the same image. Add a column of image keys (or name yours with "
        "image_id_column=), or, where no group of completions is split over processes, set num_generations= to the "
        "trainer's, which takes that many consecutive rows for one image"
    )
    ids = column_of(reward, columns, reward.config.image_id_column, length, cure)
    for row in np.flatnonzero(on_task).tolist():
        _check_key(reward.config.image_id_column, row, ids[row], or_none=False)
    return ids


def by_place(reward: Reward[LabelConfig], columns: Mapping[str, Any]) -> bool:
    """Whether images are known by the place of their rows only."""
    consecutive = reward.config.num_generations if isinstance(reward.config, ImageConfig) else None
    return consecutive is not None and columns.get(reward.config.image_id_column) is None


def _image_numbers_by_place(reward: Reward[LabelConfig], on_task: NDArray[np.bool_]) -> list[str]:
    """Consecutive rows as images; the rank is part of the key, so that no two ranks share one."""
    size, length = getattr(reward.config, "num_generations", None) or 1, len(on_task)
    split = f"a group is split; let per_device_train_batch_size * steps_per_generation be a multiple of {size}"
    if length % size:
        raise ValueError(
            f"num_generations={size} takes consecutive rows for one image, but the call has {length} rows: {split}, or "
            f"add a column {reward.config.image_id_column!r}"
        )
    for start in range(0, length, size):
        tasks = on_task[start : start + size]
        if tasks.any() and not tasks.all():
            raise ValueError(
                f"num_generations={size} takes rows {start} to {start + size - 1} for one image, but not all of them "
                f"are of task {reward.config.task!r}: {split}, or add a column {reward.config.image_id_column!r}"
            )
    return [f"{rank()}/{row // size}" for row in range(length)]


def _check_key(column: str, row: int, key: Any, *, or_none: bool) -> None:
    if not isinstance(key, str | Integral) and not (or_none and key is None):
        raise TypeError(
            f"{column}[{row}] must be a string or an integer; got {key!r} of {type(key).__name__}; give each image a "
            f"key, for example its file name"
        )


# ---------------------------------------------------------------- one image has one MOS and one deviation


def check_one_label_each(
    reward: Reward[LabelConfig], columns: Mapping[str, Any], batch: Batch, rows: GatheredRows
) -> None:
    """Raise, on all ranks alike, where two rows of one image have different labels; name both rows."""
    config = reward.config
    if rows.keys.shape[1] == 0:
        return
    if isinstance(config, ImageConfig):
        _check_one_each(reward, columns, batch, rows, config.mos_column, rows.values[:, 1])
    if config.mos_std_column is not None:
        labelled_stds = np.where(np.isnan(rows.values[:, 1]), math.nan, rows.values[:, 2])
        _check_one_each(reward, columns, batch, rows, config.mos_std_column, labelled_stds)


def _check_one_each(
    reward: Reward[LabelConfig],
    columns: Mapping[str, Any],
    batch: Batch,
    rows: GatheredRows,
    column: str,
    values: NDArray[np.float64],
) -> None:
    known = np.flatnonzero(~np.isnan(values))
    known = known[np.argsort(rows.keys[known, 0], kind="stable")]
    keys, labels = rows.keys[known, 0], values[known]
    differ = np.flatnonzero((keys[1:] == keys[:-1]) & (labels[1:] != labels[:-1]))
    if not len(differ):
        return
    pair = [int(row) for row in known[differ[0] : differ[0] + 2]]
    (name, first), (other_name, second) = (_describe_row(reward, columns, batch, rows, row, column) for row in pair)
    config = reward.config
    if isinstance(config, ImageConfig) and by_place(reward, columns):
        cure = (
            f"num_generations={config.num_generations} takes consecutive rows for one image, and here they are not: "
            f"add a column {config.image_id_column!r}"
        )
    elif name == other_name:
        label = "MOS" if column == config.mos_column else "rater deviation"
        cure = f"one image has one {label}, so give different images different keys, or mend the label"
    else:
        cure = "their keys collide after hashing; rename one of the two images"
    raise ValueError(f"{reward.__name__}: {first} and {second} count as one image, but their labels differ; {cure}")


def _describe_row(
    reward: Reward[LabelConfig],
    columns: Mapping[str, Any],
    batch: Batch,
    rows: GatheredRows,
    gathered_row: int,
    column: str,
) -> tuple[str, str]:
    """The image's name and a description of the row: what only its own rank knows, sent to all ranks."""
    owner, place = rows.place(gathered_row)
    message = ""
    if owner == rows.rank:
        row = int(np.flatnonzero(batch.on_task)[place])
        length = len(batch.on_task)
        ids = column_if_any(reward, columns, reward.config.image_id_column, length)
        name = "" if ids is None else f" of {reward.config.image_id_column} {ids[row]!r}"
        value = column_of(reward, columns, column, length, "")[row]
        on_rank = f" on rank {owner}" if len(rows.lengths) > 1 else ""
        message = f"{name}\nrow {row}{on_rank}{name} with {column} {value}"
    name, _, description = gather_texts(message)[owner].partition("\n")
    return name, description
