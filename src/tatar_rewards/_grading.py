"""What every callable with labels does around its reward: read its batch together with the other ranks, look, log."""

import math
import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
from pydantic import PrivateAttr

from tatar_rewards._batches import Batch, Floats, budget_reward, count_words, read_batch, to_list
from tatar_rewards._figures import Graded, Recent
from tatar_rewards._findings import Finding, equal_labels, squeezed_labels
from tatar_rewards._opponents import group_keys, image_keys
from tatar_rewards.configs import LabelConfig, RankingConfig
from tatar_rewards.distributed import GatheredRows, fail_together, gather_rows, on_this_rank_alone


class Labelled(LabelConfig):
    """Remembers what it graded lately for the running figures; a pickle takes it along."""

    _recent: Recent = PrivateAttr(default_factory=Recent)
    _looked: bool = PrivateAttr(default=False)  # at the first call


def read_together(
    reward: Labelled, completions: Sequence[Any], columns: Mapping[str, Any]
) -> tuple[Batch, GatheredRows]:
    """This rank's batch, and (prediction, target, rater deviation) of the graded rows of all ranks."""
    ranking = reward if isinstance(reward, RankingConfig) else None
    with _with_other_ranks(reward, columns):
        try:
            batch = read_batch(reward, completions, columns)
            stds = np.full(len(batch.targets), math.nan) if batch.target_stds is None else batch.target_stds
            values = np.stack([batch.predictions, batch.targets, stds], axis=1)[batch.on_task]
            keys = image_keys(ranking, columns, batch) if ranking else group_keys(reward, columns, batch)
        except Exception as error:  # whatever it is, the other ranks must not wait for this one's rows
            fail_together(error)
        return batch, gather_rows(keys, values, caller=reward.__name__)


def _with_other_ranks(reward: Labelled, columns: Mapping[str, Any]) -> AbstractContextManager[None]:
    return nullcontext() if isinstance(reward, RankingConfig) or "trainer_state" in columns else on_this_rank_alone()


def finish(
    reward: Labelled, batch: Batch, rows: GatheredRows, rewards: Floats, columns: Mapping[str, Any]
) -> list[float | None]:
    """Gate by length, log what the answers were, and hand TRL its list."""
    words = count_words(batch.answers, batch.on_task, reward.length_gate)
    within_budget = np.ones(len(rewards))
    if reward.length_gate is not None:
        within_budget = budget_reward(words, reward.length_gate)
        rewards = rewards * within_budget
    name, on_task = reward.__name__, batch.on_task
    log_extra, log_metric = columns.get("log_extra"), columns.get("log_metric")
    if log_extra is not None:
        log_extra(f"{name}/score", to_list(np.where(on_task, batch.predictions, math.nan)))
        log_extra(f"{name}/target", to_list(batch.targets))
        log_extra(
            f"{name}/status", [str(a.status) if on else None for a, on in zip(batch.answers, on_task, strict=True)]
        )
    if not reward._looked and rows.rank == 0:
        _look(reward, batch, rows)
    reward._looked = True
    graded = np.stack([rewards, words.total, np.where(np.isnan(words.total), math.nan, within_budget)], axis=1)[on_task]
    with _with_other_ranks(reward, columns):
        everyones = gather_rows(np.zeros((len(graded), 0), np.int64), graded, caller=f"{name}, graded").values
    read = rows.values[:, :2]
    reward._recent.add(map(Graded._make, np.concatenate([read, everyones], axis=1).tolist()), rows.keys[:, :1].ravel())
    if log_metric is not None:  # the same keys at every call: before TRL 1.16 anything else hangs the other ranks
        for figure, value in reward._recent.figures(budget=reward.length_gate is not None).items():
            log_metric(f"{name}/{figure}", value)
    return to_list(rewards)


def _look(reward: Labelled, batch: Batch, rows: GatheredRows) -> None:
    """The light form of the doctor: warn once of what the first call shows to be wrong."""
    predictions, targets, _ = rows.values.T
    findings = squeezed_labels(targets, reward.mos_column, str(reward.mos_scale))
    findings += equal_labels(targets, rows.keys[:, :1].ravel().tolist(), reward.mos_column)
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
