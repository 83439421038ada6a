"""The loss of a pair, a target probability p against a predicted F(z), and what a mean loss earns."""

import math

from tatar_rewards.functional import _special
from tatar_rewards.functional._arrays import dot, namespace_of
from tatar_rewards.functional._comparison import PairSettings
from tatar_rewards.functional._types import Array, PerRow

LARGEST_EXPONENT = 80  # e^88 is the largest that float32 holds


def cumulative(z: Array, link: str) -> Array:
    """F, the logistic function or the normal CDF."""
    if link == "normal":
        return _special.normal_cdf(z)
    return _special.logistic(z)


def losses_of_pairs(p: Array, z: Array, settings: PairSettings) -> Array:
    """The loss of each pair: p against F(z); with the margin loss, the true gap in units of s_ij against z."""
    xp = namespace_of(z)
    if settings.loss == "margin":
        return 1 - xp.exp(-0.5 * (z - p) ** 2)
    if settings.loss == "order":
        return 0.5 * (1 - (2 * p - 1) * xp.sign(z))
    if settings.loss == "fidelity":
        c, d = cumulative(z, settings.link), cumulative(-z, settings.link)
        return 1 - xp.sqrt(p * c) - xp.sqrt((1 - p) * d)
    if settings.loss == "bce":
        floor = settings.probability_floor
        c = xp.clip(cumulative(z, settings.link), floor, 1 - floor)
        return -(p * xp.log(c) + (1 - p) * xp.log1p(-c))
    return cross_entropies(p, z, settings.link)


def cross_entropies(p: Array, z: Array, link: str) -> Array:
    """-p ln F(z) - (1 - p) ln F(-z), from logits: no clipping, no overflow."""
    if link == "normal":
        return -p * _special.log_normal_cdf(z) - (1 - p) * _special.log_normal_cdf(-z)
    return _special.softplus(z) - p * z


def exponent_is_safe(settings: PairSettings) -> bool:
    """Whether e^z overflows in no dtype, so that `logistic_losses` may be used."""
    if settings.link != "logistic" or settings.loss not in ("kl", "bce"):
        return False
    least = math.sqrt(settings.variance_floor) if settings.dispersion == "reference" else settings.temperature
    return settings.loss == "bce" or 100 / least < LARGEST_EXPONENT


def logistic_losses(z: Array, weights: Array, weighted: Array, settings: PairSettings) -> Array:
    """sum_j w_ij (ln(1 + e^z) - p_ij z), with `weighted` = w p; to clip the probability is to clip its logit z."""
    if settings.loss == "bce":
        bound = -math.log(settings.probability_floor) + math.log1p(-settings.probability_floor)
        z = _special.clip_in_place(z, -bound, bound)
    linear = dot(z, weighted)
    return dot(_special.softplus_in_place(z), weights) - linear


def to_reward(loss: PerRow, settings: PairSettings) -> PerRow:
    """What a mean loss earns, on [0, 1]."""
    xp = namespace_of(loss)
    if settings.loss in ("fidelity", "margin", "order"):
        return xp.clip(1 - loss, 0.0, 1.0)
    if settings.loss == "bce":
        return xp.clip(1 - loss / -math.log(settings.probability_floor), 0.0, 1.0)
    return (1 + _special.positive_part(loss) / settings.loss_scale) ** -2
