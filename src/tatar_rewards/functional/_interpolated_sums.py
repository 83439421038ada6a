"""The KL and the margin loss over many opponents in near-linear time, where a pair's loss depends on differences only.

With matched dispersion t, the logistic link and equal weights, the loss of a completion q of image i is a sum over the
opponents o of other images j, and comes apart into functions of one number on 0-100 each:

    L = sum_j [ softplus((q - o_j) / t) - F((g_i - g_j) / t) (q - o_j) / t - h((g_i - g_j) / t) ]
      = S(q) - (q A(g_i) - M(g_i)) / t - H(g_i),                              h(z) = softplus(z) - z F(z)

S, A, M and H are summed over all opponents at Chebyshev nodes only, and interpolated; what an image's own completions
add is taken off again. Here t is the scale of F. The nearest singularities lie at a distance of pi t from the real
axis, so that the error falls as exp(-n asinh(pi t / 50)) with n nodes: 73 nodes for t = 8.

The margin loss is a sum over differences of errors, a function of one number on -100 to 100.

With observer dispersion the functions have a second variable, the variance of the image's own predictions, and nodes in
it too. `docs/design.md` has the derivations.
"""

import math
from typing import NamedTuple

from tatar_rewards.functional import _arrays
from tatar_rewards.functional._arrays import namespace_of, take
from tatar_rewards.functional._chebyshev import (
    Kernel,
    Nodes,
    blocks_of,
    interpolate,
    interpolate_both,
    nodes_on,
    sum_at_nodes,
)
from tatar_rewards.functional._comparison import LN_2, Images, PairSettings
from tatar_rewards.functional._special import logistic_and_entropy, softplus
from tatar_rewards.functional._types import Array, PerImage, PerRow


def node_count(temperature: float) -> int:
    """Nodes that leave an interpolation error of the order of the rounding of float64."""
    return math.ceil(35 / math.asinh(math.pi * temperature / 50))


def spread_node_count(largest_variance: float, temperature: float) -> int:
    """Nodes in ln(1 + variance / t^2), whose singularities lie at a distance of pi from the real axis."""
    return math.ceil(35 / math.asinh(2 * math.pi / _largest_spread(largest_variance, temperature)))


def _largest_spread(largest_variance: float, temperature: float) -> float:
    return max(math.log1p(largest_variance / temperature**2), 1e-3)


# ---------------------------------------------------------------- matched dispersion


def matched_losses(predictions: PerRow, images: Images, rows: PerRow, settings: PairSettings) -> PerRow:
    """Mean loss of `rows`, some completions in ascending order, over the opponents of other images."""
    xp, t = namespace_of(predictions), settings.temperature
    q, targets, means, sizes = _in_float64(predictions, images.targets, images.means, images.sizes)
    single = settings.opponents == "completions"
    counts = sizes if single else xp.ones_like(sizes)
    sums = counts * means
    nodes = nodes_on(node_count(t), q, 0, 100)
    interpolated = interpolate(nodes, _sum_targets(nodes, targets, counts, sums, t), targets)
    probabilities, moments = interpolated[:, 0] - counts / 2, interpolated[:, 1] - sums / 2
    entropies = interpolated[:, 2] - counts * LN_2

    def kernel(differences: Array) -> Array:
        return softplus(differences / t)

    softplus_sums = sum_at_nodes(kernel, nodes, q if single else means)
    chosen, image = take(q, rows), take(images.of_row, rows)
    own = _own_sums(kernel, q, images, nodes) if single else kernel(q - take(means, images.of_row))
    total = interpolate(nodes, softplus_sums[:, None], chosen)[:, 0] - take(own, rows)
    total -= (chosen * take(probabilities, image) - take(moments, image)) / t + take(entropies, image)
    return xp.astype(total / take(xp.sum(counts) - counts, image), predictions.dtype, copy=False)


def _in_float64(*columns: Array) -> list[Array]:
    """S and the linear term nearly cancel for good predictions."""
    return [namespace_of(c).astype(c, namespace_of(c).float64, copy=False) for c in columns]


def _sum_targets(nodes: Nodes, targets: PerImage, counts: PerImage, sums: PerImage, temperature: float) -> Array:
    """A, M and H at the nodes, (n, 3)."""
    xp = namespace_of(targets)
    probabilities, moments, entropies = (xp.zeros_like(nodes.points) for _ in range(3))
    for block in blocks_of(nodes, targets.shape[0]):
        probability, entropy = logistic_and_entropy((nodes.points[:, None] - targets[block][None, :]) / temperature)
        probabilities += probability @ counts[block]
        moments += probability @ sums[block]
        entropies += entropy @ counts[block]
    return xp.stack([probabilities, moments, entropies], axis=1)


