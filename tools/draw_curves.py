"""Draw the curve of each reward for docs/choose.md: what an answer earns, by the functions of the package.

`python tools/draw_curves.py` writes docs/curves/*.svg; `make docs` does this first.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import tatar_rewards as tr

FOLDER = Path(__file__).parents[1] / "docs" / "curves"
WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 560, 250, 40, 12, 16, 44
COLOURS = ("#1f77b4", "#d95f02", "#2a9d4e", "#8856a7")
GREY = "#777777"
Floats = NDArray[np.float64]
Curve = tuple[str, Floats, Floats]

MOS = 70.0
ANSWERS = np.linspace(0, 100, 201)
OTHER_MOS = np.array([20.0, 35.0, 50.0, 65.0, 85.0])  # of the pictures that a ranking compares with
OTHER_ANSWERS = np.array([27.0, 33.0, 54.0, 61.0, 80.0])
GROUP = np.array([48.0, 52.0, 55.0, 58.0, 60.0, 63.0, 66.0])  # the other seven answers to the picture


def score(function: Callable[..., Floats], **settings: object) -> Floats:
    return function(ANSWERS, np.full(len(ANSWERS), MOS), **settings)


def rank(function: Callable[..., Floats], **settings: object) -> Floats:
    """Each answer by itself against five other pictures."""
    targets, groups = np.array([MOS, *OTHER_MOS]), np.arange(6)
    return np.array([function(np.array([a, *OTHER_ANSWERS]), targets, groups, **settings)[0] for a in ANSWERS])


def in_its_group(function: Callable[..., Floats]) -> Floats:
    """Each answer beside seven other answers to its picture."""
    targets, groups = np.full(8, MOS), np.zeros(8, int)
    return np.array([function(np.array([a, *GROUP]), targets, groups)[0] for a in ANSWERS])


def curves() -> Mapping[str, list[Curve]]:
    words = np.arange(0, 201.0)
    shapes = ("laplace", "linear", "squared", "huber")
    return {
        "gaussian": [
            (f"tolerance {t:g}", ANSWERS, score(tr.gaussian_score_reward, tolerance=t)) for t in (8.75, 20.0, 40.0)
        ],
        "error": [(shape, ANSWERS, score(tr.error_score_reward, shape=shape)) for shape in shapes],
        "threshold": [("tolerance 8.75", ANSWERS, score(tr.threshold_score_reward))],
        "crps": [("beside answers of 48 to 66", ANSWERS, in_its_group(tr.crps_score_reward))],
        "thurstone": [
            ("KL, temperature 14.5", ANSWERS, rank(tr.thurstone_rank_reward)),
            ("margin, temperature 40", ANSWERS, rank(tr.thurstone_rank_reward, loss="margin", temperature=40.0)),
            ("fidelity", ANSWERS, rank(tr.thurstone_rank_reward, loss="fidelity")),
        ],
        "win_rate": [("win rate", ANSWERS, rank(tr.win_rate_reward))],
        "length": [
            ("at most 65 words", words, tr.length_reward(words, longest=65)),
            ("at least 125 words", words, tr.length_reward(words, shortest=125)),
        ],
    }


def text(x: float, y: float, words: str, anchor: str = "middle", colour: str = GREY) -> str:
    return f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}" fill="{colour}">{words}</text>'


def picture(drawn: list[Curve], label: str) -> str:
    """An SVG of curves over one axis, with their names."""
    high = float(drawn[0][1].max())

    def across(value: float) -> float:
        return LEFT + value / high * (WIDTH - LEFT - RIGHT)

    def up(value: float) -> float:
        return HEIGHT - BOTTOM - value * (HEIGHT - TOP - BOTTOM)

    parts = []
    for reward in (0, 0.5, 1):
        parts.append(f'<path d="M{LEFT} {up(reward):g}H{WIDTH - RIGHT}" stroke="{GREY}" stroke-opacity="0.3"/>')
        parts.append(text(LEFT - 6, up(reward) + 4, f"{reward:g}", "end"))
    parts += [text(across(high * k / 5), HEIGHT - 26, f"{high * k / 5:g}") for k in range(6)]
    parts.append(text(across(high / 2), HEIGHT - 8, label))
    if high == 100:
        parts.append(f'<path d="M{across(MOS):g} {up(0):g}V{up(1):g}" stroke="{GREY}" stroke-dasharray="4 4"/>')
        parts.append(text(across(MOS) + 5, up(0) - 5, "MOS", "start"))
    for k, ((name, xs, ys), colour) in enumerate(zip(drawn, COLOURS, strict=False)):
        path = "L".join(f"{across(x):.1f} {up(y):.1f}" for x, y in zip(xs, ys, strict=True))
        parts.append(f'<path d="M{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts.append(text(LEFT + 8, TOP + 14 + 17 * k, name, "start", colour))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'font-family="sans-serif" font-size="13">{"".join(parts)}</svg>\n'
    )


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    for name, drawn in curves().items():
        label = "words of thinking" if name == "length" else "answer, in points"
        (FOLDER / f"{name}.svg").write_text(picture(drawn, label))


if __name__ == "__main__":
    main()
