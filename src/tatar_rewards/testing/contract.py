"""What is checked, one call after another."""

import copy
import inspect
import math
import pickle
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tatar_rewards.rewards import Reward as OurReward
from tatar_rewards.scales import as_scale
from tatar_rewards.testing.calls import Reward, Rewards, call, require
from tatar_rewards.testing.processes import earn_together
from tatar_rewards.wording import nearest

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
_PREFILLED = [answer.removeprefix("<think>") for answer in _ANSWERS]  # where the template has opened the thinking


def check_reward_contract(
    reward: Reward, *, conversational: bool | None = None, processes: int = 1, **columns: Iterable[Any]
) -> None:
    """Check that a reward does what a trainer relies on.

    - It has a name to be logged under, and can be pickled.
    - It takes keywords only, ignores those that it does not know, and works without log hooks.
    - It returns one number or None for each completion, whatever a model wrote: what TRL can put into a tensor of
      float32, and there neither NaN nor infinity. So truth values and numpy's numbers will do, and arrays of one value
      will not. An async function may return it too.
    - A completion earns the same as a string and as a list of messages.
    - The order of the rows changes no reward, and neither does a call on a copy of the reward.
    - The same call made again pays the same, however often.
    - On several processes, if asked for, the rewards are those of one process with all rows, however the completions of
      an image are split between them.
    - It grades some of eight plain answers: one that leaves out all of them lacks its task or its columns.
    - It leaves the prompts, completions and columns as they were.

    The reward itself is left as it was: every call is made on a copy.

    Args:
        reward: Any TRL reward function or object, of this package or not.
        conversational: Whether it takes lists of messages only (True) or texts only (False); None: it takes both.
        processes: 2 or 4 to call it on as many processes of a gloo group too, which takes seconds and needs torch.
        **columns: Columns of eight rows that the reward needs, lists or arrays, in place of or beside `prompts`, `mos`
            (on 0-100), `task` (`"iqa"` and `"iaa"`), `image_id`, `dataset`, `mos_std` and `completion_ids`.

    Raises:
        AssertionError: the contract is broken; the message says where, with what was passed and what came back.
        TypeError: a column is no column, or cannot be copied.
        ValueError: a column has not eight rows, or eight rows cannot be split over the processes.

    Examples:
        >>> from tatar_rewards import GaussianScoreReward
        >>> check_reward_contract(GaussianScoreReward(task="iqa"))
        >>> check_reward_contract(lambda completions, **columns: [math.nan] * len(completions))
        Traceback (most recent call last):
        AssertionError: the reward needs a name of its own; '<lambda>' is no name
    """
    batch = _example_columns() | {name: _as_rows(name, column) for name, column in columns.items()}
    if not isinstance(conversational, bool | None):
        raise TypeError(f"conversational must be True, False or None; got {conversational!r:.80}")
    if isinstance(processes, bool) or not isinstance(processes, int) or processes not in (1, 2, 4):
        raise ValueError(f"processes must be 1, 2 or 4, which eight rows can be split over; got {processes!r}")
    _check_name(reward)
    answers = _answers_to(reward)
    texts: list[Any] = answers if conversational is not True else _as_messages(answers)
    earned = call(copy.deepcopy(reward), texts, batch)
    _check_graded(earned, batch)
    for name in columns:
        _check_spelling(reward, name, texts, batch, earned)
    again = "the same call of a copy of the reward pays otherwise"
    _check_same(call(copy.deepcopy(reward), texts, batch), earned, again)
    _check_same(call(_pickled(reward), texts, batch), earned, "a pickled reward pays otherwise")
    if conversational is None:
        of_messages = call(copy.deepcopy(reward), _as_messages(answers), batch)
        _check_same(of_messages, earned, "message lists earn otherwise than the same texts")
    hooks = {"log_extra": lambda name, values: None, "log_metric": lambda name, value: None, "unknown": None}
    _check_same(call(copy.deepcopy(reward), texts, batch, **hooks), earned, "the reward pays otherwise with log hooks")
    order = [3, 7, 0, 5, 1, 6, 2, 4]
    shuffled = call(copy.deepcopy(reward), [texts[k] for k in order], _rows(batch, order))
    _check_same(shuffled, [earned[k] for k in order], "the order of the rows changes what they earn")
    one = copy.deepcopy(reward)
    for number in range(1, 5):
        _check_same(call(one, texts, batch), earned, f"call {number} of the same rows pays otherwise than the first")
    for others in (_HOSTILE, _PREFILLED):
        call(copy.deepcopy(reward), others if conversational is not True else _as_messages(others), batch)
    call(copy.deepcopy(reward), [], {name: [] for name in batch})
    dealt = [k for number in range(processes) for k in range(number, len(_ANSWERS), processes)]
    for places in (dealt, range(len(_ANSWERS))) if processes > 1 else ():
        split = earn_together(reward, [texts[k] for k in places], _rows(batch, places), processes)
        problem = f"on {processes} processes the reward pays otherwise than on one with all rows"
        _check_same(split, [earned[k] for k in places], problem)


