"""What a trainer has logged of the completions against what is computed of them here."""

import math
from dataclasses import dataclass, field
from typing import Any

from tatar_rewards.scales import is_missing
from tatar_rewards.scoring.calls import Scored

TOLERANCE = 1e-4  # a trainer keeps float32, and a log seven digits
POINTS_APART = 1e-3


@dataclass
class Difference:
    """How far one column of a log is from what is computed here."""

    compared: int = 0
    differ: int = 0
    largest: float = 0.0
    example: str = ""

    def add(self, logged: float, computed: float, place: str) -> None:
        self.compared += 1
        gap = abs(logged - computed)
        apart = math.isnan(logged) != math.isnan(computed)
        if not apart and not gap > TOLERANCE * max(1.0, abs(logged)):
            return
        self.differ += 1
        if not self.example or gap > self.largest:
            self.example = f"{place}: {_shown(logged)} in the log, {_shown(computed)} here"
        self.largest = max(self.largest, 0.0 if math.isnan(gap) else gap)


@dataclass
class Comparison:
    """The rewards and the readings of a log against those of here.

    Attributes:
        rewards: By name, for each reward that the log has too.
        readings: Of what was read in the completions, how much was read otherwise.
    """

    rewards: dict[str, Difference] = field(default_factory=dict)
    readings: Difference = field(default_factory=Difference)

    def add(self, scored: Scored) -> None:
        for name, computed in scored.rewards.items():
            column = scored.table.columns.get(name)
            if column is not None:
                difference = self.rewards.setdefault(name, Difference())
                for row, (value, here) in enumerate(zip(column, computed.tolist(), strict=True)):
                    difference.add(_number(value), here, _place(scored, row))
        self._add_readings(scored)

    def _add_readings(self, scored: Scored) -> None:
        read = self.readings
        for row, one in enumerate(scored.labels.logged):
            if one is None:
                continue
            read.compared += 1
            answer, here = scored.answers[row], float(scored.predictions[row])
            score = math.nan if one.answer.score is None else one.answer.score
            if answer.ok == (one.answer.status == "ok") and not abs(score - here) > POINTS_APART:
                continue
            read.differ += 1
            logged = one.answer.status if one.answer.score is None else f"{score:g} points"
            found = f"{here:g} points" if answer.ok else str(answer.status)
            read.example = read.example or f"{_place(scored, row)}: {logged} in the log, {found} here"

    def remarks(self) -> list[str]:
        """A line for each difference, with what it comes of."""
        told, read = [], self.readings
        if read.differ:
            told.append(
                f"{read.differ} of {read.compared} answers were read otherwise in the run, for example {read.example}; "
                f"give --answer-scale and --think-prefilled as the run had them"
            )
        same = [f"{name} ({one.compared})" for name, one in self.rewards.items() if not one.differ]
        if same:
            told.append(f"every reward is that of the log: {', '.join(same)}")
        for name, one in self.rewards.items():
            if one.differ:
                told.append(
                    f"{name}: {one.differ} of {one.compared} rewards differ from the log, at most by {one.largest:.3g} "
                    f"({one.example}); the run had other settings, which --reward-funcs my_module.my_rewards takes "
                    f"along, or compared with images of steps that these files do not have"
                )
        return told


def _number(value: Any) -> float:
    try:
        return math.nan if is_missing(value) else float(value)
    except (TypeError, ValueError):
        return math.nan


def _shown(value: float) -> str:
    return "none" if math.isnan(value) else f"{value:.4g}"


def _place(scored: Scored, row: int) -> str:
    step = "" if scored.table.step is None else f"step {scored.table.step}, "
    return f"{step}row {row}"
