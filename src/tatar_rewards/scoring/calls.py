"""Calls rewards with the completions of a step, as a trainer would, and keeps what they pay and log."""

import asyncio
import inspect
import math
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tatar_rewards.answers import Answer
from tatar_rewards.answers.messages import CompletionText
from tatar_rewards.rewards import GaussianScoreReward, LabelConfig, Reward
from tatar_rewards.rewards.batch import Batch, read_batch
from tatar_rewards.rewards.columns import needed_columns
from tatar_rewards.rewards.configs import ImageConfig
from tatar_rewards.scales import POINTS
from tatar_rewards.scoring.labels import Labels, labels_of
from tatar_rewards.scoring.tables import ColumnNames, Table

Floats = NDArray[np.float64]
OF_TRAINER = ("advantage", "prompt")  # in its table, and no columns of the data


class Settings(NamedTuple):
    """What the files and the rewards are taken to be; a scale that is None is that of the rewards themselves."""

    names: ColumnNames = ColumnNames()
    mos_scale: Any = None
    answer_scale: Any = None
    think_prefilled: bool | None = None
    task: str | None = None  # of all rows
    num_generations: int | None = None  # consecutive completions of one image
    max_steps: int | None = None  # of the run, for settings that change over training
    weights: Sequence[float] | None = None  # of the rewards


class Scored(NamedTuple):
    """A step and its rewards; every column has a value a completion."""

    table: Table
    labels: Labels
    texts: list[CompletionText]
    answers: list[Answer]
    predictions: Floats  # points; NaN for an unreadable answer
    targets: Floats  # points; NaN without a label
    groups: NDArray[np.int64]  # number of the image; (0,) where nothing tells the images apart
    rewards: dict[str, Floats]  # NaN: left out
    total: Floats  # weighted sum; NaN where every reward leaves the row out
    extra: dict[str, list[Any]]  # columns that the rewards log
    figures: dict[str, float]  # that the rewards log
    think_prefilled: bool  # as the answers were read


class Scorer:
    """Rewards with their state, from step to step.

    Args:
        reward_funcs: As a trainer takes them.
        settings: What the files are taken to be.

    Attributes:
        not_computed: Of each reward that the files do not suffice for, why.
        warned: What the rewards have warned of, in order, and at how many steps.

    Raises:
        ValueError: two rewards have one name, or `weights` has another length.
    """

    def __init__(self, reward_funcs: Sequence[Callable[..., Any]], settings: Settings | None = None) -> None:
        self.reward_funcs, self.settings = reward_funcs, settings or Settings()
        self.not_computed: dict[str, str] = {}
        self.warned: Counter[str] = Counter()
        self._ready: dict[str, Any] = {}
        self._reader: Reward[Any] | None = None
        names, weights = [_name_of(reward) for reward in reward_funcs], self.settings.weights
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"two rewards are called {name!r}; set name= of one of them")
        if weights is not None and len(weights) != len(names):
            raise ValueError(f"reward_weights must have one number for each of {names}; got {len(weights)}")
        self.weights = dict(zip(names, [1.0] * len(names) if weights is None else weights, strict=True))

    def score(self, table: Table) -> Scored:
        """The rewards of a step, which the rewards' memory of opponents then holds.

        Raises:
            ValueError: a label is off its scale, a completion can be none, or a reward fails; the step is named.
        """
        labels = labels_of(table, self.settings.names, self.settings.task)
        columns = self._columns(table, labels)
        if self._reader is None:
            self._prepare(labels, columns)
        logged = _Logged()
        with warnings.catch_warnings(record=True) as caught, _told_of(table):
            warnings.simplefilter("always", UserWarning)
            batch = self._read(table, labels)
            size = len(table.completions)
            rewards = {
                name: _paid(name, reward, table.completions, logged.keywords(self._known_to(reward, columns, labels)))
                for name, reward in self._ready.items()
            }
        self.warned.update(str(one.message) for one in caught if issubclass(one.category, UserWarning))
        total = _weighted_sum([(self.weights[name], paid) for name, paid in rewards.items()], size)
        groups = _groups(labels, size, self.settings.num_generations)
        read = (batch.texts, batch.answers, batch.predictions, batch.targets)
        assert self._reader is not None
        prefilled = self._reader.config.think_prefilled
        return Scored(table, labels, *read, groups, rewards, total, logged.extra, logged.figures, prefilled)

    @property
    def ours(self) -> list[Reward[Any]]:
        """Those of this package that are computed."""
        return [reward for reward in self._ready.values() if isinstance(reward, Reward)]

    # ---------------------------------------------------------------- what the rewards are given

    def _columns(self, table: Table, labels: Labels) -> dict[str, Any]:
        """The keywords that a trainer passes."""
        of_log = {name for name in table.columns if "/" in name} | set(OF_TRAINER) | set(self.weights)
        columns: dict[str, Any] = {name: column for name, column in table.columns.items() if name not in of_log}
        for name, column in labels.items():
            columns |= {name: column, getattr(self.settings.names, name): column}
        if "prompt" in table.columns:
            columns["prompts"] = table.columns["prompt"]
        if table.step is not None:  # a trainer writes its table when the step is done
            done = max(0, table.step - 1) if "advantage" in table.columns else table.step
            columns["trainer_state"] = SimpleNamespace(global_step=done, max_steps=self.settings.max_steps)
        return columns

    def _known_to(self, reward: Callable[..., Any], columns: dict[str, Any], labels: Labels) -> dict[str, Any]:
        """The columns, with labels under the names that a reward of ours has for them."""
        config = reward.config if isinstance(reward, Reward) else None
        named = {getattr(config, f"{field}_column", None): column for field, column in labels.items()}
        return {name: column for name, column in named.items() if name is not None} | columns

    def _prepare(self, labels: Labels, columns: dict[str, Any]) -> None:
        """Put the rewards on the scales of the files, and leave out those that the files do not suffice for."""
        ready = {_name_of(reward): self._on_scales(reward, labels) for reward in self.reward_funcs}
        for name, reward in ready.items():
            known = self._known_to(reward, columns, labels)
            missing = _missing_columns(reward, known) if isinstance(reward, Reward) else []
            if missing:
                self.not_computed[name] = f"the files have no column {' and no '.join(map(repr, missing))}"
            else:
                self._ready[name] = reward
        ours = [one for one in ready.values() if isinstance(one, Reward) and isinstance(one.config, LabelConfig)]
        of_labels = {"mos_scale": ours[0].config.mos_scale} if ours else {"mos_scale": POINTS}
        plain = GaussianScoreReward(**of_labels, mos_column="mos", dataset_column="dataset")
        self._reader = self._on_scales(plain, labels)
        answers = next((one.config for one in ready.values() if isinstance(one, Reward)), None)
        if answers is not None:
            same = {"answer_scale": answers.answer_scale, "think_prefilled": answers.think_prefilled}
            self._reader = self._reader.fresh(**same)

    def _on_scales(self, reward: Any, labels: Labels) -> Any:
        if not isinstance(reward, Reward):
            return reward
        given = self.settings
        wanted = {"answer_scale": given.answer_scale, "think_prefilled": given.think_prefilled}
        if isinstance(reward.config, LabelConfig):
            wanted["mos_scale"] = POINTS if labels.in_points else given.mos_scale
        if isinstance(reward.config, ImageConfig) and labels.image_id is None:
            wanted["num_generations"] = given.num_generations
        return reward.fresh(**{name: value for name, value in wanted.items() if value is not None})

    def _read(self, table: Table, labels: Labels) -> Batch:
        assert self._reader is not None
        columns = {"mos": [None] * len(table.completions), **dict(labels.items())}
        return read_batch(self._reader, table.completions, columns)


