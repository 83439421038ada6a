"""Both ranking functions are their formula, in every library, pair by pair and by interpolation."""

import math
from functools import partial

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support import reference, strategies
from support.arrays import on_host
from support.rankings import BOTH, spread_batch

from tatar_rewards import pairwise_rank_reward, thurstone_rank_reward
from tatar_rewards.functional import _interpolated_sums, _pair_sums


@given(strategies.ranked_batches(), strategies.thurstone_settings)
def test_thurstone_equals_the_formula_in_every_library(arrays, batch, settings):
    expected = reference.rank(*(column.tolist() for column in batch), opponents="images", **settings)
    rewards = on_host(thurstone_rank_reward(*map(arrays, batch), **settings))
    np.testing.assert_allclose(rewards, expected, rtol=1e-7, atol=1e-8)


@given(strategies.ranked_batches(), strategies.pairwise_settings)
def test_pairwise_equals_the_formula_in_every_library(arrays, batch, settings):
    settings = {"probability_floor": 1e-4, **settings}
    expected = reference.rank(*(column.tolist() for column in batch), opponents="completions", **settings)
    rewards = on_host(pairwise_rank_reward(*map(arrays, batch), **settings))
    np.testing.assert_allclose(rewards, expected, rtol=1e-7, atol=1e-8)


interpolated_settings = st.fixed_dictionaries(
    {}, optional={"temperature": st.floats(1.1, 1000), "loss_scale": st.floats(1e-2, 10)}
)


@pytest.fixture
def always(monkeypatch):
    for name in ("CROSSOVER", "OBSERVER_CROSSOVER"):
        monkeypatch.setattr(_pair_sums, name, 0)


SMOOTH_FORMS = pytest.mark.parametrize(
    ("function", "form"),
    [
        (thurstone_rank_reward, {}),
        (pairwise_rank_reward, {}),
        (thurstone_rank_reward, {"dispersion": "observer"}),
        (thurstone_rank_reward, {"loss": "margin"}),
        (pairwise_rank_reward, {"loss": "margin"}),
    ],
    ids=["thurstone", "pairwise", "observer", "thurstone margin", "pairwise margin"],
)


@SMOOTH_FORMS
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batch=strategies.ranked_batches(), settings=interpolated_settings)
def test_interpolation_equals_the_formula_in_every_library(function, form, arrays, always, batch, settings):
    opponents = "images" if function is thurstone_rank_reward else "completions"
    settings = {**settings, **form}
    expected = reference.rank(*(column.tolist() for column in batch[:4]), opponents=opponents, **settings)
    rewards = on_host(function(*map(arrays, batch[:4]), **settings))
    np.testing.assert_allclose(rewards, expected, rtol=0, atol=1e-10)


@SMOOTH_FORMS
@pytest.mark.parametrize("temperature", [1.1, 2.0, 8.0, 14.5, 50.0, 1e6])
def test_interpolation_equals_the_sum_over_pairs(function, form, temperature, monkeypatch):
    """Ragged images, answers at the ends, between them and exactly at nodes, ties, and one image of many answers."""
    rng = np.random.default_rng(2)
    count = _interpolated_sums.node_count(temperature * math.sqrt(3) / math.pi)
    angles = (np.arange(count) + 0.5) * np.pi / count
    predictions = np.concatenate([[0, 100, 50, 50, 0, 100], 50 + 50 * np.cos(angles), rng.uniform(0, 100, 600)])
    groups = np.sort(np.minimum(rng.integers(0, 120, len(predictions)), 90))
    targets = np.concatenate([[0.0, 100.0, 50.0], rng.integers(0, 101, 88)])[groups]
    settings = {"temperature": temperature, "loss_scale": 1e-2 if temperature > 50 else 0.2, **form}
    monkeypatch.setattr(_pair_sums, "CROSSOVER", math.inf)
    pair_by_pair = function(predictions, targets, groups, **settings)
    monkeypatch.setattr(_pair_sums, "CROSSOVER", 0)
    monkeypatch.setattr(_pair_sums, "OBSERVER_CROSSOVER", 0)
    np.testing.assert_allclose(function(predictions, targets, groups, **settings), pair_by_pair, rtol=0, atol=1e-10)
    single = function(predictions.astype(np.float32), targets.astype(np.float32), groups, **settings)
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, pair_by_pair, rtol=0, atol=1e-3 if temperature < 8 else 1e-5)


