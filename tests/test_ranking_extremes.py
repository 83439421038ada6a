"""Both ranking functions at the ends: nothing to compare, ties, far misses, overflow, narrow dtypes."""

import math

import numpy as np
import pytest
from support.arrays import on_host
from support.rankings import BOTH, spread_batch


@BOTH
def test_one_image_has_nothing_to_compare_with(arrays, function):
    rewards = function(arrays([40.0, 60.0, math.nan]), arrays([50.0] * 3), arrays([1, 1, 1]))
    np.testing.assert_array_equal(on_host(rewards), [math.nan, math.nan, 0.0])


@BOTH
def test_an_empty_batch_gives_an_empty_batch(arrays, function):
    assert function(arrays(np.zeros(0)), arrays(np.zeros(0)), arrays(np.zeros(0, dtype=np.int64))).shape == (0,)


@BOTH
def test_all_unreadable_earns_zero_and_all_unlabelled_is_missing(arrays, function):
    nan = np.full(4, math.nan)
    groups = arrays(np.arange(4))
    np.testing.assert_array_equal(on_host(function(arrays(nan), arrays(nan * 0 + 50), groups)), nan)
    np.testing.assert_array_equal(on_host(function(arrays(nan), arrays(np.full(4, 50.0)), groups)), np.zeros(4))
    np.testing.assert_array_equal(on_host(function(arrays(np.full(4, 50.0)), arrays(nan), groups)), nan)


@BOTH
@pytest.mark.parametrize("loss", ["kl", "bce", "fidelity"])
@pytest.mark.parametrize("link", ["logistic", "normal"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_two_confident_opposite_groups_overflow_nothing(arrays, function, loss, link, dtype):
    q = arrays(np.array([0.0, 0.0, 100.0, 100.0], dtype=dtype))
    g = arrays(np.array([100.0, 100.0, 0.0, 0.0], dtype=dtype))
    settings = {"temperature": 1e-3, "pair_weight_scale": 1e-3, "loss": loss, "link": link}
    rewards = on_host(function(q, g, arrays(np.array([0, 0, 1, 1])), **settings))
    np.testing.assert_allclose(rewards, 0.0, atol=0.01)


@BOTH
def test_ties_everywhere_are_a_perfect_prediction(arrays, function):
    even = arrays(np.full(6, 42.0))
    np.testing.assert_allclose(on_host(function(even, even, arrays(np.arange(6) // 2))), 1.0, atol=1e-13)


@BOTH
@pytest.mark.parametrize(("dtype", "tolerance"), [("float16", 2e-2), ("float32", 1e-4)])
def test_narrow_dtypes_stay_near_float64(function, dtype, tolerance):
    q, g, groups = spread_batch()
    q, g = np.round(q), np.round(g)
    rewards = function(q.astype(dtype), g.astype(dtype), groups)
    assert rewards.dtype == dtype
    np.testing.assert_allclose(rewards.astype(float), function(q, g, groups), atol=tolerance)


@BOTH
def test_far_misses_still_have_a_slope_to_climb(function):
    g, groups = np.array([20.0, 80.0]), np.arange(2)
    rewards = [function(np.array([q, 10.0]), g, groups)[0] for q in (90.0, 80.0, 70.0, 60.0)]
    assert np.all(np.diff(rewards) > 1e-4)


@BOTH
def test_settings_may_be_numpy_scalars(arrays, function):
    q, g, groups = spread_batch()
    scalar = function(arrays(q), arrays(g), arrays(groups), temperature=np.float32(8), pair_weight_scale=np.int64(12))
    np.testing.assert_allclose(on_host(scalar), function(q, g, groups, temperature=8, pair_weight_scale=12))
