"""`thurstone_rank_reward` and `pairwise_rank_reward`."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from support import reference, strategies

from tatar_rewards import ScoreScale, pairwise_rank_reward, thurstone_rank_reward
from tatar_rewards.functional import _interpolated_sums, _pair_sums

BOTH = pytest.mark.parametrize("function", [thurstone_rank_reward, pairwise_rank_reward])


def spread_batch(n_images=6, n_completions=4, seed=0):
    """Predictions scattered around distinct MOS; groups in order."""
    rng = np.random.default_rng(seed)
    groups = np.repeat(np.arange(n_images), n_completions)
    targets = np.linspace(20, 80, n_images)[groups]
    return np.clip(targets + rng.normal(0, 5, len(groups)), 0, 100), targets, groups


# ---------------------------------------------------------------- oracle


@given(strategies.ranked_batches(), strategies.thurstone_settings)
def test_thurstone_equals_the_formula_in_every_library(arrays, batch, settings):
    expected = reference.rank(*(column.tolist() for column in batch), opponents="images", **settings)
    rewards = np.asarray(thurstone_rank_reward(*map(arrays, batch), **settings))
    np.testing.assert_allclose(rewards, expected, rtol=1e-7, atol=1e-9)


@given(strategies.ranked_batches(), strategies.pairwise_settings)
def test_pairwise_equals_the_formula_in_every_library(arrays, batch, settings):
    settings = {"probability_floor": 1e-4, **settings}
    expected = reference.rank(*(column.tolist() for column in batch), opponents="completions", **settings)
    rewards = np.asarray(pairwise_rank_reward(*map(arrays, batch), **settings))
    np.testing.assert_allclose(rewards, expected, rtol=1e-7, atol=1e-9)


interpolated_settings = st.fixed_dictionaries(
    {}, optional={"temperature": st.floats(0.6, 1000), "loss_scale": st.floats(1e-2, 10)}
)


@pytest.fixture
def always(monkeypatch):
    for name in ("CROSSOVER", "OBSERVER_CROSSOVER"):
        monkeypatch.setattr(_pair_sums, name, 0)


SMOOTH_FORMS = pytest.mark.parametrize(
    ("function", "form"),
    [(thurstone_rank_reward, {}), (pairwise_rank_reward, {}), (thurstone_rank_reward, {"dispersion": "observer"})],
    ids=["thurstone", "pairwise", "observer"],
)


@SMOOTH_FORMS
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batch=strategies.ranked_batches(), settings=interpolated_settings)
def test_interpolation_equals_the_formula_in_every_library(function, form, arrays, always, batch, settings):
    opponents = "images" if function is thurstone_rank_reward else "completions"
    settings = {**settings, **form}
    expected = reference.rank(*(column.tolist() for column in batch[:4]), opponents=opponents, **settings)
    rewards = np.asarray(function(*map(arrays, batch[:4]), **settings))
    np.testing.assert_allclose(rewards, expected, rtol=0, atol=1e-10)


@SMOOTH_FORMS
@pytest.mark.parametrize("temperature", [0.6, 1.0, 4.0, 8.0, 50.0, 1e6])
def test_interpolation_equals_the_sum_over_pairs(function, form, temperature, monkeypatch):
    """Ragged images, answers at the ends, between them and exactly at nodes, ties, and one image of many answers."""
    rng = np.random.default_rng(2)
    angles = (
        (np.arange(_interpolated_sums.node_count(temperature)) + 0.5)
        * np.pi
        / _interpolated_sums.node_count(temperature)
    )
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
    np.testing.assert_allclose(single, pair_by_pair, rtol=0, atol=1e-3 if temperature < 4 else 1e-5)


def test_interpolation_is_used_where_it_is_quicker_and_only_where_it_is_right(monkeypatch):
    used = []
    losses, observed = _interpolated_sums.matched_losses, _interpolated_sums.observer_losses
    monkeypatch.setattr(
        _interpolated_sums, "matched_losses", lambda *args, **kwargs: used.append(1) or losses(*args, **kwargs)
    )
    monkeypatch.setattr(
        _interpolated_sums, "observer_losses", lambda *args, **kwargs: used.append(2) or observed(*args, **kwargs)
    )
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
    thurstone_rank_reward(*batch, dispersion="observer")
    pairwise_rank_reward(*batch, within_image=True)
    assert used == [1, 1]
    thurstone_rank_reward(*spread_batch(n_images=1000, n_completions=8), dispersion="observer")
    assert used == [1, 1, 2]


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
    every = np.asarray(function(*map(arrays, batch)))
    some = np.asarray(function(*map(arrays, batch), arrays(wanted)))
    np.testing.assert_allclose(some[wanted], every[wanted], rtol=1e-12)
    assert np.all(np.isnan(some[~wanted]))


@BOTH
def test_wanting_some_rewards_in_small_blocks(function, monkeypatch):
    batch = (*spread_batch(), None, None)
    wanted = np.arange(24) % 5 == 0
    every = function(*batch)
    monkeypatch.setattr("tatar_rewards.functional._arrays.pairs_at_once", lambda _: 7)
    np.testing.assert_allclose(function(*batch, wanted)[wanted], every[wanted], rtol=1e-13)


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


# ---------------------------------------------------------------- extremes


@BOTH
def test_one_image_has_nothing_to_compare_with(arrays, function):
    rewards = function(arrays([40.0, 60.0, math.nan]), arrays([50.0] * 3), arrays([1, 1, 1]))
    np.testing.assert_array_equal(np.asarray(rewards), [math.nan, math.nan, 0.0])


@BOTH
def test_an_empty_batch_gives_an_empty_batch(arrays, function):
    assert function(arrays(np.zeros(0)), arrays(np.zeros(0)), arrays(np.zeros(0, dtype=np.int64))).shape == (0,)


@BOTH
def test_all_unreadable_earns_zero_and_all_unlabelled_is_missing(arrays, function):
    nan = np.full(4, math.nan)
    groups = arrays(np.arange(4))
    np.testing.assert_array_equal(np.asarray(function(arrays(nan), arrays(nan * 0 + 50), groups)), nan)
    np.testing.assert_array_equal(np.asarray(function(arrays(nan), arrays(np.full(4, 50.0)), groups)), np.zeros(4))
    np.testing.assert_array_equal(np.asarray(function(arrays(np.full(4, 50.0)), arrays(nan), groups)), nan)


@BOTH
@pytest.mark.parametrize("loss", ["kl", "bce", "fidelity"])
@pytest.mark.parametrize("link", ["logistic", "normal"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_two_confident_opposite_groups_overflow_nothing(arrays, function, loss, link, dtype):
    q = arrays(np.array([0.0, 0.0, 100.0, 100.0], dtype=dtype))
    g = arrays(np.array([100.0, 100.0, 0.0, 0.0], dtype=dtype))
    settings = {"temperature": 1e-3, "pair_weight_scale": 1e-3, "loss": loss, "link": link}
    rewards = np.asarray(function(q, g, arrays(np.array([0, 0, 1, 1])), **settings))
    np.testing.assert_allclose(rewards, 0.0, atol=0.01)


@BOTH
def test_ties_everywhere_are_a_perfect_prediction(arrays, function):
    even = arrays(np.full(6, 42.0))
    np.testing.assert_allclose(np.asarray(function(even, even, arrays(np.arange(6) // 2))), 1.0, atol=1e-13)


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
    np.testing.assert_allclose(np.asarray(scalar), function(q, g, groups, temperature=8, pair_weight_scale=12))


# ---------------------------------------------------------------- messages


@BOTH
@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"groups": np.zeros(3, dtype=int)}, ValueError, "predictions and groups must have the same length.* 4 and 3"),
        ({"groups": np.zeros(4)}, TypeError, "groups must hold integer or string keys; got dtype float64"),
        ({"groups": ["a"] * 4}, TypeError, "groups must be a numpy or torch array; got list"),
        ({"groups": np.zeros(4, dtype=int)}, ValueError, r"groups\[0\] and groups\[1\] are both 0.* 20 and 40"),
        ({"comparisons": np.zeros(4)}, TypeError, "comparisons must hold integer or string keys"),
        ({"targets": np.array([20.0, 40.0, 60.0, 800.0])}, ValueError, r"targets\[3\] is 800"),
        ({"target_stds": np.array([1.0, 1.0, -3.0, 1.0])}, ValueError, r"target_stds\[2\] is -3"),
        ({"wanted": np.ones(4)}, TypeError, "wanted must hold True and False; got dtype float64"),
        ({"wanted": np.ones(3, dtype=bool)}, ValueError, "predictions and wanted must have the same length.* 4 and 3"),
        ({"temperature": 0.0}, ValueError, "temperature must lie in"),
        ({"pair_weight_scale": -1}, ValueError, "pair_weight_scale must lie in"),
        ({"link": "probit"}, ValueError, "link must be one of 'logistic', 'normal'; got 'probit'"),
        ({"loss": "mse"}, ValueError, "loss must be one of 'kl', 'bce', 'fidelity'; got 'mse'"),
        ({"loss_scale": 0}, ValueError, "loss_scale must lie in"),
        ({"probability_floor": 0.5}, ValueError, "probability_floor must lie in"),
        ({"hard_targets": 1}, TypeError, "hard_targets must be True or False; got 1"),
    ],
)
def test_bad_input_is_named(function, change, error, message):
    arguments = {
        "predictions": np.full(4, 50.0),
        "targets": np.array([20.0, 40.0, 60.0, 80.0]),
        "groups": np.arange(4),
    }
    with pytest.raises(error, match=message):
        function(**{**arguments, **change})


def test_an_unknown_dispersion_is_named():
    with pytest.raises(ValueError, match="dispersion must be one of 'matched', 'observer', 'reference'; got 'other'"):
        thurstone_rank_reward(np.ones(1), np.ones(1), np.arange(1), dispersion="other")


@given(strategies.ranked_batches(labels=strategies.points))
def test_one_group_with_two_targets_is_an_error_that_names_both_rows(batch):
    q, g, groups, comparisons, stds = batch
    rows = np.flatnonzero((groups == groups[0]) & (comparisons == comparisons[0])) if len(q) else []
    assume(len(rows) > 1)
    g = g.copy()
    g[rows[-1]] = (g[rows[-1]] + 50) % 100 + 0.125
    with pytest.raises(ValueError, match=rf"groups\[\d+\] and groups\[{rows[-1]}\] are both"):
        thurstone_rank_reward(q, g, groups, comparisons, stds)
