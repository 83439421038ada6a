"""What the runs of part 2 have left, and what tables say of them."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from run import RESULTS, read_lines
from two_digits import BASELINES, REGIMES

Runs = Mapping[tuple[str, str], Mapping[int, Mapping[str, Any]]]  # figures by regime and name, then by seed


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def read_runs(suffix: str) -> Runs:
    runs: dict[tuple[str, str], dict[int, Mapping[str, Any]]] = {}
    for line in read_lines(RESULTS / f"two_digits{suffix}.jsonl"):
        runs.setdefault((line["regime"], line["name"]), {})[line["seed"]] = line
    return runs


def values(runs: Runs, regime: str, name: str, figure: str) -> np.ndarray:
    """A figure by seed; a constant guess has no SRCC, which counts as 0."""
    by_seed = runs[regime, name]
    found = np.array([by_seed[seed][figure] for seed in sorted(by_seed)], float)
    return np.nan_to_num(found) if "SRCC" in figure else found


def regimes_of(runs: Runs) -> list[str]:
    return [regime for regime in REGIMES if any(regime == one for one, _ in runs)]


def names_of(runs: Runs, regime: str | None = None) -> list[str]:
    return list(dict.fromkeys(name for one, name in runs if regime in (None, one)))


def mean_and_error(column: np.ndarray) -> tuple[float, float]:
    return float(column.mean()), float(column.std(ddof=1) / math.sqrt(len(column))) if len(column) > 1 else math.nan


def is_level(behind: float, noise: float) -> bool:
    """Within two standard errors of the best; one that collapses on some seeds is not, however large its error."""
    return behind <= 2 * noise + 1e-12 and noise < 0.05


def behind_best(runs: Runs, regime: str, name: str, figure: str = "mean SRCC") -> tuple[float, float]:
    """How far a reward lies behind the best one of a regime, seed by seed, and the standard error of that."""
    contestants = [one for one in names_of(runs, regime) if one not in BASELINES]
    best = max(contestants, key=lambda one: values(runs, regime, one, figure).mean())
    mean, error = mean_and_error(values(runs, regime, best, figure) - values(runs, regime, name, figure))
    return mean, error
