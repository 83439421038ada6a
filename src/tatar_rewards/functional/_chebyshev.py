"""Chebyshev interpolation: a smooth sum over many values is known everywhere from its values at a few nodes."""

import math
from collections.abc import Callable, Hashable
from functools import lru_cache
from typing import Any, NamedTuple, cast

import numpy as np

from tatar_rewards.functional import _arrays
from tatar_rewards.functional._arrays import namespace_of
from tatar_rewards.functional._types import Array, Namespace

Kernel = Callable[[Array], Array]  # of differences


class Nodes(NamedTuple):
    """Chebyshev nodes of the first kind, and their barycentric weights."""

    points: Array  # (n,)
    weights: Array  # (n,)


def nodes_on(n: int, like: Array, low: float, high: float) -> Nodes:
    """N nodes on low to high, in the dtype and on the device of an array."""
    return _kept_nodes(n, low, high, cast(Hashable, namespace_of(like)), like.dtype, _arrays.device_of(like))


@lru_cache(maxsize=32)
def _kept_nodes(n: int, low: float, high: float, xp: Namespace, dtype: Any, device: Any) -> Nodes:
    numbers = np.arange(n)
    angles = (numbers + 0.5) * (math.pi / n)
    points = (low + high) / 2 + (high - low) / 2 * np.cos(angles)
    weights = np.sin(angles) * (1 - 2 * (numbers % 2))
    return Nodes(*(xp.asarray(values, dtype=dtype, device=device) for values in (points, weights)))


def _cardinals(nodes: Nodes, at: Array) -> Array:
    """(m, n): what each node's value counts for at other points, times a factor that each row shares."""
    distances = at[:, None] - nodes.points[None, :]
    # At a node its own term outweighs all others and the quotient is its value.
    return nodes.weights[None, :] / namespace_of(at).where(distances == 0, 1e-200, distances)


def interpolate(nodes: Nodes, values: Array, at: Array) -> Array:
    """Interpolants through values (n, k) at the nodes, at other points: (m, k), by the barycentric formula."""
    xp = namespace_of(values)
    with_ones = xp.concat([xp.ones_like(values[:, :1]), values], axis=1)
    parts = []
    for block in blocks_of(nodes, at.shape[0]):
        sums = _cardinals(nodes, at[block]) @ with_ones
        parts.append(sums[:, 1:] / sums[:, :1])
    return _arrays.join(parts)


def interpolate_both(nodes: Nodes, spreads: Nodes, values: Array, at: Array, spread: Array) -> Array:
    """The interpolant through values (n, l) at pairs of nodes, at other pairs of points: (m,)."""
    xp = namespace_of(values)
    parts = []
    for block in blocks_of(nodes, at.shape[0]):
        first, second = _cardinals(nodes, at[block]), _cardinals(spreads, spread[block])
        sums = xp.sum(first * (second @ xp.permute_dims(values, (1, 0))), axis=1)
        parts.append(sums / (xp.sum(first, axis=1) * xp.sum(second, axis=1)))
    return _arrays.join(parts)


def blocks_of(nodes: Nodes, count: int) -> list[slice]:
    return _arrays.blocks(count, max(1, _arrays.pairs_at_once(nodes.points) // nodes.points.shape[0]))


def sum_at_nodes(kernel: Kernel, nodes: Nodes, values: Array) -> Array:
    """(n,) at each node the sum of kernel(node - value) over some values."""
    xp = namespace_of(values)
    total = xp.zeros_like(nodes.points)
    for block in blocks_of(nodes, values.shape[0]):
        total += xp.sum(kernel(nodes.points[:, None] - values[block][None, :]), axis=1)
    return total
