"""Command line: `python -m tatar_rewards doctor` and `python -m tatar_rewards evaluate`."""

from tatar_rewards.cli.commands import main

__all__ = ["main"]
