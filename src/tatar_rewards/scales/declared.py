"""What a user may give for a scale, and the scales that are known."""

from collections.abc import Mapping
from typing import Any

from tatar_rewards.scales.scale import ScoreScale

Scale = ScoreScale | tuple[float, float]
"""A scale, or the pair (low, high) of one where higher is better."""

OTHERS = "*"
"""In a mapping of scales by data set: all data sets that it does not name."""

ScalesByDataset = Mapping[str, Scale]
"""The scale of each data set, and perhaps under `"*"` that of all others."""


def as_scale(scale: Scale) -> ScoreScale:
    """A scale from a pair (low, high); a scale as it is.

    Raises:
        TypeError: `scale` is neither.
        ValueError: the pair is no scale.

    Examples:
        >>> as_scale((1, 5))
        ScoreScale(low=1.0, high=5.0, higher_is_better=True)
    """
    if isinstance(scale, ScoreScale):
        return scale
    if not isinstance(scale, tuple | list) or len(scale) != 2:
        raise TypeError(f"a scale must be a ScoreScale or a pair such as (1, 5); got {scale!r}")
    return ScoreScale(*scale)


def as_scales(scale: Scale | ScalesByDataset) -> ScoreScale | dict[str, ScoreScale]:
    """`as_scale` of one scale, or of each data set's in the order of their names.

    Raises:
        TypeError: a scale is no scale.
        ValueError: a pair is no scale.

    Examples:
        >>> sorted(as_scales({"AVA": (1, 10), "SPAQ": (0, 100)}))
        ['AVA', 'SPAQ']
    """
    if isinstance(scale, Mapping) and {"low", "high"} <= set(scale):  # a dumped ScoreScale
        return ScoreScale(**scale)  # type: ignore[arg-type]
    if isinstance(scale, Mapping):
        return {name: as_scale(scale[name]) for name in sorted(scale)}
    return as_scale(scale)


def scale_for(scales: Mapping[str, ScoreScale], dataset: Any) -> ScoreScale | None:
    """The scale of a data set; None where none is declared for it.

    Examples:
        >>> scale_for({"AVA": ScoreScale(1, 10), "*": ScoreScale(1, 5)}, "mine")
        ScoreScale(low=1.0, high=5.0, higher_is_better=True)
    """
    return scales.get(dataset, scales.get(OTHERS))


POINTS = ScoreScale(0, 100)
"""The package's own scale."""

BENCHMARK_SCALES: dict[str, ScoreScale] = {
    "KonIQ-10k": ScoreScale(0, 100),
    "SPAQ": ScoreScale(0, 100),
    "KADID-10k": ScoreScale(1, 5),
    "PIPAL": ScoreScale(1, 5),
    "ArtiMuse-10K": ScoreScale(1, 10),
    "AVA": ScoreScale(1, 10),
    "TAD66K": ScoreScale(1, 10),
    "FLICKR-AES": ScoreScale(0, 1),
}
"""The scales of the label files that the eight benchmarks of the TATAR paper are published with.

KonIQ-10k's is the MOS rescaled to 0-100; PIPAL's the Elo score rescaled to 1-5; FLICKR-AES's the mean of one to five
stars divided by five, so that its worst possible label is 0.2.
"""
