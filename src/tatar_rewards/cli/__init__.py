"""Command line: `python -m tatar_rewards` with `doctor`, `evaluate`, `explain` or `score`."""

from tatar_rewards.cli.commands import main

__all__ = ["main"]
