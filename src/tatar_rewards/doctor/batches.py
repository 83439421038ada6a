"""The doctor's checks of batches: whole groups, on every process, in training and in evaluation."""

from collections.abc import Iterator, Sequence
from typing import Any

from tatar_rewards.doctor.kinds import image_rewards, package_rewards
from tatar_rewards.doctor.settings import TrainingSettings
from tatar_rewards.findings import Finding
from tatar_rewards.rewards.columns import needed_columns


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
    yield from _check_generation_batch(settings, world_size)
    yield from _check_evaluation(settings, world_size)
    yield from _check_removed_columns(rewards, settings)
    yield from _check_groups_by_place(rewards, size, rows, world_size)


def _check_generation_batch(settings: TrainingSettings, world_size: int) -> Iterator[Finding]:
    batch, updates = settings.generation_batch_size, settings.steps_per_generation
    if batch is None:
        return
    step = settings.per_device_train_batch_size * world_size
    if updates is None and batch % step:
        yield Finding(
            "batch size",
            f"generation_batch_size={batch} is no multiple of the {step} rows of a step on all processes, which TRL "
            "requires",
            f"let it be a multiple of {step}",
        )
    # a GRPOConfig derives one from the other, perhaps for other processes than these
    if updates is not None and batch % (updates * settings.per_device_train_batch_size):
        yield Finding(
            "batch size",
            f"generation_batch_size={batch} and steps_per_generation={updates} are both set, and TRL takes one of them",
            "leave one of them out",
        )


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


def _check_removed_columns(rewards: Sequence[Any], settings: TrainingSettings) -> Iterator[Finding]:
    ours = package_rewards(rewards)
    needed = any(needed_columns(reward.config) for reward in ours)
    if settings.remove_unused_columns and (needed or len(ours) < len(rewards)):
        yield Finding(
            "columns",
            "remove_unused_columns=True takes the label columns from the rewards",
            "set remove_unused_columns=False",
            "fault" if needed else "advice",
        )


def _check_groups_by_place(rewards: Sequence[Any], size: int, rows: float, world_size: int) -> Iterator[Finding]:
    for reward in image_rewards(rewards):
        consecutive, name = reward.config.num_generations, reward.__name__
        if consecutive is None:
            continue
        if consecutive != size:
            yield Finding(
                "groups by place",
                f"{name} takes {consecutive} consecutive rows for an image, but the trainer makes {size} completions "
                "of each",
                f"set num_generations={size} in the reward, or add a column of image keys",
            )
        if rows % size and world_size > 1:
            yield Finding(
                "groups by place",
                f"{name} knows images by their place, but groups of {size} straddle processes that hold {rows:g} rows "
                "each",
                "add a column of image keys, or let per_device_train_batch_size * steps_per_generation be a multiple "
                f"of {size}",
            )
