"""One call of a reward as a trainer makes it, and what may come back."""

import asyncio
import inspect
import math
import pickle
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import SimpleNamespace
from typing import Any

from tatar_rewards.testing.values import as_reward, what_to_mend

Reward = Callable[..., Any]
Rewards = list[float | None]


def call(reward: Reward, completions: Sequence[Any], columns: Mapping[str, Sequence[Any]], **hooks: Any) -> Rewards:
    """The rewards of one call, each of them checked."""
    prompts = [_prompt_like(completion) for completion in completions]
    state = SimpleNamespace(global_step=0, max_steps=100, epoch=0.0)
    asked: dict[str, Any] = {"prompts": prompts, "completions": list(completions), "trainer_state": state, **columns}
    passed = pickle.loads(pickle.dumps(asked))
    before = _pickles(passed)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of unreadable answers, which are meant here
            returned: Any = reward(**passed, **hooks)
            if inspect.iscoroutinefunction(reward) or inspect.iscoroutinefunction(type(reward).__call__):
                returned = asyncio.run(returned)
            values: Any = list(returned) if isinstance(returned, Iterable) else None
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # SystemExit too, which would end the user's tests without a word
        lacking = _lacking_columns(error, reward, passed)
        asked_for = f"check_reward_contract(reward{''.join(f', {name}=[...]' for name in lacking)})"
        told = f"; give the check what it needs: {asked_for}" if lacking else f" for completions {completions!r:.200}"
        of_log = [name for name in lacking if name in ("log_extra", "log_metric")]
        told = f"; let {' and '.join(of_log)} be None by default: not every trainer passes it" if of_log else told
        told = "; let it take **columns, all that a trainer passes" if "unexpected keyword" in str(error) else told
        raise AssertionError(f"the reward raised {error!r:.300}{told}") from error
    require(values is not None, f"the reward must return a list; got {type(returned).__name__}")
    require(len(values) == len(completions), f"got {len(values)} rewards for {len(completions)} completions")
    earned = [_number(value, f"rewards[{k}]", completions[k]) for k, value in enumerate(values)]
    changed = [name for name, column in _pickles(passed).items() if column != before[name]]
    require(not changed, f"the reward changed the {', '.join(changed)} that it was given; let it work on a copy")
    return earned


def _lacking_columns(error: BaseException, reward: Reward, passed: Mapping[str, Any]) -> list[str]:
    """The columns that a reward has failed for, since the check does not have them."""
    names: list[str] = []
    if isinstance(error, KeyError) and error.args and isinstance(error.args[0], str):
        cells = (value for column in passed.values() if isinstance(column, list) for value in column)
        names = [error.args[0]] * all(error.args[0] != value for value in cells)  # else it looks a value up
    elif isinstance(error, TypeError):
        try:
            parameters = inspect.signature(reward).parameters.values()
        except ValueError:  # a function of C tells nothing
            return []
        kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
        names = [one.name for one in parameters if one.default is one.empty and one.kind in kinds]
    return [name for name in names if name not in passed]


def _prompt_like(completion: Any) -> Any:
    return "Rate it." if isinstance(completion, str) else [{"role": "user", "content": "Rate it."}]


def _pickles(columns: Mapping[str, Any]) -> dict[str, bytes]:
    """Bytes that tell whether something in a column has changed, whatever it holds: arrays compare each in its way."""
    return {name: pickle.dumps(column) for name, column in columns.items()}


def _number(value: Any, place: str, completion: Any) -> float | None:
    try:
        number = as_reward(value)
    except TypeError:
        number = math.nan
    cure = f"got {value!r:.80} for {completion!r:.200}; {what_to_mend(value)}"
    require(number is None or math.isfinite(number), f"{place} must be a finite number or None; {cure}")
    return number


def require(holds: bool, problem: str) -> None:
    if not holds:
        raise AssertionError(problem)
