"""What the arguments of trainers may be, as far as their annotations do not say it: tests compare it with TRL."""

from dataclasses import Field
from typing import Annotated, Any, Literal

import pydantic
import trl

from tatar_rewards.doctor.settings import COUNTS

# What a trainer takes and its annotation does not name.
WIDER: dict[str, Any] = {
    "scale_rewards": str | bool,
    "fsdp": bool | str | list[str] | None,
    "top_k": int | None,
    "debug": str | list[Literal["underflow_overflow", "tpu_metrics_debug"]] | None,
    "hub_token": str | bool | None,
    "gradient_checkpointing": bool | None,
}

_POSITIVE = pydantic.Field(gt=0, allow_inf_nan=False)
_NOT_NEGATIVE = pydantic.Field(ge=0, allow_inf_nan=False)
_SHARE = pydantic.Field(ge=0, le=1)
_SHARE_ABOVE_0 = pydantic.Field(gt=0, le=1)
_BELOW_1 = pydantic.Field(ge=0, lt=1)

# A trainer finds what is off these ranges at its first step, or never.
RANGES: dict[str, Any] = {
    **dict.fromkeys(COUNTS, pydantic.Field(ge=1)),
    "vllm_tensor_parallel_size": pydantic.Field(ge=1),
    "dataloader_num_workers": pydantic.Field(ge=0),
    "temperature": _POSITIVE,
    "repetition_penalty": _POSITIVE,
    "learning_rate": _NOT_NEGATIVE,
    "num_train_epochs": _NOT_NEGATIVE,
    "weight_decay": _NOT_NEGATIVE,
    "adam_epsilon": _NOT_NEGATIVE,
    "warmup_steps": _NOT_NEGATIVE,
    "epsilon": _NOT_NEGATIVE,
    "epsilon_high": pydantic.Field(ge=0),  # inf: no bound
    "delta": pydantic.Field(ge=0),
    "adam_beta1": _BELOW_1,
    "adam_beta2": _BELOW_1,
    "top_p": _SHARE_ABOVE_0,
    "vllm_gpu_memory_utilization": _SHARE_ABOVE_0,
    "min_p": _SHARE,
    "label_smoothing_factor": _SHARE,
    "top_entropy_quantile": _SHARE,
}

NEEDS = {"use_liger_kernel": "liger_kernel"}  # modules that a trainer imports at its first step

# Texts that GRPO compares at its first step, of this version of TRL; another version may know others.
MADE_FOR = "1.16.0"
TEXTS_OF_GRPO = {
    "loss_type": ("grpo", "bnpo", "dr_grpo", "dapo", "luspo", "sapo", "cispo", "vespo"),
    "importance_sampling_level": ("token", "sequence"),
    "vllm_mode": ("colocate", "server"),
    "vllm_importance_sampling_mode": ("token_truncate", "token_mask", "sequence_truncate", "sequence_mask"),
}
OLD_NAMES = {"packing_strategy": ("bfd-requeue",)}  # which a trainer takes beside its choices
OPEN = {"ddp_backend"}  # torch takes more than the choices that are listed


def hint_of(name: str, annotation: Any) -> Any:
    """The type of an argument, with its range."""
    hint = WIDER.get(name, annotation)
    return Annotated[hint, RANGES[name]] if name in RANGES else hint


def known_texts(kind: type[Any], field: Field[Any]) -> tuple[str, ...]:
    """The texts that an argument may be, where any other is an error; nothing where that is not known."""
    if kind.__name__ == "GRPOConfig" and field.name in TEXTS_OF_GRPO:
        return TEXTS_OF_GRPO[field.name] if trl.__version__ == MADE_FOR else ()
    choices = () if field.name in OPEN else tuple(field.metadata.get("choices", ()))
    return choices and choices + OLD_NAMES.get(field.name, ())
