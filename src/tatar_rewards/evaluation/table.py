"""The table of an evaluation."""

import math
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from tatar_rewards.evaluation.figures import Figures
from tatar_rewards.metrics import Interval
from tatar_rewards.scales import POINTS

if TYPE_CHECKING:
    from tatar_rewards.evaluation.results import DatasetEvaluation
    from tatar_rewards.evaluation.samples import SampledFigures

_UNDER = "  "  # before a line about the data set above
HEADS = ("SRCC", "(95 %)", "PLCC", "KRCC", "RMSE", "read")


class Line(NamedTuple):
    """A line of the table; a remark stands alone in its line."""

    task: str
    name: str
    pictures: str = ""
    cells: Sequence[str] = ("",) * len(HEADS)
    remark: str = ""


def table_lines(
    datasets: Sequence["DatasetEvaluation"], task_means: Mapping[str, Figures], sample_means: Mapping[str, Figures]
) -> list[Line]:
    """A line for each data set, lines on what is special of it, and a mean for each task."""
    lines: list[Line] = []

    def add(task: str, name: str, figures: Figures, pictures: str = "", bounds: str = "", read: str = "") -> None:
        cells = (three(figures.srcc), bounds, three(figures.plcc), three(figures.krcc), _one(figures.rmse), read)
        if pictures or read or not all(map(math.isnan, figures)):  # else the line would say nothing
            lines.append(Line(task, name, pictures, cells))

    for one in datasets:
        if one.rows or one.samples is None:
            pictures = str(one.rows - one.unlabelled)
            add(one.task, one.dataset, one.figures, pictures, bounds_of(one.srcc_interval), _share(one.coverage))
        else:
            lines.append(Line(one.task, one.dataset, str(one.samples.pictures)))
        if one.failures:
            add("", f"{_UNDER}at worst", one.pessimistic)
        if one.fitted is not None:
            cells = ("", "", three(one.fitted.plcc), "", _one(one.fitted.rmse), "")
            lines.append(Line("", f"{_UNDER}logistic fit", "", cells))
        if one.samples is not None:
            sampled, read = one.samples, _share(one.samples.coverage)
            add("", f"{_UNDER}{_one_of(sampled)}", sampled.one, read=read)
            add("", f"{_UNDER}mean of samples", sampled.mean, bounds=bounds_of(sampled.srcc_interval))
        add("", f"{_UNDER}constant guess", one.floor)
        if one.ceiling is not None:
            add("", f"{_UNDER}another panel", one.ceiling)
        lines += [Line("", one.dataset, remark=remark) for remark in _remarks(one)]
    for task, figures in task_means.items():
        add(task, "mean", figures)
        if task in sample_means:
            add(task, "mean, of samples", sample_means[task])
    return lines


def format_table(
    datasets: Sequence["DatasetEvaluation"], task_means: Mapping[str, Figures], sample_means: Mapping[str, Figures]
) -> str:
    """The lines of `table_lines` as a text."""
    names = [one.dataset for one in datasets] + [f"{_UNDER}{_one_of(one.samples)}" for one in datasets if one.samples]
    width = max(map(len, [*names, f"{_UNDER}mean of samples"])) + 1
    task_width = max([len(task) for task in task_means] + [4]) + 1
    heads = _line(("task", task_width), ("data set", width), "pictures", HEADS)
    return "\n".join(
        [heads]
        + [
            f"{'':<{task_width}}{_UNDER}{line.remark}"
            if line.remark
            else _line((line.task, task_width), (line.name, width), line.pictures, line.cells)
            for line in table_lines(datasets, task_means, sample_means)
        ]
    )


def _one_of(samples: "SampledFigures") -> str:
    return f"one of {samples.per_picture} samples"


def _remarks(one: "DatasetEvaluation") -> list[str]:
    """What no column can say."""
    remarks = []
    if one.failures:
        remarks.append("not read: " + ", ".join(f"{count} {status}" for status, count in one.failures.items()))
        remarks.append(f"most of them: {one.cure}")
    if one.samples is not None:
        spread, crps = _one(one.samples.spread), _one(one.samples.crps)
        remarks.append(f"samples of a picture: standard deviation {spread}, CRPS {crps} points")
        if one.samples.failures:
            counts = ", ".join(f"{count} {status}" for status, count in one.samples.failures.items())
            remarks.append(f"samples not read: {counts}; most of them: {one.samples.cure}")
    if one.srcc_interval.left_out:
        remarks.append(f"{one.srcc_interval.left_out} of {one.srcc_interval.n_resamples} resamples had no SRCC")
    if one.mos_scale != POINTS:
        remarks.append(f"MOS on {one.mos_scale}, RMSE in points on 0 to 100")
    return remarks


def _line(task: tuple[str, int], name: tuple[str, int], pictures: str, cells: Sequence[str]) -> str:
    srcc, bounds, plcc, krcc, rmse, read = cells
    left = "".join(f"{printable(text):<{width}}" for text, width in (task, name))
    return f"{left}{pictures:>9}{srcc:>7}{bounds:>17}{plcc:>7}{krcc:>7}{rmse:>7}{read:>8}".rstrip()


def bounds_of(interval: Interval, sign: str = "") -> str:
    """An interval in words; nothing where there is none."""
    low, high = interval
    return "" if math.isnan(low) else f"{low:{sign}.3f} to {high:{sign}.3f}"


def align(rows: Sequence[Sequence[str] | str], words: int | Collection[int]) -> list[str]:
    r"""Columns two spaces apart: those of words to the left, numbers to the right.

    Args:
        rows: Cells, fewer where the last ones are empty; a row that is one text stands as it is.
        words: The columns that hold words: so many first ones, or their numbers.

    Examples:
        >>> rows = [["set", "SRCC", "said"], ["KonIQ", "0.9", "up"], "not read: 2", ["a\x1b", "0.10"]]
        >>> print(*align(rows, words=(0, 2)), sep="\n")
        set    SRCC  said
        KonIQ   0.9  up
        not read: 2
        a?     0.10
    """
    of_words = range(words) if isinstance(words, int) else words
    shown = [printable(row) if isinstance(row, str) else [printable(cell) for cell in row] for row in rows]
    cells = [row for row in shown if not isinstance(row, str)]
    widths = [max(len(row[k]) for row in cells if k < len(row)) for k in range(max(map(len, cells), default=0))]

    def one(row: Sequence[str]) -> str:
        aligned = (cell.ljust(widths[k]) if k in of_words else cell.rjust(widths[k]) for k, cell in enumerate(row))
        return "  ".join(aligned).rstrip()

    return [row if isinstance(row, str) else one(row) for row in shown]


def three(figure: float) -> str:
    """A figure with three digits; a dash where there is none."""
    return "-" if math.isnan(figure) else f"{figure:.3f}"


def _one(figure: float) -> str:
    return "-" if math.isnan(figure) else f"{figure:.1f}"


def _share(share: float) -> str:
    return "-" if math.isnan(share) else f"{share:.1%}"


def printable(text: str) -> str:
    """A name may hold line feeds and codes that move a terminal's cursor."""
    return "".join(character if character.isprintable() else "?" for character in text)
