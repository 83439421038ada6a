"""`crps_score_reward`: the answers to one picture as a forecast."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import reference, strategies
from support.arrays import on_host

from tatar_rewards.functional import crps_score_reward


@given(strategies.ranked_batches(), st.floats(1, 500))
def test_it_equals_the_formula_in_every_library(arrays, batch, scale):
    expected = reference.crps_gain(*(column.tolist() for column in batch), scale=scale)
    rewards = on_host(crps_score_reward(*map(arrays, batch), scale=scale))
    np.testing.assert_allclose(rewards, expected, rtol=0, atol=1e-9)


def test_the_right_one_among_wrong_ones_stands_out():
    """Where rewards of agreement pay it least: MOS 80, answers 10, 10, 10, 80."""
    rewards = crps_score_reward(np.array([10.0, 10, 10, 80]), np.full(4, 80.0), np.ones(4, int))
    assert rewards[3] == 1
    assert (rewards[:3] < 0.4).all()


def test_a_lone_answer_is_no_forecast():
    q, g = np.array([50.0, 40, math.nan, math.nan, 10]), np.array([60.0, 30, 30, 70, math.nan])
    rewards = crps_score_reward(q, g, np.array([1, 2, 2, 3, 4]))
    np.testing.assert_array_equal(rewards, [math.nan, math.nan, 0, 0, math.nan])
    assert crps_score_reward(np.zeros(0), np.zeros(0), np.zeros(0, int)).shape == (0,)


def test_equal_answers_at_the_mos_are_no_better_for_one_more():
    np.testing.assert_array_equal(crps_score_reward(np.full(5, 70.0), np.full(5, 70.0), np.ones(5, int)), 0.5)


@pytest.mark.parametrize("m", [3, 4])
@pytest.mark.parametrize("std", [0.0, 12.0])
def test_with_the_groups_mean_as_baseline_the_gains_are_the_gradient_of_the_crps(m, std):
    """Every group that a policy of four answers can draw, weighed by its probability."""
    answers, mos = np.array([20.0, 45.0, 60.0, 90.0]), 55.0
    logits = np.array([0.3, -0.2, 0.5, 0.1])
    probabilities = np.exp(logits) / np.exp(logits).sum()

    def expected_crps(p):
        distances = np.array([reference.crps([x], mos, std) for x in answers])
        return p @ distances - 0.5 * p @ np.abs(answers[:, None] - answers[None, :]) @ p

    gradient = np.zeros(4)
    for drawn in itertools.product(range(4), repeat=m):
        rewards = crps_score_reward(
            answers[list(drawn)], np.full(m, mos), np.ones(m, int), target_stds=np.full(m, std), scale=1e4
        )
        advantages = (rewards - rewards.mean()) * 2e4
        scores = np.eye(4)[list(drawn)] - probabilities
        gradient += np.prod(probabilities[list(drawn)]) * (advantages[:, None] * scores).sum(0) / (m - 1)
    step = 1e-6
    numeric = np.empty(4)
    for k in range(4):
        shifted = np.exp(logits + step * np.eye(4)[k])
        numeric[k] = (expected_crps(shifted / shifted.sum()) - expected_crps(probabilities)) / step
    np.testing.assert_allclose(gradient, -numeric, rtol=1e-4, atol=1e-4)


@given(strategies.ranked_batches(), st.data())
def test_other_images_and_the_order_of_rows_change_nothing(batch, data):
    rewards = crps_score_reward(*batch)
    order = data.draw(st.permutations(range(len(rewards))))
    shuffled = crps_score_reward(*(column[order] for column in batch))
    np.testing.assert_allclose(shuffled, rewards[order], rtol=0, atol=1e-9)
    wanted = np.array(data.draw(st.lists(st.booleans(), min_size=len(rewards), max_size=len(rewards))), bool)
    np.testing.assert_array_equal(crps_score_reward(*batch, wanted), np.where(wanted, rewards, math.nan))


def test_with_deviations_answers_that_spread_like_raters_beat_answers_that_agree():
    """Averaged over many groups, the answers drawn from the ratings' distribution have the better score."""
    rng = np.random.default_rng(0)
    spread = np.clip(rng.normal(50, 20, (400, 8)), 0, 100)
    agreeing = np.full((400, 8), 50.0)
    assert np.mean([reference.crps(list(group), 50.0, 20.0) for group in spread]) < np.mean(
        [reference.crps(list(group), 50.0, 20.0) for group in agreeing]
    )
