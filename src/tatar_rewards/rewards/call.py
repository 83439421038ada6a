"""One call of a reward: which ranks and which state take part, and what is logged and remembered when it succeeds."""

import math
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Generic

import numpy as np

from tatar_rewards.distributed import failing_together, gather_rows
from tatar_rewards.distributed.groups import gathering_nothing
from tatar_rewards.rewards.batch import Floats
from tatar_rewards.rewards.configs import ImageConfig
from tatar_rewards.rewards.evaluating import is_evaluation, trainer_evaluates
from tatar_rewards.rewards.reward import ConfigT_co, Reward, State
from tatar_rewards.rewards.schedule import scheduled_setting


@dataclass
class Call(Generic[ConfigT_co]):
    """A call while it lasts. What it changes in the reward's state is changed when all ranks have come through."""

    reward: Reward[ConfigT_co]
    columns: Mapping[str, Any]
    name: str  # what its figures are logged under
    state: State  # of training or of evaluation
    scheduled: dict[str, float] = field(default_factory=dict)  # the setting that changes over training
    changes: list[Callable[[], None]] = field(default_factory=list)

    @property
    def config(self) -> ConfigT_co:
        return self.reward.config

    @property
    def caller(self) -> str:
        """What must be the same on all ranks."""
        mode = "" if self.state is self.reward.state else ", evaluation"
        return f"{self.name}{mode}"

    def log(self, figures: Mapping[str, float]) -> None:
        """Hand figures to the trainer. Before TRL 1.16 other keys on another rank hang it."""
        log_metric = self.columns.get("log_metric")
        if log_metric is not None:
            for figure, value in figures.items():
                log_metric(f"{self.name}/{figure}", value)

    def log_last(self, figures: dict[str, float]) -> None:
        """Log the figures of this call, or, where it had nothing to count on any rank, of the last one that had."""
        last = self.state.last_figures
        if not last or not any(math.isnan(value) for value in figures.values()):
            last = figures
        self.changes.append(lambda: setattr(self.state, "last_figures", last))
        self.log(last)

    def warn(self, problem: str) -> None:
        """Warn at the line that called the reward."""
        frame, level = sys._getframe(), 1
        while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith("tatar_rewards."):
            frame, level = frame.f_back, level + 1
        warnings.warn(f"{self.name}: {problem}", stacklevel=level)

    def sum_over_ranks(self, counts: Floats) -> Floats:
        """The sum of every rank's counts, (k,)."""
        no_keys = np.zeros((1, 0), np.int64)
        total: Floats = gather_rows(no_keys, counts[None, :], caller=f"{self.caller}, counts").values.sum(axis=0)
        return total


@contextmanager
def one_call(reward: Reward[ConfigT_co], columns: Mapping[str, Any]) -> Iterator[Call[ConfigT_co]]:
    """A call on all ranks, which an error on one of them ends on all.

    A reward that must know its images gathers always, another one under a trainer only: called by hand it is alone.
    """
    if isinstance(reward.config, ImageConfig) or "trainer_state" in columns:
        step = getattr(columns.get("trainer_state"), "global_step", None)
        group, kind = reward.config.process_group, type(reward).__qualname__
        on_ranks = failing_together(kind, process_group=group, step=step)
    else:
        on_ranks = gathering_nothing()
    with on_ranks:
        name, state = reward.__name__, reward.state
        if is_evaluation(columns):
            name, state = name if trainer_evaluates(columns) else f"eval_{name}", reward.evaluation_state
        now = scheduled_setting(reward.config.schedule, columns)
        call = Call(reward.with_settings(now), columns, name, state, now)
        call.log(now)
        yield call
    for change in call.changes:
        change()