# ---------------------------------------------------------------- one reward


def _name_of(reward: Callable[..., Any]) -> str:
    return str(getattr(reward, "__name__", type(reward).__name__))


def _missing_columns(reward: Reward[Any], columns: Mapping[str, Any]) -> list[str]:
    needed = needed_columns(reward.config)
    if reward.budget is not None and reward.budget.unit == "tokens":
        needed = [*needed, "completion_ids"]
    return [name for name in needed if columns.get(name) is None]


class _Logged:
    """What rewards hand to a trainer's log."""

    def __init__(self) -> None:
        self.extra: dict[str, list[Any]] = {}
        self.figures: dict[str, float] = {}

    def keywords(self, columns: Mapping[str, Any]) -> dict[str, Any]:
        """The columns, and the keywords that take what is logged."""
        return {**columns, "log_extra": self.extra.__setitem__, "log_metric": self.figures.__setitem__}


def _paid(name: str, reward: Callable[..., Any], completions: list[Any], columns: dict[str, Any]) -> Floats:
    """What a reward pays; NaN for None."""
    try:
        paid = reward(completions=completions, **columns)
        paid = asyncio.run(paid) if inspect.iscoroutine(paid) else paid
        found = np.array([math.nan if value is None else float(value) for value in paid], dtype=float)
    except Exception as error:
        if isinstance(reward, Reward):
            raise  # our messages say what to mend
        raise ValueError(f"the reward {name} fails: {type(error).__name__}: {error}") from error
    if len(found) != len(completions):
        raise ValueError(f"the reward {name} must pay one value a completion; got {len(found)} of {len(completions)}")
    return found


@contextmanager
def _told_of(table: Table) -> Iterator[None]:
    """Names the step of which an error tells."""
    try:
        yield
    except (ValueError, TypeError) as error:
        raise ValueError(f"{table.name}, rows counted from there: {error}") from error


def _weighted_sum(paid: Sequence[tuple[float, Floats]], size: int) -> Floats:
    if not paid:
        return np.full(size, math.nan)
    values = np.stack([weight * rewards for weight, rewards in paid])
    return np.where(np.isnan(values).all(axis=0), math.nan, np.nansum(values, axis=0))


def _groups(labels: Labels, size: int, num_generations: int | None) -> NDArray[np.int64]:
    """The number of each row's image; (0,) where nothing tells."""
    if labels.image_id is None:
        if num_generations is None:
            return np.zeros(0, np.int64)
        return np.arange(size) // num_generations
    nothing = [None] * size
    keys = list(map(repr, zip(labels.task or nothing, labels.dataset or nothing, labels.image_id, strict=True)))
    numbers = {key: number for number, key in enumerate(dict.fromkeys(keys))}
    return np.array([numbers[key] for key in keys], dtype=np.int64)
