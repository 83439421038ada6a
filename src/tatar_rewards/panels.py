"""What another panel of raters would say of the same images: the human ceiling of every figure and reward.

A mean opinion score (MOS) is itself a draw: true opinion plus the error of its panel. Another panel as large draws
another error round the same true opinion, so that two panels differ by the errors of both. The true opinions are drawn
from what the MOS tells of them, shrunk towards the mean as far as the errors explain the spread of the MOS.
"""

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def other_panels(mos: Floats, errors: Floats, count: int, seed: int = 0) -> Iterator[Floats]:
    """Draw what other panels would say.

    Args:
        mos: (N,) mean opinion scores, in points on 0-100.
        errors: (N,) their standard errors, in points; NaN takes the median of the others.
        count: How many panels.
        seed: Of the draws.

    Yields:
        (N,) scores of a panel, in points, clipped to 0-100.

    Reference:
        Efron and Morris (1975), Data analysis using Stein's estimator: the shrunken mean as the truth's expectation.

    Examples:
        >>> mos = np.linspace(20, 80, 500)
        >>> (panel,) = other_panels(mos, np.full(500, 8.0), 1)
        >>> f"{np.sqrt(np.mean((panel - mos) ** 2)):.1f}"  # about 8 times the square root of 2
        '11.4'
    """
    known = np.where(np.isnan(errors), np.nanmedian(errors) if not np.isnan(errors).all() else math.nan, errors)
    spread = float(np.var(mos))
    share = np.clip(1 - known**2 / spread, 0, 1) if spread > 0 else np.ones_like(known)  # of the spread that is true
    expected = np.mean(mos) + share * (mos - np.mean(mos))
    doubt = known * np.sqrt(share)  # of the true opinion, given the MOS
    rng = np.random.default_rng(seed)
    for _ in range(count):
        truth = expected + doubt * rng.normal(size=len(mos))
        yield np.clip(truth + known * rng.normal(size=len(mos)), 0, 100)
