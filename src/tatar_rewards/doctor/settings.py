"""The settings of a trainer that the doctor reads: what is given, and TRL's defaults for the rest."""

import math
from collections.abc import Iterator, Mapping
from enum import Enum
from numbers import Integral
from typing import Any

from pydantic import BaseModel, ConfigDict, field_validator

from tatar_rewards.adapters.grpo_settings import installed_defaults
from tatar_rewards.findings import Finding

MOST = 10**12  # of anything that a run counts
MOST_PROCESSES = 10**6
COUNTS = (
    "per_device_train_batch_size",
    "gradient_accumulation_steps",
    "steps_per_generation",
    "generation_batch_size",
    "num_generations",
    "num_generations_eval",
    "num_iterations",
    "per_device_eval_batch_size",
    "max_completion_length",
)


class TrainingSettings(BaseModel):
    """What the doctor reads of a `GRPOConfig`; anything else is ignored. The defaults are those of TRL 1.16."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    per_device_train_batch_size: int = 8
    gradient_accumulation_steps: int = 1
    steps_per_generation: int | None = None
    generation_batch_size: int | None = None
    num_generations: int = 8
    num_generations_eval: int | None = None
    num_iterations: int = 1
    per_device_eval_batch_size: int = 8
    eval_strategy: str = "no"
    max_completion_length: int | None = 512
    reward_weights: list[float] | None = None
    remove_unused_columns: bool | None = False
    scale_rewards: bool | str = "group"
    multi_objective_aggregation: str = "sum_then_normalize"
    beta: float = 0.0
    use_bias_correction_kl: bool | None = True
    auto_find_batch_size: bool | None = False
    chat_template_kwargs: dict[str, Any] | str | None = None

    @field_validator("eval_strategy", mode="before")
    @classmethod
    def _read_strategy(cls, strategy: Any) -> Any:
        if isinstance(strategy, bool):
            raise ValueError("YAML reads a bare no as false, which the trainer refuses: write 'no' with quotes")
        return strategy.value if isinstance(strategy, Enum) else strategy

    @property
    def countable(self) -> bool:
        """Whether batches can be computed at all."""
        return not list(_wrong_counts(self))

    @property
    def scaling(self) -> str:
        """How rewards are scaled: TRL takes truth values too."""
        return {"True": "group", "False": "none"}.get(str(self.scale_rewards).capitalize(), str(self.scale_rewards))

    def rows_per_call(self, world_size: int) -> float:
        """Completions that one process's reward call holds."""
        if self.steps_per_generation is None and self.generation_batch_size is not None:
            return self.generation_batch_size / world_size
        return self.per_device_train_batch_size * (self.steps_per_generation or self.gradient_accumulation_steps)

    def images_per_call(self, world_size: int) -> float:
        """Images of all processes together."""
        return self.rows_per_call(world_size) * world_size / self.num_generations


def read_settings(args: Any) -> tuple[TrainingSettings, dict[str, str]]:
    """The settings, and as facts the defaults that were assumed because TRL is not installed."""
    fields = TrainingSettings.model_fields
    if args is None or isinstance(args, Mapping):
        given = {name: args[name] for name in fields if name in args} if args else {}
    else:
        given = {name: getattr(args, name) for name in fields if hasattr(args, name)}
        if not given:
            raise TypeError(f"args must be a GRPOConfig or a mapping of its fields; got {args!r:.80}")
    missing = [name for name in fields if name not in given]
    installed = installed_defaults() if missing else None
    if installed is None:
        settings = TrainingSettings.model_validate(given)
        values = ", ".join(f"{name} {getattr(settings, name)}" for name in missing)
        assumed = {"assumed": f"the defaults of TRL 1.16, since TRL is not installed: {values}"}
        return settings, assumed if missing else {}
    defaults = {"use_bias_correction_kl": False} | installed[1]  # versions without the setting do not correct
    return TrainingSettings.model_validate({name: defaults[name] for name in missing if name in defaults} | given), {}


def read_world_size(world_size: Any, args: Any) -> int:
    """The number of processes: as given, else as `args` has it, else 1."""
    if world_size is None:
        world_size = args.get("world_size") if isinstance(args, Mapping) else getattr(args, "world_size", None)
    if world_size is None:
        return 1
    try:
        size = int(world_size) if isinstance(world_size, str | Integral) else None
    except ValueError:
        size = None
    if size is None or isinstance(world_size, bool):
        raise TypeError(f"world_size must be a whole number of processes; got {world_size!r:.80}")
    if size < 1:
        raise ValueError(f"world_size must be at least 1; got {size}")
    if size > MOST_PROCESSES:
        raise ValueError(f"world_size must be at most {MOST_PROCESSES:,}; got {size}")
    return size


# ---------------------------------------------------------------- what no run can have


def _wrong_counts(settings: TrainingSettings) -> Iterator[tuple[str, int]]:
    for name in COUNTS:
        count = getattr(settings, name)
        if count is not None and not 1 <= count <= MOST:
            yield name, count


def check_settings(settings: TrainingSettings) -> Iterator[Finding]:
    """Settings that no run can have, whatever the rewards and the data."""
    for name, count in _wrong_counts(settings):
        problem = f"{name}={count}, but a trainer needs at least 1" if count < 1 else f"{name} is beyond {MOST:,}"
        yield Finding("settings", problem, f"set {name} to what your devices hold")
    for name, value, known in (
        ("scale_rewards", settings.scaling, ("group", "batch", "none")),
        ("multi_objective_aggregation", settings.multi_objective_aggregation, _AGGREGATIONS),
    ):
        if value not in known:
            yield Finding("settings", f"{name}={value!r} is none of {', '.join(known)}", f"set {name} to one of them")
    if not (math.isfinite(settings.beta) and settings.beta >= 0):
        yield Finding("settings", f"beta={settings.beta:g}, no weight of a KL term", "set beta to 0 or above")
    if settings.auto_find_batch_size:
        yield Finding(
            "settings",
            "auto_find_batch_size=True may split the groups of completions, and TRL refuses it",
            "set auto_find_batch_size=False and lower per_device_train_batch_size",
        )


_AGGREGATIONS = ("sum_then_normalize", "normalize_then_sum")
