"""`win_rate_reward`: order alone."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import reference, strategies
from support.arrays import on_host

from tatar_rewards.functional import _order, win_rate_reward

ties = st.integers(0, 6).map(lambda k: 10.0 * k)


@given(st.one_of(strategies.ranked_batches(), strategies.ranked_batches(predictions=ties, labels=ties)), st.booleans())
def test_it_equals_the_formula_in_every_library(arrays, batch, with_deviations):
    batch = batch[: 5 if with_deviations else 4]
    expected = reference.win_rate(*(column.tolist() for column in batch))
    rewards = on_host(win_rate_reward(*map(arrays, batch)))
    np.testing.assert_allclose(rewards, expected, rtol=0, atol=1e-9)


def test_the_quick_way_is_taken_where_each_pair_counts_alike(monkeypatch):
    used = []
    counted = _order.shares_on_the_right_side
    monkeypatch.setattr(_order, "shares_on_the_right_side", lambda *args: used.append(1) or counted(*args))
    q, g, images = np.array([10.0, 60, 70]), np.array([20.0, 50, 50]), np.array([1, 2, 3])
    np.testing.assert_array_equal(win_rate_reward(q, g, images), [1, 0.75, 0.75])
    assert used == [1]
    win_rate_reward(q, g, images, target_stds=np.ones(3))
    assert used == [1]


def test_near_labels_are_soft_with_deviations():
    q, g, images = np.array([30.0, 70.0]), np.array([48.0, 52.0]), np.array([1, 2])
    assert win_rate_reward(q, g, images).tolist() == [1, 1]
    soft = win_rate_reward(q, g, images, target_stds=np.array([3.0, 4.0]))
    np.testing.assert_allclose(soft, math.erfc(-4 / 5 / math.sqrt(2)) / 2)


@given(strategies.ranked_batches(predictions=strategies.points), st.floats(0.1, 0.9))
def test_only_the_order_counts(batch, factor):
    q, g, *others = batch
    moved = win_rate_reward(np.round(100 * (q / 100) ** 2, 3), g, *others[:2])
    same = np.round(100 * (q / 100) ** 2, 3)
    distinct = len(np.unique(same)) == len(np.unique(q))
    if distinct:
        np.testing.assert_allclose(moved, win_rate_reward(q, g, *others[:2]), atol=1e-12)


@pytest.mark.parametrize("constant", [0.0, 50.0])
def test_a_constant_guess_earns_half(constant):
    g = np.arange(10.0) * 10
    np.testing.assert_array_equal(win_rate_reward(np.full(10, constant), g, np.arange(10)), 0.5)
