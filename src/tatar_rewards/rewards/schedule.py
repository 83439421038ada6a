"""A setting that changes over training: a weight that fades, a tolerance that narrows."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from pydantic import Field

from tatar_rewards.rewards.frozen_config import FrozenConfig

if TYPE_CHECKING:
    from tatar_rewards.rewards.reward import Reward

RewardT = TypeVar("RewardT", bound="Reward[Any]")


class Schedule(FrozenConfig):
    """How a setting changes over training; `scheduled` explains it.

    Attributes:
        setting: The name of a setting that is a float.
        start: Its value at first.
        end: Its value at last.
        over: Share of training after which that is reached.
    """

    setting: str = "weight"
    start: Annotated[float, Field(allow_inf_nan=False)]
    end: Annotated[float, Field(allow_inf_nan=False)]
    over: Annotated[float, Field(gt=0, le=1)] = 1.0


def scheduled(reward: RewardT, setting: str = "weight", *, start: float, end: float, over: float = 1.0) -> RewardT:
    """A reward like this one, of which a setting goes from one value to another while a trainer trains.

        value = start + (end - start) min(1, global_step / (over max_steps))

    The steps come from the trainer's `trainer_state`; a call without one takes `start`. The value is logged under the
    reward's name and the setting.

    Args:
        reward: Any reward of this package.
        setting: The weight that its rewards are multiplied with, or another setting that is a float, such as
            `tolerance` or `temperature`.
        start: Its value at first.
        end: Its value at last.
        over: Share of training, above 0 and up to 1, after which `end` is reached.

    Returns:
        A reward of the same kind, without state.

    Raises:
        ValueError: the reward has a schedule already.
        pydantic.ValidationError: there is no such setting, or a value is out of its range.

    Examples:
        >>> from types import SimpleNamespace
        >>> from tatar_rewards import GaussianScoreReward
        >>> reward = scheduled(GaussianScoreReward(), start=1, end=0, over=0.5)
        >>> for step in (0, 25, 50, 100):
        ...     state = SimpleNamespace(global_step=step, max_steps=100)
        ...     print(reward(["<answer>70</answer>"], mos=[70.0], trainer_state=state))
        [1.0]
        [0.5]
        [0.0]
        [0.0]
    """
    before = reward.config.schedule
    if before is not None:
        raise ValueError(f"{reward.__name__} has a schedule of {before.setting} already; a reward takes one")
    return reward.fresh(schedule=Schedule(setting=setting, start=start, end=end, over=over))


def scheduled_setting(schedule: Schedule | None, columns: Mapping[str, Any]) -> dict[str, float]:
    """The setting that a call has by the step of its trainer; nothing without a schedule.

    Raises:
        ValueError: the trainer does not tell how many steps it will take.
    """
    if schedule is None:
        return {}
    state, done = columns.get("trainer_state"), 0.0
    if (
        state is not None and state.global_step
    ):  # before training it is 0, and how many steps there will be is not known yet
        steps = getattr(state, "max_steps", None)
        if not isinstance(steps, int | float) or not steps > 0:
            raise ValueError(
                f"trainer_state.max_steps is {steps!r}, but the schedule of {schedule.setting} goes over a share of "
                f"all steps; give the trainer max_steps, or leave the schedule out"
            )
        done = min(1.0, state.global_step / (schedule.over * steps))
    return {schedule.setting: schedule.start + (schedule.end - schedule.start) * done}
