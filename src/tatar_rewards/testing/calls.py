"""One call of a reward as a trainer makes it, and what may come back."""

import asyncio
import inspect
import math
import pickle
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

import numpy as np

Reward = Callable[..., Any]
Rewards = list[float | None]


def call(reward: Reward, completions: Sequence[Any], columns: Mapping[str, Sequence[Any]], **hooks: Any) -> Rewards:
    """The rewards of one call, each of them checked."""
    prompts = [_prompt_like(completion) for completion in completions]
    asked: dict[str, Any] = {"prompts": prompts, "completions": list(completions), **columns}
    passed = pickle.loads(pickle.dumps(asked))
    before = _pickles(passed)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of unreadable answers, which are meant here
            returned: Any = reward(**passed, **hooks)
            if inspect.iscoroutinefunction(reward) or inspect.iscoroutinefunction(type(reward).__call__):
                returned = asyncio.run(returned)
    except Exception as error:
        raise AssertionError(f"the reward raised {error!r:.300} for completions {list(completions)!r:.200}") from error
    require(isinstance(returned, Iterable), f"the reward must return a list; got {type(returned).__name__}")
    values = list(returned)
    require(len(values) == len(completions), f"got {len(values)} rewards for {len(completions)} completions")
    earned = [_number(value, f"rewards[{k}]", completions[k]) for k, value in enumerate(values)]
    changed = [name for name, column in _pickles(passed).items() if column != before[name]]
    require(not changed, f"the reward changed the {', '.join(changed)} that it was given; let it work on a copy")
    return earned


def _prompt_like(completion: Any) -> Any:
    return "Rate it." if isinstance(completion, str) else [{"role": "user", "content": "Rate it."}]


def _pickles(columns: Mapping[str, Any]) -> dict[str, bytes]:
    """Bytes that tell whether something in a column has changed, whatever it holds: arrays compare each in its way."""
    return {name: pickle.dumps(column) for name, column in columns.items()}


def _number(value: Any, place: str, completion: Any) -> float | None:
    """A reward as TRL takes it, by `torch.tensor([...], dtype=torch.float32)`, which refuses arrays and texts."""
    if value is None:
        return None
    number, cure = math.nan, "convert it by float(...)"
    if hasattr(value, "__float__") and not isinstance(value, np.ndarray | str) and not getattr(value, "ndim", 0):
        with suppress(TypeError, ValueError):
            number = _float(value)
            cure = "give None where nothing can be graded" if math.isnan(number) else "float32 ends at 3.4e38"
    finite = abs(number) <= float(np.finfo(np.float32).max)
    require(finite, f"{place} must be a finite number or None; got {value!r:.80} for {completion!r:.200}; {cure}")
    return number


def _float(value: Any) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf


def require(holds: bool, problem: str) -> None:
    if not holds:
        raise AssertionError(problem)
