"""How well predictions agree with mean opinion scores (MOS), and how sure that is.

`agreement` has the field's figures, `intervals` their bootstrap intervals; both compute with scipy. `forecasts` looks
at several answers to one picture, `logistic` fits the field's curve.
"""

from tatar_rewards.metrics.agreement import (
    calibration_slope,
    constant_share,
    coverage,
    krcc,
    mae,
    plcc,
    rmse,
    spread_ratio,
    srcc,
)
from tatar_rewards.metrics.forecasts import crps, spread_within
from tatar_rewards.metrics.intervals import Interval, bootstrap_interval, percentile_interval
from tatar_rewards.metrics.logistic import FittedFigures, logistic_fit

__all__ = [
    "FittedFigures",
    "Interval",
    "bootstrap_interval",
    "calibration_slope",
    "constant_share",
    "coverage",
    "crps",
    "krcc",
    "logistic_fit",
    "mae",
    "percentile_interval",
    "plcc",
    "rmse",
    "spread_ratio",
    "spread_within",
    "srcc",
]
