"""What is kept of the steps of a run, one after the other."""

from array import array
from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from tatar_rewards.answers.cures import most_common_failure
from tatar_rewards.hacks import HackWatch
from tatar_rewards.predictions import logged_rewards
from tatar_rewards.scoring.calls import Scored, Scorer
from tatar_rewards.scoring.compare import Comparison
from tatar_rewards.scoring.figures import StepFigures, figures_for_alarms, measure_step, rows_by_task
from tatar_rewards.scoring.worst import Worst

MOST_IMAGES = 10_000  # of a data set, by which its scale is judged


@dataclass
class Run:
    """A run so far.

    Attributes:
        watch: Reads the figures as `HackDetector` does.
        steps: Figures by step.
        statuses: How many completions have each.
        cures: Of each status that is no answer.
        pairs: Predictions and targets of the labelled completions, by task.
        tasks: How many completions are of each task, labelled or not.
        datasets: The data sets of the completions.
        columns: Of the files.
        paid: How many readable answers each reward has paid for.
        worst: The completions that earn least.
        comparison: With what the trainer has logged.
        repeats: How many steps hold the completions of the step before them.
        unlabelled: How many completions have no label.
        ungraded: How many labelled ones no reward grades, by task.
        images: The answers to each image and its MOS, in points, by task and data set: sum, number and MOS.
        in_points: Whether labels are those that rewards have logged.
        other_rewards: Names of rewards that only the log has.
    """

    watch: HackWatch
    steps: list[StepFigures] = field(default_factory=list)
    statuses: Counter[str] = field(default_factory=Counter)
    cures: dict[str, str] = field(default_factory=dict)
    pairs: dict[str, tuple["array[float]", "array[float]"]] = field(default_factory=dict)
    tasks: Counter[str] = field(default_factory=Counter)
    datasets: set[str] = field(default_factory=set)
    columns: dict[str, None] = field(default_factory=dict)
    paid: Counter[str] = field(default_factory=Counter)
    worst: Worst = field(default_factory=Worst)
    comparison: Comparison = field(default_factory=Comparison)
    repeats: int = 0
    unlabelled: int = 0
    ungraded: Counter[str] = field(default_factory=Counter)
    images: dict[tuple[str, str], dict[object, tuple[float, int, float]]] = field(default_factory=dict)
    in_points: bool = False
    other_rewards: set[str] = field(default_factory=set)

    @property
    def completions(self) -> int:
        return sum(step.completions for step in self.steps)

    def add(self, scored: Scored, scorer: Scorer) -> None:
        """Another step."""
        self.steps.append(measure_step(scored))
        self.statuses.update(str(answer.status) for answer in scored.answers)
        self._add_cures(scored)
        self.tasks.update(str(task) for task in scored.labels.task or [] if task is not None)
        self.datasets.update(str(one) for one in scored.labels.dataset or [] if one is not None)
        for task, rows in rows_by_task(scored):
            predictions, targets = self.pairs.setdefault(task, (array("d"), array("d")))
            predictions.extend(scored.predictions[rows].tolist())
            targets.extend(scored.targets[rows].tolist())
        self.columns |= dict.fromkeys(name for name in scored.table.columns if "/" not in name)
        readable = ~np.isnan(scored.predictions)
        self.paid.update({name: int(np.sum(readable & ~np.isnan(paid))) for name, paid in scored.rewards.items()})
        self.watch.read(scored.table.step or 0, figures_for_alarms(scored, scorer))
        self.comparison.add(scored)
        self._add_labels(scored)
        self.other_rewards |= set(logged_rewards(scored.table.columns)) - set(scorer.weights)
        self.in_points = self.in_points or scored.labels.in_points
        self.worst.add(scored)

    def _add_labels(self, scored: Scored) -> None:
        """Count labels that are missing and that nobody reads, and the answers to each image."""
        size = len(scored.targets)
        mos, tasks = scored.labels.mos or [None] * size, scored.labels.task or [None] * size
        datasets = scored.labels.dataset or [None] * size
        known = ~np.isnan(scored.targets)
        for row in np.flatnonzero(~known).tolist():
            if scored.graded[row] or mos[row] is None:
                self.unlabelled += 1
        for row in np.flatnonzero(~scored.graded).tolist():
            if mos[row] is not None:
                self.ungraded[str(tasks[row])] += 1
        for row in np.flatnonzero(known & ~np.isnan(scored.predictions)).tolist():
            images = self.images.setdefault((str(tasks[row]), str(datasets[row])), {})
            number = int(scored.groups[row]) if len(scored.groups) else row
            key = (len(self.steps), number) if scored.labels.image_id is None else scored.labels.image_id[row]
            if key not in images and len(images) >= MOST_IMAGES:
                continue
            total, count, _ = images.get(key, (0.0, 0, 0.0))
            images[key] = total + float(scored.predictions[row]), count + 1, float(scored.targets[row])

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
