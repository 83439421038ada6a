"""The arithmetic of pairs: completions against opponents, in blocks of bounded memory.

What depends on two images only (target probability, weight, dispersion) is computed once for the pair of images and
spread over their completions; what depends on the completion is one difference and one loss a pair.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

from tatar_rewards.functional import _arrays, _interpolated_sums, _order
from tatar_rewards.functional._arrays import namespace_of, take
from tatar_rewards.functional._checks import first_row
from tatar_rewards.functional._comparison import LN_2, Images, PairSettings
from tatar_rewards.functional._pair_losses import (
    cross_entropies,
    cumulative,
    exponent_is_safe,
    logistic_losses,
    losses_of_pairs,
    to_reward,
)
from tatar_rewards.functional._types import Array, ImagePairs, PerImage, PerRow

CROSSOVER = 512  # pairs for each node from which on interpolation is quicker than the sum over pairs
OBSERVER_CROSSOVER = 2048  # the same for each pair of nodes, with observer dispersion
MOST_NODES = 1024  # a temperature of about a point; below that the sum over pairs has to do


class _Compared(NamedTuple):
    """Some of the images, H of them, against all G images."""

    probabilities: ImagePairs  # p_ij
    weights: ImagePairs  # w_ij, summing to 1 over the opponents
    weighted: ImagePairs  # w_ij p_ij
    precisions: ImagePairs | float  # 1 / s_ij
    entropies: PerImage | None  # (H,) weighted mean entropy of p_ij, what a perfect prediction costs; None: not needed


def rank_rewards(predictions: PerRow, images: Images, rows: PerRow, settings: PairSettings) -> PerRow:
    """The reward of each of `rows`, completions in ascending order; NaN where there is no opponent."""
    xp = namespace_of(predictions)
    n, n_images, n_rows = predictions.shape[0], images.targets.shape[0], rows.shape[0]
    if n_rows == 0 or (n_images < 2 and not (settings.within_image and n > 1)):
        return xp.full_like(take(predictions, rows), math.nan)
    if _ordered_in_near_linear_time(images, settings):
        return _order.shares_on_the_right_side(predictions, images, rows)
    if _near_linear(images, n_rows * (n_images if settings.opponents == "images" else n), settings):
        return to_reward(_interpolated(settings)(predictions, images, rows, settings), settings)
    shown = _shown_images(images, rows)
    step = max(1, _arrays.pairs_at_once(predictions) // n_images) * shown.rows_each
    if n_rows <= step:
        return to_reward(_block_losses(predictions, images, rows, shown, settings), settings)
    losses = [
        _block_losses(predictions, images, rows[block], _shown_images(images, rows[block], shown.rows_each), settings)
        for block in _arrays.blocks(n_rows, step)
    ]
    return to_reward(_arrays.join(losses), settings)


class _Shown(NamedTuple):
    """The H images that some completions, in ascending order, show."""

    of_row: PerRow  # (m,) their number among the H
    images: PerImage  # (H,) their number among all
    rows_each: int  # of every one of them, where they all have as many; else 1, which asks for nothing


def _shown_images(images: Images, rows: PerRow, rows_each: int | None = None) -> _Shown:
    xp, m = namespace_of(rows), rows.shape[0]
    if m == images.of_row.shape[0]:
        of_row, first_rows = images.of_row, images.first_rows
        shown = xp.arange(first_rows.shape[0], device=_arrays.device_of(rows))
    else:
        image_of = take(images.of_row, rows)
        of_row, first_rows = _arrays.number_sorted(image_of)
        shown = take(image_of, first_rows)
    count = first_rows.shape[0]
    if rows_each is None:
        rows_each = m // count
        places = rows_each * xp.arange(count, device=_arrays.device_of(rows))
        rows_each = rows_each if m % count == 0 and first_row(first_rows != places) is None else 1
    return _Shown(of_row, shown, rows_each)


def _ordered_in_near_linear_time(images: Images, settings: PairSettings) -> bool:
    """Whether each pair counts 0, 1/2 or 1, all alike."""
    return (
        settings.loss == "order"
        and settings.opponents == "completions"
        and settings.hard_targets
        and settings.pair_weight_scale == math.inf
        and not settings.within_image
        and images.targets.shape[0] > 1
    )


def _near_linear(images: Images, pairs: int, settings: PairSettings) -> bool:
    """Whether the losses are smooth functions of few numbers, and the pairs so many that nodes are quicker."""
    if settings.loss == "margin":
        smooth, node_count = settings.dispersion == "matched", _interpolated_sums.margin_node_count
    else:
        smooth = settings.loss == "kl" and settings.link == "logistic" and not settings.hard_targets
        smooth, node_count = smooth and settings.dispersion != "reference", _interpolated_sums.node_count
    smooth = smooth and settings.pair_weight_scale == math.inf and not settings.within_image
    smooth = smooth and images.target_variances is None
    nodes = node_count(settings.temperature)
    if not smooth or nodes > MOST_NODES or pairs <= CROSSOVER * nodes:
        return False
    if images.variances is None:
        return True
    largest = float(namespace_of(images.variances).max(images.variances))
    return pairs > OBSERVER_CROSSOVER * nodes * _interpolated_sums.spread_node_count(largest, settings.temperature)


def _interpolated(settings: PairSettings) -> Callable[[PerRow, Images, PerRow, PairSettings], PerRow]:
    if settings.loss == "margin":
        return _interpolated_sums.margin_losses
    if settings.dispersion == "observer":
        return _interpolated_sums.observer_losses
    return _interpolated_sums.matched_losses


def _block_losses(predictions: PerRow, images: Images, rows: PerRow, shown: _Shown, settings: PairSettings) -> PerRow:
    """Mean loss of some completions over their opponents.

    Their images are compared once, then the completions in blocks that stay in a core's cache.
    """
    compared, per_image = _compare_images(images, shown.images, settings), shown.rows_each
    opponents = (images.of_row if settings.opponents == "completions" else images.targets).shape[0]
    at_once = _arrays.pairs_at_once(predictions)
    if opponents * per_image > 16 * at_once:  # bounded memory is worth more than the fewer copies
        per_image = 1
    losses = []
    for block in _arrays.blocks(rows.shape[0], max(1, at_once // (opponents * per_image)) * per_image):
        in_order = slice(block.start // per_image, block.stop // per_image)
        their_images = shown.of_row[block] if per_image == 1 else in_order
        losses.append(_pair_losses(predictions, images, rows[block], compared, their_images, per_image, settings))
    loss = _arrays.join(losses)
    return loss if compared.entropies is None else loss - take(compared.entropies, shown.of_row)


def _pair_losses(
    predictions: PerRow,
    images: Images,
    rows: PerRow,
    compared: _Compared,
    their_images: Array | slice,
    per_image: int,
    settings: PairSettings,
) -> PerRow:
    """The weighted mean of the losses of some completions, whose images are `their_images` among those compared."""
    xp = namespace_of(predictions)

    def per_completion(matrix: ImagePairs) -> Array:
        """From pairs of images to pairs of completion and opponent, (m / per_image, 1, opponents)."""
        matrix = matrix[their_images, ...] if isinstance(their_images, slice) else take(matrix, their_images)
        if settings.opponents == "completions":
            matrix = take(matrix, images.of_row, axis=1)
        return matrix[:, None, :]

    positions = images.means if settings.opponents == "images" else predictions
    z = xp.reshape(take(predictions, rows), (-1, per_image, 1)) - positions[None, None, :]
    z *= compared.precisions if isinstance(compared.precisions, float) else per_completion(compared.precisions)
    weights, weighted = per_completion(compared.weights), per_completion(compared.weighted)
    if settings.within_image:
        own = xp.reshape(_arrays.matches(rows, z.shape[2]), z.shape)
        weights, weighted = (xp.where(own, xp.zeros_like(z), matrix) for matrix in (weights, weighted))
    if exponent_is_safe(settings):
        loss = logistic_losses(z, weights, weighted, settings)
    else:
        loss = xp.sum(weights * losses_of_pairs(per_completion(compared.probabilities), z, settings), axis=2)
    return xp.reshape(loss, (-1,))


def _compare_images(images: Images, chosen: PerImage, settings: PairSettings) -> _Compared:
    """The chosen images against all: whatever does not depend on the single completion."""
    gaps = take(images.targets, chosen)[:, None] - images.targets[None, :]
    variances: Array | float = settings.temperature**2
    if images.target_variances is not None:
        variances = variances + _pair_variances(images.target_variances, chosen)
    probabilities, entropies = _targets(gaps, gaps / _square_root(variances), settings)
    weights, shares = _weights(images, chosen, gaps, settings)
    mean_entropies = None if entropies is None else _arrays.dot(shares, entropies)
    if settings.dispersion == "reference":
        variances = settings.variance_floor
    if images.variances is not None:
        variances = variances + _pair_variances(images.variances, chosen)
    precisions = 1 / _square_root(variances)
    if settings.loss == "margin":
        probabilities = gaps * precisions
    return _Compared(probabilities, weights, weights * probabilities, precisions, mean_entropies)


def _targets(gaps: ImagePairs, z: ImagePairs, settings: PairSettings) -> tuple[ImagePairs, ImagePairs | None]:
    """Target probabilities, and the entropies that KL takes off."""
    xp = namespace_of(gaps)
    if settings.hard_targets:  # certain, but for ties
        draws = xp.where(gaps == 0, xp.full_like(gaps, LN_2), xp.zeros_like(gaps))
        return 0.5 * (1 + xp.sign(gaps)), draws if settings.loss == "kl" else None
    probabilities = cumulative(z, settings.link)
    # The entropy is the cross entropy with itself, computed alike: a perfect prediction then costs exactly 0.
    return probabilities, cross_entropies(probabilities, z, settings.link) if settings.loss == "kl" else None


def _weights(
    images: Images, chosen: PerImage, gaps: ImagePairs, settings: PairSettings
) -> tuple[ImagePairs, ImagePairs]:
    """The weight of one opponent of each image, and the share of all its opponents together, which sum to 1."""
    xp = namespace_of(gaps)
    own = _arrays.matches(chosen, images.targets.shape[0])
    excluded = own & (images.sizes < 2) if settings.within_image else own  # a lone completion has no other one there
    weights = _raw_weights(gaps, excluded, settings.pair_weight_scale)
    if settings.opponents == "images":
        weights = weights / xp.sum(weights, axis=1)[:, None]
        return weights, weights
    shares = weights * xp.where(own, images.sizes - int(settings.within_image), images.sizes)
    total = xp.sum(shares, axis=1)[:, None]
    return weights / total, shares / total


def _raw_weights(gaps: ImagePairs, excluded: ImagePairs, scale: float) -> ImagePairs:
    """w_ij times what makes the nearest opponent weigh 1, so that the weights can never all vanish."""
    xp = namespace_of(gaps)
    if scale == math.inf:
        return _arrays.astype(xp.logical_not(excluded), gaps.dtype)
    distances = xp.where(excluded, math.inf, xp.abs(gaps))
    return xp.exp((xp.min(distances, axis=1)[:, None] - distances) / scale)


def _pair_variances(variances: PerImage, chosen: PerImage) -> ImagePairs:
    return take(variances, chosen)[:, None] + variances[None, :]


def _square_root(variances: Array | float) -> Array | float:
    return math.sqrt(variances) if isinstance(variances, float) else namespace_of(variances).sqrt(variances)
