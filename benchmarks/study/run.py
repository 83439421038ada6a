"""The study's first two parts: what one step sees of each reward, and what a small policy learns from it.

    python benchmarks/study/run.py            # ten seeds: hours on two cores; goes on where it was stopped
    python benchmarks/study/run.py --quick    # two seeds, fewer contestants: minutes

Results lie in benchmarks/study/results as JSON, one line a run; `python benchmarks/study/show.py` makes the tables.
"""

import argparse
import json
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any

import one_step
import torch
import two_digits
from contestants import CONTESTANTS, RECOMMENDED, REMEMBERING

RESULTS = Path(__file__).parent / "results"
SEEDS, VALIDATION_SEEDS = range(10), (100, 101, 102)
QUICK = [
    "TATAR, quality: Gaussian 8.75",
    "TATAR, paper, aesthetics: Thurstone",
    "TATAR, ours, aesthetics: Thurstone matched 14.5",
    "CRPS",
    RECOMMENDED,
]


def read_lines(path: Path) -> list[dict[str, Any]]:
    """Whole lines; one that a kill cut off is written again."""
    if not path.exists():
        return []
    whole = path.read_bytes().rpartition(b"\n")[0]
    return [json.loads(line) for line in whole.decode().splitlines() if line]


def run_one_step(names: list[str], path: Path) -> None:
    figures = {name: one_step.measure(name) for name in names}
    path.write_text(json.dumps(figures, indent=1) + "\n")


def run_contestant(regime: str, name: str, seeds: list[int], validation_seeds: list[int]) -> list[dict[str, Any]]:
    """Every seed of a contestant, at the rate that suits it."""
    torch.set_num_threads(1)
    settings = two_digits.REGIMES[regime]
    rate = two_digits.best_rate(settings, name, validation_seeds)
    return [
        {"regime": regime, "name": name, "seed": seed, "rate": rate, **two_digits.run_seed(settings, name, rate, seed)}
        for seed in seeds
    ]


def contestants_of(regime: str, names: Sequence[str]) -> list[str]:
    """Memories take part only where a call holds few images."""
    return [*two_digits.BASELINES, *names, *(REMEMBERING if regime == "two images a call" else ())]


def run_two_digits(
    regimes: list[str], names: list[str], seeds: list[int], validation: list[int], path: Path, processes: int | None
) -> None:
    """What `path` lacks; a contestant's lines are written when all of its seeds are there."""
    kept = read_lines(path)
    done = {(line["regime"], line["name"]) for line in kept}
    path.write_text("".join(json.dumps(line) + "\n" for line in kept))
    wanted = [(regime, name) for regime in regimes for name in contestants_of(regime, names)]
    with ProcessPoolExecutor(processes) as pool, path.open("a") as file:
        tasks = [pool.submit(run_contestant, *key, seeds, validation) for key in wanted if key not in done]
        for number, task in enumerate(as_completed(tasks), start=1):
            lines = task.result()
            file.write("".join(json.dumps(line) + "\n" for line in lines))
            file.flush()
            print(f"{number} of {len(tasks)}: {lines[0]['regime']}, {lines[0]['name']}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="two seeds, five rewards, three regimes")
    parser.add_argument("--regimes", nargs="+", choices=[*two_digits.REGIMES], default=[*two_digits.REGIMES])
    parser.add_argument("--processes", type=int, help="as many as there are cores, if it is not given")
    options = parser.parse_args()
    RESULTS.mkdir(exist_ok=True)
    if options.quick:
        names, seeds, validation = QUICK, [0, 1], [100]
        regimes, suffix = ["clean", "few labels first", "three data sets, offsets of 20"], "_quick"
    else:
        names, seeds, validation = [*CONTESTANTS], [*SEEDS], [*VALIDATION_SEEDS]
        regimes, suffix = options.regimes, ""
    run_one_step(names, RESULTS / f"one_step{suffix}.json")
    run_two_digits(regimes, names, seeds, validation, RESULTS / f"two_digits{suffix}.jsonl", options.processes)


if __name__ == "__main__":
    main()