def _own_sums(kernel: Kernel, values: PerRow, images: Images, nodes: Nodes) -> PerRow:
    """For each completion the sum of kernel(its value - value) over all those of its own image.

    Large images are interpolated as all are, one by one; the others are summed shift by shift along the sorted rows.
    """
    xp = namespace_of(values)
    large = images.sizes > nodes.points.shape[0]
    own = kernel(xp.zeros_like(values))
    in_large = take(large, images.of_row)
    largest = int(xp.max(xp.where(large, xp.zeros_like(images.sizes), images.sizes)))
    for shift in range(1, largest):
        gaps = values[shift:] - values[:-shift]
        same = (images.of_row[shift:] == images.of_row[:-shift]) & xp.logical_not(in_large[shift:])
        zeros = xp.zeros_like(gaps)
        own[shift:] += xp.where(same, kernel(gaps), zeros)
        own[:-shift] += xp.where(same, kernel(-gaps), zeros)
    for image in xp.nonzero(large)[0]:
        start = int(images.first_rows[image])
        stop = start + int(images.sizes[image])
        sums = sum_at_nodes(kernel, nodes, values[start:stop])
        own[start:stop] = interpolate(nodes, sums[:, None], values[start:stop])[:, 0]
    return own


# ---------------------------------------------------------------- margin


def margin_node_count(temperature: float) -> int:
    """Nodes on -100 to 100 for a bell, whose Chebyshev coefficients fall as Bessel functions of (50 / t)^2."""
    return math.ceil(24 + 860 / temperature)


def margin_losses(predictions: PerRow, images: Images, rows: PerRow, settings: PairSettings) -> PerRow:
    """Mean margin loss of some completions: 1 - exp(-(e - e_o)^2 / (2 t^2)) with the errors e = q - g, e_o = o_j - g_j.

    Predicted gap less true gap is the difference of two errors, so that the sum has one variable.
    """
    xp, t = namespace_of(predictions), settings.temperature
    q, targets, means, sizes = _in_float64(predictions, images.targets, images.means, images.sizes)
    errors = q - take(targets, images.of_row)

    def bell(differences: Array) -> Array:
        return xp.exp(-0.5 * (differences / t) ** 2)

    nodes = nodes_on(margin_node_count(t), q, -100, 100)
    if settings.opponents == "completions":
        counts, opponents, own = sizes, errors, _own_sums(bell, errors, images, nodes)
    else:
        counts, opponents = xp.ones_like(sizes), means - targets
        own = bell(errors - take(opponents, images.of_row))
    sums = sum_at_nodes(bell, nodes, opponents)
    total = interpolate(nodes, sums[:, None], take(errors, rows))[:, 0] - take(own, rows)
    others = take(xp.sum(counts) - counts, take(images.of_row, rows))
    return xp.astype(1 - total / others, predictions.dtype, copy=False)


# ---------------------------------------------------------------- observer dispersion


def observer_losses(predictions: PerRow, images: Images, rows: PerRow, settings: PairSettings) -> PerRow:
    """Mean loss of some completions over the means of other images, with s_ij^2 = t^2 + var_i + var_j."""
    xp, t = namespace_of(predictions), settings.temperature
    if images.variances is None:
        raise ValueError("observer dispersion needs the variances of the images' predictions")
    q, targets, means, variances = _in_float64(predictions, images.targets, images.means, images.variances)
    spread = xp.log1p(variances / t**2)
    largest = float(xp.max(variances))
    nodes = nodes_on(node_count(t), q, 0, 100)
    spreads = nodes_on(spread_node_count(largest, t), q, 0, _largest_spread(largest, t))
    sums = _sum_observed(nodes, spreads, targets, means, variances, t)

    own = 1 / xp.sqrt(t**2 + 2 * variances)
    probabilities = interpolate_both(nodes, spreads, sums.probabilities, targets, spread) - own / 2
    moments = interpolate_both(nodes, spreads, sums.moments, targets, spread) - means * own / 2
    entropies = interpolate(nodes, sums.entropies[:, None], targets)[:, 0] - LN_2
    chosen, image = take(q, rows), take(images.of_row, rows)
    total = interpolate_both(nodes, spreads, sums.softplus, chosen, take(spread, image))
    total -= softplus((chosen - take(means, image)) * take(own, image))
    total -= chosen * take(probabilities, image) - take(moments, image) + take(entropies, image)
    return xp.astype(total / (targets.shape[0] - 1), predictions.dtype, copy=False)


class _Observed(NamedTuple):
    """S, A and M at pairs of nodes, (n, l), and H at the nodes, (n,)."""

    softplus: Array
    probabilities: Array
    moments: Array
    entropies: Array


def _sum_observed(
    nodes: Nodes, spreads: Nodes, targets: PerImage, means: PerImage, variances: PerImage, temperature: float
) -> _Observed:
    xp = namespace_of(targets)
    squares = temperature**2 * xp.exp(spreads.points)
    softplus_sums, probabilities, moments = (xp.zeros_like(nodes.points[:, None] * squares[None, :]) for _ in range(3))
    entropies = xp.zeros_like(nodes.points)
    step = max(1, _arrays.pairs_at_once(squares) // (nodes.points.shape[0] * squares.shape[0]))
    for block in _arrays.blocks(targets.shape[0], step):
        precisions = 1 / xp.sqrt(squares[None, :] + variances[block][:, None])
        probability, entropy = logistic_and_entropy((nodes.points[:, None] - targets[block][None, :]) / temperature)
        gaps = nodes.points[:, None] - means[block][None, :]
        by_spread = xp.permute_dims(precisions, (1, 0))[None, :, :]
        softplus_sums += xp.sum(softplus(gaps[:, None, :] * by_spread), axis=2)
        probabilities += probability @ precisions
        moments += probability @ (means[block][:, None] * precisions)
        entropies += xp.sum(entropy, axis=1)
    return _Observed(softplus_sums, probabilities, moments, entropies)
