"""The steps put together: figures by step, alarms, failures, and the worst completions."""

import json
import math
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple

import numpy as np

from tatar_rewards import metrics
from tatar_rewards.answers.cures import most_common_failure
from tatar_rewards.hacks import Alarm, HackThresholds, HackWatch
from tatar_rewards.predictions import logged_rewards
from tatar_rewards.scoring.calls import Scored, Scorer
from tatar_rewards.scoring.compare import Comparison
from tatar_rewards.scoring.figures import StepFigures, figures_for_alarms, measure_step, rows_by_task
from tatar_rewards.scoring.output import OutputRow
from tatar_rewards.scoring.tables import Table
from tatar_rewards.scoring.worst import Worst


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
        alarms: In order.
        worst: The completions that earn least, each text once.
        remarks: What was not computed, differences from the log, and what the rewards warn of.
    """

    completions: int = 0
    statuses: dict[str, int] = field(default_factory=dict)
    cures: dict[str, str] = field(default_factory=dict)
    tasks: list[TaskFigures] = field(default_factory=list)
    steps: list[StepFigures] = field(default_factory=list)
    alarms: list[Alarm] = field(default_factory=list)
    worst: list[OutputRow] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    compared: dict[str, dict[str, Any]] = field(default_factory=dict)

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
        """The same in words."""
        return [
            f"step {alarm.step}, " * self.has_steps
            + f"{alarm.reward}: {alarm.message}"
            + (f" (raised again {again} time{'s' * (again > 1)})" if again else "")
            for alarm, again in self.first_alarms()
        ]

    def to_json(self) -> str:
        """All of it at full precision."""
        record = {
            "completions": self.completions,
            "statuses": self.statuses,
            "cures": self.cures,
            "tasks": [one._asdict() for one in self.tasks],
            "steps": [one._asdict() for one in self.steps],
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
    run, before = _Run(HackWatch(thresholds)), b""
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
    yield run.summary(scorer)


@dataclass
class _Run:
    """What is kept of the steps so far."""

    watch: HackWatch
    steps: list[StepFigures] = field(default_factory=list)
    statuses: Counter[str] = field(default_factory=Counter)
    cures: dict[str, str] = field(default_factory=dict)
    pairs: dict[str, tuple["array[float]", "array[float]"]] = field(default_factory=dict)
    worst: Worst = field(default_factory=Worst)
    comparison: Comparison = field(default_factory=Comparison)
    repeats: int = 0
    unlabelled: int = 0
    in_points: bool = False
    other_rewards: set[str] = field(default_factory=set)

    def add(self, scored: Scored, scorer: Scorer) -> None:
        self.steps.append(measure_step(scored))
        self.statuses.update(str(answer.status) for answer in scored.answers)
        self._add_cures(scored)
        for task, rows in rows_by_task(scored):
            predictions, targets = self.pairs.setdefault(task, (array("d"), array("d")))
            predictions.extend(scored.predictions[rows].tolist())
            targets.extend(scored.targets[rows].tolist())
        self.watch.read(scored.table.step or 0, figures_for_alarms(scored, scorer))
        self.comparison.add(scored)
        self.unlabelled += int(np.isnan(scored.targets).sum())
        self.other_rewards |= set(logged_rewards(scored.table.columns)) - set(scorer.weights)
        self.in_points = self.in_points or scored.labels.in_points
        self.worst.add(scored)

    def _add_cures(self, scored: Scored) -> None:
        """The cure of what most answers of a status show, in the first step that has one."""
        for status in {answer.status for answer in scored.answers if not answer.ok} - set(self.cures):
            rows = [row for row, answer in enumerate(scored.answers) if answer.status == status]
            common = most_common_failure(
                [scored.answers[row] for row in rows],
                [scored.texts[row] for row in rows],
                think_prefilled=scored.think_prefilled,
                lenient=True,  # a reward never reads the lenient grammar: no use naming it
            )
            self.cures[str(status)] = "" if common is None else common.cure

    def summary(self, scorer: Scorer) -> Summary:
        compared = {name: asdict(one) for name, one in self.comparison.rewards.items()}
        if self.comparison.readings.compared:
            compared["answers read"] = asdict(self.comparison.readings)
        return Summary(
            completions=sum(step.completions for step in self.steps),
            statuses=dict(self.statuses.most_common()),
            cures=self.cures,
            tasks=[_task_figures(task, *pair) for task, pair in sorted(self.pairs.items())],
            steps=self.steps,
            alarms=self.watch.alarms,
            worst=self.worst.rows(),
            remarks=[*self._remarks(scorer), *self.comparison.remarks(), *_warnings(scorer)],
            compared=compared,
        )

    def _remarks(self, scorer: Scorer) -> list[str]:
        told = [f"{name} was not computed: {why}" for name, why in scorer.not_computed.items()]
        if self.other_rewards:
            told.append(
                f"the log has rewards that were not computed: {', '.join(sorted(self.other_rewards))}; name those of "
                f"the run with --rewards, a preset or my_module.my_rewards"
            )
        total = sum(step.completions for step in self.steps)
        if self.unlabelled == total:
            told.append(
                f"no completion has a label, so that there is no SRCC and no reward for the score; add a column "
                f"{scorer.settings.names.mos!r}, name yours with --mos-column, or train with a reward that logs labels"
            )
        elif self.unlabelled:
            told.append(f"{self.unlabelled} of {total} completions have no label")
        if self.in_points:
            unused = "" if scorer.settings.mos_scale is None else "; the scale of the MOS that is given is not used"
            told.append(f"the labels are those that the rewards have logged, in points on 0 to 100{unused}")
        if all(math.isnan(step.flat_groups) for step in self.steps):
            told.append(
                "flat groups were not counted: they need a column of images (--image-id-column) or --num-generations, "
                "and groups of two completions or more"
            )
        if self.repeats:
            told.append(
                f"{self.repeats} steps hold the completions of the step before them, since the trainer logs more often "
                f"than it generates; they were left out"
            )
        return told


def _task_figures(task: str, predictions: "array[float]", targets: "array[float]") -> TaskFigures:
    x, y = np.array(predictions), np.array(targets)
    return TaskFigures(task, len(x), 1 - metrics.coverage(x), metrics.srcc(x, y), metrics.mae(x, y))


def _warnings(scorer: Scorer) -> list[str]:
    return [text if count == 1 else f"{text} (at {count} steps)" for text, count in scorer.warned.items()]


def _without_nan(value: Any) -> Any:
    """The value as JSON knows it: nothing where a figure is NaN."""
    if isinstance(value, dict):
        return {name: _without_nan(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
