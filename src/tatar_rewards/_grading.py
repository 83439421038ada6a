"""What every callable with labels does around its reward: read its batch together with the other ranks, look, log."""

import math
import warnings
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from typing import Any

import numpy as np
from pydantic import PrivateAttr

from tatar_rewards import metrics
from tatar_rewards._batches import Batch, Floats, budget_reward, count_words, read_batch, to_list
from tatar_rewards._findings import Finding, equal_labels, squeezed_labels
from tatar_rewards._opponents import image_keys
from tatar_rewards.configs import LabelConfig, RankingConfig
from tatar_rewards.distributed import GatheredRows, fail_together, gather_rows, on_this_rank_alone

RECENT = 1024  # completions that the running metrics look back on


class Labelled(LabelConfig):
    """Remembers recent predictions and targets for the running metrics; a pickle takes them along."""

    _recent: deque[tuple[float, float]] = PrivateAttr(default_factory=lambda: deque(maxlen=RECENT))
    _looked: bool = PrivateAttr(default=False)  # at the first call


def read_together(
    reward: Labelled, completions: Sequence[Any], columns: Mapping[str, Any]
) -> tuple[Batch, GatheredRows]:
    """This rank's batch, and (prediction, target, rater deviation) of the graded rows of all ranks."""
    ranking = reward if isinstance(reward, RankingConfig) else None
    with nullcontext() if ranking or "trainer_state" in columns else on_this_rank_alone():
        try:
            batch = read_batch(reward, completions, columns)
            stds = np.full(len(batch.targets), math.nan) if batch.target_stds is None else batch.target_stds
            values = np.stack([batch.predictions, batch.targets, stds], axis=1)[batch.on_task]
            keys = image_keys(ranking, columns, batch) if ranking else np.zeros((len(values), 0), np.int64)
        except Exception as error:  # whatever it is, the other ranks must not wait for this one's rows
            fail_together(error)
        return batch, gather_rows(keys, values, caller=reward.__name__)


def finish(
    reward: Labelled, batch: Batch, rows: GatheredRows, rewards: Floats, columns: Mapping[str, Any]
) -> list[float | None]:
    """Gate by length, log what the answers were, and hand TRL its list."""
    if reward.length_gate is not None:
        rewards = rewards * budget_reward(count_words(batch.answers), reward.length_gate)
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
    reward._recent.extend((prediction, target) for prediction, target, _ in rows.values.tolist())
    if log_metric is not None:  # the same keys at every call: before TRL 1.16 anything else hangs the other ranks
        predictions, targets = np.array(reward._recent.copy(), dtype=float).reshape(-1, 2).T
        log_metric(f"{name}/parse_failure_rate", 1 - metrics.coverage(predictions))
        log_metric(f"{name}/mae", metrics.mae(predictions, targets))
        log_metric(f"{name}/srcc", metrics.srcc(predictions, targets))
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
