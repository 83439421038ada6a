"""Calls that a function must refuse, with the error and its message: columns, deviations, numbers out of range."""

import math

import numpy as np
import pytest
import torch

Q, G, K = np.array([50.0, 60.0]), np.array([40.0, 70.0]), np.array([1, 2])


def bad(function, *args, error, match, **settings):
    return pytest.param(function, args, settings, error, match, id=f"{function.__name__}: {match[:60]}")


def bad_columns(function, *keys):
    """What is wrong with columns, for every function that takes predictions and targets."""
    yield bad(
        function,
        [50.0, 60.0],
        G,
        *keys,
        error=TypeError,
        match="predictions must be a numpy or torch array; got list; try np.asarray",
    )
    yield bad(
        function, Q, [40.0, 70.0], *keys, error=TypeError, match="targets must be a numpy or torch array; got list"
    )
    yield bad(function, 50.0, G, *keys, error=TypeError, match="predictions must be a numpy or torch array; got float")
    yield bad(function, np.float64(50), G, *keys, error=TypeError, match="predictions must be a numpy or torch array")
    yield bad(
        function,
        Q[None],
        G,
        *keys,
        error=ValueError,
        match=r"predictions must be flat, one value per completion; got shape (1, 2)",
    )
    yield bad(
        function,
        Q,
        G[:, None],
        *keys,
        error=ValueError,
        match=r"targets must be flat, one value per completion; got shape (2, 1)",
    )
    yield bad(
        function,
        np.array(50.0),
        G,
        *keys,
        error=ValueError,
        match="predictions must be flat, one value per completion; got shape ()",
    )
    yield bad(
        function,
        Q,
        G[:1],
        *keys,
        error=ValueError,
        match="predictions and targets must have the same length, one row per completion; got 2 and 1",
    )
    yield bad(
        function,
        Q,
        torch.tensor(G),
        *keys,
        error=TypeError,
        match="predictions and targets must come from one array library; got ndarray of numpy and Tensor of torch",
    )
    yield bad(
        function,
        Q.astype(complex),
        G,
        *keys,
        error=TypeError,
        match="predictions must hold real numbers; got dtype complex128",
    )
    yield bad(function, Q > 55, G, *keys, error=TypeError, match="predictions must hold real numbers; got dtype bool")
    yield bad(
        function,
        np.array(["50", "60"]),
        G,
        *keys,
        error=TypeError,
        match="predictions must hold real numbers; got dtype <U2",
    )
    yield bad(
        function,
        Q,
        np.array([40.0, None]),
        *keys,
        error=TypeError,
        match="targets must hold real numbers; got dtype object",
    )
    yield bad(
        function,
        Q,
        np.array([40.0, 700.0]),
        *keys,
        error=ValueError,
        match="targets[1] is 700, but scores are in points on 0 to 100; convert them with ScoreScale",
    )
    yield bad(
        function,
        Q,
        np.array([-0.1, 70.0]),
        *keys,
        error=ValueError,
        match="targets[0] is -0.1, but scores are in points on 0 to 100",
    )
    yield bad(
        function,
        Q,
        np.array([40.0, math.inf]),
        *keys,
        error=ValueError,
        match="targets[1] is inf, but scores are in points",
    )
    meta = [torch.tensor(key, device="meta") if isinstance(key, np.ndarray) else key for key in (G, *keys)]
    yield bad(
        function,
        torch.tensor(Q),
        *meta,
        error=ValueError,
        match="predictions and targets must be on one device; got cpu and meta",
    )


def bad_stds(function, *columns):
    for stds, error, match in (
        ([1.0, 2.0], TypeError, "target_stds must be a numpy or torch array"),
        (np.array([1.0]), ValueError, "predictions and target_stds must have the same length"),
        (
            np.array([1.0, -2.0]),
            ValueError,
            "target_stds[1] is -2; it must be a finite number of at least 0 and at most 1000000, or NaN",
        ),
        (np.array([math.inf, 2.0]), ValueError, "target_stds[0] is inf; it must be a finite number"),
        (np.array([1e200, 2.0]), ValueError, "target_stds[0] is 1e+200; it must be a finite number"),
        (np.array(["a", "b"]), TypeError, "target_stds must hold real numbers"),
    ):
        yield bad(function, Q, G, *columns, error=error, match=match, target_stds=stds)


def bad_numbers(function, args, **limits):
    """Each setting: not a number, a truth value, complex, NaN, below its range, beyond it, and beyond any use."""
    for name, (low, beyond) in limits.items():
        for value in ("8", None, True, [8.0], np.complex64(8)):
            yield bad(
                function, *args, error=TypeError, match=f"{name} must be a number; got {value!r}", **{name: value}
            )
        for value in (math.nan, low, 1e300, *([] if beyond is None else [beyond])):
            yield bad(function, *args, error=ValueError, match=f"{name} must lie in [", **{name: value})
