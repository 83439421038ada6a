"""Tables and figures of the study, from benchmarks/study/results.

python benchmarks/study/show.py            # the tables
python benchmarks/study/show.py --draw     # and the figures and tables in docs
"""

import argparse
import json
import re
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import numpy as np
import show_tiny
from contestants import RECOMMENDED, REMEMBERS
from matplotlib.figure import Figure
from questions import QUESTIONS, answer
from results import Runs, behind_best, is_level, mean_and_error, names_of, read_runs, regimes_of, table, values
from run import RESULTS, read_lines
from two_digits import BASELINES, MORE_LABELS, ORACLE, START

from tatar_rewards.cli.commands import while_somebody_reads

DOCS = Path(__file__).parents[2] / "docs"

# ---------------------------------------------------------------- part 2


def gains(runs: Runs, figure: str = "mean SRCC") -> str:
    """Change over the supervised start, with its paired standard error; best and equal to it in bold."""
    regimes = regimes_of(runs)
    rows = []
    for name in names_of(runs):
        cells = [name]
        for regime in regimes:
            if (regime, name) not in runs:
                cells.append("")
                continue
            column = values(runs, regime, name, figure)
            if name == START:
                cells.append(f"{column.mean():.3f}")
                continue
            mean, error = mean_and_error(column - values(runs, regime, START, figure))
            cell = f"{mean:+.3f} ± {error:.3f}"
            behind, noise = behind_best(runs, regime, name, figure)
            cells.append(f"**{cell}**" if name not in BASELINES and is_level(behind, noise) else cell)
        rows.append(cells)
    return table(["reward", *regimes], rows)


def plain(runs: Runs, figure: str, digits: int) -> str:
    """A figure as it is."""
    regimes = regimes_of(runs)
    rows = []
    for name in names_of(runs):
        known = [regime for regime in regimes if (regime, name) in runs]
        cells = {regime: f"{np.nanmean(values(runs, regime, name, figure)):.{digits}f}" for regime in known}
        rows.append([name, *(cells.get(regime, "") for regime in regimes)])
    return table(["reward", *regimes], rows)


def averaging(runs: Runs, regime: str) -> str:
    """Greedy, one sample and the mean of eight in one regime."""
    figures = ["greedy SRCC", "one sample SRCC", "mean SRCC", "spread in a picture", "distinct greedy answers"]
    digits = [3, 3, 3, 1, 0]
    rows = [
        [name, *(f"{values(runs, regime, name, f).mean():.{d}f}" for f, d in zip(figures, digits, strict=True))]
        for name in names_of(runs, regime)
    ]
    header = ["reward", "greedy", "one sample", "mean of 8", "points apart in a picture", "distinct greedy answers"]
    return table(header, rows)


def goals(runs: Runs, name: str = RECOMMENDED) -> str:
    """Whether a reward is the best of each regime, or how far behind, in SRCC and RMSE, and what its slope is.

    Where a call holds few images there is a line with 64 remembered ones, as `opponents="memory"` has them, too.
    """
    rows, both = [], (name, name + REMEMBERS)
    lines = [(regime, one) for regime in regimes_of(runs) for one in both if (regime, one) in runs]
    for regime, one in lines:
        behind, noise = behind_best(runs, regime, one)
        contestants = [other for other in names_of(runs, regime) if other not in BASELINES]
        rmse = {other: values(runs, regime, other, "mean RMSE").mean() for other in contestants}
        slope = np.nanmean(values(runs, regime, one, "slope"))
        worst = values(runs, regime, one, "mean SRCC").min()
        mark = "yes" if is_level(behind, noise) else "no"
        errors = f"{rmse[one] / min(rmse.values()):.3f}"
        rows.append(
            [
                regime + one.removeprefix(name),
                f"{behind:.3f} ± {noise:.3f}",
                mark,
                errors,
                f"{slope:.2f}",
                f"{worst:.3f}",
            ]
        )
    header = ["regime", "SRCC behind the best", "within two errors", "RMSE / least RMSE", "slope", "SRCC, worst seed"]
    return table(header, rows)


# ---------------------------------------------------------------- part 1


def one_step(suffix: str, figure: str) -> str:
    found = json.loads((RESULTS / f"one_step{suffix}.json").read_text())
    regimes = list(next(iter(found.values())))
    rows = [[name, *(f"{by[regime][figure]:.2f}" for regime in regimes)] for name, by in found.items()]
    return table(["reward", *regimes], rows)


# ---------------------------------------------------------------- figures


