"""Curves over steps as SVG that stands in a page."""

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import NamedTuple

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#8a6d00", "#56b4e9")  # told apart by the colour-blind too
WIDTH, HEIGHT = 520, 240
LEFT, RIGHT, TOP, BOTTOM = 48, 12, 12, 30
TICKS = 4


class Line(NamedTuple):
    """A curve; a figure that is NaN leaves a gap."""

    steps: Sequence[float]
    values: Sequence[float]


def draw_curves(
    title: str, lines: Mapping[str, Line], *, lowest: float | None = None, highest: float | None = None,
    alarms: Sequence[float] = (),
) -> str:  # fmt: skip
    """A chart with its title and its legend, as HTML; "" where there is nothing to draw.

    Args:
        title: Above the chart.
        lines: By name.
        lowest: Where the vertical axis begins at the latest; None: at the least value.
        highest: Where it ends at the earliest; None: at the greatest value.
        alarms: Steps that are marked.
    """
    known = [value for line in lines.values() for value in line.values if not math.isnan(value)]
    steps = [step for line in lines.values() for step in line.steps]
    if not known:
        return ""
    low = min(known) if lowest is None else min(lowest, *known)
    high = max(known) if highest is None else max(highest, *known)
    frame = _Frame(min(steps), max(steps), low, high if high > low else low + 1)
    marks = "".join(
        f'<line class="alarm" x1="{frame.x(step):.1f}" x2="{frame.x(step):.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}"/>'
        for step in alarms
    )
    drawn, legend = [], []
    for number, (name, line) in enumerate(lines.items()):
        colour = COLOURS[number % len(COLOURS)]
        dashes = "" if number < len(COLOURS) else ' stroke-dasharray="5 3"'
        drawn.append(frame.draw(line, f'stroke="{colour}" fill="{colour}"{dashes}'))
        legend.append(f'<li><span style="background:{colour}"></span>{escape(name)}</li>')
    return (
        f'<figure><figcaption>{escape(title)}</figcaption><svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="{escape(title)} by step">{frame.axes()}{marks}{"".join(drawn)}</svg>'
        f'<ul class="legend">{"".join(legend)}</ul></figure>'
    )


class _Frame(NamedTuple):
    """Where a step and a value stand."""

    first: float
    last: float
    low: float
    high: float

    def x(self, step: float) -> float:
        share = 0.5 if self.last == self.first else (step - self.first) / (self.last - self.first)
        return LEFT + share * (WIDTH - LEFT - RIGHT)

    def y(self, value: float) -> float:
        return HEIGHT - BOTTOM - (value - self.low) / (self.high - self.low) * (HEIGHT - TOP - BOTTOM)

    def draw(self, line: Line, style: str) -> str:
        """The curve without its gaps; dots where there are few points."""
        points = [
            None if math.isnan(value) else (self.x(step), self.y(value))
            for step, value in zip(line.steps, line.values, strict=True)
        ]
        pieces: list[list[tuple[float, float]]] = [[]]
        for point in points:
            if point is None:
                pieces.append([])
            else:
                pieces[-1].append(point)
        dots = len(points) <= 40
        shown = []
        for piece in filter(None, pieces):
            path = " ".join(f"{x:.1f},{y:.1f}" for x, y in piece)
            shown.append(f'<polyline points="{path}" {style}/>')
            if dots or len(piece) == 1:
                shown += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.5" {style}/>' for x, y in piece]
        return "".join(shown)

    def axes(self) -> str:
        lines = []
        for tick in range(TICKS + 1):
            value = self.low + (self.high - self.low) * tick / TICKS
            y = self.y(value)
            lines.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
            lines.append(f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{value:.3g}</text>')
        ends = [(self.first, "start")] + [(self.last, "end")] * (self.last > self.first)
        for step, anchor in ends:
            lines.append(f'<text x="{self.x(step):.1f}" y="{HEIGHT - 10}" text-anchor="{anchor}">{step:g}</text>')
        lines.append(f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 10}" text-anchor="middle">step</text>')
        return "".join(lines)
