"""The steps put together: figures by step, alarms, failures, and the worst completions."""

import json
import math
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple

import numpy as np

from tatar_rewards import metrics
from tatar_rewards.hacks import Alarm, HackThresholds, HackWatch
from tatar_rewards.scoring.calls import Scored, Scorer
from tatar_rewards.scoring.figures import StepFigures
from tatar_rewards.scoring.output import OutputRow
from tatar_rewards.scoring.remarks import say
from tatar_rewards.scoring.run import Run
from tatar_rewards.scoring.tables import Table


class TaskFigures(NamedTuple):
    """The agreement of all labelled completions of a task, whatever their step."""

    task: str
    completions: int
    unreadable: float
    srcc: float
    mae: float  # points


@dataclass
class Summary:
    """What became of a run; `alarms` are those that `HackDetector` would have raised.

    Attributes:
        completions: How many were scored.
        statuses: How many have each status, the commonest first.
        cures: Of each status that is no answer, what to do about it.
        tasks: Agreement by task, over all steps.
        steps: Figures by step.
        problems: What keeps the figures from telling what they should.
        alarms: In order.
        worst: The completions that earn least, each text once.
        remarks: What was not computed, differences from the log, and what the rewards warn of.
    """

    completions: int = 0
    statuses: dict[str, int] = field(default_factory=dict)
    cures: dict[str, str] = field(default_factory=dict)
    tasks: list[TaskFigures] = field(default_factory=list)
    steps: list[StepFigures] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    alarms: list[Alarm] = field(default_factory=list)
    worst: list[OutputRow] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    compared: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems and not self.alarms

    def verdict(self) -> str:
        """The numbers of problems and alarms, in words."""
        problems, n = len(self.problems), len(self.say_alarms())
        told = [f"{problems} problem{'s' * (problems > 1)}"] * bool(problems)
        return ", ".join([*told, f"{n} alarm{'s' * (n > 1)}" if n else "no alarm"])

    @property
    def has_steps(self) -> bool:
        return any(step.step is not None for step in self.steps)

    def first_alarms(self) -> list[tuple[Alarm, int]]:
        """Each alarm as it was first raised, and how often it was raised again."""
        first: dict[tuple[str, str], tuple[Alarm, int]] = {}
        for alarm in self.alarms:
            key = (alarm.reward, alarm.figure)
            first[key] = (first[key][0], first[key][1] + 1) if key in first else (alarm, 0)
        return list(first.values())

    def say_alarms(self) -> list[str]:
        """The same in words; what several rewards raise alike is said once."""
        alike: dict[tuple[int, str, int], list[str]] = {}
        for alarm, again in self.first_alarms():
            alike.setdefault((alarm.step, alarm.message, again), []).append(alarm.reward)
        return [
            f"step {step}, " * self.has_steps
            + f"{', '.join(names)}: {message}"
            + (f" (raised again {again} time{'s' * (again > 1)})" if again else "")
            for (step, message, again), names in alike.items()
        ]

    def to_json(self) -> str:
        """All of it at full precision."""
        record = {
            "completions": self.completions,
            "statuses": self.statuses,
            "cures": self.cures,
            "tasks": [one._asdict() for one in self.tasks],
            "steps": [one._asdict() for one in self.steps],
            "problems": self.problems,
            "alarms": [{**one._asdict(), "step": one.step if self.has_steps else None} for one in self.alarms],
            "compared_with_log": self.compared,
            "worst": self.worst,
            "remarks": self.remarks,
        }
        return json.dumps(_without_nan(record), indent=2, ensure_ascii=False)


def summarise(
    tables: Iterable[Table], scorer: Scorer, thresholds: HackThresholds | None = None
) -> Iterator[Scored | Summary]:
    """Score the tables one after the other; each is given back when it is scored, and the summary at last.

    Args:
        tables: The steps.
        scorer: With the rewards.
        thresholds: Of the alarms; None takes those of `HackDetector`.

    Raises:
        ValueError: there is nothing to score, or something that cannot be scored; the message names the step.
    """
    run, before = Run(HackWatch(thresholds)), b""
    for table in tables:
        fingerprint = table.fingerprint() if "advantage" in table.columns else b""
        if fingerprint and fingerprint == before:
            run.repeats += 1
            continue
        before = fingerprint
        scored = scorer.score(table)
        run.add(scored, scorer)
        yield scored
    if not run.steps:
        raise ValueError("the files hold no completions; give the completions table of a run, or rows of your own")
    yield _summary(run, scorer)


def _summary(run: Run, scorer: Scorer) -> Summary:
    compared = {name: asdict(one) for name, one in run.comparison.rewards.items()}
    if run.comparison.readings.compared:
        compared["answers read"] = asdict(run.comparison.readings)
    problems, remarks = say(run, scorer)
    return Summary(
        completions=run.completions,
        statuses=dict(run.statuses.most_common()),
        cures=run.cures,
        tasks=[_task_figures(task, *pair) for task, pair in sorted(run.pairs.items())],
        steps=run.steps,
        problems=problems,
        alarms=run.watch.alarms,
        worst=run.worst.rows(),
        remarks=remarks,
        compared=compared,
    )


def _task_figures(task: str, predictions: "array[float]", targets: "array[float]") -> TaskFigures:
    x, y = np.array(predictions), np.array(targets)
    return TaskFigures(task, len(x), 1 - metrics.coverage(x), metrics.srcc(x, y), metrics.mae(x, y))


def _without_nan(value: Any) -> Any:
    """The value as JSON knows it: nothing where a figure is NaN."""
    if isinstance(value, dict):
        return {name: _without_nan(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
