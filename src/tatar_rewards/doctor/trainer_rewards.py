"""What a trainer takes for rewards: a list of callables, or one of them; and what it takes, but cannot train with."""

import importlib.util
import inspect
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from tatar_rewards.findings import Finding
from tatar_rewards.rewards import Reward

PASSED = ("prompts", "completions", "completion_ids", "trainer_state", "log_extra", "log_metric")  # with every call
MOST_REWARDS = 1000


def as_list(reward_funcs: Any) -> list[Any]:
    """The rewards as `GRPOTrainer` lists them: whatever is no list is one reward."""
    if reward_funcs is None:
        return []
    if isinstance(reward_funcs, str | Mapping) or callable(reward_funcs) or not isinstance(reward_funcs, Iterable):
        return [reward_funcs]
    return list(islice(reward_funcs, MOST_REWARDS))


def name_of(reward: Any) -> str:
    """The name that a trainer logs a reward under."""
    while isinstance(reward, partial):
        reward = reward.func
    if isinstance(reward, str):
        return reward.rpartition("/")[2]
    if is_model(reward):
        return str(getattr(getattr(reward, "config", None), "_name_or_path", type(reward).__name__)).rpartition("/")[2]
    return str(getattr(reward, "__name__", type(reward).__name__))


def is_model(reward: Any) -> bool:
    """Whether it is a reward model of torch, which can be so only where torch is loaded."""
    torch = sys.modules.get("torch")
    return torch is not None and not inspect.isclass(reward) and isinstance(reward, torch.nn.Module)


def not_looked_at(rewards: Sequence[Any]) -> list[str]:
    """Rewards that the doctor does not call: they may ask a paid judge, or are models."""
    others = []
    for reward in rewards:
        if isinstance(reward, str) or is_model(reward):
            others.append(f"{name_of(reward)} (a reward model)")
        elif callable(reward) and not isinstance(reward, Reward):
            others.append(f"{name_of(reward)} (not of this package)")
    return list(dict.fromkeys(others))


def check_callables(reward_funcs: Any, rewards: Sequence[Any], columns: Sequence[str] | None) -> Iterator[Finding]:
    """What the trainer would stumble over at its first call; `columns` are those of the data, None where unknown."""
    if not rewards:
        yield Finding("rewards", "reward_funcs is empty", "pass tatar_reward_funcs() for example")
    listed = isinstance(reward_funcs, list | str | Mapping) or callable(reward_funcs)
    if isinstance(reward_funcs, Iterable) and not listed:
        yield Finding(
            "rewards",
            f"reward_funcs is a {type(reward_funcs).__name__}, which GRPOTrainer takes for one reward that it cannot "
            "call",
            "give GRPOTrainer a list",
            "advice",
        )
    for number, reward in enumerate(rewards):
        place = "reward_funcs" if reward is reward_funcs else f"reward_funcs[{number}]"
        if isinstance(reward, str):
            yield from _check_text(place, reward)
        elif not is_model(reward):
            yield from _check_one(place, reward, columns)


def _check_text(place: str, text: str) -> Iterator[Finding]:
    """GRPOTrainer loads a text as a reward model: the import path of a reward is none."""
    dotted = re.fullmatch(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+", text) and not Path(text).exists()
    if text.strip() and not (dotted and _is_module(text.partition(".")[0])):
        return
    yield Finding(
        "rewards",
        f"{place} is the text {text!r}, which GRPOTrainer takes for a reward model to load",
        "pass the reward itself; load_reward_funcs of tatar_rewards.presets finds one by its import path",
    )


def _is_module(name: str) -> bool:
    return name in sys.modules or importlib.util.find_spec(name) is not None


def _check_one(place: str, reward: Any, columns: Sequence[str] | None) -> Iterator[Finding]:
    if inspect.isclass(reward):
        yield Finding(
            "rewards",
            f"{place} is the class {reward.__name__}, and the trainer needs one object of it",
            f"make one: {reward.__name__}(...)",
        )
    elif not callable(reward):
        unpack = isinstance(reward, list | tuple)
        yield Finding(
            "rewards",
            f"{place} is {reward!r:.80} of type {type(reward).__name__}, and no reward: it cannot be called",
            "unpack it into the list: [*tatar_reward_funcs(), ...]" if unpack else "give a reward in its place",
        )
    else:
        yield from _check_signature(place, reward, columns)


def _check_signature(place: str, reward: Any, columns: Sequence[str] | None) -> Iterator[Finding]:
    """The trainer passes everything by keyword; a function must take all of it."""
    if name_of(reward) == "tatar_reward_funcs":
        yield Finding(
            "rewards",
            f"{place} is the function tatar_reward_funcs, which makes rewards and is none",
            "call it: reward_funcs=tatar_reward_funcs()",
        )
        return
    try:
        parameters = inspect.signature(reward, follow_wrapped=False).parameters
    except (TypeError, ValueError):  # some built-in callables have none
        return
    kinds = inspect.Parameter
    passed = dict.fromkeys([*PASSED, *(name for name in columns or () if name not in ("prompt", "completion"))])
    by_name = [name for name, parameter in parameters.items() if parameter.kind is not kinds.POSITIONAL_ONLY]
    takes_all = any(parameter.kind is kinds.VAR_KEYWORD for parameter in parameters.values())
    refused = [name for name in passed if name not in by_name] if not takes_all else []
    missing = [
        name
        for name, parameter in parameters.items()
        if parameter.default is kinds.empty
        and parameter.kind not in (kinds.VAR_KEYWORD, kinds.VAR_POSITIONAL)
        and (parameter.kind is kinds.POSITIONAL_ONLY or (columns is not None and name not in passed))
        and name != "environments"
    ]
    if refused or missing:
        yield _stumbles(f"{place}, {name_of(reward)},", refused, missing)


def _stumbles(reward: str, refused: Sequence[str], missing: Sequence[str]) -> Finding:
    if refused:
        return Finding(
            "rewards",
            f"{reward} takes no {refused[0]!r}, which the trainer passes by keyword",
            "let it take whatever else there is: def reward(completions, **columns); or, if it makes rewards, call it",
        )
    return Finding(
        "rewards",
        f"{reward} needs {missing[0]!r}, which the trainer does not pass by keyword",
        f"add a column {missing[0]!r} to the data, or give the argument a default",
    )
