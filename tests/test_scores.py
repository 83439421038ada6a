"""`gaussian_score_reward` and `threshold_score_reward`."""

import math
from statistics import median

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import reference, strategies
from support.arrays import on_host

from tatar_rewards import gaussian_score_reward, threshold_score_reward
from tatar_rewards.functional import error_score_reward


@given(strategies.scored_rows(), strategies.gaussian_settings)
def test_gaussian_equals_the_formula_in_every_library(arrays, rows, settings):
    q, g, std = rows
    known = np.where(np.isnan(std), median([s for s in std.tolist() if not math.isnan(s)] or [0.0]), std)
    expected = [reference.gaussian(*row, **settings) for row in zip(q, g, known, strict=True)]
    rewards = on_host(gaussian_score_reward(arrays(q), arrays(g), target_stds=arrays(std), **settings))
    np.testing.assert_allclose(rewards, expected, rtol=1e-9, atol=1e-12)


@given(strategies.scored_rows(), strategies.error_settings)
def test_other_shapes_equal_the_formula_in_every_library(arrays, rows, settings):
    q, g, std = rows
    known = np.where(np.isnan(std), median([s for s in std.tolist() if not math.isnan(s)] or [0.0]), std)
    expected = [reference.error_score(*row, **settings) for row in zip(q, g, known, strict=True)]
    rewards = on_host(error_score_reward(arrays(q), arrays(g), target_stds=arrays(std), **settings))
    np.testing.assert_allclose(rewards, expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("shape", ["laplace", "linear", "squared", "huber"])
def test_every_shape_is_one_at_the_mos_and_earns_the_named_reward_at_the_tolerance(shape):
    settings = {"shape": shape, "tolerance": 15, "reward_at_tolerance": 0.3}
    rewards = error_score_reward(np.array([50.0, 65.0, 35.0, 66.0]), np.full(4, 50.0), **settings)
    np.testing.assert_allclose(rewards[:3], [1, 0.3, 0.3], rtol=1e-14)
    assert rewards[3] < 0.3


@given(strategies.scored_rows(), st.floats(0, 100))
def test_threshold_equals_the_formula_in_every_library(arrays, rows, tolerance):
    q, g, _ = rows
    expected = [reference.threshold(*row, tolerance=tolerance) for row in zip(q, g, strict=True)]
    np.testing.assert_array_equal(on_host(threshold_score_reward(arrays(q), arrays(g), tolerance=tolerance)), expected)


def test_gaussian_without_widening_earns_the_named_reward_at_the_tolerance():
    rewards = gaussian_score_reward(
        np.array([60.0, 40.0]), np.array([50.0, 50.0]), tolerance=10, reward_at_tolerance=0.3, widening=0
    )
    np.testing.assert_allclose(rewards, 0.3, rtol=1e-14)


def test_gaussian_is_one_exactly_at_the_mos():
    mos = np.linspace(0, 100, 201)
    np.testing.assert_array_equal(gaussian_score_reward(mos, mos), 1.0)


def test_gaussian_gain_makes_a_flat_top_and_never_passes_one():
    rewards = gaussian_score_reward(np.array([50.0, 54.0, 90.0]), np.full(3, 50.0), gain=1.5)
    assert rewards[0] == rewards[1] == 1.0
    assert 0 < rewards[2] < 0.2


@given(strategies.gaussian_settings, st.lists(strategies.points, min_size=2), strategies.points)
def test_gaussian_never_pays_more_for_a_larger_error(settings, answers, mos):
    q = np.array(sorted(answers, key=lambda answer: abs(answer - mos)))
    rewards = gaussian_score_reward(q, np.full(len(q), mos), **settings)
    assert np.all(np.diff(rewards) <= 1e-15)


def test_gaussian_widens_with_rater_disagreement():
    q, g = np.array([60.0, 60.0]), np.array([50.0, 50.0])
    sure, unsure = gaussian_score_reward(q, g, target_stds=np.array([0.0, 20.0]))
    assert sure < unsure


def test_gaussian_ignores_a_missing_rater_deviation():
    q, g = np.array([60.0]), np.array([50.0])
    assert gaussian_score_reward(q, g, target_stds=np.array([math.nan])) == gaussian_score_reward(q, g)


def test_gaussian_does_not_underflow_into_nan_at_the_narrowest_width(arrays):
    rewards = gaussian_score_reward(arrays([0.0, 100.0]), arrays([100.0, 100.0]), tolerance=1e-3, widening=0)
    np.testing.assert_array_equal(on_host(rewards), [0.0, 1.0])


@pytest.mark.parametrize("function", [gaussian_score_reward, threshold_score_reward])
def test_missing_values_follow_the_one_rule(arrays, function):
    nan, inf = math.nan, math.inf
    q = arrays([nan, inf, -inf, -0.1, 100.1, 50.0, nan])
    g = arrays([50.0, 50.0, 50.0, 50.0, 50.0, nan, nan])
    np.testing.assert_array_equal(on_host(function(q, g)), [0, 0, 0, 0, 0, nan, nan])


@pytest.mark.parametrize("function", [gaussian_score_reward, threshold_score_reward])
def test_an_empty_batch_gives_an_empty_batch(arrays, function):
    assert function(arrays(np.zeros(0)), arrays(np.zeros(0))).shape == (0,)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_rewards_come_back_in_the_dtype_of_the_predictions(dtype):
    q, g = np.array([61.0, 80.0], dtype=dtype), np.array([70.0, 70.0])
    rewards = gaussian_score_reward(q, g)
    assert rewards.dtype == q.dtype
    np.testing.assert_allclose(rewards, [reference.gaussian(61, 70), reference.gaussian(80, 70)], rtol=1e-3)


def test_bfloat16_is_computed_in_float32():
    torch = pytest.importorskip("torch")
    q, g = torch.tensor([61.0, 80.0], dtype=torch.bfloat16), torch.tensor([70.0, 70.0], dtype=torch.bfloat16)
    rewards = gaussian_score_reward(q, g)
    assert rewards.dtype == torch.bfloat16
    expected = gaussian_score_reward(q.float(), g.float()).to(torch.bfloat16)
    assert torch.equal(rewards, expected)


def test_integer_predictions_are_taken_as_floats(arrays):
    rewards = gaussian_score_reward(arrays([70, 61]), arrays([70.0, 70.0]))
    np.testing.assert_allclose(on_host(rewards), [1, reference.gaussian(61, 70)], rtol=1e-12)


def test_settings_may_be_numpy_scalars(arrays):
    rewards = gaussian_score_reward(arrays([61.0]), arrays([70.0]), tolerance=np.float32(8.75), widening=np.int64(1))
    np.testing.assert_allclose(on_host(rewards), reference.gaussian(61, 70, widening=1), rtol=1e-12)


def test_the_inputs_are_left_as_they_were(arrays):
    q, g = np.array([math.nan, 120.0, 50.0]), np.array([50.0, 50.0, math.nan])
    kept = arrays(q.copy()), arrays(g.copy())
    gaussian_score_reward(*kept)
    np.testing.assert_array_equal(on_host(kept[0]), q)
    np.testing.assert_array_equal(on_host(kept[1]), g)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (([1.0], np.ones(1)), TypeError, "predictions must be a numpy or torch array; got list"),
        ((np.ones(1), 1.0), TypeError, "targets must be a numpy or torch array; got float"),
        ((np.ones((2, 2)), np.ones(2)), ValueError, r"predictions must be flat.* got shape \(2, 2\)"),
        ((np.ones(2), np.ones(3)), ValueError, "predictions and targets must have the same length.* 2 and 3"),
        ((np.array(["a"]), np.ones(1)), TypeError, "predictions must hold real numbers; got dtype <U1"),
        ((np.ones(1), np.ones(1, dtype=bool)), TypeError, "targets must hold real numbers; got dtype bool"),
        ((np.ones(2), np.array([4.2, 420.0])), ValueError, r"targets\[1\] is 420.* ScoreScale"),
        ((np.ones(1), np.array([-1.0])), ValueError, r"targets\[0\] is -1"),
        ((np.ones(1), np.array([math.inf])), ValueError, r"targets\[0\] is inf"),
        ((np.ones(1), np.ones(1), np.array([-1.0])), ValueError, r"target_stds\[0\] is -1"),
    ],
)
def test_bad_columns_are_named(arguments, error, message):
    with pytest.raises(error, match=message):
        gaussian_score_reward(*arguments[:2], target_stds=arguments[2] if len(arguments) > 2 else None)


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"tolerance": 0}, ValueError, r"tolerance must lie in \[0.001, 1000000\]; got 0"),
        ({"tolerance": math.nan}, ValueError, "tolerance must lie in .* got nan"),
        ({"tolerance": "8"}, TypeError, "tolerance must be a number; got '8'"),
        ({"reward_at_tolerance": 1.0}, ValueError, r"reward_at_tolerance must lie in \[1e-06, 0.999999\]; got 1.0"),
        ({"widening": -0.1}, ValueError, "widening must lie in"),
        ({"gain": 0.5}, ValueError, "gain must lie in"),
    ],
)
def test_bad_settings_are_named(settings, error, message):
    with pytest.raises(error, match=message):
        gaussian_score_reward(np.ones(1), np.ones(1), **settings)


def test_mixed_libraries_are_named():
    torch = pytest.importorskip("torch")
    with pytest.raises(TypeError, match="predictions and targets must come from one array library; got ndarray"):
        gaussian_score_reward(np.ones(1), torch.ones(1))


def test_the_default_threshold_is_8_75_points():
    errors = np.array([8.75, 8.76])
    np.testing.assert_array_equal(threshold_score_reward(50 + errors, np.array([50.0, 50.0])), [1, 0])
