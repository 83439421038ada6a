"""Checks a training set-up before it burns a GPU: what a trainer would do with these rewards, settings and data.

`check_setup` reads, computes and reports; it trains nothing and changes nothing.
"""

import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tatar_rewards.doctor.comparisons import check_comparisons, describe_comparisons
from tatar_rewards.doctor.data import BLOCKING, MISLEADING, check_data, is_stream, read_columns
from tatar_rewards.doctor.probes import probe_rewards
from tatar_rewards.doctor.training import TrainingSettings, check_batches, check_rewards, name_of
from tatar_rewards.findings import Finding


@dataclass(frozen=True)
class Report:
    """What `check_setup` found. `print` shows it as a table.

    Attributes:
        facts: What a run would do: completions and images a call, images that can be compared.
        findings: What is wrong, each with `check`, `problem` and `cure`.
    """

    facts: Mapping[str, str]
    findings: Sequence[Finding]

    @property
    def ok(self) -> bool:
        return not self.findings

    def __str__(self) -> str:
        width = max(map(len, [*self.facts, *(finding.check for finding in self.findings)]), default=0)
        lines = [f"{name:<{width}}  {value}" for name, value in self.facts.items()]
        for finding in self.findings:
            text = textwrap.wrap(f"{finding.problem}.", 100) + textwrap.wrap(f"-> {finding.cure}.", 100)
            lines += ["", f"{finding.check:<{width}}  {text[0]}", *(" " * (width + 2) + line for line in text[1:])]
        count = len(self.findings)
        verdict = "Nothing found." if self.ok else f"{count} finding{'s' * (count > 1)}."
        return "\n".join([*lines, "", verdict])


def check_setup(
    reward_funcs: Sequence[Callable[..., Any]], args: Any = None, dataset: Any = None, world_size: int | None = None
) -> Report:
    """Say what will go wrong with these rewards, training arguments and data, and what to change.

    Args:
        reward_funcs: The callables for `GRPOTrainer(reward_funcs=...)`.
        args: A `GRPOConfig`, or a mapping of its fields; what is missing has TRL's default.
        dataset: A `datasets.Dataset`, an iterable one (its first 2,000 rows are read), a list of rows, or a mapping of
            columns. None checks the rest only. Pictures are not decoded.
        world_size: Number of processes; None takes that of `args`, else 1.

    Returns:
        Facts and findings; `report.ok` where nothing was found.

    Raises:
        pydantic.ValidationError: a field of `args` has a wrong type.
        ValueError: `world_size` is below 1.

    Examples:
        >>> from tatar_rewards import tatar_reward_funcs
        >>> rows = [{"prompt": "Rate it.", "mos": 10.0 * k, "task": "iaa", "image_id": k} for k in range(1, 10)]
        >>> report = check_setup(tatar_reward_funcs(), {"num_generations": 8}, rows, world_size=2)
        >>> for finding in report.findings:
        ...     print(f"{finding.check}: {finding.problem}")
        tasks: iqa_gaussian_score grades task 'iqa', but the column 'task' holds only 'iaa'
    """
    raw_args = {} if args is None else args
    settings = TrainingSettings.model_validate(dict(raw_args) if isinstance(raw_args, Mapping) else raw_args)
    world_size = getattr(args, "world_size", 1) if world_size is None else world_size
    if world_size < 1:
        raise ValueError(f"world_size must be at least 1; got {world_size}")
    rewards = list(reward_funcs)
    shards = int(getattr(dataset, "num_shards", 1)) if dataset is not None and is_stream(dataset) else 0
    findings = [*check_rewards(rewards, settings), *check_batches(rewards, settings, world_size, shards)]
    images = settings.rows_per_call(world_size) * world_size / settings.num_generations
    facts = {
        "rewards": ", ".join(map(name_of, rewards)),
        "processes": str(world_size),
        "completions per call": f"{settings.rows_per_call(world_size):g} on each process",
        "images per call": f"{images:g} on all processes together, {settings.num_generations} completions each",
    }
    if dataset is not None:
        data = read_columns(rewards, dataset)
        data_findings = list(check_data(rewards, data))
        findings += data_findings
        if not any(finding.check in BLOCKING for finding in data_findings):
            facts |= describe_comparisons(rewards, data.rows, images)
            findings += check_comparisons(rewards, data.rows, images)
            if not any(finding.check in MISLEADING for finding in data_findings):
                findings += probe_rewards(rewards, settings.reward_weights, data.rows, settings.num_generations)
    return Report(facts, list(dict.fromkeys(findings)))
