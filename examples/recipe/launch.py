"""The configuration file of accelerate that a recipe names."""

from pathlib import Path

from accelerate.commands.config.config_args import BaseConfig, load_config_from_file

from recipe.config import Recipe
from tatar_rewards.doctor.run_files import read_run_file
from tatar_rewards.wording import in_words


def read_accelerate(path: Path) -> BaseConfig:
    """What accelerate reads in its file; exits where it would end in an error."""
    if not path.is_file():
        raise SystemExit(f"{path}, the configuration of accelerate, is no file; mend launch.accelerate")
    cure = f"mend it, or write one by `accelerate config --config_file {path}`"
    try:
        read_run_file(path)
    except (ValueError, OSError) as error:
        raise SystemExit(f"launch.accelerate: {in_words(error)}; {cure}") from None
    try:
        return load_config_from_file(str(path))
    except Exception as error:  # its classes take what they are given
        said = in_words(error).rstrip(".")
        raise SystemExit(f"launch.accelerate: {path} is no configuration of accelerate: {said}; {cure}") from None


def shards_of(recipe: Recipe) -> int:
    """Over how many processes weights, gradients and moments are spread."""
    if recipe.launch.accelerate is None:
        return 1
    sharded = read_accelerate(recipe.launch.accelerate).distributed_type in ("DEEPSPEED", "FSDP")
    return recipe.launch.processes if sharded else 1