def _answers_to(reward: Any) -> list[str]:
    """The plain answers, on the scale that a reward of this package reads."""
    if not isinstance(reward, OurReward):
        return _ANSWERS
    scale = as_scale(reward.config.answer_scale)
    numbers = [20 + 5 * k for k in range(len(_ANSWERS))]
    return [
        answer.replace(f">{points}<", f">{scale.from_points(float(points)):.6g}<")
        for points, answer in zip(numbers, _ANSWERS, strict=True)
    ]


def _as_messages(texts: Sequence[str]) -> list[Any]:
    return [[{"role": "assistant", "content": text}] for text in texts]


def _as_rows(name: str, column: Iterable[Any]) -> list[Any]:
    """A column that was given, which may be an array, as a list; it can be copied for each call."""
    count = len(_ANSWERS)
    if name == "completions":
        raise ValueError("completions are those of the check; give columns that the reward needs beside them")
    if isinstance(column, str | Mapping) or not isinstance(column, Iterable):
        raise TypeError(
            f"{name} must be a list or an array of {count} values, one for each example; got {column!r:.80}"
        )
    try:
        rows = list(column)
        pickle.dumps(rows)
    except Exception as error:  # pickle raises nearly anything
        raise TypeError(f"{name} cannot be copied for each call ({error}); give values that can be pickled") from None
    if len(rows) != count:
        raise ValueError(f"every column needs {count} rows, one for each example; {name} has {len(rows)}")
    return rows


def _rows(columns: Mapping[str, Sequence[Any]], places: Sequence[int]) -> dict[str, list[Any]]:
    return {name: [column[k] for k in places] for name, column in columns.items()}


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
    require(not inspect.isclass(reward), f"{reward!r} is a class; give an object of it, or a function")
    name = getattr(reward, "__name__", None)
    require(isinstance(name, str), f"the reward has no __name__ to be logged under: {reward!r}")
    require(name not in ("", "<lambda>"), f"the reward needs a name of its own; {name!r} is no name")


def _check_graded(earned: Rewards, batch: Mapping[str, Sequence[Any]]) -> None:
    tasks = ", ".join(map(repr, dict.fromkeys(map(str, batch["task"]))))
    require(
        any(value is not None for value in earned),
        f"the reward graded nothing: it gave None for each of {len(earned)} plain answers. The column 'task' holds "
        f"{tasks}: let the reward grade one of them, or give the columns that it reads, such as task=[...] and "
        f"mos=[...], with {len(earned)} values each",
    )


def _check_spelling(
    reward: Reward, name: str, texts: Sequence[Any], batch: Mapping[str, Sequence[Any]], earned: Rewards
) -> None:
    """A column that the reward does not look at, and whose name is nearly that of an example, was meant for that."""
    examples = _example_columns()
    meant = None if name in examples else nearest(name, examples)
    if meant is None:
        return
    try:
        without = call(copy.deepcopy(reward), texts, {other: batch[other] for other in batch if other != name})
    except AssertionError:  # it needs the column
        return
    require(without != earned, f"the reward makes no use of the column {name!r}; did you mean {meant!r}?")


def _pickled(reward: Reward) -> Reward:
    try:
        twin: Reward = pickle.loads(pickle.dumps(reward))
    except Exception as error:  # pickle raises nearly anything
        raise AssertionError(
            f"the reward cannot be pickled ({error}); define it at the top level of a module"
        ) from error
    return twin


def _check_same(earned: Rewards, expected: Rewards, problem: str) -> None:
    for row, (value, wanted) in enumerate(zip(earned, expected, strict=True)):
        same = value == wanted or (
            value is not None and wanted is not None and math.isclose(value, wanted, abs_tol=1e-9)
        )
        require(same, f"{problem}: row {row} earns {value!r} instead of {wanted!r}")
