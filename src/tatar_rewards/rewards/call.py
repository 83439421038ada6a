"""What every reward with labels does around its function: read the batch with the other ranks, check, gate, log."""

import math
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, cast

import numpy as np

from tatar_rewards.distributed import GatheredRows, fail_together, gather_rows, on_this_rank_alone
from tatar_rewards.findings import Finding, equal_labels, squeezed_labels
from tatar_rewards.rewards.batch import Batch, Floats, read_batch, to_list
from tatar_rewards.rewards.budgets import budget_reward
from tatar_rewards.rewards.configs import AnswerConfig, LabelConfig, RankingConfig
from tatar_rewards.rewards.image_keys import check_one_label_each, group_keys, image_keys, share_deviations
from tatar_rewards.rewards.reward import Reward
from tatar_rewards.rewards.running_figures import Graded


def read_and_gather(
    reward: Reward[LabelConfig], completions: Sequence[Any], columns: Mapping[str, Any]
) -> tuple[Batch, GatheredRows]:
    """This rank's batch, and (prediction, target, rater deviation) of the graded rows of all ranks."""
    with _with_other_ranks(reward, columns):
        try:
            batch = read_batch(reward, completions, columns)
            values = np.stack([batch.predictions, batch.targets, batch.target_stds], axis=1)[batch.on_task]
            if isinstance(reward.config, RankingConfig):
                keys = image_keys(cast(Reward[RankingConfig], reward), columns, batch)
            else:
                keys = group_keys(reward, columns, batch)
        except Exception as error:  # whatever it is, the other ranks must not wait for this one's rows
            fail_together(error)
        rows = gather_rows(keys, values, caller=reward.__name__)
        check_one_label_each(reward, columns, batch, rows)
        rows = share_deviations(rows)
        batch.target_stds[batch.on_task] = rows.values[rows.local, 2]
        return batch, rows


def _with_other_ranks(reward: Reward[LabelConfig], columns: Mapping[str, Any]) -> AbstractContextManager[None]:
    gathers = isinstance(reward.config, RankingConfig) or "trainer_state" in columns
    return nullcontext() if gathers else on_this_rank_alone()


def sum_over_ranks(reward: Reward[AnswerConfig], counts: Floats, columns: Mapping[str, Any]) -> Floats:
    """Under a trainer the sum of every rank's counts, (k,); called by hand this rank's."""
    if "trainer_state" not in columns:
        return counts
    no_keys = np.zeros((1, 0), np.int64)
    total: Floats = gather_rows(no_keys, counts[None, :], caller=f"{reward.__name__}, counts").values.sum(axis=0)
    return total


@contextmanager
def telling_other_ranks(columns: Mapping[str, Any]) -> Iterator[None]:
    """Under a trainer an error within it, whatever it is, ends all ranks with its message."""
    try:
        yield
    except Exception as error:
        if "trainer_state" not in columns:
            raise
        fail_together(error)


def gate_and_log(
    reward: Reward[LabelConfig], batch: Batch, rows: GatheredRows, rewards: Floats, columns: Mapping[str, Any]
) -> list[float | None]:
    """Multiply with the budget's reward, log what the answers were, and return what a trainer takes."""
    total = within_budget = np.full(len(rewards), math.nan)
    if reward.budget is not None and batch.lengths is not None:
        total, factors = batch.lengths.total, budget_reward(batch.lengths, reward.budget)
        rewards = rewards * factors
        within_budget = np.where(np.isnan(total), math.nan, factors)
    _log_rows(reward, batch, columns)
    if len(rows.keys) and not reward.state.labels_checked:  # a call without a row of the task shows nothing
        reward.state.labels_checked = True
        if rows.rank == 0:
            _warn_of_first_call(reward, batch, rows)
    graded = np.stack([rewards, total, within_budget], axis=1)[batch.on_task]
    with _with_other_ranks(reward, columns):
        no_keys = np.zeros((len(graded), 0), np.int64)
        all_graded = gather_rows(no_keys, graded, caller=f"{reward.__name__}, graded").values
    _log_figures(reward, rows, all_graded, columns)
    return to_list(rewards)


def _log_rows(reward: Reward[LabelConfig], batch: Batch, columns: Mapping[str, Any]) -> None:
    log_extra = columns.get("log_extra")
    if log_extra is None:
        return
    on_task, name = batch.on_task, reward.__name__
    statuses = [str(a.status) if on else None for a, on in zip(batch.answers, on_task.tolist(), strict=True)]
    log_extra(f"{name}/score", to_list(np.where(on_task, batch.predictions, math.nan)))
    log_extra(f"{name}/target", to_list(batch.targets))
    log_extra(f"{name}/status", statuses)


def _log_figures(
    reward: Reward[LabelConfig], rows: GatheredRows, all_graded: Floats, columns: Mapping[str, Any]
) -> None:
    """The running figures, of all ranks; the same keys at every call: before TRL 1.16 anything else hangs the ranks."""
    figures, log_metric = reward.state.figures, columns.get("log_metric")
    (predictions, targets, _), (rewards, lengths, within_budget) = rows.values.T, all_graded.T
    figures.add(Graded(predictions, targets, rewards, lengths, within_budget, rows.keys[:, :1].ravel()))
    if log_metric is not None:
        unit = None if reward.budget is None else reward.budget.unit
        for figure, value in figures.figures(unit=unit).items():
            log_metric(f"{reward.__name__}/{figure}", value)


def _warn_of_first_call(reward: Reward[LabelConfig], batch: Batch, rows: GatheredRows) -> None:
    """The light form of the doctor: warn once of what the first call shows to be wrong."""
    predictions, targets, _ = rows.values.T
    column = reward.config.mos_column
    findings = squeezed_labels(targets, column, str(reward.config.mos_scale))
    findings += equal_labels(targets, rows.keys[:, :1].ravel().tolist(), column)
    statuses = Counter(str(a.status) for a, on in zip(batch.answers, batch.on_task, strict=True) if on)
    if statuses and np.isnan(predictions).all():
        often, _ = statuses.most_common(1)[0]
        findings.append(
            Finding(
                "answers",
                f"no answer of {len(predictions)} completions could be read (most often: {often})",
                "ask for <think>...</think><answer>number</answer> in the prompt, and see that no answer is cut off",
            )
        )
    for finding in findings:
        warnings.warn(f"{reward.__name__}: {finding.problem}; {finding.cure}", stacklevel=4)
