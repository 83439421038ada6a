"""How a policy finds a way round the picture: thresholds of the logged figures, and what to say when one is crossed.

`HackWatch` reads the figures that every reward logs, whatever trainer or file they come from.
`tatar_rewards.adapters.trl.HackDetector` is such a watch inside a trainer.
"""

import math
from collections import Counter
from collections.abc import Mapping
from typing import Annotated, Any, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from tatar_rewards.answers import failures


class HackThresholds(BaseModel):
    """Where `HackDetector` raises its alarms: shares on [0, 1], and a ratio of spreads.

    Attributes:
        constant_share: Most of the answers that may be one and the same number.
        smallest_spread_ratio: Least spread of the predictions, as a multiple of the MOS's.
        largest_spread_ratio: Most of it.
        flat_group_share: Most of the groups that may earn one and the same reward.
        saturated_share: Most of the rewards that may be all, or nothing.
        off_budget_share: Most of the readable answers that may miss their word budget.
        status_share: Most of the completions that may fail in one and the same way.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    constant_share: Annotated[float, Field(ge=0, le=1)] = 0.5
    smallest_spread_ratio: Annotated[float, Field(ge=0, lt=math.inf)] = 0.5
    largest_spread_ratio: Annotated[float, Field(ge=0)] = 2.0
    flat_group_share: Annotated[float, Field(ge=0, le=1)] = 0.8
    saturated_share: Annotated[float, Field(ge=0, le=1)] = 0.95
    off_budget_share: Annotated[float, Field(ge=0, le=1)] = 0.5
    status_share: Annotated[float, Field(ge=0, le=1)] = 0.25

    @model_validator(mode="after")
    def _check_order(self) -> Self:
        if self.largest_spread_ratio < self.smallest_spread_ratio:
            raise ValueError(
                f"largest_spread_ratio must be at least smallest_spread_ratio; got {self.largest_spread_ratio:g} and "
                f"{self.smallest_spread_ratio:g}"
            )
        return self


SHRINKS = (
    "the scale of the scores shrinks. See that answer_scale= is the scale that the prompt names, or add a score reward "
    "with a wide tolerance"
)
EXAGGERATES = (
    "the policy exaggerates. See that mos_scale is the scale of the labels; then lower the learning rate, and see that "
    "hard_targets or a small temperature are meant"
)
SHARES = {
    "constant_share": (
        "the answers are one and the same number: the policy guesses a constant. Check with the doctor that the "
        "rewards pay for telling pictures apart, and lower the learning rate or raise beta"
    ),
    "flat_group_share": (
        "the groups earn one and the same reward and teach nothing. Sample more freely (temperature), raise "
        "num_generations, or take a reward that tells near answers apart"
    ),
    "saturated_share": (
        "the rewards are at one end, all or nothing: there is no slope left to climb. Narrow the tolerance where "
        "all is paid; widen it, or train the format first, where nothing is"
    ),
    "off_budget_share": (
        "the readable answers miss their word budget, so that their score earns nothing or little. Give the "
        "budget a margin, or move it to where the policy writes; the prompt should name it"
    ),
}
FAILURES: dict[str, str] = {  # what the figures of a status say, without a text that would show more
    failure.status: f"{failure.does}. {failure.cure[0].upper()}{failure.cure[1:]}"
    for failure in failures.FAILURES
    if failure.shows is None
}


def alarm_message(figure: str, value: float, thresholds: HackThresholds) -> str | None:
    """What to say of a figure that crossed its threshold; None where it did not. NaN crosses nothing."""
    if figure == "spread_ratio" and value < thresholds.smallest_spread_ratio:
        return f"the predictions spread only {value:.2f} times as far as the MOS: {SHRINKS}"
    if figure == "spread_ratio" and value > thresholds.largest_spread_ratio:
        return f"the predictions spread {value:.2f} times as far as the MOS: {EXAGGERATES}"
    if figure in SHARES and value > getattr(thresholds, figure):
        return f"{value:.0%} of {SHARES[figure]}"
    status = figure.removeprefix("status_")
    if status != figure and status in FAILURES and value > thresholds.status_share:
        return f"{value:.0%} of the completions {FAILURES[status]}"
    return None


class Alarm(NamedTuple):
    """A figure beyond its threshold."""

    step: int
    reward: str
    figure: str
    value: float
    message: str


class HackWatch:
    """Reads logged figures step by step; a figure raises one alarm when it crosses its threshold, and again only after
    it has come back.

    Args:
        thresholds: Where to raise an alarm; None takes the defaults of `HackThresholds`.

    Attributes:
        alarms: Every alarm so far, in order.
        alarms_in_a_row: Of each figure beyond its threshold, for how many logs it has been there.

    Raises:
        TypeError: `thresholds` is something else.

    Examples:
        >>> watch = HackWatch()
        >>> for step, share in ((10, 0.2), (20, 0.93), (30, 0.97)):
        ...     for alarm in watch.read(step, {"iqa_gaussian_score/constant_share": share}):
        ...         print(alarm.step, alarm.message.partition(". ")[0])
        20 93% of the answers are one and the same number: the policy guesses a constant
    """

    def __init__(self, thresholds: HackThresholds | None = None) -> None:
        if not isinstance(thresholds, HackThresholds | None):
            raise TypeError(f"thresholds must be a HackThresholds or None; got {thresholds!r}")
        self.thresholds = thresholds or HackThresholds()
        self.alarms: list[Alarm] = []
        self.alarms_in_a_row: Counter[str] = Counter()

    def read(self, step: int, logs: Mapping[str, Any]) -> list[Alarm]:
        """The new alarms of one log.

        Args:
            step: The training step of the log.
            logs: Values by name; figures are called `reward/figure`, and everything else is passed over.
        """
        new = []
        for key, value in logs.items():
            reward, _, figure = key.rpartition("/")
            known = reward and isinstance(value, int | float)
            message = alarm_message(figure, value, self.thresholds) if known else None
            if message is None:
                self.alarms_in_a_row.pop(key, None)
                continue
            self.alarms_in_a_row[key] += 1
            if self.alarms_in_a_row[key] == 1:
                new.append(Alarm(step, reward, figure, value, message))
        self.alarms += new
        return new
