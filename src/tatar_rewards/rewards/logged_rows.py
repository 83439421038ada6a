"""What a reward writes into the trainer's table of completions: one column, from which its rewards can be explained.

The column is called by the reward's name and `/row`. Each cell is a JSON object, None for a row of another task:

    image, dataset, task   whose answer it is
    status, score, target  what was read, and the MOS, both in points on 0-100
    target_std             the rater deviation that the reward reckoned with, in points
    length, gate           how long was thought, and what the reward was multiplied with for it
    weight                 what it was then multiplied with, where that is not 1; and the setting that is scheduled
    opponents              how many other images a ranking compared with
    remembered             of these, those of earlier calls, [MOS, rater deviation, [answers]] each: only in each
                           rank's first row of a comparison, since all of its rows share them

The other opponents are the other rows of the step, of all ranks, with the same task and data set.
"""

import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from tatar_rewards.rewards.batch import Batch, Floats
from tatar_rewards.rewards.call import Call
from tatar_rewards.rewards.columns import column_if_usable
from tatar_rewards.rewards.configs import LabelConfig
from tatar_rewards.rewards.opponents import RankedRows


def log_rows(call: Call[LabelConfig], batch: Batch, gate: Floats, ranked: RankedRows | None) -> None:
    """Hand the column to the trainer, unless it takes none or the reward was told not to."""
    log_extra = call.columns.get("log_extra")
    if log_extra is None or not call.config.log_rows:
        return
    length = len(batch.on_task)
    cells: list[str | None] = [None] * length
    names = {
        name: column_if_usable(call.reward, call.columns, column, length)
        for name, column in (
            ("image", call.config.image_id_column),
            ("dataset", call.config.dataset_column),
            ("task", call.config.task_column),
        )
    }
    opponents: list[Mapping[str, Any]] = [{}] * length if ranked is None else _opponents(batch, ranked)
    for row in np.flatnonzero(batch.on_task).tolist():
        cell: dict[str, Any] = {name: _plain(values[row]) for name, values in names.items() if values is not None}
        cell["status"] = str(batch.answers[row].status)
        numbers = {"score": batch.predictions, "target": batch.targets, "target_std": batch.target_stds, "gate": gate}
        if batch.lengths is not None:
            numbers["length"] = batch.lengths.total
        cell |= {name: _number(values[row]) for name, values in numbers.items()}
        if call.config.mos_std_column is None:
            del cell["target_std"]
        if batch.lengths is None:
            del cell["gate"]
        weight = {} if call.config.weight == 1 else {"weight": call.config.weight}
        cells[row] = json.dumps(cell | weight | call.scheduled | dict(opponents[row]), ensure_ascii=False)
    log_extra(f"{call.name}/row", cells)


def _opponents(batch: Batch, ranked: RankedRows) -> list[Mapping[str, Any]]:
    """Of each row what it was compared with; {} for a row that was compared with nothing."""
    cells: list[Mapping[str, Any]] = [{} for _ in batch.on_task]
    told: set[int] = set()
    local = np.flatnonzero(ranked.wanted).tolist()
    for row, place in zip(np.flatnonzero(batch.on_task).tolist(), local, strict=True):
        comparison = int(ranked.keys[place, 1])
        remembered = [kept for _, kept in ranked.recalled.get(comparison, [])]
        in_call = ranked.images_in_call.get(comparison, set())
        others = len(in_call - {int(ranked.keys[place, 0])})
        cell: dict[str, Any] = {"opponents": others + len(remembered)}
        if remembered and comparison not in told:
            told.add(comparison)
            cell["remembered"] = [
                [_number(kept.target), _number(kept.target_std), [_number(score) for score in kept.predictions]]
                for kept in remembered
            ]
        cells[row] = cell
    return cells


def _plain(value: Any) -> Any:
    return value if isinstance(value, str | int | None) else str(value)


def _number(value: float) -> float | None:
    return None if math.isnan(value) else float(f"{value:.7g}")
