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


SUPERVISED = "supervised"
NAMES = {  # of the lists in tiny_rewards.py
    SUPERVISED: "supervised, the same labels",
    "recommended": "recommended: margin 40 + 0.3 win rate + 0.3 CRPS",
    "win_rate_and_crps": "win rate + CRPS",
    "gaussian": "Gaussian 8.75 on both tasks",
    "gaussian_20": "Gaussian 20 on both tasks",
    "thurstone": "Thurstone matched 14.5 on both tasks",
    "tatar": "TATAR, ours: Gaussian 8.75 and Thurstone matched 14.5",
    "tatar_without_budgets": "TATAR, ours, without length budgets",
    "as_in_the_paper": "TATAR, paper: Gaussian 8.75 and Thurstone",
}
CHOSEN = {"rate": 2e-4, "scale_rewards": "group", "steps": 90, "loss_type": "dapo"}  # what all are compared at


def is_chosen(line: Mapping[str, Any]) -> bool:
    """Whether a run has the settings at which the lists of rewards are compared."""
    return bool(line.items() >= CHOSEN.items()) or (line["name"] == SUPERVISED and line["rate"] == 3e-4)


def title_of(line: Mapping[str, Any]) -> str:
    """The name of a contestant, and where they are others than the chosen ones, its settings."""
    if is_chosen(line):
        return NAMES[line["name"]]
    divided = "" if line["scale_rewards"] == "group" or line["name"] == SUPERVISED else ", not divided"
    known = {"seed", "name", "rate", "scale_rewards", "steps", "part", "device", *TASKS}
    more = "".join(f", {name.replace('_', ' ')} {value}" for name, value in line.items() if name not in known)
    return f"{line['name'].replace('_', ' ')}, rate {line['rate']:g}{divided}, {line['steps']} steps{more}"


def starts(lines: Lines, part: str) -> dict[int, dict[str, Any]]:
    return {line["seed"]: line for line in lines if line["name"] == "start" and line["part"] == part}


def contestants(lines: Lines, part: str, *, chosen: bool) -> dict[str, dict[int, dict[str, Any]]]:
    """The lines of each contestant, by seed: those at the chosen settings, or the others."""
    order = {name: number for number, name in enumerate(NAMES)}
    lines = [line for line in lines if line["part"] == part and line["name"] != "start" and is_chosen(line) == chosen]
    found: dict[str, dict[int, dict[str, Any]]] = {}
    for line in sorted(lines, key=lambda line: order.get(line["name"], len(order))):
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


def gains(lines: Lines, task: str, part: str = "test", *, chosen: bool = True) -> str:
    """The change of SRCC over SFT by seed, mean of 8 samples; then pooled, with those of one sample and greedy."""
    start, found = starts(lines, part), contestants(lines, part, chosen=chosen)
    seeds = sorted(start)
    sft = [f"{start[seed][task]['mean']['srcc']:.3f}" for seed in seeds]
    whole = [f"{mean_of(start.values(), task, kind):.3f}" for kind in ("mean", "one", "greedy")]
    rows = [["SFT", *sft, whole[0], "", *whole[1:], f"{mean_of(start.values(), task, 'mean', 'rmse'):.1f}"]]
    best = found.get(NAMES["recommended"], {})
    for title, runs in found.items():
        changed = {seed: change(start, runs, task, seed) for seed in sorted(runs)}
        low, high = pooled(start, runs, task)
        of_runs = [start[seed] for seed in runs]
        others = [
            f"{mean_of(runs.values(), task, kind) - mean_of(of_runs, task, kind):+.3f}" for kind in ("one", "greedy")
        ]
        rows.append(
            [
                title,
                *(f"{changed[seed]:+.3f}" if seed in runs else "" for seed in seeds),
                f"{np.mean(list(changed.values())):+.3f} ({low:+.3f} to {high:+.3f})",
                "" if runs is best else against(changed, {seed: change(start, best, task, seed) for seed in best}),
                *others,
                f"{mean_of(runs.values(), task, 'mean', 'rmse'):.1f}",
            ]
        )
    header = ["", *(f"seed {seed}" for seed in seeds), "all seeds (95 %)", "over recommended", "one sample", "greedy"]
    return table([*header, "RMSE"], rows)


def by_rate(lines: Lines, part: str = "test") -> str:
    """The mean change of SRCC over SFT at each learning rate, of the lists and seeds that were trained at several."""
    settings = {name: value for name, value in CHOSEN.items() if name != "rate"}
    runs: dict[str, dict[float, dict[int, dict[str, Any]]]] = {}
    for line in lines:
        if line["part"] == part and line["name"] in NAMES and line.items() >= settings.items():
            runs.setdefault(line["name"], {}).setdefault(line["rate"], {})[line["seed"]] = line
    start, rows = starts(lines, part), []
    rates = sorted({rate for of_list in runs.values() if len(of_list) > 1 for rate in of_list})
    for name in (name for name in NAMES if len(runs.get(name, {})) > 1):
        of_list = runs[name]
        seeds = sorted(set.intersection(*(set(of_seed) for of_seed in of_list.values())))
        row = [NAMES[name], ", ".join(map(str, seeds))]
        for task in TASKS:
            gained = {rate: {seed: change(start, of_list[rate], task, seed) for seed in seeds} for rate in of_list}
            for rate in rates:
                if rate not in gained:
                    row.append("")
                    continue
                error = "" if rate == CHOSEN["rate"] else f" ({against(gained[rate], gained[CHOSEN['rate']])})"
                row.append(f"{np.mean(list(gained[rate].values())):+.3f}{error}")
        rows.append(row)
    return table(["", "seeds", *(f"{title}, {rate:g}" for title in TASKS.values() for rate in rates)], rows)


def change(start: Mapping[int, Any], runs: Mapping[int, Any], task: str, seed: int) -> float:
    return float(runs[seed][task]["mean"]["srcc"] - start[seed][task]["mean"]["srcc"])


def against(changed: Mapping[int, float], best: Mapping[int, float]) -> str:
    """The mean difference to other runs, and its standard error, over the seeds that both have."""
    differences = np.array([changed[seed] - best[seed] for seed in changed if seed in best])
    if len(differences) < 2:
        return ""
    return f"{differences.mean():+.3f} ± {differences.std(ddof=1) / math.sqrt(len(differences)):.3f}"


def mean_of(runs: Any, task: str, kind: str, figure: str = "srcc") -> float:
    return float(np.mean([math.nan if line[task][kind][figure] is None else line[task][kind][figure] for line in runs]))


def draw(lines: Lines, path: Path, part: str = "test") -> None:
    """A dot for each seed's gain, a bar for their mean, of both tasks."""
    start, found = starts(lines, part), contestants(lines, part, chosen=True)
    figure = Figure(figsize=(11, 0.4 * len(found) + 1.5), layout="constrained")
    for axes, (task, name) in zip(figure.subplots(1, 2, sharey=True), TASKS.items(), strict=True):
        for place, runs in enumerate(found.values()):
            of_seeds: Sequence[float] = [change(start, runs, task, seed) for seed in runs]
            axes.plot(of_seeds, [place] * len(of_seeds), "o", color="C0", markersize=4)
            axes.plot([float(np.mean(of_seeds))] * 2, [place - 0.3, place + 0.3], color="C3")
        axes.axvline(0, color="0.7", linewidth=1)
        axes.set(title=name)
        axes.set_yticks(range(len(found)), list(found))
    axes.invert_yaxis()  # shared by both
    figure.supxlabel("change of SRCC over SFT, mean of 8 samples; a dot is a seed, the bar their mean", fontsize=10)
    figure.savefig(path, dpi=100)
