"""The KL loss over many opponents in near-linear time, where a pair's loss depends on differences only.

With matched dispersion t, the logistic link and equal weights, the loss of a completion q of image i is a sum over the
opponents o of other images j, and comes apart into functions of one number on 0-100 each:

    L = sum_j [ softplus((q - o_j) / t) - F((g_i - g_j) / t) (q - o_j) / t - h((g_i - g_j) / t) ]
      = S(q) - (q A(g_i) - M(g_i)) / t - H(g_i),                              h(z) = softplus(z) - z F(z)

S, A, M and H are summed over all opponents at Chebyshev nodes only, and interpolated; what an image's own completions
add is taken off again. Their nearest singularities lie at a distance of pi t from the real axis, so that the error
falls as exp(-n asinh(pi t / 50)) with n nodes: 73 nodes for t = 8.

With observer dispersion the functions have a second variable, the variance of the image's own predictions, and nodes in
it too. `docs/design.md` has the derivations.
"""

import math
from types import ModuleType
from typing import NamedTuple

from tatar_rewards import _arrays
from tatar_rewards._arrays import Array

HALF = 50.0  # points: scores lie on HALF - HALF to HALF + HALF


def node_count(temperature: float) -> int:
    """Nodes that leave an interpolation error of the order of the rounding of float64."""
    return math.ceil(35 / math.asinh(math.pi * temperature / HALF))


def spread_node_count(top: float) -> int:
    """Nodes in ln(1 + variance / t^2) on 0 to `top`, whose singularities lie at a distance of pi from the real axis."""
    return math.ceil(35 / math.asinh(math.pi / (top / 2)))


class _Nodes(NamedTuple):
    """Chebyshev nodes of the first kind in points, and their barycentric weights."""

    points: Array  # (n,)
    weights: Array  # (n,)


def _nodes(xp: ModuleType, n: int, like: Array, half: float = HALF) -> _Nodes:
    numbers = xp.arange(n, dtype=like.dtype, device=_arrays.device_of(like))
    angles = (numbers + 0.5) * (math.pi / n)
    return _Nodes(half + half * xp.cos(angles), xp.sin(angles) * (1 - 2 * (numbers % 2)))


def _cardinals(xp: ModuleType, nodes: _Nodes, at: Array) -> Array:
    """(m, n): what each node's value counts for at other points, times a factor that each row shares."""
    distances = at[:, None] - nodes.points[None, :]
    # At a node its own term outweighs all others and the quotient is its value.
    return nodes.weights[None, :] / xp.where(distances == 0, 1e-200, distances)


def _interpolate(xp: ModuleType, nodes: _Nodes, values: Array, at: Array) -> Array:
    """Interpolants through values (n, k) at the nodes, at other points: (m, k), by the barycentric formula."""
    with_ones = xp.concat([xp.ones_like(values[:, :1]), values], axis=1)
    parts = []
    for block in _blocks(nodes, at.shape[0]):
        sums = _cardinals(xp, nodes, at[block]) @ with_ones
        parts.append(sums[:, 1:] / sums[:, :1])
    return xp.concat(parts)


def _interpolate_both(xp: ModuleType, nodes: _Nodes, spreads: _Nodes, values: Array, at: Array, spread: Array) -> Array:
    """The interpolant through values (n, l) at pairs of nodes, at other pairs of points: (m,)."""
    parts = []
    for block in _blocks(nodes, at.shape[0]):
        first, second = _cardinals(xp, nodes, at[block]), _cardinals(xp, spreads, spread[block])
        sums = xp.sum(first * (second @ values.T), axis=1)
        parts.append(sums / (xp.sum(first, axis=1) * xp.sum(second, axis=1)))
    return xp.concat(parts)


def softplus(xp: ModuleType, z: Array) -> Array:
    return xp.clip(z, 0.0, None) + xp.log1p(xp.exp(-xp.abs(z)))


