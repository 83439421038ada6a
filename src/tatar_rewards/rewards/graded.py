"""What every reward with labels does around its function: read the batch with the other ranks, check, gate, log."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tatar_rewards.distributed import GatheredRows, gather_rows
from tatar_rewards.findings import Finding, doubtful_answers, doubtful_deviations, equal_labels, squeezed_labels
from tatar_rewards.rewards.batch import Batch, Floats, read_batch, rows_by_scale, target_stds, to_list
from tatar_rewards.rewards.budgets import budget_reward
from tatar_rewards.rewards.call import Call
from tatar_rewards.rewards.configs import ImageConfig, LabelConfig
from tatar_rewards.rewards.deviations import complete_deviations
from tatar_rewards.rewards.first_call import warn_of_budget, warn_of_tasks, warn_of_unreadable
from tatar_rewards.rewards.image_keys import by_place, check_one_label_each, group_keys, image_keys
from tatar_rewards.rewards.logged_rows import log_rows
from tatar_rewards.rewards.opponents import RankedRows
from tatar_rewards.rewards.running_figures import Graded, RunningFigures
from tatar_rewards.scales import ScoreScale, as_scale, as_scales

IMAGES_LOOKED_AT = 10  # until then each call adds to what is looked at


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
    stds, state = rows.values[:, 2][~np.isnan(rows.values[:, 1])], call.state  # an unlabelled row tells nothing
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
    figures = _log_figures(call, rows, all_graded)
    _look(call, batch, rows, all_graded, figures)
    return to_list(rewards * call.config.weight)


def _log_figures(call: Call[LabelConfig], rows: GatheredRows, all_graded: Floats) -> RunningFigures:
    """The running figures, of all ranks, this call's among them."""
    (predictions, targets, _), (rewards, lengths, within_budget) = rows.values.T, all_graded.T
    images, comparisons = rows.keys[:, :1].ravel(), rows.keys[:, 1:].ravel()
    graded = Graded(predictions, targets, rewards, lengths, within_budget, images, comparisons)
    figures = call.state.figures.with_call(graded)
    call.changes.append(lambda: setattr(call.state, "figures", figures))
    if call.columns.get("log_metric") is not None:  # they cost something
        budget = call.reward.budget
        call.log(figures.figures(unit=None if budget is None else budget.unit))
    return figures


# ---------------------------------------------------------------- the light form of the doctor


def _look(
    call: Call[LabelConfig], batch: Batch, rows: GatheredRows, all_graded: Floats, figures: RunningFigures
) -> None:
    """Warn once of what the first calls show to be wrong; each look waits for a call that can show something.

    What decides whether to look is the same on all ranks, since some looks gather.
    """
    state = call.state
    if not state.tasks_checked:
        warn_of_tasks(call, batch.on_task, n_graded=len(rows.values), is_first=rows.rank == 0)
    labelled = ~np.isnan(rows.values[:, 1])
    if labelled.any() and not state.answers_checked:
        call.changes.append(lambda: setattr(state, "answers_checked", True))
        warn_of_unreadable(call, batch.texts, batch.answers, batch.on_task & ~np.isnan(batch.targets))
    if not np.isnan(all_graded[:, 2]).all() and not state.budget_checked:
        call.changes.append(lambda: setattr(state, "budget_checked", True))
        warn_of_budget(call, all_graded[:, 1], all_graded[:, 2])
    if labelled.any() and not state.labels_checked:
        images = figures.by_image()
        seen = sum(len(targets) for _, targets in images.values())
        if seen >= IMAGES_LOOKED_AT:
            call.changes.append(lambda: setattr(state, "labels_checked", True))
        if rows.rank == 0:
            _warn_of_labels(call, batch, rows, images)


def _warn_of_labels(
    call: Call[LabelConfig], batch: Batch, rows: GatheredRows, images: Mapping[int, tuple[Floats, Floats]]
) -> None:
    """Warn of labels, deviations and answers that look as if their scale were another; once of each kind."""
    config, column, findings = call.config, call.config.mos_column, list[Finding]()
    scale_of = _scales_of_comparisons(call, batch, rows)
    for comparison, (answers, targets) in images.items():
        scale, answer_scale = scale_of.get(comparison, scale_of[None]), as_scale(config.answer_scale)
        squeezed = squeezed_labels(targets, column, scale)
        findings += squeezed
        findings += doubtful_answers(answers, targets, answer_scale, scale, labels_doubted=bool(squeezed))
    labelled = batch.on_task & ~np.isnan(batch.targets)
    if config.mos_std_column is not None and labelled.any():
        spreads = target_stds(call.reward, call.columns, batch.on_task, of="ratings")[labelled]
        findings += doubtful_deviations(
            spreads, batch.target_stds[labelled], config.mos_std_column, of_mean=config.mos_std_of == "mean"
        )
    findings += equal_labels(rows.values[:, 1], rows.keys[:, :1].ravel().tolist(), column)
    said = call.state.warned_of
    for finding in {finding.check: finding for finding in findings if finding.check not in said}.values():
        call.warn(f"{finding.problem}; {finding.cure}")
        call.changes.append(lambda check=finding.check: said.add(check))  # type: ignore[misc]


def _scales_of_comparisons(call: Call[LabelConfig], batch: Batch, rows: GatheredRows) -> dict[int | None, ScoreScale]:
    """The scale of the labels of each task and data set on this rank; under None that of the others."""
    scales = as_scales(call.config.mos_scale)
    if isinstance(scales, ScoreScale):
        return {None: scales}
    found: dict[int | None, ScoreScale] = {None: next(iter(scales.values()))}
    if rows.keys.shape[1]:
        keys = np.zeros(len(batch.on_task), np.int64)
        keys[batch.on_task] = rows.keys[rows.local, 1]
        for scale, its in rows_by_scale(call.reward, call.columns, batch.on_task, "mos_scale").items():
            found |= dict.fromkeys(keys[its].tolist(), scale)
    return found
