"""The agreement metrics: scipy's figures, without the rows that have none."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from tatar_rewards import metrics

numbers = st.one_of(st.integers(0, 9).map(float), st.floats(0, 100, allow_subnormal=False))
pairs = st.lists(st.tuples(numbers, numbers), min_size=3, max_size=40)


@given(pairs)
def test_correlations_are_scipys_with_ties(rows):
    x, y = np.array(rows).T
    if len(set(x)) < 2 or len(set(y)) < 2:
        assert math.isnan(metrics.srcc(x, y))
        return
    assert metrics.srcc(x, y) == stats.spearmanr(x, y).statistic
    assert metrics.krcc(x, y) == stats.kendalltau(x, y).statistic
    assert metrics.plcc(x, y) == pytest.approx(stats.pearsonr(x, y).statistic, nan_ok=True)


@pytest.mark.parametrize("metric", [metrics.srcc, metrics.plcc, metrics.krcc, metrics.rmse, metrics.mae])
def test_missing_values_are_left_out_on_either_side(metric):
    nan = math.nan
    x, y = [1.0, 2.0, nan, 4.0, 3.0], [2.0, 1.0, 3.0, nan, 5.0]
    assert metric(x, y) == metric([1.0, 2.0, 3.0], [2.0, 1.0, 5.0])


@pytest.mark.parametrize("metric", [metrics.srcc, metrics.plcc, metrics.krcc])
def test_a_constant_has_no_correlation(metric):
    assert math.isnan(metric([5.0, 5.0, 5.0], [1.0, 2.0, 3.0]))
    assert math.isnan(metric([5.0], [1.0]))
    assert math.isnan(metric([], []))


def test_errors_and_coverage():
    assert metrics.rmse([0.0, 4.0], [3.0, 0.0]) == pytest.approx(math.sqrt(12.5))
    assert metrics.mae([0.0, 4.0], [3.0, 0.0]) == 3.5
    assert metrics.coverage([1.0, math.nan, 2.0, math.nan]) == 0.5
    assert math.isnan(metrics.rmse([], []))
    assert math.isnan(metrics.mae([], []))
    assert math.isnan(metrics.coverage([]))


@given(st.lists(st.tuples(st.integers(0, 100), st.integers(0, 100)), max_size=30))
def test_slope_spread_and_constant_share_are_what_numpy_makes_of_them(pairs):
    predictions, targets = np.array(pairs, float).reshape(-1, 2).T
    figures = [
        f(predictions, targets) for f in (metrics.calibration_slope, metrics.spread_ratio, metrics.constant_share)
    ]
    if len(set(targets)) < 2:
        assert np.isnan(figures).all()
        return
    slope = np.polyfit(targets, predictions, 1)[0]
    most = max(list(predictions).count(value) for value in predictions)
    expected = [slope, np.std(predictions) / np.std(targets), most / len(predictions)]
    np.testing.assert_allclose(figures, expected, rtol=1e-7, atol=1e-9)
    missing = np.append(predictions, np.nan), np.append(targets, 50.0)
    assert figures[0] == metrics.calibration_slope(*missing)


# ---------------------------------------------------------------- the logistic fit


@pytest.mark.parametrize("falling", [False, True])
def test_the_logistic_fit_finds_a_curve_that_there_is(falling):
    rng = np.random.default_rng(0)
    x = rng.uniform(-40, 90, 300)
    truth = 10 + 75 / (1 + np.exp(-(x - 20) / 12))
    mos = (95 - truth if falling else truth) + rng.normal(0, 2, 300)
    fitted = metrics.logistic_fit(x, mos)
    assert fitted.rmse == pytest.approx(2, rel=0.15)
    assert fitted.plcc > abs(metrics.plcc(x, mos))


@given(st.integers(0, 10**6))
def test_the_logistic_fit_depends_on_no_unit_and_errs_no_more_than_a_constant(seed):
    rng = np.random.default_rng(seed)
    mos = rng.uniform(0, 100, 40)
    x = mos / 10 + rng.normal(0, 2, 40)
    fitted, scaled = metrics.logistic_fit(x, mos), metrics.logistic_fit(1000 * x - 7, mos)
    if not math.isnan(fitted.rmse):
        assert fitted.rmse <= mos.std() * 1.0001
        assert scaled.rmse == pytest.approx(fitted.rmse, rel=0.01)


def test_the_logistic_fit_of_too_little_is_none():
    for x, y in (([1, 2, 3, 4], [1, 2, 3, 4]), ([1] * 9, range(9)), (range(9), [5] * 9), ([], [])):
        assert math.isnan(metrics.logistic_fit(list(x), list(y)).plcc)
