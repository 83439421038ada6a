"""Checks a training set-up before it burns a GPU: what a trainer would do with these rewards, settings and data.

`check_setup` reads, computes and reports; it trains nothing and changes nothing.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tatar_rewards.distributed import on_this_rank_alone
from tatar_rewards.doctor.advice import advise_on_settings
from tatar_rewards.doctor.batches import check_batches
from tatar_rewards.doctor.budgets import check_budgets
from tatar_rewards.doctor.comparisons import check_comparisons, describe_comparisons
from tatar_rewards.doctor.data import MISLEADING, check_columns, check_datasets, check_labels, check_tasks, read_all
from tatar_rewards.doctor.kinds import package_rewards
from tatar_rewards.doctor.labels import Reading
from tatar_rewards.doctor.probes import probe_rewards
from tatar_rewards.doctor.prompt_shapes import check_shapes
from tatar_rewards.doctor.prompts import check_prompts, read_prompts
from tatar_rewards.doctor.reading import Data, is_stream, read_data, splits_of
from tatar_rewards.doctor.report import Report
from tatar_rewards.doctor.settings import TrainingSettings, check_settings, read_settings, read_world_size
from tatar_rewards.doctor.templates import check_template
from tatar_rewards.doctor.trainer_rewards import as_list, check_callables, name_of, not_looked_at
from tatar_rewards.doctor.training import check_names, check_one_reading, check_pickling, check_weights
from tatar_rewards.findings import Finding
from tatar_rewards.rewards.columns import columns_read


def check_setup(
    reward_funcs: Callable[..., Any] | Sequence[Callable[..., Any] | str],
    args: Any = None,
    dataset: Any = None,
    world_size: int | None = None,
    *,
    processing_class: Any = None,
) -> Report:
    """Say what will go wrong with these rewards, training arguments and data, and what to change.

    Args:
        reward_funcs: The callables for `GRPOTrainer(reward_funcs=...)`, or one of them.
        args: A `GRPOConfig`, or a mapping of its fields and of `world_size`; what is missing has the default of the
            installed TRL.
        dataset: A `datasets.Dataset`, an iterable one (its first 2,000 rows are read), a `DatasetDict` (its train split
            is read), a list of rows, or a mapping of columns. None checks the rest only. Pictures are not decoded.
        world_size: Number of processes; None takes that of `args`, else 1.
        processing_class: The tokenizer or processor of the trainer, or the text of a chat template: tells whether
            completions begin inside `<think>`. None leaves that open.

    Returns:
        Facts and findings; `report.ok` where there is no fault. What was not looked at is among the facts.

    Raises:
        TypeError: `args`, `dataset`, `world_size` or `processing_class` is of a wrong type.
        pydantic.ValidationError: a field of `args` has a wrong type.
        ValueError: `world_size` is below 1.

    Examples:
        >>> from tatar_rewards import tatar_reward_funcs
        >>> question = "Rate it from 0 to 100: <think>...</think><answer>64</answer>"
        >>> rows = [{"prompt": question, "mos": 10.0 * k, "task": "iaa", "image_id": k} for k in range(1, 10)]
        >>> report = check_setup(tatar_reward_funcs(), {"num_generations": 4}, rows)
        >>> for finding in report.findings:
        ...     print(f"{finding.kind}, {finding.check}: {finding.problem}")
        advice, tasks: iqa_gaussian_score grades task 'iqa', but the column 'task' holds only 'iaa'
    """
    check_template(processing_class)
    settings, assumed = read_settings(args)
    size = read_world_size(world_size, args)
    look = _Look(reward_funcs, as_list(reward_funcs), settings, size)
    look.facts |= {"rewards": ", ".join(map(name_of, look.rewards)), "processes": str(size)} | assumed
    split = look.at_splits(dataset, args)
    look.at_settings(0 if split is None or not is_stream(split) else int(getattr(split, "num_shards", 1)))
    if split is None:
        look.findings += check_callables(reward_funcs, look.rewards, None)
    else:
        look.at_data(split, processing_class)
    if look.unseen:
        look.facts["not looked at"] = ", ".join(look.unseen)
    return Report(look.facts, list(dict.fromkeys(look.findings)))


OF_ROWS = ("label scale", "equal labels", "rater deviations", "labels", "tasks")


def _as_advice(finding: Finding) -> Finding:
    """The first rows of a stream, or rows before a data set's own transform, prove little of what training will see."""
    return finding._replace(kind="advice") if finding.check in OF_ROWS else finding


