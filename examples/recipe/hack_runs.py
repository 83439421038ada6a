"""What a policy did under a careless reward: the detector's alarms in words, and the watched figures over the steps."""

import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from matplotlib.figure import Figure

from tatar_rewards import HackThresholds
from tatar_rewards.hacks import Alarm


class HackRun(NamedTuple):
    """A run of GRPO with one careless reward."""

    figure: str  # that gives the hack away
    steps: list[int]
    values: list[float]  # of that figure
    alarms: list[Alarm]
    example: str  # a completion of the last step


def threshold_of(figure: str) -> float:
    name = figure.rpartition("/")[2]
    thresholds = HackThresholds()
    if name.startswith("status_"):
        return thresholds.status_share
    return float(getattr(thresholds, "smallest_spread_ratio" if name == "spread_ratio" else name))


def describe_run(name: str, run: HackRun) -> str:
    low, high = min(run.values), max(run.values)
    lines = [f"{name}: {run.figure} {run.values[0]:.2f} at first, then between {low:.2f} and {high:.2f}"]
    lines += [f"    step {alarm.step}, {alarm.reward}: {alarm.message}" for alarm in run.alarms]
    return "\n".join([*lines, f"    at the end: {textwrap.shorten(run.example, 160)}", ""])


def plot_runs(runs: Mapping[str, HackRun], path: Path) -> None:
    """A plot for each run: its figure, the threshold as a dotted line, its alarms as vertical lines."""
    plot = Figure(figsize=(9, 5), layout="constrained")
    grid = plot.subplots(2, -(-len(runs) // 2), squeeze=False)
    for axes, (name, run) in zip(grid.flat, runs.items(), strict=False):
        axes.plot(run.steps, run.values, color="C0")
        axes.axhline(threshold_of(run.figure), color="grey", linestyle=":")
        for alarm in run.alarms:
            if f"{alarm.reward}/{alarm.figure}" == run.figure:
                axes.axvline(alarm.step, color="C3", linewidth=1)
        axes.set_title(name, fontsize=9)
        axes.set(xlabel="step", ylabel=run.figure.rpartition("/")[2], ylim=(-0.03, 1.03))
    plot.savefig(path, dpi=110)
