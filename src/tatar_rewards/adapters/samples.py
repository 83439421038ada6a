"""What the adapters share: ground truths as columns, and several rewards as numbers by name."""

import json
import re
import threading
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from numbers import Real
from typing import Any, ClassVar

from tatar_rewards.distributed.groups import gathering_nothing
from tatar_rewards.rewards import CrpsScoreReward

RewardFunc = Callable[..., list[float | None]]

_FILLED_BY_TRAINERS = ("completions", "trainer_state", "log_metric", "log_extra")  # no data column goes there
_END_OF_TURN = re.compile(r"<[|\uff5c][^<>|\uff5c\s]{1,40}[|\uff5c]>|</s>|<eos>|<end_of_turn>|<turn\|>")
_one_call = threading.Lock()  # of a module, so that what holds rewards can be pickled


class NamedRewards:
    """Several rewards for a framework that wants numbers: one by each name, and their sum.

    None of a reward (off task, no label, nothing to compare) becomes 0.0. Calls from several threads take turns, since
    a reward remembers from call to call. Nothing is gathered from other processes.

    Args:
        rewards: As for TRL's `reward_funcs`.

    Raises:
        TypeError: `rewards` is one reward instead of a list.
        ValueError: there is none, or two names are the same.

    Examples:
        >>> from tatar_rewards import AnswerFormatReward, GaussianScoreReward
        >>> rewards = NamedRewards([AnswerFormatReward(), GaussianScoreReward(task="iqa")])
        >>> rewards.score(["<answer>60</answer>"], [{"mos": 60, "task": "iaa"}])
        [{'score': 1.0, 'answer_format': 1.0, 'iqa_gaussian_score': 0.0}]
    """

    total: ClassVar[str] = "score"  # the name of the sum
    one_sample: ClassVar[bool] = False  # the framework hands over one sample a call

    def __init__(self, rewards: Iterable[RewardFunc]) -> None:
        self.rewards = by_name(rewards, taken=self.total)
        if self.one_sample:
            _warn_of_crps(self.rewards)

    def score(self, completions: Sequence[Any], truths: Sequence[Mapping[str, Any]]) -> list[dict[str, float]]:
        """The sum and each reward of every completion, by name; a truth holds the columns of its row."""
        columns = _columns(truths)
        with _one_call, gathering_nothing():
            earned = [reward(completions=completions, **columns) for reward in self.rewards.values()]
        return [self._by_name(row) for row in zip(*earned, strict=True)]

    def _by_name(self, row: Sequence[float | None]) -> dict[str, float]:
        numbers = [0.0 if reward is None else reward for reward in row]
        return {self.total: sum(numbers), **dict(zip(self.rewards, numbers, strict=True))}


def by_name(rewards: Iterable[RewardFunc], *, taken: str = "") -> dict[str, RewardFunc]:
    """The rewards by the name that each is logged under.

    Raises:
        TypeError: `rewards` is one reward instead of a list.
        ValueError: there is none, or two names are the same, or one is taken.

    Examples:
        >>> from tatar_rewards import AnswerFormatReward
        >>> list(by_name([AnswerFormatReward()]))
        ['answer_format']
    """
    if callable(rewards):
        raise TypeError(f"rewards must be a list of rewards; got one reward: {rewards!r}")
    rewards = list(rewards)
    names = [getattr(reward, "__name__", type(reward).__name__) for reward in rewards]
    if not names:
        raise ValueError("rewards must hold at least one reward; got an empty list")
    if taken in names:
        raise ValueError(f"a reward is called {taken!r}, which is the name of the sum of all; set name=")
    if len(set(names)) < len(names):
        raise ValueError(f"two rewards of one name would be logged as one: {names}; set name=")
    return dict(zip(names, rewards, strict=True))


def _warn_of_crps(rewards: Mapping[str, RewardFunc]) -> None:
    for name, reward in rewards.items():
        if isinstance(reward, CrpsScoreReward):
            warnings.warn(
                f"{name} compares the answers to one image, and here each call sees a single answer: it "
                f"earns 0.0 throughout; leave it out, as recommended_reward_funcs(...)[:3] does",
                stacklevel=4,
            )


def _columns(truths: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    names = dict.fromkeys(name for truth in truths for name in truth if name not in _FILLED_BY_TRAINERS)
    return {name: [truth.get(name) for truth in truths] for name in names}


def read_truth(truth: Any) -> Mapping[str, Any]:
    """The columns of a row, from a mapping, its JSON text, or a MOS alone; None has no columns.

    Raises:
        ValueError: it is something else.

    Examples:
        >>> read_truth('{"mos": 3.5, "image_id": "a.jpg"}'), read_truth(3.5), read_truth("3.5"), read_truth(None)
        ({'mos': 3.5, 'image_id': 'a.jpg'}, {'mos': 3.5}, {'mos': 3.5}, {})
    """
    found = truth
    if isinstance(truth, str):
        try:
            found = json.loads(truth)
        except json.JSONDecodeError:
            found = truth
    if isinstance(found, Mapping):
        return found
    if not isinstance(found, bool) and isinstance(found, Real):
        return {"mos": found}
    if truth is None:
        return {}
    raise ValueError(
        f"the ground truth of a row is {truth!r:.80}; give the columns that the rewards read, such as mos, task, "
        f"image_id and dataset, as a dict or as its JSON text"
    )


def without_end_of_turn(text: str) -> str:
    """A text without the special token that ended the turn, where the framework decodes it too.

    Examples:
        >>> without_end_of_turn("<answer>64</answer><|im_end|>"), without_end_of_turn("<answer>64</answer>")
        ('<answer>64</answer>', '<answer>64</answer>')
    """
    start = text.rfind("<")
    return text[:start] if start >= 0 and _END_OF_TURN.fullmatch(text, start) else text