@dataclass
class _Look:
    """What was seen so far."""

    reward_funcs: Any
    rewards: list[Any]
    settings: TrainingSettings
    world_size: int
    facts: dict[str, str] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    unseen: list[str] = field(default_factory=list)

    def at_settings(self, shards: int) -> None:
        rewards, settings = self.rewards, self.settings
        self.unseen += not_looked_at(rewards)
        self.unseen += ["eval_dataset"] if settings.eval_strategy != "no" else []
        self.findings += [*check_settings(settings), *check_names(rewards), *check_pickling(rewards)]
        self.findings += check_one_reading(rewards)
        self.findings += [*check_weights(rewards, settings.reward_weights), *advise_on_settings(rewards, settings)]
        self.findings += check_budgets(rewards, settings.max_completion_length)
        if not settings.countable:
            return
        self.findings += check_batches(rewards, settings, self.world_size, shards)
        rows, images = settings.rows_per_call(self.world_size), settings.images_per_call(self.world_size)
        self.facts |= {
            "completions per call": f"{rows:g} on each process",
            "images per call": f"{images:g} on all processes together, {settings.num_generations} completions each",
        }

    def at_splits(self, dataset: Any, args: Any) -> Any:
        """The data that would be trained on; None where they are not known."""
        splits = splits_of(dataset)
        if dataset is None:
            self.unseen.append("the data")
        if splits is None:
            return dataset
        wanted = args.get("dataset_train_split", "train") if isinstance(args, Mapping) else "train"
        names = ", ".join(map(repr, splits))
        if wanted not in splits and len(splits) > 1:
            problem = f"the data have the splits {names} and no {wanted!r}"
            self.findings.append(Finding("data", problem, "pass the split that you train on, as dataset['...']"))
            self.unseen.append("the data")
            return None
        name = wanted if wanted in splits else next(iter(splits))
        self.facts["split"] = f"{name!r} of {names}"
        self.unseen += [f"the split {other!r}" for other in splits if other != name]
        return splits[name]

    def at_data(self, dataset: Any, processing_class: Any) -> None:
        rewards = self.rewards
        wanted = dict.fromkeys(name for reward in package_rewards(rewards) for name in columns_read(reward.config))
        data = read_data(dataset, list(wanted))
        self.unseen += data.notes
        self.findings += check_callables(self.reward_funcs, rewards, data.names or None)
        if data.n_rows == 0:
            self.findings.append(Finding("data", "the dataset has no rows", "check how it was loaded or filtered"))
            return
        self.findings += self._too_few_rows(data)
        unsound = list(check_columns(rewards, data))
        with on_this_rank_alone():
            readings, refused = read_all(rewards, data)
            unsound += refused
            of_rows = [*check_tasks(rewards, readings, data), *check_datasets(rewards, data.columns)]
            of_rows += check_labels(readings, data.columns)
            unsound += [_as_advice(one) for one in of_rows] if data.streaming or data.transformed else of_rows
            if data.transformed:
                unsound = [_as_advice(finding) for finding in unsound]
            self.findings += unsound
            self.findings += check_shapes(data.prompts)
            prompts, notes = read_prompts(data, processing_class, self.settings.chat_template_kwargs)
            self.unseen += notes
            self.findings += check_prompts(readings, prompts, data)
            if self.settings.countable:
                self.at_rows(readings, data, sound=not any(finding.check in MISLEADING for finding in unsound))

    def _too_few_rows(self, data: Data) -> list[Finding]:
        """The trainer drops a generation batch that is not whole; perhaps only a part of the data was given."""
        if data.streaming or not self.settings.countable:
            return []
        images = self.settings.images_per_call(self.world_size)
        if data.n_rows >= images:
            return []
        problem = f"the data have {data.n_rows} rows, and one call takes {images:g}: the trainer makes no step"
        cure = "give more rows, or lower per_device_train_batch_size, steps_per_generation or the number of processes"
        return [Finding("rows", problem, cure, "advice")]

    def at_rows(self, readings: Sequence[Reading], data: Data, *, sound: bool) -> None:
        """What rankings can compare, and what rewards pay, with labels that make sense."""
        images = self.settings.images_per_call(self.world_size)
        self.facts |= describe_comparisons(readings, data, images)
        self.findings += check_comparisons(readings, data, images)
        if sound and len(readings) == len(package_rewards(self.rewards)):
            weights, group = self.settings.reward_weights, self.settings.num_generations
            self.findings += probe_rewards(self.rewards, weights, readings, data.columns, group, self.facts)
