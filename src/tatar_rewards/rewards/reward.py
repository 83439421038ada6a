"""What every reward is: a frozen config, and beside it the state of a run."""

import copy
import inspect
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Concatenate, Generic, ParamSpec, Self, TypeVar, get_origin

from tatar_rewards.rewards.configs import AnswerConfig, LabelConfig, OpponentConfig
from tatar_rewards.rewards.function_configs import LengthConfig
from tatar_rewards.rewards.memory import OpponentMemory
from tatar_rewards.rewards.running_figures import RunningFigures

ConfigT_co = TypeVar("ConfigT_co", bound=AnswerConfig, covariant=True)
ConfigT = TypeVar("ConfigT", bound=AnswerConfig)
Settings = ParamSpec("Settings")


@dataclass
class State:
    """What a reward remembers from call to call; a pickle takes it along."""

    figures: RunningFigures = field(default_factory=RunningFigures)
    memory: OpponentMemory | None = None  # of a ranking
    median_std: float = math.nan  # of the last call of a score reward that knew rater deviations
    labels_checked: bool = False  # once enough images were seen
    answers_checked: bool = False  # at the first call with rows that it grades
    budget_checked: bool = False  # at the first call with a readable answer
    tasks_checked: bool = False  # at the first row of its task, or once enough rows had none
    rows_elsewhere: int = 0  # of other tasks, until then
    warned_of: set[str] = field(default_factory=set)  # kinds of findings
    warned_of_no_opponent: bool = False
    last_figures: dict[str, float] = field(default_factory=dict)  # logged where a call has nothing to count


class Reward(Generic[ConfigT_co]):
    """A reward holds its settings, which never change, and its state; `==`, `hash` and `repr` go by the settings.

    A pickle and a copy take the state along, and a copy does not share it with the original.

    Attributes:
        config: The settings, with those that were left at their defaults.
        state: Running figures, and the remembered opponents of a ranking.
        evaluation_state: The same of calls that evaluate.
    """

    def __init__(self, config: ConfigT_co) -> None:
        self._config = config
        self._forget()

    @property
    def config(self) -> ConfigT_co:
        return self._config

    @property
    def __name__(self) -> str:
        """What a trainer logs the reward under."""
        if self.config.name is not None:
            return self.config.name
        words = re.findall("[A-Z][a-z]*", type(self).__qualname__.removesuffix("Reward"))
        return "_".join([*([self.config.task] if self.config.task else []), *(word.lower() for word in words)])

    @property
    def budget(self) -> LengthConfig | None:
        """The budget of thinking that the reward depends on."""
        return self.config.length_gate if isinstance(self.config, LabelConfig) else None

    def fresh(self, **changes: Any) -> Self:
        """A reward with the same settings but for the changes, and without state.

        Raises:
            pydantic.ValidationError: a change is no setting of this reward, or out of its range.

        Examples:
            >>> from tatar_rewards import GaussianScoreReward
            >>> reward = GaussianScoreReward(task="iqa", tolerance=12)
            >>> reward.fresh() == reward, reward.fresh(task="quality").__name__
            (True, 'quality_gaussian_score')
        """
        twin = object.__new__(type(self))
        twin.__dict__.update(self.__dict__)
        twin._config = type(self.config)(**(self.config.given_settings() | changes))
        twin._forget()
        return twin

    def with_settings(self, changes: Mapping[str, Any]) -> Self:
        """The same reward, of the same state, with other settings for one call."""
        if not changes:
            return self
        twin = object.__new__(type(self))
        twin.__dict__.update(self.__dict__)
        twin._config = self.config.model_copy(update=dict(changes))
        return twin

    def _forget(self) -> None:
        self.state, self.evaluation_state = _new_state(self._config), _new_state(self._config)

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint must keep: a ranking's remembered opponents, as JSON can hold them, the same on every rank.

        Of a score reward the deviation of the raters that it takes for those that are missing, once it has seen one.
        Empty for a reward that remembers nothing.
        """
        training, evaluation = self.state.memory, self.evaluation_state.memory
        if training is None or evaluation is None:
            return {} if math.isnan(self.state.median_std) else {"median_std": self.state.median_std}
        return training.state_dict() | {"evaluation": evaluation.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on with what `state_dict` gave; call it on every rank.

        Raises:
            ValueError: the state is not what such a reward gives; nothing is changed.
        """
        training, evaluation = self.state.memory, self.evaluation_state.memory
        if training is None or evaluation is None:
            self.state.median_std = _median_std(state)
            return
        loaded = OpponentMemory.from_state_dict(state, training.size)
        of_evaluation = state.get("evaluation", OpponentMemory(evaluation.size).state_dict())
        self.evaluation_state.memory = OpponentMemory.from_state_dict(of_evaluation, evaluation.size)
        self.state.memory = loaded

    @property
    def keeps_state(self) -> bool:
        """Whether a checkpoint must keep something of it."""
        return self.state.memory is not None or getattr(self.config, "mos_std_column", None) is not None

    def __setattr__(self, name: str, value: Any) -> None:
        """Settings never change: a reward with others is another one."""
        config = self.__dict__.get("_config")
        if config is not None and (name == "config" or name in type(config).model_fields):
            raise AttributeError(f"{name} cannot be set; reward.fresh({name}=...) is a reward with another one")
        super().__setattr__(name, value)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Reward):
            return NotImplemented
        return type(self) is type(other) and bool(self.config == other.config)

    def __hash__(self) -> int:
        return hash((type(self), self.config))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.config.changed_settings()})"

    def __copy__(self) -> Self:
        twin = self.fresh()
        twin.state, twin.evaluation_state = copy.deepcopy((self.state, self.evaluation_state))
        return twin


def _median_std(state: Mapping[str, Any]) -> float:
    value = state.get("median_std", math.nan) if isinstance(state, Mapping) else None
    if not isinstance(value, int | float) or isinstance(value, bool) or value < 0:
        raise ValueError(f"state['median_std'] must be a number of at least 0, in points; got {str(value)[:80]}")
    return float(value)


def _new_state(config: AnswerConfig) -> State:
    return State(memory=OpponentMemory(config.memory_size) if isinstance(config, OpponentConfig) else None)


def takes_settings_of(
    config: Callable[Settings, ConfigT],
) -> Callable[[Callable[[Any, ConfigT], None]], Callable[Concatenate[Any, Settings], None]]:
    """Decorate an `__init__` that takes a config, so that it takes the config's settings as keywords instead.

    Type checkers, editors and `help` see them with their types and defaults, which stand in the config alone.
    """

    def decorate(init: Callable[[Any, ConfigT], None]) -> Callable[Concatenate[Any, Settings], None]:
        def __init__(self: Any, /, *args: Settings.args, **settings: Settings.kwargs) -> None:
            init(self, config(*args, **settings))

        own = inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD)
        settings = [_readable(parameter) for parameter in inspect.signature(config).parameters.values()]
        signature = inspect.Signature([own, *settings], return_annotation=None)
        __init__.__signature__ = signature  # type: ignore[attr-defined]
        __init__.__doc__ = "Settings by keyword; the classes that `type(reward.config).__mro__` lists explain them."
        return __init__

    return decorate


def _readable(parameter: inspect.Parameter) -> inspect.Parameter:
    """The parameter without what its annotation tells pydantic alone."""
    plain = parameter.annotation.__origin__ if get_origin(parameter.annotation) is Annotated else parameter.annotation
    return parameter.replace(annotation=plain)