def _blocks(nodes: _Nodes, count: int) -> list[slice]:
    return _arrays.blocks(count, max(1, _arrays.pairs_at_once(nodes.points) // nodes.points.shape[0]))


def _sum_softplus(xp: ModuleType, nodes: _Nodes, opponents: Array, temperature: float) -> Array:
    """S at the nodes."""
    total = xp.zeros_like(nodes.points)
    for block in _blocks(nodes, opponents.shape[0]):
        total += xp.sum(softplus(xp, (nodes.points[:, None] - opponents[block][None, :]) / temperature), axis=1)
    return total


def _target_terms(xp: ModuleType, nodes: _Nodes, targets: Array, temperature: float) -> tuple[Array, Array]:
    """F and h of the gaps between nodes and targets, (n, len(targets)) each."""
    z = (nodes.points[:, None] - targets[None, :]) / temperature
    small = xp.exp(-xp.abs(z))
    tail = small / (1 + small)
    # softplus(z) - z F(z) = log1p(e) + |z| tail, an even function
    return xp.where(z >= 0, 1 - tail, tail), xp.log1p(small) + xp.abs(z) * tail


def _sum_targets(
    xp: ModuleType, nodes: _Nodes, targets: Array, counts: Array, sums: Array, temperature: float
) -> Array:
    """A, M and H at the nodes, (n, 3)."""
    likely, moments, entropies = (xp.zeros_like(nodes.points) for _ in range(3))
    for block in _blocks(nodes, targets.shape[0]):
        probability, entropy = _target_terms(xp, nodes, targets[block], temperature)
        likely += probability @ counts[block]
        moments += probability @ sums[block]
        entropies += entropy @ counts[block]
    return xp.stack([likely, moments, entropies], axis=1)


def kl_losses(
    xp: ModuleType,
    predictions: Array,
    rows: Array,
    image_of: Array,
    targets: Array,
    sizes: Array,
    means: Array,
    *,
    single: bool,
    temperature: float,
) -> Array:
    """Mean loss of some completions over the opponents of other images.

    Args:
        xp: The array namespace.
        predictions: (n,) all readable predictions, sorted by image.
        rows: (m,) which of them to grade, ascending.
        image_of: (n,) the number of each prediction's image.
        targets: (G,) MOS of the images.
        sizes: (G,) predictions of each.
        means: (G,) their mean.
        single: Opponents are the single predictions of other images, not their means.
        temperature: t, in points.
    """
    dtype = predictions.dtype
    q, targets, sizes, means = (xp.astype(a, xp.float64, copy=False) for a in (predictions, targets, sizes, means))
    counts = sizes if single else xp.ones_like(sizes)
    sums = counts * means
    nodes = _nodes(xp, node_count(temperature), q)
    at_nodes = _sum_targets(xp, nodes, targets, counts, sums, temperature)
    interpolated = _interpolate(xp, nodes, at_nodes, targets)
    likely, moments = interpolated[:, 0] - counts / 2, interpolated[:, 1] - sums / 2
    entropies = interpolated[:, 2] - counts * math.log(2)
    softplus_sums = _sum_softplus(xp, nodes, q if single else means, temperature)
    own = _own_softplus(xp, q, image_of, sizes, temperature) if single else None

    chosen, image = xp.take(q, rows), xp.take(image_of, rows)
    own_part = softplus(xp, (chosen - xp.take(means, image)) / temperature) if own is None else xp.take(own, rows)
    total = _interpolate(xp, nodes, softplus_sums[:, None], chosen)[:, 0] - own_part
    total -= (chosen * xp.take(likely, image) - xp.take(moments, image)) / temperature + xp.take(entropies, image)
    return xp.astype(total / xp.take(xp.sum(counts) - counts, image), dtype, copy=False)


def _own_softplus(xp: ModuleType, q: Array, image_of: Array, sizes: Array, temperature: float) -> Array:
    """What the predictions of its own image add to S, for each prediction: shift by shift along the sorted rows."""
    own = xp.full_like(q, math.log(2))
    for shift in range(1, int(xp.max(sizes))):
        z = (q[shift:] - q[:-shift]) / temperature
        same = image_of[shift:] == image_of[:-shift]
        zeros = xp.zeros_like(z)
        own[shift:] += xp.where(same, softplus(xp, z), zeros)
        own[:-shift] += xp.where(same, softplus(xp, -z), zeros)
    return own


# ---------------------------------------------------------------- observer dispersion


def observer_losses(
    xp: ModuleType,
    predictions: Array,
    rows: Array,
    image_of: Array,
    targets: Array,
    means: Array,
    variances: Array,
    *,
    temperature: float,
) -> Array:
    """Mean loss of some completions over the means of other images, with s_ij^2 = t^2 + var_i + var_j.

    Arguments are those of `kl_losses`, and `variances` (G,), the population variance of each image's predictions.
    """
    dtype = predictions.dtype
    q, targets, means, variances = (
        xp.astype(a, xp.float64, copy=False) for a in (predictions, targets, means, variances)
    )
    spread = xp.log1p(variances / temperature**2)
    top = max(float(xp.max(spread)), 1e-3)
    nodes, spreads = _nodes(xp, node_count(temperature), q), _nodes(xp, spread_node_count(top), q, top / 2)
    softplus_sums, likely, moments, entropies = _sum_observed(
        xp, nodes, spreads, targets, means, variances, temperature
    )

    own = 1 / xp.sqrt(temperature**2 + 2 * variances)
    likely = _interpolate_both(xp, nodes, spreads, likely, targets, spread) - own / 2
    moments = _interpolate_both(xp, nodes, spreads, moments, targets, spread) - means * own / 2
    entropies = _interpolate(xp, nodes, entropies[:, None], targets)[:, 0] - math.log(2)
    chosen, image = xp.take(q, rows), xp.take(image_of, rows)
    total = _interpolate_both(xp, nodes, spreads, softplus_sums, chosen, xp.take(spread, image))
    total -= softplus(xp, (chosen - xp.take(means, image)) * xp.take(own, image))
    total -= chosen * xp.take(likely, image) - xp.take(moments, image) + xp.take(entropies, image)
    return xp.astype(total / (targets.shape[0] - 1), dtype, copy=False)


def _sum_observed(
    xp: ModuleType,
    nodes: _Nodes,
    spreads: _Nodes,
    targets: Array,
    means: Array,
    variances: Array,
    temperature: float,
) -> tuple[Array, Array, Array, Array]:
    """S, A and M at pairs of nodes, (n, l), and H at the nodes, (n,)."""
    squares = temperature**2 * xp.exp(spreads.points)
    softplus_sums, likely, moments = (xp.zeros_like(nodes.points[:, None] * squares[None, :]) for _ in range(3))
    entropies = xp.zeros_like(nodes.points)
    step = max(1, _arrays.pairs_at_once(squares) // (nodes.points.shape[0] * squares.shape[0]))
    for block in _arrays.blocks(targets.shape[0], step):
        precisions = 1 / xp.sqrt(squares[None, :] + variances[block][:, None])
        probability, entropy = _target_terms(xp, nodes, targets[block], temperature)
        gaps = nodes.points[:, None] - means[block][None, :]
        softplus_sums += xp.sum(softplus(xp, gaps[:, None, :] * precisions.T[None, :, :]), axis=2)
        likely += probability @ precisions
        moments += probability @ (means[block][:, None] * precisions)
        entropies += xp.sum(entropy, axis=1)
    return softplus_sums, likely, moments, entropies
