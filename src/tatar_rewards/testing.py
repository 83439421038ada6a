"""The contract of a reward, as a function for the tests of anyone who writes one.

    def test_my_reward_keeps_the_contract():
        check_reward_contract(my_reward)

What is checked is what trainers of TRL's kind rely on; `check_reward_contract` lists it.
"""

import copy
import importlib
import math
import multiprocessing
import pickle
import queue
import tempfile
import traceback
import warnings
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
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
_PREFILLED = [answer.removeprefix("<think>") for answer in _ANSWERS]  # where the template has opened the thinking


def check_reward_contract(
    reward: Reward, *, conversational: bool | None = None, processes: int = 1, **columns: Sequence[Any]
) -> None:
    """Check that a reward does what a trainer relies on.

    - It has a name to be logged under, and can be pickled.
    - It takes keywords only, ignores those that it does not know, and works without log hooks.
    - It returns one float or None for each completion, never NaN or infinity, whatever a model wrote.
    - A completion earns the same as a string and as a list of messages.
    - The order of the rows changes no reward, and neither does a call on a copy of the reward.
    - On several processes, if asked for, the rewards are those of one process with all rows, however the completions of
      an image are split between them.
    - It leaves the completions and columns as they were.

    The reward itself is left as it was: every call is made on a copy.

    Args:
        reward: Any TRL reward function or object, of this package or not.
        conversational: Whether it takes lists of messages only (True) or texts only (False); None: it takes both.
        processes: 2 or 4 to call it on as many processes of a gloo group too, which takes seconds and needs torch.
        **columns: Columns of eight rows that the reward needs, in place of or beside `mos` (on 0-100), `task`
            (`"iqa"` and `"iaa"`), `image_id`, `dataset`, `mos_std` and `completion_ids`.

    Raises:
        AssertionError: the contract is broken; the message says where, with what was passed and what came back.
        ValueError: a column has not eight rows, or eight rows cannot be split over the processes.

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
    if processes not in (1, 2, 4):
        raise ValueError(f"processes must be 1, 2 or 4, which eight rows can be split over; got {processes!r}")
    _check_name(reward)
    texts: list[Any] = _ANSWERS if conversational is not True else _as_messages(_ANSWERS)
    earned = _call(reward, texts, batch)
    _check_same(_call(_pickled(reward), texts, batch), earned, "a pickled reward pays otherwise")
    if conversational is None:
        of_messages = _call(reward, _as_messages(_ANSWERS), batch)
        _check_same(of_messages, earned, "message lists earn otherwise than the same texts")
    hooks = {"log_extra": lambda name, values: None, "log_metric": lambda name, value: None, "unknown": None}
    _check_same(_call(reward, texts, batch, **hooks), earned, "the reward pays otherwise with log hooks")
    order = [3, 7, 0, 5, 1, 6, 2, 4]
    shuffled = _call(reward, [texts[k] for k in order], _rows(batch, order))
    _check_same(shuffled, [earned[k] for k in order], "the order of the rows changes what they earn")
    for others in (_HOSTILE, _PREFILLED):
        _call(reward, others if conversational is not True else _as_messages(others), batch)
    _call(reward, [], {name: [] for name in batch})
    dealt = [k for number in range(processes) for k in range(number, len(_ANSWERS), processes)]
    for places in (dealt, range(len(_ANSWERS))) if processes > 1 else ():
        split = _earn_together(reward, [texts[k] for k in places], _rows(batch, places), processes)
        problem = f"on {processes} processes the reward pays otherwise than on one with all rows"
        _check_same(split, [earned[k] for k in places], problem)


def _as_messages(texts: Sequence[str]) -> list[Any]:
    return [[{"role": "assistant", "content": text}] for text in texts]


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


def _earn_together(
    reward: Reward, completions: Sequence[Any], columns: Mapping[str, Sequence[Any]], processes: int
) -> Rewards:
    """The rewards that as many processes of one group earn, each for a slice of the rows."""
    forks = "fork" in multiprocessing.get_all_start_methods()
    context: Any = multiprocessing.get_context("fork" if forks else "spawn")
    answers, share = context.Queue(), len(completions) // processes
    with tempfile.TemporaryDirectory() as folder:
        children = []
        for number in range(processes):
            mine = range(number * share, (number + 1) * share)
            passed = (reward, [completions[k] for k in mine], _rows(columns, mine))
            about = (number, processes, f"file://{folder}/meet")
            children.append(context.Process(target=_earn_on_rank, args=(answers, about, passed), daemon=True))
        for child in children:
            child.start()
        found: dict[int, Any] = {}
        try:
            while len(found) < processes:
                number, earned = answers.get(timeout=60)
                found[number] = earned
                _require(not isinstance(earned, str), f"process {number} of {processes} ended: {earned}")
        except queue.Empty:
            raise AssertionError(f"a process waits for the others: {sorted(found)} of {processes} came back") from None
        finally:
            for child in children:
                child.join(timeout=5)
                child.kill()
    return [value for number in range(processes) for value in found[number]]


def _earn_on_rank(answers: Any, about: tuple[int, int, str], passed: tuple[Reward, Any, Any]) -> None:
    """Call the reward on one rank, and say what it has earned or the error that it raised."""
    distributed = importlib.import_module("torch.distributed")
    number, world, meet = about
    distributed.init_process_group(
        "gloo", init_method=meet, rank=number, world_size=world, timeout=timedelta(seconds=30)
    )
    try:
        answers.put((number, _call(*passed)))
    except AssertionError:
        answers.put((number, traceback.format_exc(limit=0).strip()))
    finally:
        distributed.destroy_process_group()


def _check_same(earned: Rewards, expected: Rewards, problem: str) -> None:
    for row, (value, wanted) in enumerate(zip(earned, expected, strict=True)):
        same = value == wanted or (
            value is not None and wanted is not None and math.isclose(value, wanted, abs_tol=1e-9)
        )
        _require(same, f"{problem}: row {row} earns {value!r} instead of {wanted!r}")


def _require(holds: bool, problem: str) -> None:
    if not holds:
        raise AssertionError(problem)
