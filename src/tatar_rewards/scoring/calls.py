"""Calls rewards with the completions of a step, as a trainer would, and keeps what they pay and log."""

import math
import re
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import MappingProxyType, SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from tatar_rewards.answers import Answer
from tatar_rewards.answers.messages import CompletionText
from tatar_rewards.predictions import logged_rewards
from tatar_rewards.rewards import LabelConfig, Reward, ThresholdScoreReward
from tatar_rewards.rewards.configs import ImageConfig
from tatar_rewards.scales import POINTS
from tatar_rewards.scoring.labels import Labels, label_number, labels_of
from tatar_rewards.scoring.one_reward import OF_CALL, Logged, missing_columns, name_of, pay, say_missing
from tatar_rewards.scoring.reading import Read, read_step
from tatar_rewards.scoring.tables import ColumnNames, Table
from tatar_rewards.testing.values import LARGEST_REWARD
from tatar_rewards.wording import in_words

Floats = NDArray[np.float64]
OWN = ("step", "row", "task", "dataset", "image_id", "target", "status", "score", "error", "words", "total", "cure")
OF_OUTPUT = (*OWN, "completion")  # columns of a scored completion, so that no reward can be called so
OF_TRAINER = ("advantage", "prompt")  # in its table, and no columns of the data


_ROW = re.compile(r"(\w+)\[(\d+)\]")  # as rewards name a row of their call


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
    deviations: Mapping[str, Any] = MappingProxyType({})  # settings of `LabelConfig` on the deviations of raters


class Scored(NamedTuple):
    """A step and its rewards; every column has a value a completion."""

    table: Table
    labels: Labels
    texts: list[CompletionText]
    answers: list[Answer]
    predictions: Floats  # points; NaN for an unreadable answer
    targets: Floats  # points; NaN without a label, and where no reward grades the row
    graded: NDArray[np.bool_]  # whether the label is read
    groups: NDArray[np.int64]  # number of the image; (0,) where nothing tells the images apart
    rewards: dict[str, Floats]  # NaN: left out
    total: Floats  # weighted sum; NaN where every reward leaves the row out
    extra: dict[tuple[str, str], list[Any]]  # columns that the rewards log, by reward and name
    figures: dict[str, float]  # that the rewards log
    think_prefilled: bool  # as the answers were read


