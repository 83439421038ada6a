"""The special functions that array libraries have under other names, or do not have. Knows numpy and torch too."""

from typing import Any

import array_api_compat
import numpy as np

from tatar_rewards.functional._arrays import namespace_of
from tatar_rewards.functional._types import Array


def logistic(z: Array) -> Array:
    """1 / (1 + e^-z) without an overflow, in one new array where the library can."""
    if array_api_compat.is_torch_array(z):
        tensor: Any = z
        return tensor.sigmoid()
    half = 0.5 * z
    half = np.tanh(half, out=half) if isinstance(half, np.ndarray) else namespace_of(half).tanh(half)
    half += 1
    half *= 0.5
    return half


def logistic_and_entropy(z: Array) -> tuple[Array, Array]:
    """F(z), the logistic function, and h(z) = softplus(z) - z F(z), the entropy of F(z) in nats."""
    xp = namespace_of(z)
    if array_api_compat.is_torch_array(z):
        probability = logistic(z)
        return probability, softplus(z) - z * probability
    size = xp.abs(z)
    small = xp.exp(-size)
    tail = small / (1 + small)
    return xp.where(z >= 0, 1 - tail, tail), xp.log1p(small) + size * tail  # h is an even function


def softplus(z: Array) -> Array:
    """ln(1 + e^z) without an overflow."""
    if array_api_compat.is_torch_array(z):
        import torch

        return torch.nn.functional.softplus(z, threshold=40)  # above, z to the last digit
    xp = namespace_of(z)
    return positive_part(z) + xp.log1p(xp.exp(-xp.abs(z)))


def positive_part(z: Array) -> Array:
    """max(z, 0); numpy's maximum costs a third of its clip."""
    return np.maximum(z, 0.0) if isinstance(z, np.ndarray) else namespace_of(z).clip(z, 0.0, None)


def softplus_in_place(z: Array) -> Array:
    """ln(1 + e^z), in the memory of z where the library can; e^z must not overflow."""
    if isinstance(z, np.ndarray):
        return np.log1p(np.exp(z, out=z), out=z)
    if array_api_compat.is_torch_array(z):
        tensor: Any = z
        return tensor.exp_().log1p_()
    xp = namespace_of(z)
    return xp.log1p(xp.exp(z))


def clip_in_place(z: Array, low: float, high: float) -> Array:
    """Clip, in the memory of z where the library can."""
    if isinstance(z, np.ndarray):
        return np.clip(z, low, high, out=z)
    if array_api_compat.is_torch_array(z):
        tensor: Any = z
        return tensor.clamp_(low, high)
    return namespace_of(z).clip(z, low, high)


def normal_cdf(x: Array) -> Array:
    """The standard normal CDF."""
    return _of_library(x, "ndtr")


def log_normal_cdf(x: Array) -> Array:
    """Log of the standard normal CDF, exact far into the tail."""
    return _of_library(x, "log_ndtr")


def _of_library(x: Array, name: str) -> Array:
    """A special function of torch or of scipy, which call it by the same name."""
    if array_api_compat.is_torch_array(x):
        import torch

        return getattr(torch.special, name)(x)
    from scipy import special

    return namespace_of(x).asarray(getattr(special, name)(np.asarray(x)), dtype=x.dtype)
