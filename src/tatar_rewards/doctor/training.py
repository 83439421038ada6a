"""The doctor's checks of rewards beside each other: names, weights, pickling."""

import math
import pickle
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial
from types import FunctionType, MethodType
from typing import Any

from tatar_rewards.doctor.trainer_rewards import name_of
from tatar_rewards.findings import Finding, Kind
from tatar_rewards.rewards import Reward

TABLE_COLUMNS = ("step", "prompt", "completion", "advantage", "images")  # of the trainer's log of completions


def check_names(rewards: Sequence[Any]) -> Iterator[Finding]:
    """The rewards of this package gather, log and remember under their names; others are only logged."""
    ours = {name_of(reward) for reward in rewards if isinstance(reward, Reward)}
    for name, count in Counter(map(name_of, rewards)).items():
        kind: Kind = "fault" if name in ours and count > 1 else "advice"
        if count > 1:
            yield Finding(
                "reward names",
                f"{count} rewards are called {name!r}, and the trainer logs them as one",
                "give each a name= of its own" if name in ours else "give each a __name__ of its own",
                kind,
            )
        if name in TABLE_COLUMNS:
            yield Finding(
                "reward names",
                f"a reward is called {name!r}, like a column of the trainer's log",
                "give it another name=" if name in ours else "give it another __name__",
                kind,
            )


def check_one_reading(rewards: Sequence[Any]) -> Iterator[Finding]:
    """Rewards that read the same completions in two ways: one of them must be wrong."""
    ours = [reward for reward in rewards if isinstance(reward, Reward)]
    for setting in ("answer_scale", "think_prefilled"):
        by_task: dict[str | None, dict[Any, str]] = {}
        for reward in ours:
            value = getattr(reward.config, setting)
            by_task.setdefault(reward.config.task, {}).setdefault(value, reward.__name__)
        for task, values in by_task.items():
            everywhere = by_task.get(None, {})
            if len(values | everywhere) > 1 and (task is not None or len(everywhere) > 1 or len(by_task) == 1):
                said = ", ".join(f"{name} has {setting}={value}" for value, name in {**everywhere, **values}.items())
                yield Finding(
                    "one reading",
                    f"rewards read the same completions in two ways: {said}",
                    f"set {setting}= alike in all of them",
                )
                break


def check_pickling(rewards: Sequence[Any]) -> Iterator[Finding]:
    """Of functions and of this package's rewards; another object may hold a model, which is not pickled for a look."""
    for reward in rewards:
        if not isinstance(reward, Reward | FunctionType | MethodType | partial):
            continue
        try:
            pickle.dumps(reward)
        except Exception as error:  # pickle raises nearly anything
            yield Finding(
                "pickling",
                f"{name_of(reward)} cannot be pickled ({error}), which asynchronous trainers need",
                "for such a trainer, define it at the top level of a module, without a lambda or a closure",
                "advice",
            )


def check_weights(rewards: Sequence[Any], weights: Sequence[float] | None) -> Iterator[Finding]:
    if weights is not None and len(weights) != len(rewards):
        yield Finding(
            "reward weights",
            f"reward_weights has {len(weights)} values for {len(rewards)} rewards",
            "give one weight for each reward, in their order",
        )
    for weight, reward in zip(weights or [], rewards, strict=False):
        if math.isfinite(weight) and weight > 0:
            continue
        ours = isinstance(reward, Reward)
        if weight < 0 and math.isfinite(weight) and not ours:  # it may be a penalty
            continue
        yield Finding(
            "reward weights",
            f"{name_of(reward)} has the weight {weight:g}" + (": it is logged, and teaches nothing" * (weight == 0)),
            "give it a weight above 0, or leave the reward out",
            "advice" if weight == 0 else "fault",
        )
