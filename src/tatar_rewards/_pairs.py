"""The arithmetic of pairs: completions against opponents, in blocks of bounded memory.

What depends on two images only (target probability, weight, dispersion) is computed once for the pair of images and
spread over their completions; what depends on the completion is one difference and one loss a pair.
"""

import math
from types import ModuleType
from typing import NamedTuple

from tatar_rewards import _arrays, _smooth
from tatar_rewards._arrays import Array

CROSSOVER = 512  # pairs for each node from which on interpolation is quicker than the sum over pairs
OBSERVER_CROSSOVER = 2048  # the same for each pair of nodes, with observer dispersion
MOST_NODES = 1024  # a temperature of half a point; below that the sum over pairs has to do
LARGEST_EXPONENT = 80  # e^88 is the largest that float32 holds


class PairSettings(NamedTuple):
    """The settings of `ranking.py`; see there."""

    opponents: str  # "images": their mean predictions; "completions": every single one
    temperature: float
    pair_weight_scale: float
    link: str
    loss: str
    hard_targets: bool
    loss_scale: float
    probability_floor: float
    dispersion: str = "matched"
    variance_floor: float = 0.01
    within_image: bool = False

    def checked(self) -> "PairSettings":
        """The same settings as plain floats, or an error that names one out of its range."""
        _arrays.check_choice("dispersion", self.dispersion, ("matched", "observer", "reference"))
        _arrays.check_choice("link", self.link, ("logistic", "normal"))
        _arrays.check_choice("loss", self.loss, ("kl", "bce", "fidelity"))
        _arrays.check_flag("hard_targets", self.hard_targets)
        _arrays.check_flag("within_image", self.within_image)
        check = _arrays.check_number
        return self._replace(
            temperature=check("temperature", self.temperature, low=1e-3, below_high=True),
            pair_weight_scale=check("pair_weight_scale", self.pair_weight_scale, low=1e-3),
            loss_scale=check("loss_scale", self.loss_scale, low=1e-6, below_high=True),
            variance_floor=check("variance_floor", self.variance_floor, low=1e-6, below_high=True),
            probability_floor=check("probability_floor", self.probability_floor, low=1e-12, high=0.5, below_high=True),
        )


class Images(NamedTuple):
    """The G images of one comparison, and which of them each of its n completions (sorted by image) shows."""

    of_row: Array  # (n,) number of the completion's image
    sizes: Array  # (G,) completions of the image
    targets: Array  # (G,) MOS
    target_variances: Array | None  # (G,) of the raters
    means: Array  # (G,) of the predictions
    variances: Array  # (G,) of the predictions


class _ImagePairs(NamedTuple):
    """Some of the images, H of them, against all images."""

    probabilities: Array  # (H, G) p_ij
    weights: Array  # (H, G) w_ij, summing to 1 over the opponents
    weighted: Array  # (H, G) w_ij p_ij
    precisions: Array | float  # (H, G) 1 / s_ij
    entropies: Array  # (H,) weighted mean entropy of p_ij, what a perfect prediction costs


