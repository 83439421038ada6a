"""Tables and figure of part 3, from benchmarks/study/results/tiny_model.jsonl; `show.py` prints them."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from results import table
from scipy.stats import rankdata

TASKS = {"iqa": "quality", "iaa": "aesthetics"}
Lines = list[dict[str, Any]]


def title_of(line: Mapping[str, Any]) -> str:
    """The name of a contestant with what was chosen for it."""
    if line["name"] == "start":
        return "SFT"
    divided = "" if line["scale_rewards"] == "group" or line["name"] == "supervised" else ", not divided"
    known = {"seed", "name", "rate", "scale_rewards", "steps", "part", *TASKS}
    more = "".join(f", {name.replace('_', ' ')} {value}" for name, value in line.items() if name not in known)
    return f"{line['name'].replace('_', ' ')}, rate {line['rate']:g}{divided}, {line['steps']} steps{more}"


def starts(lines: Lines, part: str) -> dict[int, dict[str, Any]]:
    return {line["seed"]: line for line in lines if line["name"] == "start" and line["part"] == part}


def contestants(lines: Lines, part: str) -> dict[str, dict[int, dict[str, Any]]]:
    """The lines of each contestant, by seed."""
    found: dict[str, dict[int, dict[str, Any]]] = {}
    for line in lines:
        if line["part"] == part and line["name"] != "start":
            found.setdefault(title_of(line), {})[line["seed"]] = line
    return found


def pooled(start: Mapping[int, Any], runs: Mapping[int, Any], task: str, resamples: int = 500) -> tuple[float, float]:
    """95 % of the mean gain over seeds, from resamples of every seed's pictures."""
    columns = []
    for seed, run in runs.items():
        before, after = (np.array(line[task]["means"], float) for line in (start[seed], run))
        mos = np.array(run[task]["mos"])
        known = ~np.isnan(before + after)
        columns.append((before[known], after[known], mos[known]))
    rng = np.random.default_rng(0)
    each = [
        _gains_of_resamples(*column, rng.integers(len(column[2]), size=(resamples, len(column[2]))))
        for column in columns
    ]
    low, high = np.percentile(np.mean(each, axis=0), [2.5, 97.5])
    return float(low), float(high)


def _gains_of_resamples(before: np.ndarray, after: np.ndarray, mos: np.ndarray, draws: np.ndarray) -> np.ndarray:
    """The change of SRCC in every resample, (R,), from draws of pictures, (R, N)."""
    ranks = [rankdata(column[draws], axis=1) for column in (before, after, mos)]
    x, y, z = ((rank - rank.mean(axis=1, keepdims=True)) / rank.std(axis=1, keepdims=True) for rank in ranks)
    return np.asarray(np.mean(y * z, axis=1) - np.mean(x * z, axis=1))


def gains(lines: Lines, task: str, part: str = "test") -> str:
    """The change of SRCC over SFT by seed, mean of 8 samples; then pooled, with those of one sample and greedy."""
    start, rows = starts(lines, part), []
    seeds = sorted(start)
    sft = [f"{start[seed][task]['mean']['srcc']:.3f}" for seed in seeds]
    rows.append(
        ["SFT", *sft, *(f"{mean_of(start.values(), task, kind):.3f}" for kind in ("mean", "one", "greedy")), ""]
    )
    for title, runs in contestants(lines, part).items():
        by_seed = [
            f"{runs[seed][task]['mean']['srcc'] - start[seed][task]['mean']['srcc']:+.3f}" if seed in runs else ""
            for seed in seeds
        ]
        low, high = pooled(start, runs, task)
        of_runs = [start[seed] for seed in runs]
        changes = {
            kind: mean_of(runs.values(), task, kind) - mean_of(of_runs, task, kind)
            for kind in ("mean", "one", "greedy")
        }
        rmse = mean_of(runs.values(), task, "mean", "rmse") - mean_of(of_runs, task, "mean", "rmse")
        interval = f"{changes['mean']:+.3f} ({low:+.3f} to {high:+.3f})"
        rows.append([title, *by_seed, interval, f"{changes['one']:+.3f}", f"{changes['greedy']:+.3f}", f"{rmse:+.1f}"])
    header = ["", *(f"seed {seed}" for seed in seeds), "all seeds (95 %)", "one sample", "greedy", "RMSE"]
    return table(header, rows)


def mean_of(runs: Any, task: str, kind: str, figure: str = "srcc") -> float:
    return float(np.mean([math.nan if line[task][kind][figure] is None else line[task][kind][figure] for line in runs]))


def draw(lines: Lines, path: Path, part: str = "test") -> None:
    """A dot for each seed's gain, a bar for their mean, of both tasks."""
    start, found = starts(lines, part), contestants(lines, part)
    figure = Figure(figsize=(9, 0.5 * len(found) + 1.5), layout="constrained")
    for axes, (task, name) in zip(figure.subplots(1, 2, sharey=True), TASKS.items(), strict=True):
        for place, runs in enumerate(found.values()):
            of_seeds: Sequence[float] = [
                run[task]["mean"]["srcc"] - start[seed][task]["mean"]["srcc"] for seed, run in runs.items()
            ]
            axes.plot(of_seeds, [place] * len(of_seeds), "o", color="C0", markersize=4)
            axes.plot([float(np.mean(of_seeds))] * 2, [place - 0.3, place + 0.3], color="C3")
        axes.axvline(0, color="0.7", linewidth=1)
        axes.set(title=name)
        axes.set_yticks(range(len(found)), list(found))
        axes.invert_yaxis()
    figure.supxlabel("change of SRCC over SFT, mean of 8 samples; a dot is a seed, the bar their mean", fontsize=10)
    figure.savefig(path, dpi=100)
