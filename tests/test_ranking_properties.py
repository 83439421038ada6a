"""What both ranking functions pay for, and what changes nothing."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import strategies
from support.rankings import BOTH, spread_batch

from tatar_rewards import ScoreScale, pairwise_rank_reward, thurstone_rank_reward

# ---------------------------------------------------------------- exact points


@BOTH
@pytest.mark.parametrize("link", ["logistic", "normal"])
def test_a_perfect_prediction_earns_exactly_one(function, link):
    _, targets, groups = spread_batch()
    np.testing.assert_allclose(function(targets, targets, groups, link=link), 1.0, rtol=0, atol=1e-13)


@BOTH
def test_a_constant_shift_of_all_predictions_changes_nothing(function):
    q, g, groups = spread_batch()
    np.testing.assert_allclose(function(q + 2, g, groups), function(q, g, groups), rtol=1e-9)


@pytest.mark.parametrize("dispersion", ["matched", "observer"])
@pytest.mark.parametrize("link", ["logistic", "normal"])
def test_the_best_slope_of_a_sharp_policy_is_one(dispersion, link):
    g = np.linspace(10, 90, 9)
    slopes = np.linspace(0.2, 1.2, 101)
    means = [
        np.mean(thurstone_rank_reward(50 + s * (g - 50), g, np.arange(9), dispersion=dispersion, link=link))
        for s in slopes
    ]
    assert slopes[int(np.argmax(means))] == pytest.approx(1.0, abs=0.011)


def test_the_reference_dispersion_has_its_best_slope_far_below_one():
    """Why it is not the default: its best scale is set by the policy's own spread."""
    g = np.linspace(10, 90, 9)
    slopes = np.linspace(0.005, 1.2, 240)
    means = [
        np.mean(
            thurstone_rank_reward(
                50 + s * (g - 50), g, np.arange(9), dispersion="reference", loss="bce", pair_weight_scale=12
            )
        )
        for s in slopes
    ]
    assert slopes[int(np.argmax(means))] < 0.1


def test_a_constant_guess_earns_much_less_than_a_good_predictor_on_ava_labels():
    scale = ScoreScale(1, 10)
    labels = json.loads((Path(__file__).parent / "data" / "ava_mos.json").read_text())["mos"]
    mos = scale.column_to_points(labels)[:256]
    groups = np.arange(len(mos))
    rng = np.random.default_rng(0)
    good = np.clip(mos + rng.normal(0, 4, len(mos)), 0, 100)
    constant = np.full(len(mos), mos.mean())
    gap = thurstone_rank_reward(good, mos, groups).mean() - thurstone_rank_reward(constant, mos, groups).mean()
    assert gap > 0.3
    published = {"dispersion": "reference", "loss": "bce", "pair_weight_scale": 12}
    good_gap = thurstone_rank_reward(good, mos, groups, **published).mean()
    assert good_gap - thurstone_rank_reward(constant, mos, groups, **published).mean() < 0.05


# ---------------------------------------------------------------- invariants


@BOTH
@given(batch=strategies.ranked_batches(), loss=st.sampled_from(["kl", "bce", "fidelity"]))
def test_rewards_lie_between_zero_and_one_and_are_missing_only_where_they_must_be(function, batch, loss):
    q, g, groups, comparisons, stds = batch
    rewards = function(q, g, groups, comparisons, stds, loss=loss)
    readable = (q >= 0) & (q <= 100)
    finite = rewards[np.isfinite(rewards)]
    assert np.all((finite >= 0) & (finite <= 1))
    assert np.all(np.isnan(rewards[np.isnan(g)]))
    assert np.all(rewards[~np.isnan(g) & ~readable] == 0)
    for row in np.flatnonzero(~np.isnan(g) & readable):
        others = readable & ~np.isnan(g) & (comparisons == comparisons[row]) & (groups != groups[row])
        assert np.isnan(rewards[row]) == (not others.any())


@BOTH
@given(batch=strategies.ranked_batches(), random=st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(function, batch, random):
    order = list(range(len(batch[0])))
    random.shuffle(order)
    rewards = function(*batch)
    np.testing.assert_allclose(function(*(column[order] for column in batch)), rewards[order], rtol=1e-9)


@BOTH
@given(batch=strategies.ranked_batches())
def test_comparisons_do_not_hear_of_each_other(function, batch):
    comparisons = batch[3]
    rewards = function(*batch)
    for comparison in np.unique(comparisons):
        part = comparisons == comparison
        alone = function(*(column[part] for column in batch))
        np.testing.assert_allclose(alone, rewards[part], rtol=1e-9)


@BOTH
@given(batch=strategies.ranked_batches())
def test_the_names_of_groups_do_not_matter(function, batch):
    q, g, groups, comparisons, stds = batch
    renamed = np.array([f"image {key % 11}-{key}" for key in groups], dtype=str)
    np.testing.assert_allclose(
        function(q, g, renamed, comparisons, stds), function(q, g, groups, comparisons, stds), rtol=1e-9
    )


@BOTH
@given(batch=strategies.ranked_batches())
def test_mirroring_the_scale_changes_nothing(function, batch):
    q, g, groups, comparisons, stds = batch
    mirrored = function(100 - q, 100 - g, groups, comparisons, stds)
    np.testing.assert_allclose(mirrored, function(q, g, groups, comparisons, stds), rtol=1e-7, atol=1e-9)


def test_one_group_key_in_two_comparisons_is_two_images():
    q, g = np.array([30.0, 60.0, 40.0, 50.0]), np.array([30.0, 60.0, 70.0, 20.0])
    groups, comparisons = np.array([1, 2, 1, 2]), np.array([0, 0, 1, 1])
    rewards = thurstone_rank_reward(q, g, groups, comparisons)
    np.testing.assert_allclose(rewards[:2], 1.0)
    assert np.all(rewards[2:] < 0.9)


def test_an_image_is_never_its_own_opponent():
    """Agreement with one's own other samples pays nothing: only the one right answer is right."""
    q = np.array([10.0, 10.0, 10.0, 80.0, 40.0])
    g = np.array([80.0, 80.0, 80.0, 80.0, 40.0])
    groups = np.array([0, 0, 0, 0, 1])
    rewards = thurstone_rank_reward(q, g, groups)
    assert rewards[3] > 0.99
    assert np.all(rewards[:3] < 0.2)
    published = pairwise_rank_reward(q[:4], g[:4], groups[:4], loss="bce", pair_weight_scale=12, within_image=True)
    assert published[3] < published[0], "the published pairwise reward pays for agreement"