class Scorer:
    """Rewards with their state, from step to step.

    Args:
        reward_funcs: As a trainer takes them.
        settings: What the files are taken to be.

    Attributes:
        rewards: By name, on the scales of the files from the first step on.
        reader: Reads answers and labels as the rewards do, but no deviations of raters.
        not_computed: Of each reward that the files do not suffice for, why.
        warned: What the rewards have warned of, in order, and at how many steps.

    Raises:
        ValueError: two rewards have one name, or one that is taken, or `weights` has another length or is not finite.
    """

    def __init__(self, reward_funcs: Sequence[Callable[..., Any]], settings: Settings | None = None) -> None:
        self.reward_funcs, self.settings = reward_funcs, settings or Settings()
        self.not_computed: dict[str, str] = {}
        self.warned: Counter[str] = Counter()
        self.reader: Reward[Any] = ThresholdScoreReward()
        self._prepared = False
        names, weights = [name_of(reward) for reward in reward_funcs], self.settings.weights
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"two rewards are called {name!r}; set name= of one of them")
            if name in OF_OUTPUT:
                raise ValueError(f"a reward is called {name!r}, as a column of the output is; give it another name")
        if weights is not None and len(weights) != len(names):
            raise ValueError(f"reward_weights must have one number for each of {names}; got {len(weights)}")
        for name, weight in zip(names, weights or (), strict=False):
            if not abs(weight) <= LARGEST_REWARD:
                raise ValueError(f"--reward-weights: the weight of {name} must be a finite number; got {weight:g}")
        self.rewards: dict[str, Any] = dict(zip(names, reward_funcs, strict=True))
        self.weights = dict(zip(names, [1.0] * len(names) if weights is None else weights, strict=True))

    def score(self, table: Table) -> Scored:
        """The rewards of a step, which the rewards' memory of opponents then holds.

        Raises:
            ValueError: a label is off its scale, a completion can be none, or a reward fails; the step is named.
        """
        labels = labels_of(table, self.settings.names, self.settings.task)
        columns = self._columns(table, labels)
        if not self._prepared:
            self._prepare(labels, columns)
        logged, size = Logged(), len(table.completions)
        with warnings.catch_warnings(record=True) as caught, _told_of(table):
            warnings.simplefilter("always", UserWarning)
            read = self._read(table, columns, labels)
            rewards = {
                name: pay(name, reward, table.completions, known | logged.keywords_of(name, size))
                for name, reward in self._computed().items()
                for known in [self._known_to(reward, columns, labels)]
            }
        self.warned.update(str(one.message) for one in caught if issubclass(one.category, UserWarning))
        total = _weighted_sum([(self.weights[name], paid) for name, paid in rewards.items()], size)
        groups = _groups(table, labels, self.settings.num_generations)
        prefilled = self.reader.config.think_prefilled
        return Scored(table, labels, *read, groups, rewards, total, logged.extra, logged.figures, prefilled)

    @property
    def ours(self) -> list[Reward[Any]]:
        """Those of this package that are computed."""
        return [reward for reward in self._computed().values() if isinstance(reward, Reward)]

    def _computed(self) -> dict[str, Any]:
        return {name: reward for name, reward in self.rewards.items() if name not in self.not_computed}

    # ---------------------------------------------------------------- what the rewards are given

    def _columns(self, table: Table, labels: Labels) -> dict[str, Any]:
        """The keywords that a trainer passes."""
        logged = set(logged_rewards(table.columns))  # of which the log has columns such as gaussian_score/row
        left_out = {*(name for name in table.columns if name.rpartition("/")[0] in logged), *OF_TRAINER, *OF_CALL}
        left_out |= set(self.weights) if "advantage" in table.columns else set()
        columns: dict[str, Any] = {name: column for name, column in table.columns.items() if name not in left_out}
        for name, column in labels.items():
            columns |= {name: column, getattr(self.settings.names, name): column}
        for name in self._other_labels() & set(table.columns):
            places = ((f"{table.place_of(row)}: {name}", value) for row, value in enumerate(table.columns[name]))
            columns[name] = [label_number(value, place) for place, value in places]
        if "prompt" in table.columns:
            columns["prompts"] = table.columns["prompt"]
        if table.step is not None:  # a trainer writes its table when the step is done
            done = max(0, table.step - 1) if "advantage" in table.columns else table.step
            columns["trainer_state"] = SimpleNamespace(global_step=done, max_steps=self.settings.max_steps)
        return columns

    def _other_labels(self) -> set[str]:
        """Columns of labels that only some rewards read."""
        configs = (reward.config for reward in self.rewards.values() if isinstance(reward, Reward))
        return {one.mos_column for one in configs if isinstance(one, LabelConfig)} - {self.settings.names.mos}

    def _known_to(self, reward: Any, columns: dict[str, Any], labels: Labels) -> dict[str, Any]:
        """The columns, with labels under the names that a reward of ours has for them."""
        config = reward.config if isinstance(reward, Reward) else None
        named = {getattr(config, f"{field}_column", None): column for field, column in labels.items()}
        return {name: column for name, column in named.items() if name is not None} | columns

    def _prepare(self, labels: Labels, columns: dict[str, Any]) -> None:
        """Put the rewards on the scales of the files, and leave out those that the files do not suffice for."""
        self._prepared = True
        for name, reward in self.rewards.items():
            if isinstance(reward, Reward):
                self.rewards[name] = ready = self._on_scales(reward, labels)
                missing = missing_columns(ready, self._known_to(ready, columns, labels))
                if missing:
                    self.not_computed[name] = say_missing(ready, missing)
        ours = [reward.config for reward in self.rewards.values() if isinstance(reward, Reward)]
        of_labels = next((config.mos_scale for config in ours if isinstance(config, LabelConfig)), POINTS)
        self.reader = self._on_scales(ThresholdScoreReward(mos_scale=of_labels), labels)
        if ours:
            self.reader = self.reader.fresh(answer_scale=ours[0].answer_scale, think_prefilled=ours[0].think_prefilled)

    def _on_scales(self, reward: Reward[Any], labels: Labels) -> Reward[Any]:
        given, config = self.settings, reward.config
        wanted = {"answer_scale": given.answer_scale, "think_prefilled": given.think_prefilled}
        for field, usual in ColumnNames()._asdict().items():  # errors then name the columns of the files
            if getattr(config, f"{field}_column", None) == usual:
                wanted[f"{field}_column"] = getattr(given.names, field)
        if isinstance(config, LabelConfig):
            wanted["mos_scale"] = POINTS if labels.in_points else given.mos_scale
            wanted |= given.deviations if config.needs_std_of is not None else {}
        if isinstance(config, ImageConfig) and labels.image_id is None:
            wanted["num_generations"] = given.num_generations
        try:
            return reward.fresh(**{name: value for name, value in wanted.items() if value is not None})
        except ValidationError as error:
            raise ValueError(f"{reward.__name__}: {in_words(error)}") from error

    def _read(self, table: Table, columns: dict[str, Any], labels: Labels) -> Read:
        graded_by = [reward for reward in self.ours if isinstance(reward.config, LabelConfig)]
        return read_step(
            graded_by, self.reader, table.completions, lambda reward: self._known_to(reward, columns, labels)
        )


@contextmanager
def _told_of(table: Table) -> Iterator[None]:
    """Names the step of which an error tells."""
    try:
        yield
    except (ValueError, TypeError, OverflowError) as error:
        said = in_words(error)
        found = _ROW.search(said)
        if found is None or int(found[2]) >= len(table.completions):
            raise ValueError(f"{table.name}, rows counted from there: {said}") from error
        place = table.place_of(int(found[2]))
        raise ValueError(f"{place}: {said[: found.start()]}{found[1]}{said[found.end() :]}") from error


def _weighted_sum(paid: Sequence[tuple[float, Floats]], size: int) -> Floats:
    if not paid:
        return np.full(size, math.nan)
    values = np.stack([weight * rewards for weight, rewards in paid])
    return np.where(np.isnan(values).all(axis=0), math.nan, np.nansum(values, axis=0))


def _groups(table: Table, labels: Labels, num_generations: int | None) -> NDArray[np.int64]:
    """The number of each row's image; (0,) where nothing tells."""
    size = len(table.completions)
    if labels.image_id is None:
        if num_generations is None:
            return np.zeros(0, np.int64)
        if size % num_generations:
            raise ValueError(
                f"{table.name} has {size} completions, no multiple of --num-generations {num_generations}; give "
                f"that of the run"
            )
        return np.arange(size) // num_generations
    nothing = [None] * size
    keys = list(map(repr, zip(labels.task or nothing, labels.dataset or nothing, labels.image_id, strict=True)))
    numbers = {key: number for number, key in enumerate(dict.fromkeys(keys))}
    return np.array([numbers[key] for key in keys], dtype=np.int64)
