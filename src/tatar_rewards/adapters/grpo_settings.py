"""What the installed TRL says of settings: the defaults of its `GRPOConfig`, and what a file for `trl grpo` may hold.

Importing this module imports nothing; its functions import TRL, which takes seconds.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any


def installed_defaults() -> tuple[str, dict[str, Any]] | None:
    """The version of the installed TRL and the defaults of its `GRPOConfig`; None where TRL cannot be imported."""
    try:
        import trl
        from trl import GRPOConfig
    except Exception:  # a broken torch under it raises nearly anything
        return None
    defaults = {field.name: _default_of(field) for field in dataclasses.fields(GRPOConfig)}
    return trl.__version__, defaults


def _default_of(field: Any) -> Any:
    if field.default is not dataclasses.MISSING:
        return field.default
    return None if field.default_factory is dataclasses.MISSING else field.default_factory()


def known_keys() -> set[str] | None:
    """What a file for `trl grpo` may set: of the script, the trainer, the model, the data and the launcher."""
    try:
        from trl import DatasetMixtureConfig, GRPOConfig, ModelConfig
        from trl.scripts.grpo import GRPOScriptArguments
    except Exception:
        return None
    configs = (GRPOScriptArguments, GRPOConfig, ModelConfig, DatasetMixtureConfig)
    keys = {field.name for config in configs for field in dataclasses.fields(config)}
    return keys | {"env", "accelerate_config"} | _launcher_keys()


def _launcher_keys() -> set[str]:
    """Whatever is no setting of its own, `trl grpo` hands on to `accelerate launch`."""
    try:
        from accelerate.commands.launch import launch_command_parser
    except ImportError:
        return set()
    positional = ("help", "training_script", "training_script_args")
    return {action.dest for action in launch_command_parser()._actions if action.dest not in positional}


def load_mixture(settings: Mapping[str, Any]) -> Any:
    """The data of a `datasets:` list, put together by TRL's own function."""
    from trl import DatasetMixtureConfig, get_dataset

    fields = {field.name for field in dataclasses.fields(DatasetMixtureConfig)}
    return get_dataset(DatasetMixtureConfig(**{name: settings[name] for name in fields if name in settings}))


def reward_of_trl(name: str) -> Any:
    """One of the rewards that `trl grpo` knows by a name without a module; None where it knows none of that name."""
    from trl import rewards

    if name == "get_soft_overlong_punishment":  # with the settings that the script gives it
        return rewards.get_soft_overlong_punishment(max_completion_len=1280, soft_punish_cache=256)
    names = ("accuracy_reward", "reasoning_accuracy_reward", "think_format_reward")
    return getattr(rewards, name, None) if name in names else None