def test_interpolation_is_used_where_it_is_quicker_and_only_where_it_is_right(monkeypatch):
    used = []
    for number, name in enumerate(["matched_losses", "observer_losses", "margin_losses"], start=1):
        losses = getattr(_interpolated_sums, name)
        noted = partial(lambda number, losses, *args: used.append(number) or losses(*args), number, losses)
        monkeypatch.setattr(_interpolated_sums, name, noted)
    batch = spread_batch(n_images=80, n_completions=8)
    thurstone_rank_reward(*batch)
    pairwise_rank_reward(*batch)
    assert len(used) == 2
    thurstone_rank_reward(*spread_batch())
    thurstone_rank_reward(*batch, temperature=0.3)
    thurstone_rank_reward(*batch, None, np.ones(640))
    others = {"link": "normal", "hard_targets": True, "pair_weight_scale": 12.0}
    for other in ({"loss": "bce"}, {"loss": "fidelity"}, *({name: value} for name, value in others.items())):
        thurstone_rank_reward(*batch, **other)
        pairwise_rank_reward(*batch, **other)
    for dispersion in ("observer", "reference"):
        thurstone_rank_reward(*batch, dispersion=dispersion)
        thurstone_rank_reward(*batch, dispersion=dispersion, loss="margin")
    pairwise_rank_reward(*batch, within_image=True)
    assert used == [1, 1]
    thurstone_rank_reward(*batch, loss="margin", link="normal", hard_targets=True)
    pairwise_rank_reward(*batch, loss="margin")
    assert used == [1, 1, 3, 3]
    thurstone_rank_reward(*spread_batch(n_images=1000, n_completions=8), dispersion="observer")
    assert used == [1, 1, 3, 3, 2]


@SMOOTH_FORMS
def test_interpolation_pays_a_perfect_prediction_in_full(function, form, always):
    mos = np.repeat(np.linspace(0, 100, 50), 4)
    np.testing.assert_allclose(function(mos, mos, np.arange(200) // 4, **form), 1, rtol=0, atol=1e-12)


@BOTH
def test_blocks_join_without_a_seam(function, monkeypatch):
    batch = spread_batch()
    whole = function(*batch)
    for size in (1, 7, 30, 100):
        monkeypatch.setattr("tatar_rewards.functional._arrays.pairs_at_once", lambda _, size=size: size)
        np.testing.assert_allclose(function(*batch), whole, rtol=1e-13)


@BOTH
@given(batch=strategies.ranked_batches(), data=st.data())
def test_wanting_some_rewards_changes_none_of_them(function, arrays, batch, data):
    n = len(batch[0])
    wanted = np.array(data.draw(st.lists(st.booleans(), min_size=n, max_size=n)), dtype=bool)
    every = on_host(function(*map(arrays, batch)))
    some = on_host(function(*map(arrays, batch), arrays(wanted)))
    np.testing.assert_allclose(some[wanted], every[wanted], rtol=1e-12)
    assert np.all(np.isnan(some[~wanted]))


@BOTH
def test_wanting_some_rewards_in_small_blocks(function, monkeypatch):
    batch = (*spread_batch(), None, None)
    wanted = np.arange(24) % 5 == 0
    every = function(*batch)
    monkeypatch.setattr("tatar_rewards.functional._arrays.pairs_at_once", lambda _: 7)
    np.testing.assert_allclose(function(*batch, wanted)[wanted], every[wanted], rtol=1e-13)


def test_fidelity_is_the_published_formula():
    q, g = np.array([60.0, 40.0]), np.array([70.0, 30.0])
    rewards = thurstone_rank_reward(
        q,
        g,
        np.arange(2),
        dispersion="reference",
        link="normal",
        loss="fidelity",
        hard_targets=True,
        variance_floor=1.0,
    )
    np.testing.assert_allclose(rewards, math.sqrt(reference.cumulative(20.0, "normal")), rtol=1e-12)
