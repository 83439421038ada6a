"""The doctor's checks of rewards and settings: names, weights, budgets, batches."""

import math
import pickle
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict

from tatar_rewards.doctor.budgets import TOKENS_PER_WORD, joint_budget
from tatar_rewards.doctor.kinds import package_rewards, ranking_rewards
from tatar_rewards.findings import Finding

TABLE_COLUMNS = ("step", "prompt", "completion", "advantage", "images")  # of the trainer's log of completions


class TrainingSettings(BaseModel):
    """What the doctor reads of a `GRPOConfig`, with TRL's defaults; anything else is ignored."""

    model_config = ConfigDict(extra="ignore", from_attributes=True, frozen=True)

    per_device_train_batch_size: int = 8
    gradient_accumulation_steps: int = 1
    steps_per_generation: int | None = None
    generation_batch_size: int | None = None
    num_generations: int = 8
    num_generations_eval: int | None = None
    per_device_eval_batch_size: int = 8
    eval_strategy: str = "no"
    max_completion_length: int | None = 256
    reward_weights: list[float] | None = None
    remove_unused_columns: bool | None = False

    def rows_per_call(self, world_size: int) -> float:
        """Completions that one process's reward call holds."""
        if self.steps_per_generation is None and self.generation_batch_size is not None:
            return self.generation_batch_size / world_size
        return self.per_device_train_batch_size * (self.steps_per_generation or self.gradient_accumulation_steps)


def name_of(reward: Any) -> str:
    """The name that a trainer logs a reward under."""
    inner = getattr(reward, "func", reward)  # functools.partial
    return str(getattr(inner, "__name__", type(inner).__name__))


# ---------------------------------------------------------------- rewards


def check_rewards(rewards: Sequence[Any], settings: TrainingSettings) -> Iterator[Finding]:
    if not rewards:
        yield Finding("rewards", "reward_funcs is empty", "pass tatar_reward_funcs() for example")
    for name, count in Counter(map(name_of, rewards)).items():
        if count > 1:
            yield Finding(
                "reward names",
                f"{count} rewards are called {name!r}, and the trainer logs them as one",
                "give each a name= of its own",
            )
        if name in TABLE_COLUMNS:
            yield Finding(
                "reward names",
                f"a reward is called {name!r}, like a column of the trainer's log",
                "give it another name=",
            )
    for reward in rewards:
        try:
            pickle.dumps(reward)
        except Exception as error:  # pickle raises nearly anything
            yield Finding(
                "pickling",
                f"{name_of(reward)} cannot be pickled ({error}), which asynchronous trainers need",
                "define it at the top level of a module, without a lambda or a closure",
            )
    weights = settings.reward_weights
    if weights is not None and len(weights) != len(rewards):
        yield Finding(
            "reward weights",
            f"reward_weights has {len(weights)} values for {len(rewards)} rewards",
            "give one weight for each reward, in their order",
        )
    for weight, reward in zip(weights or [], rewards, strict=False):
        if not (math.isfinite(weight) and weight > 0):
            yield Finding(
                "reward weights",
                f"{name_of(reward)} has the weight {weight:g}",
                "give it a weight above 0, or leave the reward out",
            )
    yield from _check_budgets(rewards, settings)


def _check_budgets(rewards: Sequence[Any], settings: TrainingSettings) -> Iterator[Finding]:
    room = settings.max_completion_length
    for task in sorted({reward.config.task or "" for reward in package_rewards(rewards)}):
        for unit, tokens_each in (("words", TOKENS_PER_WORD), ("tokens", 1.0)):
            budget = joint_budget(rewards, task, unit)
            if budget.shortest > budget.longest:
                yield Finding(
                    "word budgets",
                    f"for task {task!r} one reward asks for at least {budget.shortest:g} {unit} and another for at "
                    f"most {budget.longest:g}",
                    "let the budgets overlap",
                )
            if room is not None and budget.shortest * tokens_each > room:
                about = f" (about {TOKENS_PER_WORD} tokens a word)" if unit == "words" else ""
                yield Finding(
                    "word budgets",
                    f"max_completion_length={room} tokens leave no room for the {budget.shortest:g} {unit} that task "
                    f"{task!r} asks for{about}",
                    f"raise max_completion_length to {math.ceil(budget.shortest * tokens_each) + 64} or lower the "
                    "budget",
                )


# ---------------------------------------------------------------- batches


def check_batches(
    rewards: Sequence[Any], settings: TrainingSettings, world_size: int, shards: int
) -> Iterator[Finding]:
    """`shards` is the number of those of a streaming dataset; 0 where it does not stream."""
    size, rows = settings.num_generations, settings.rows_per_call(world_size)
    if size < 2:
        yield Finding("generations", f"num_generations={size}: every group is flat", "raise num_generations to 4 or 8")
    if rows * world_size % size:
        yield Finding(
            "batch size",
            f"a generation batch of {rows * world_size:g} completions does not hold whole groups of {size}",
            f"let per_device_train_batch_size * processes * steps_per_generation be a multiple of {size}",
        )
    if shards > 0 and world_size > 1 and shards % world_size == 0 and rows % size:
        yield Finding(
            "streamed groups",
            f"each of {world_size} processes reads its own shards ({shards} in all), but holds {rows:g} rows a call: "
            f"the trainer's groups of {size} will mix two prompts",
            f"let per_device_train_batch_size * steps_per_generation be a multiple of {size}, or do not stream",
        )
    yield from _check_evaluation(settings, world_size)
    if settings.remove_unused_columns:
        yield Finding(
            "columns",
            "remove_unused_columns=True takes the label columns from the rewards",
            "set remove_unused_columns=False",
        )
    yield from _check_groups_by_place(rewards, size, rows, world_size)


def _check_evaluation(settings: TrainingSettings, world_size: int) -> Iterator[Finding]:
    if settings.eval_strategy == "no":
        return
    size = settings.num_generations_eval or settings.num_generations
    rows = settings.per_device_eval_batch_size * world_size
    if rows % size:
        yield Finding(
            "batch size",
            f"an evaluation batch of {rows} completions does not hold whole groups of {size}",
            f"let per_device_eval_batch_size * processes be a multiple of {size}, or set num_generations_eval",
        )


def _check_groups_by_place(rewards: Sequence[Any], size: int, rows: float, world_size: int) -> Iterator[Finding]:
    for reward in ranking_rewards(rewards):
        consecutive = reward.config.num_generations
        if consecutive is None:
            continue
        if consecutive != size:
            yield Finding(
                "groups by place",
                f"{name_of(reward)} takes {consecutive} consecutive rows for an image, but the trainer "
                f"makes {size} completions of each",
                f"set num_generations={size} in the reward, or add a column of image keys",
            )
        if rows % size and world_size > 1:
            yield Finding(
                "groups by place",
                f"{name_of(reward)} knows images by their place, but groups of {size} straddle processes that hold "
                f"{rows:g} rows each",
                "add a column of image keys, or let per_device_train_batch_size * steps_per_generation be a multiple "
                f"of {size}",
            )
