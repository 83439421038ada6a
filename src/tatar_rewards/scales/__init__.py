"""Declared score scales, and the way between them and points on 0-100.

A MOS of 4.2 means one thing on a 1-5 scale and another on 0-100, and no number says by itself which is meant. So the
caller declares the scale once, every value is checked against it, and inside the package a score is always in points:
0 the worst, 100 the best.
"""

from tatar_rewards.scales.cells import DeviationOf, is_missing
from tatar_rewards.scales.declared import (
    BENCHMARK_SCALES,
    OTHERS,
    POINTS,
    Scale,
    ScalesByDataset,
    as_scale,
    as_scales,
    scale_for,
)
from tatar_rewards.scales.options import label_scales, scale_of
from tatar_rewards.scales.scale import ScoreScale

__all__ = [
    "BENCHMARK_SCALES",
    "OTHERS",
    "POINTS",
    "DeviationOf",
    "Scale",
    "ScalesByDataset",
    "ScoreScale",
    "as_scale",
    "as_scales",
    "is_missing",
    "label_scales",
    "scale_for",
    "scale_of",
]
