"""What a post-mortem says in sentences: what nobody computed, what looks wrong, what the rewards warn of."""

import math
import re
from collections.abc import Iterator, Mapping

import numpy as np

from tatar_rewards.findings import (
    Finding,
    cure_of_direction,
    datasets_without_rows,
    doubtful_answers,
    squeezed_labels,
    tells_of_a_wrong_scale,
)
from tatar_rewards.rewards import CrpsScoreReward, LabelConfig, Reward
from tatar_rewards.scales import POINTS, ScoreScale, as_scale, as_scales, scale_for
from tatar_rewards.scoring.calls import Scorer
from tatar_rewards.scoring.run import Run
from tatar_rewards.wording import did_you_mean

_NUMBERS = re.compile(r"\d[\d.,]*")
_SHOWN = 3  # tasks


def say(run: Run, scorer: Scorer) -> tuple[list[str], list[str]]:
    """Problems, which keep the figures from telling what they should, and what else a reader should know."""
    unread, doubts = _labels_without_rewards(run, scorer), _doubts(run, scorer)
    unknown = _datasets_without_rows(run, scorer)
    problems = [*unread, *(_said(finding) for finding in unknown if finding.kind == "fault")]
    problems += [_said(finding) for finding in doubts if finding.check != "answer scale"]
    remarks = [*_of_rewards(run, scorer, unread=bool(unread)), *_of_labels(run, scorer)]
    remarks += [_said(finding) for finding in unknown if finding.kind == "advice"]
    remarks += [*_of_steps(run), *run.comparison.remarks()]
    remarks += [_said(finding) for finding in doubts if finding.check == "answer scale"]
    # those of scales are of the first calls only, and stand among the problems if the whole run bears them out
    return problems, remarks + [text for text in _warnings(scorer) if not tells_of_a_wrong_scale(text)]


def _labels_without_rewards(run: Run, scorer: Scorer) -> list[str]:
    """That no label meets a reward that needs one."""
    needing = {name: reward for name, reward in scorer.rewards.items() if _needs_labels(reward)}
    if not needing or run.unlabelled == run.completions or any(_grades(run, scorer, name) for name in needing):
        return []
    missing = {name: why for name, why in scorer.not_computed.items() if name in needing}
    reasons = _say_not_computed(missing)
    ungraded = [reward.config.task for name, reward in needing.items() if name not in missing]
    if ungraded:
        reasons.append(
            f"the rewards grade rows of task {_listed(ungraded)}, and the rows are of {_listed(list(run.tasks))}; name "
            f"their column with --task-column, or with --reward-funcs rewards of their task; recommended grades all"
        )
    return [f"no reward compares the answers with the labels: {'; '.join(reasons)}"]


def _needs_labels(reward: object) -> bool:
    return isinstance(reward, Reward) and isinstance(reward.config, LabelConfig)


def _grades(run: Run, scorer: Scorer, name: str) -> bool:
    """Whether rows are of the task of a reward that is computed."""
    task = scorer.rewards[name].config.task
    return name not in scorer.not_computed and (task is None or run.tasks[task] > 0)


def _say_not_computed(reasons: Mapping[str, str]) -> list[str]:
    """Each reason once, with the rewards that it keeps from being computed."""
    rewards: dict[str, list[str]] = {}
    for name, why in reasons.items():
        rewards.setdefault(why, []).append(name)
    return [
        f"{' and '.join(names)} {'were' if len(names) > 1 else 'was'} not computed: {why}"
        for why, names in rewards.items()
    ]


def _listed(names: list[str]) -> str:
    shown = list(map(repr, dict.fromkeys(names)))
    return ", ".join(shown[:_SHOWN]) + ", ..." * (len(shown) > _SHOWN)


def _of_rewards(run: Run, scorer: Scorer, *, unread: bool) -> Iterator[str]:
    if not unread:
        yield from _say_not_computed(scorer.not_computed)
        for name, reward in scorer.rewards.items():
            if _needs_labels(reward) and name not in scorer.not_computed and not _grades(run, scorer, name):
                where = f"; the rows are of {_listed(list(run.tasks))}" if run.tasks else ""
                yield f"{name} graded nothing: no row is of task {reward.config.task!r}{where}"
    for name, reward in scorer.rewards.items():
        alone = isinstance(reward, CrpsScoreReward) and name not in scorer.not_computed and not run.paid[name]
        if alone and run.unlabelled < run.completions:
            yield (
                f"{name} paid for no readable answer: it compares the answers to one image with each other, and no "
                f"image has two"
            )
    yield from _of_tasks(run, scorer, unread=unread)
    for name, reward in scorer.rewards.items():
        if isinstance(reward, Reward) and reward.config.schedule is not None and not run.steps[0].step:
            setting = reward.config.schedule.setting
            yield f"{name} pays as at the start of training: its {setting} changes over steps, and the files have none"
    others = [name for name, reward in scorer.rewards.items() if not isinstance(reward, Reward)]
    if others and scorer.settings.mos_scale is not None:
        get = "get" if len(others) > 1 else "gets"
        yield (
            f"{' and '.join(others)} {get} the MOS as the files hold them: the scale that is given is for the rewards "
            f"of this package"
        )
    if run.other_rewards:
        yield (
            f"the log has rewards that were not computed: {', '.join(sorted(run.other_rewards))}; name those of the "
            f"run with --reward-funcs, a preset or my_module.my_rewards"
        )