def draw(runs: Runs) -> None:
    """SRCC and RMSE of every reward, a panel for each regime."""
    regimes = regimes_of(runs)
    figure = Figure(figsize=(11, 11), layout="constrained")
    grid = figure.subplots(-(-len(regimes) // 3), 3, squeeze=False)
    for axes, regime in zip(grid.flat, regimes, strict=False):
        drawn = list[tuple[float, float]]()
        for name in names_of(runs, regime):
            srcc, error = mean_and_error(values(runs, regime, name, "mean SRCC"))
            rmse = values(runs, regime, name, "mean RMSE").mean()
            color = {START: "k", MORE_LABELS: "C2", ORACLE: "C4", RECOMMENDED: "C3"}.get(name, "0.6")
            color = "C0" if name.startswith("TATAR") else color
            drawn.append((rmse, srcc))
            axes.errorbar(rmse, srcc, error, color=color, marker="o", markersize=4, linestyle="")
        start, least = values(runs, regime, START, "mean SRCC").mean(), min(drawn)[0]
        highest = max(srcc for _, srcc in drawn)
        widest = max(1.4 * least, 1.03 * values(runs, regime, START, "mean RMSE").mean())
        x, y = (0.97 * least, widest), (start - 0.03, highest + 0.02)
        outside = sum(not (x[0] <= rmse <= x[1] and y[0] <= srcc <= y[1]) for rmse, srcc in drawn)
        axes.set(xlim=x, ylim=y)
        axes.set_title(regime + (f" ({outside} outside)" if outside else ""), fontsize=10)
        axes.set(xlabel="RMSE (points)", ylabel="SRCC, mean of 8")
    for axes in grid.flat[len(regimes) :]:
        axes.set_axis_off()
    labels = {"k": START, "C2": MORE_LABELS, "C4": ORACLE, "C3": RECOMMENDED, "C0": "TATAR", "0.6": "other rewards"}
    handles = [axes.plot([], [], "o", color=color, label=label)[0] for color, label in labels.items()]
    figure.legend(handles=handles, loc="outside lower center", ncols=3)
    figure.savefig(DOCS / "study_two_digits.png", dpi=100)


def sections(suffix: str) -> dict[str, Callable[[], str]]:
    runs = read_runs(suffix)
    asked = {} if suffix else {question: partial(answer, runs, question) for question in QUESTIONS}
    return (
        asked
        | {
            "One step: rank correlation of reward and minus error within a picture": lambda: one_step(
                suffix, "within-group correlation"
            ),
            "One step: signal to noise of the advantages": lambda: one_step(suffix, "signal to noise"),
            "One step: share of groups whose rewards are all equal": lambda: one_step(suffix, "flat groups"),
            "Two digits: change of SRCC, mean of 8 samples": lambda: gains(runs),
            "Two digits: change of SRCC, one sample": lambda: gains(runs, "one sample SRCC"),
            "Two digits: RMSE in points, mean of 8 samples": lambda: plain(runs, "mean RMSE", 1),
            "Two digits: points of truth for a point of answer": lambda: plain(runs, "slope", 2),
            "Two digits, clean: what averaging is worth": lambda: averaging(runs, "clean"),
            f"Goals of the recommended reward, {RECOMMENDED}": lambda: goals(runs),
            "Learning rates that suit": lambda: plain(runs, "rate", 4),
        }
        | ({} if suffix else of_tiny_model())
    )


def of_tiny_model() -> dict[str, Callable[[], str]]:
    lines = read_lines(RESULTS / "tiny_model.jsonl")
    tables = {
        f"Tiny model: change of SRCC over SFT, {name}": partial(show_tiny.gains, lines, task)
        for task, name in show_tiny.TASKS.items()
    }
    return (
        tables
        | {"Tiny model: change of SRCC over SFT by learning rate": partial(show_tiny.by_rate, lines)}
        | {
            f"Tiny model, other settings: {name}, {part} pictures": partial(
                show_tiny.gains, lines, task, part, chosen=False
            )
            for part in ("test", "validation")
            for task, name in show_tiny.TASKS.items()
        }
    )


def with_tables(page: str, tables: Mapping[str, str]) -> str:
    """The page with today's table under each heading that is the title of one."""
    for title, text in tables.items():
        heading = re.escape(f"### {title}\n\n")
        page = re.sub(rf"({heading})(?:\|.*\n)*", lambda found, text=text: f"{found[1]}{text}\n", page)
    return page


HEAD = """# Tables of the study

What `python benchmarks/study/show.py` prints; [docs/study.md](study.md) says what it means. Changes are over the
supervised policy that all start from, ± the standard error of the paired difference over ten seeds; in bold the best of
a regime and what lies within two standard errors of it.
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="the results of run.py --quick")
    parser.add_argument("--draw", action="store_true", help="write the figures too")
    options = parser.parse_args()
    suffix = "_quick" if options.quick else ""
    tables = {title: make() for title, make in sections(suffix).items()}
    shown = "\n".join(f"### {title}\n\n{text}\n" for title, text in tables.items())
    if while_somebody_reads(lambda: print(shown) or 0):
        return
    if options.draw:
        path = DOCS / "study.md"
        path.write_text(with_tables(path.read_text(), tables))
        (DOCS / "study_tables.md").write_text(f"{HEAD}\n{shown}")
        draw(read_runs(suffix))
        show_tiny.draw(read_lines(RESULTS / "tiny_model.jsonl"), DOCS / "study_tiny_model.png")


if __name__ == "__main__":
    main()