def rank_rewards(xp: ModuleType, predictions: Array, images: Images, rows: Array, settings: PairSettings) -> Array:
    """The reward of each of `rows`, completions in ascending order; NaN where there is no opponent."""
    n, n_images = predictions.shape[0], images.targets.shape[0]
    if n_images < 2 and not (settings.within_image and n > 1):
        return xp.full_like(xp.take(predictions, rows), xp.nan)
    opponents = n_images if settings.opponents == "images" else n
    if _near_linear(xp, images, rows.shape[0] * opponents, settings):
        return _to_reward(_smooth_losses(xp, predictions, images, rows, settings), settings, xp)
    per_image = _rows_of_each_image(xp, xp.take(images.of_row, rows))
    step = max(1, _arrays.pairs_at_once(predictions) // n_images) * per_image
    losses = [
        _block_losses(xp, predictions, images, rows[block], per_image, settings)
        for block in _arrays.blocks(rows.shape[0], step)
    ]
    loss = xp.concat(losses) if losses else xp.take(predictions, rows)
    return _to_reward(loss, settings, xp)


def _rows_of_each_image(xp: ModuleType, image_of: Array) -> int:
    """How many rows every image has, where they all have as many; else 1, which asks for nothing."""
    m = image_of.shape[0]
    count = int(xp.sum(xp.astype(image_of[1:] != image_of[:-1], xp.int64))) + 1 if m else 1
    if m % count:
        return 1
    by_image = xp.reshape(image_of, (count, m // count))
    return m // count if m and bool(xp.all(by_image == by_image[:, :1])) else 1


def _to_reward(loss: Array, settings: PairSettings, xp: ModuleType) -> Array:
    if settings.loss == "fidelity":
        return xp.clip(1 - loss, 0.0, 1.0)
    if settings.loss == "bce":
        return xp.clip(1 - loss / -math.log(settings.probability_floor), 0.0, 1.0)
    return (1 + xp.clip(loss, 0.0, None) / settings.loss_scale) ** -2


def _near_linear(xp: ModuleType, images: Images, pairs: int, settings: PairSettings) -> bool:
    """Whether the losses are smooth functions of few numbers, and the pairs so many that nodes are quicker."""
    smooth = (
        settings.loss == "kl"
        and settings.link == "logistic"
        and settings.dispersion in ("matched", "observer")
        and settings.pair_weight_scale == math.inf
        and images.target_variances is None
        and not settings.hard_targets
        and not settings.within_image
    )
    nodes = _smooth.node_count(settings.temperature)
    if not smooth or nodes > MOST_NODES or pairs <= CROSSOVER * nodes:
        return False
    if settings.dispersion == "matched":
        return True
    top = math.log1p(float(xp.max(images.variances)) / settings.temperature**2)
    return pairs > OBSERVER_CROSSOVER * nodes * _smooth.spread_node_count(max(top, 1e-3))


def _smooth_losses(xp: ModuleType, predictions: Array, images: Images, rows: Array, settings: PairSettings) -> Array:
    shared = (xp, predictions, rows, images.of_row, images.targets)
    if settings.dispersion == "observer":
        return _smooth.observer_losses(*shared, images.means, images.variances, temperature=settings.temperature)
    single = settings.opponents == "completions"
    return _smooth.kl_losses(*shared, images.sizes, images.means, single=single, temperature=settings.temperature)


def _block_losses(
    xp: ModuleType, predictions: Array, images: Images, rows: Array, per_image: int, settings: PairSettings
) -> Array:
    """Mean loss of some completions over their opponents; `per_image` of them in a row show the same image.

    Their images are compared once, then the completions in blocks that stay in a core's cache.
    """
    image_of = xp.take(images.of_row, rows)
    local, first_rows = _arrays.number_sorted(xp, image_of)
    pairs = _compare_images(xp, images, xp.take(image_of, first_rows), settings)
    opponents = images.of_row.shape[0] if settings.opponents == "completions" else images.targets.shape[0]
    at_once = _arrays.pairs_at_once(predictions)
    if opponents * per_image > 16 * at_once:  # bounded memory is worth more than the fewer copies
        per_image = 1
    losses = []
    for block in _arrays.blocks(rows.shape[0], max(1, at_once // (opponents * per_image)) * per_image):
        their_images = local[block] if per_image == 1 else slice(block.start // per_image, block.stop // per_image)
        losses.append(_pair_losses(xp, predictions, images, rows[block], pairs, their_images, per_image, settings))
    loss = xp.concat(losses)
    return loss - xp.take(pairs.entropies, local) if settings.loss == "kl" else loss


def _pair_losses(
    xp: ModuleType,
    predictions: Array,
    images: Images,
    rows: Array,
    pairs: _ImagePairs,
    their_images: Array | slice,
    per_image: int,
    settings: PairSettings,
) -> Array:
    """The weighted mean of the losses of some completions, whose images are `their_images` among the pairs'."""

    def spread(matrix: Array) -> Array:
        """From pairs of images to pairs of completion and opponent, (m / per_image, 1, opponents)."""
        matrix = matrix[their_images, ...] if isinstance(their_images, slice) else xp.take(matrix, their_images, axis=0)
        if settings.opponents == "completions":
            matrix = xp.take(matrix, images.of_row, axis=1)
        return matrix[:, None, :]

    positions = images.means if settings.opponents == "images" else predictions
    by_image = xp.reshape(xp.take(predictions, rows), (-1, per_image))
    z = by_image[:, :, None] - positions[None, None, :]
    z *= pairs.precisions if isinstance(pairs.precisions, float) else spread(pairs.precisions)
    weights, weighted = spread(pairs.weights), spread(pairs.weighted)
    if settings.within_image:
        own = xp.reshape(_arrays.matches(xp, rows, z.shape[2]), z.shape)
        weights, weighted = (xp.where(own, xp.zeros_like(z), matrix) for matrix in (weights, weighted))
    if _exponent_is_safe(settings):
        loss = _logistic_losses(xp, z, weights, weighted, settings)
    else:
        loss = xp.sum(weights * _losses(xp, spread(pairs.probabilities), z, settings), axis=2)
    return xp.reshape(loss, (-1,))


def _exponent_is_safe(settings: PairSettings) -> bool:
    """Whether e^z overflows in no dtype, so that a logistic loss takes the shortest way."""
    if settings.link != "logistic" or settings.loss == "fidelity":
        return False
    least = math.sqrt(settings.variance_floor) if settings.dispersion == "reference" else settings.temperature
    return settings.loss == "bce" or 100 / least < LARGEST_EXPONENT


def _logistic_losses(xp: ModuleType, z: Array, weights: Array, weighted: Array, settings: PairSettings) -> Array:
    """sum_j w_ij (ln(1 + e^z) - p_ij z), with `weighted` = w p; clipping c is clipping z."""
    if settings.loss == "bce":
        bound = -math.log(settings.probability_floor) + math.log1p(-settings.probability_floor)
        z = _arrays.clip_in_place(xp, z, -bound, bound)
    linear = xp.vecdot(z, weighted)
    return xp.vecdot(_arrays.softplus_in_place(xp, z), weights) - linear


def _compare_images(xp: ModuleType, images: Images, chosen: Array, settings: PairSettings) -> _ImagePairs:
    """The chosen images against all: whatever does not depend on the single completion."""
    targets = xp.take(images.targets, chosen)
    gaps = targets[:, None] - images.targets[None, :]
    variances: Array | float = settings.temperature**2
    if images.target_variances is not None:
        variances = variances + _sums(xp, images.target_variances, chosen)
    z = gaps / _square_root(xp, variances)
    probabilities = 0.5 * (1 + xp.sign(gaps)) if settings.hard_targets else _cumulative(xp, z, settings.link)

    own = _arrays.matches(xp, chosen, images.targets.shape[0])
    excluded = xp.zeros_like(own) if settings.within_image else own
    weights = _weights(xp, gaps, excluded, settings.pair_weight_scale)
    counts = xp.ones_like(images.sizes) if settings.opponents == "images" else images.sizes
    opponents = xp.zeros_like(gaps) + counts[None, :]
    if settings.within_image:
        opponents = xp.where(own, opponents - 1, opponents)
    weights = weights / xp.sum(weights * opponents, axis=1)[:, None]
    entropies = xp.zeros_like(weights[:, 0])
    if settings.loss == "kl":
        entropies = xp.sum(weights * opponents * _entropies(xp, gaps, z, probabilities, settings), axis=1)

    if settings.dispersion == "observer":
        variances = variances + _sums(xp, images.variances, chosen)
    elif settings.dispersion == "reference":
        variances = settings.variance_floor + _sums(xp, images.variances, chosen)
    return _ImagePairs(probabilities, weights, weights * probabilities, 1 / _square_root(xp, variances), entropies)


def _weights(xp: ModuleType, gaps: Array, excluded: Array, scale: float) -> Array:
    """w_ij times what makes the nearest opponent weigh 1, so that the weights can never all vanish."""
    zeros = xp.zeros_like(gaps)
    if scale == math.inf:
        return xp.where(excluded, zeros, xp.ones_like(gaps))
    distances = xp.abs(gaps)
    nearest = xp.min(xp.where(excluded, xp.full_like(gaps, xp.inf), distances), axis=1)[:, None]
    exponents = xp.where(excluded, zeros, (nearest - distances) / scale)
    return xp.where(excluded, zeros, xp.exp(exponents))


def _sums(xp: ModuleType, variances: Array, chosen: Array) -> Array:
    return xp.take(variances, chosen)[:, None] + variances[None, :]


def _square_root(xp: ModuleType, variances: Array | float) -> Array | float:
    return math.sqrt(variances) if isinstance(variances, float) else xp.sqrt(variances)


def _cumulative(xp: ModuleType, z: Array, link: str) -> Array:
    if link == "normal":
        return _arrays.ndtr(xp, z)
    return 0.5 * (1 + xp.tanh(0.5 * z))  # the logistic function without an overflow


def _losses(xp: ModuleType, p: Array, z: Array, settings: PairSettings) -> Array:
    """The loss of each pair: p against F(z)."""
    if settings.loss == "fidelity":
        c, d = _cumulative(xp, z, settings.link), _cumulative(xp, -z, settings.link)
        return 1 - xp.sqrt(p * c) - xp.sqrt((1 - p) * d)
    if settings.loss == "bce":
        floor = settings.probability_floor
        c = xp.clip(_cumulative(xp, z, settings.link), floor, 1 - floor)
        return -(p * xp.log(c) + (1 - p) * xp.log1p(-c))
    return _cross_entropies(xp, p, z, settings.link)


def _cross_entropies(xp: ModuleType, p: Array, z: Array, link: str) -> Array:
    """-p ln F(z) - (1 - p) ln F(-z), from logits: no clipping, no overflow."""
    if link == "normal":
        return -p * _arrays.log_ndtr(xp, z) - (1 - p) * _arrays.log_ndtr(xp, -z)
    return _smooth.softplus(xp, z) - p * z


def _entropies(xp: ModuleType, gaps: Array, z: Array, p: Array, settings: PairSettings) -> Array:
    if settings.hard_targets:  # certain, but for ties
        return xp.where(gaps == 0, xp.full_like(gaps, math.log(2)), xp.zeros_like(gaps))
    return _cross_entropies(xp, p, z, settings.link)
