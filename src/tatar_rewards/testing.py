"""The contract of a reward, as a function for the tests of anyone who writes one.

    def test_my_reward_keeps_the_contract():
        check_reward_contract(my_reward)

What is checked is what trainers of TRL's kind rely on; `check_reward_contract` lists it.
"""

import copy
import math
import pickle
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

Reward = Callable[..., Any]
Rewards = list[float | None]

_WORDS = " ".join(f"word{k}" for k in range(130))
_ANSWERS = [f"<think>{_WORDS if k % 4 > 1 else 'Sharp.'}</think><answer>{20 + 5 * k}</answer>" for k in range(8)]
_HOSTILE = [
    "",
    "I cannot tell.",
    "<answer>",
    "<answer>1e999</answer>",
    "<answer>50</answer> or <answer>60</answer>",
    "<think>" * 3000,
    "\x00\ud800 \u200b",
    "<answer>" + "9" * 5000 + "</answer>",
]


def check_reward_contract(reward: Reward, **columns: Sequence[Any]) -> None:
    """Check that a reward does what a trainer relies on.

    - It has a name to be logged under, and can be pickled.
    - It takes keywords only, ignores those that it does not know, and works without log hooks.
    - It returns one float or None for each completion, never NaN or infinity, whatever a model wrote.
    - A completion earns the same as a string and as a list of messages.
    - The order of the rows changes no reward, and neither does a call on a copy of the reward.
    - It leaves the completions and columns as they were.

    The reward itself is left as it was: every call is made on a copy.

    Args:
        reward: Any TRL reward function or object, of this package or not.
        **columns: Columns of eight rows that the reward needs, in place of or beside `mos` (on 0-100), `task`
            (`"iqa"` and `"iaa"`), `image_id`, `dataset`, `mos_std` and `completion_ids`.

    Raises:
        AssertionError: the contract is broken; the message says where, with what was passed and what came back.
        ValueError: a column has not eight rows.

    Examples:
        >>> from tatar_rewards import GaussianScoreReward
        >>> check_reward_contract(GaussianScoreReward(task="iqa"))
        >>> check_reward_contract(lambda completions, **columns: [math.nan] * len(completions))
        Traceback (most recent call last):
        AssertionError: the reward needs a name of its own: '<lambda>' is none
    """
    batch = _example_columns() | {name: list(column) for name, column in columns.items()}
    wrong = {name: len(column) for name, column in batch.items() if len(column) != len(_ANSWERS)}
    if wrong:
        raise ValueError(f"every column needs {len(_ANSWERS)} rows, one for each example; got {wrong}")
    _check_name(reward)
    earned = _call(reward, _ANSWERS, batch)
    _check_same(_call(_pickled(reward), _ANSWERS, batch), earned, "a pickled reward pays otherwise")
    messages = [[{"role": "assistant", "content": text}] for text in _ANSWERS]
    _check_same(_call(reward, messages, batch), earned, "message lists earn otherwise than the same texts")
    hooks = {"log_extra": lambda name, values: None, "log_metric": lambda name, value: None, "unknown": None}
    _check_same(_call(reward, _ANSWERS, batch, **hooks), earned, "the reward pays otherwise with log hooks")
    order = [3, 7, 0, 5, 1, 6, 2, 4]
    shuffled = _call(reward, [_ANSWERS[k] for k in order], {name: [c[k] for k in order] for name, c in batch.items()})
    _check_same(shuffled, [earned[k] for k in order], "the order of the rows changes what they earn")
    _call(reward, _HOSTILE, batch)
    _call(reward, [], {name: [] for name in batch})


def _example_columns() -> dict[str, Sequence[Any]]:
    """Two completions of each of four images, quality and aesthetics in turn."""
    return {
        "mos": [float(20 + 10 * (k // 2)) for k in range(8)],
        "task": [("iqa", "iaa")[k // 2 % 2] for k in range(8)],
        "image_id": [f"{k // 2}.jpg" for k in range(8)],
        "dataset": ["example"] * 8,
        "mos_std": [5.0 + k // 2 for k in range(8)],
        "completion_ids": [list(range(40 + k)) for k in range(8)],
    }


def _check_name(reward: Reward) -> None:
    name = getattr(reward, "__name__", None)
    _require(isinstance(name, str), f"the reward has no __name__ to be logged under: {reward!r}")
    _require(name not in ("", "<lambda>"), f"the reward needs a name of its own: {name!r} is none")


def _pickled(reward: Reward) -> Reward:
    try:
        twin: Reward = pickle.loads(pickle.dumps(reward))
    except Exception as error:  # pickle raises nearly anything
        raise AssertionError(
            f"the reward cannot be pickled ({error}); define it at the top level of a module"
        ) from error
    return twin


def _call(reward: Reward, completions: Sequence[Any], columns: Mapping[str, Sequence[Any]], **hooks: Any) -> Rewards:
    """The rewards of one call on a copy of the reward, each of them checked."""
    passed = copy.deepcopy((list(completions), dict(columns)))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of unreadable answers, which are meant here
            prompts = ["Rate it."] * len(completions)
            earned: Any = copy.deepcopy(reward)(prompts=prompts, completions=passed[0], **passed[1], **hooks)
    except Exception as error:
        raise AssertionError(f"the reward raised {error!r:.300} for completions {list(completions)!r:.200}") from error
    _require(isinstance(earned, list), f"the reward must return a list; got {type(earned).__name__}")
    _require(len(earned) == len(completions), f"got {len(earned)} rewards for {len(completions)} completions")
    for row, value in enumerate(earned):
        finite = value is None or (isinstance(value, int | float) and math.isfinite(value))
        _require(finite, f"rewards[{row}] must be a finite float or None; got {value!r} for {completions[row]!r:.200}")
    _require(passed == (list(completions), dict(columns)), "the reward changed the completions or columns it was given")
    return list(earned)


def _check_same(earned: Rewards, expected: Rewards, problem: str) -> None:
    for row, (value, wanted) in enumerate(zip(earned, expected, strict=True)):
        same = value == wanted or (
            value is not None and wanted is not None and math.isclose(value, wanted, abs_tol=1e-9)
        )
        _require(same, f"{problem}: row {row} earns {value!r} instead of {wanted!r}")


def _require(holds: bool, problem: str) -> None:
    if not holds:
        raise AssertionError(problem)