def _of_tasks(run: Run, scorer: Scorer, *, unread: bool) -> Iterator[str]:
    """An option without effect, and completions that only rewards of every task grade."""
    task, without = scorer.settings.task, run.completions - sum(run.tasks.values())
    if task is not None and run.tasks and not run.tasks[task]:
        yield f"--task {task} has no effect: the rows have tasks of their own, {_listed(list(run.tasks))}; leave it out"
    if run.ungraded and not unread:
        rows = ", ".join(f"{count} of {name!r}" for name, count in run.ungraded.most_common(_SHOWN))
        yield f"labelled completions of tasks that no reward grades: {rows}; they count in no SRCC"
    if run.tasks and without:
        yield f"{without} completions have no task, so that only rewards of every task grade them"


def _of_labels(run: Run, scorer: Scorer) -> Iterator[str]:
    if run.unlabelled == run.completions:
        name = scorer.settings.names.mos
        yield (
            f"no completion has a label, so that there is no SRCC and no reward for the score; add a column {name!r}, "
            f"name yours with --mos-column, or train with a reward that logs labels; {did_you_mean(name, run.columns)}"
        )
    elif run.unlabelled:
        yield f"{run.unlabelled} of {run.completions} completions have no label"
    if run.in_points:
        unused = "" if scorer.settings.mos_scale is None else "; the scale of the MOS that is given is not used"
        yield f"the labels are those that the rewards have logged, in points on 0 to 100{unused}"


def _of_steps(run: Run) -> Iterator[str]:
    """What could not be counted, and what was left out."""
    if all(math.isnan(step.flat_groups) for step in run.steps):
        yield (
            "flat groups were not counted: they need a column of images (--image-id-column) or --num-generations, "
            "and groups of two completions or more"
        )
    if run.repeats:
        yield (
            f"{run.repeats} steps hold the completions of the step before them, since the trainer logs more often "
            f"than it generates; they were left out"
        )


def _doubts(run: Run, scorer: Scorer) -> list[Finding]:
    """What looks wrong of labels and answers, one finding of each kind and data set, over the whole run."""
    found = dict[tuple[str, str], Finding]()
    answers = as_scale(scorer.reader.config.answer_scale)
    for (task, dataset), images in run.images.items():
        x = np.array([total / count for total, count, _ in images.values()])
        y = np.array([mos for _, _, mos in images.values()])
        config, looked_at = _reads(scorer, task)
        scales = as_scales(config.mos_scale)
        scale = scales if isinstance(scales, ScoreScale) else scale_for(scales, dataset) or POINTS
        of_labels = squeezed_labels(y, config.mos_column, scale)
        several = len({name for one, name in run.images if one == task}) > 1
        for finding in [*of_labels, *doubtful_answers(x, y, answers, scale, labels_doubted=bool(of_labels))]:
            if finding.check == "answer scale" and looked_at:
                continue  # the reward has said so
            cure = cure_of_direction(scale, dataset) if finding.check == "direction of a scale" else finding.cure
            named = finding._replace(problem=f"{dataset}: {finding.problem}", cure=cure) if several else finding
            found.setdefault((finding.check, dataset), named)
    return list(found.values())


def _reads(scorer: Scorer, task: str) -> tuple[LabelConfig, bool]:
    """The settings by which the labels of a task are read, and whether a reward reads them."""
    for name, reward in scorer.rewards.items():
        if _needs_labels(reward) and name not in scorer.not_computed and reward.config.task in (None, task):
            return reward.config, True
    return scorer.reader.config, False


def _datasets_without_rows(run: Run, scorer: Scorer) -> list[Finding]:
    """Of the scales that are given, not of those that a reward has for data sets of other runs."""
    scales = scorer.settings.mos_scale
    return [] if scales is None or run.in_points else datasets_without_rows(as_scales(scales), run.datasets)


def _said(finding: Finding) -> str:
    return f"{finding.problem}; {finding.cure}"


def _warnings(scorer: Scorer) -> list[str]:
    """What the rewards warn of; what several of them say alike, but for numbers, is said once."""
    alike: dict[str, dict[str, str]] = {}  # by text without name and numbers: the whole text by name
    for text in scorer.warned:
        name, _, problem = text.partition(": ")
        key, name = (problem, name) if name in scorer.rewards else (text, "")
        alike.setdefault(_NUMBERS.sub("#", key), {}).setdefault(name, text)
    told = []
    for texts in alike.values():
        name, first = next(iter(texts.items()))
        steps = max(scorer.warned[text] for text in texts.values())
        told.append(", ".join(texts) + first.removeprefix(name) + f" (at {steps} steps)" * (steps > 1))
    return told
