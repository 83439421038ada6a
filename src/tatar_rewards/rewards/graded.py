"""What every reward with labels does around its function: read the batch with the other ranks, check, gate, log."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from tatar_rewards.distributed import GatheredRows, gather_rows
from tatar_rewards.findings import doubtful_answers, doubtful_deviations, equal_labels, squeezed_labels
from tatar_rewards.rewards.batch import Batch, Floats, read_batch, rows_by_scale, target_stds, to_list
from tatar_rewards.rewards.budgets import budget_reward
from tatar_rewards.rewards.call import Call
from tatar_rewards.rewards.configs import ImageConfig, LabelConfig
from tatar_rewards.rewards.deviations import complete_deviations
from tatar_rewards.rewards.first_call import warn_of_budget, warn_of_unreadable
from tatar_rewards.rewards.image_keys import by_place, check_one_label_each, group_keys, image_keys
from tatar_rewards.rewards.logged_rows import log_rows
from tatar_rewards.rewards.opponents import RankedRows
from tatar_rewards.rewards.running_figures import Graded
from tatar_rewards.scales import ScoreScale, as_scale, as_scales


def read_and_gather(call: Call[LabelConfig], completions: Sequence[Any]) -> tuple[Batch, GatheredRows]:
    """This rank's batch, and (prediction, target, rater deviation) of the graded rows of all ranks."""
    reward, columns = call.reward, call.columns
    batch = read_batch(reward, completions, columns)
    values = np.stack([batch.predictions, batch.targets, batch.target_stds], axis=1)[batch.on_task]
    caller = call.caller
    if isinstance(reward.config, ImageConfig):
        keys = image_keys(reward, columns, batch)
        caller += ", images by place" if by_place(reward, columns) else ""
    else:
        keys = group_keys(reward, columns, batch)
    rows = gather_rows(keys, values, caller=caller)
    check_one_label_each(reward, columns, batch, rows)
    rows = _with_deviations(call, rows)
    batch.target_stds[batch.on_task] = rows.values[rows.local, 2]
    return batch, rows


def _with_deviations(call: Call[LabelConfig], rows: GatheredRows) -> GatheredRows:
    """The rows with the deviations that are missing filled in; a score reward remembers their median."""
    if call.config.mos_std_column is None or isinstance(call.config, ImageConfig):
        return complete_deviations(rows, fallback=None)
    stds, state = rows.values[:, 2], call.state
    if not np.isnan(stds).all():
        median = float(np.nanmedian(stds))
        call.changes.append(lambda: setattr(state, "median_std", median))
    return complete_deviations(rows, fallback=state.median_std)


def gate_and_log(
    call: Call[LabelConfig], batch: Batch, rows: GatheredRows, rewards: Floats, ranked: RankedRows | None = None
) -> list[float | None]:
    """Multiply with the budget's reward, log what the answers were, and return what a trainer takes."""
    total = within_budget = np.full(len(rewards), math.nan)
    if call.reward.budget is not None and batch.lengths is not None:
        total, factors = batch.lengths.total, budget_reward(batch.lengths, call.reward.budget)
        rewards = rewards * factors
        within_budget = np.where(np.isnan(total), math.nan, factors)
    log_rows(call, batch, within_budget, ranked)
    graded = np.stack([rewards, total, within_budget], axis=1)[batch.on_task]
    all_graded = gather_rows(np.zeros((len(graded), 0), np.int64), graded, caller=f"{call.caller}, graded").values
    if len(rows.keys) and not call.state.labels_checked:  # a call without a row of the task shows nothing
        call.changes.append(lambda: setattr(call.state, "labels_checked", True))
        if rows.rank == 0:
            _warn_of_first_call(call, batch, rows)
        warn_of_unreadable(call, batch.texts, batch.answers, batch.on_task & ~np.isnan(batch.targets))
        warn_of_budget(call, all_graded[:, 1], all_graded[:, 2])
    _log_figures(call, rows, all_graded)
    return to_list(rewards)


def _log_figures(call: Call[LabelConfig], rows: GatheredRows, all_graded: Floats) -> None:
    """The running figures, of all ranks, this call's among them."""
    (predictions, targets, _), (rewards, lengths, within_budget) = rows.values.T, all_graded.T
    graded = Graded(predictions, targets, rewards, lengths, within_budget, rows.keys[:, :1].ravel())
    figures = call.state.figures.with_call(graded)
    call.changes.append(lambda: setattr(call.state, "figures", figures))
    if call.columns.get("log_metric") is not None:  # they cost something
        budget = call.reward.budget
        call.log(figures.figures(unit=None if budget is None else budget.unit))


def _warn_of_first_call(call: Call[LabelConfig], batch: Batch, rows: GatheredRows) -> None:
    """The light form of the doctor: warn once of what the first call shows to be wrong."""
    predictions, targets, _ = rows.values.T
    column, scales = call.config.mos_column, as_scales(call.config.mos_scale)
    if isinstance(scales, ScoreScale):
        findings = squeezed_labels(targets, column, scales)
    else:
        on_scale = rows_by_scale(call.reward, call.columns, batch.on_task, "mos_scale")
        findings = [
            one for scale, its in on_scale.items() for one in squeezed_labels(batch.targets[its], column, scale)
        ]
    if call.config.mos_std_column is not None:
        labelled = batch.on_task & ~np.isnan(batch.targets)
        spreads = target_stds(call.reward, call.columns, batch.on_task, of="ratings")[labelled]
        findings += doubtful_deviations(spreads, batch.target_stds[labelled], call.config.mos_std_column)
    findings += doubtful_answers(predictions, targets, as_scale(call.config.answer_scale))
    findings += equal_labels(targets, rows.keys[:, :1].ravel().tolist(), column)
    for finding in findings:
        call.warn(f"{finding.problem}; {finding.cure}")
