"""`length_reward`."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import reference, strategies
from support.arrays import on_host

from tatar_rewards import length_reward
from tatar_rewards.answers.words import length_without_repetition

counts = st.lists(st.one_of(st.integers(0, 2000).map(float), st.floats(0, 1e6), st.just(math.nan)), max_size=40)


@given(counts, strategies.length_settings)
def test_equals_the_formula_in_every_library(arrays, lengths, settings):
    lengths = np.array(lengths, dtype=float)
    expected = [reference.length(n, **settings) for n in lengths]
    rewards = on_host(length_reward(arrays(lengths), **settings))
    np.testing.assert_allclose(rewards, expected, rtol=1e-9, atol=1e-12)


def test_the_gates_of_tatar_stand_where_the_paper_puts_them():
    words = np.array([64, 65, 66, 124, 125, 126])
    np.testing.assert_array_equal(length_reward(words, longest=65), [1, 1, 0, 0, 0, 0])
    np.testing.assert_array_equal(length_reward(words, shortest=125), [0, 0, 0, 0, 1, 1])


def test_the_smooth_edge_falls_from_one_to_zero_over_the_margin():
    rewards = length_reward(np.array([100, 105, 110, 115, 120, 130]), longest=100, margin=20)
    np.testing.assert_allclose(rewards, [1, 0.853553, 0.5, 0.146447, 0, 0], atol=1e-6)


def test_without_settings_any_length_will_do_and_a_narrow_edge_is_one():
    np.testing.assert_array_equal(length_reward(np.array([0, 1, 10**9])), [1, 1, 1])
    np.testing.assert_allclose(length_reward(np.array([10.25, 10.5]), longest=10, margin=0.5), [0.5, 0], atol=1e-12)


@given(strategies.length_settings, st.lists(st.floats(0, 1e4), min_size=2))
def test_longer_than_the_budget_never_pays(settings, lengths):
    beyond = np.sort(np.array(lengths)) + settings["shortest"]
    assert np.all(np.diff(length_reward(beyond, **settings)) <= 1e-15)


def test_an_empty_batch_gives_an_empty_batch(arrays):
    assert length_reward(arrays(np.zeros(0)), longest=5).shape == (0,)


def test_half_precision_comes_back_as_half_precision():
    assert length_reward(np.array([3.0], dtype=np.float16), longest=5).dtype == np.float16


@pytest.mark.parametrize(
    ("lengths", "settings", "error", "message"),
    [
        ([1.0], {}, TypeError, "lengths must be a numpy or torch array; got list"),
        (np.array([3.0, -1.0]), {}, ValueError, r"lengths\[1\] is -1"),
        (np.array([math.inf]), {}, ValueError, r"lengths\[0\] is inf"),
        (np.ones(1), {"shortest": 10, "longest": 5}, ValueError, "longest must be at least shortest; got 5 and 10"),
        (np.ones(1), {"shortest": -1}, ValueError, "shortest must lie in"),
        (np.ones(1), {"margin": -1}, ValueError, "margin must lie in"),
    ],
)
def test_bad_input_is_named(lengths, settings, error, message):
    with pytest.raises(error, match=message):
        length_reward(lengths, **settings)


# ---------------------------------------------------------------- repetition

few_words = st.lists(st.sampled_from("abc"), max_size=30)
many_words = st.lists(st.integers(0, 1000), max_size=30)


@given(st.one_of(few_words, many_words))
def test_the_length_without_repetition_is_that_of_the_words_in_no_repeated_row(words):
    assert length_without_repetition(words) == reference.length_without_repetition(words)


@given(st.one_of(few_words, many_words), st.integers(0, 30), st.integers(4, 30), st.integers(1, 5))
def test_saying_four_words_or_more_again_adds_nothing(words, start, length, times):
    passage = words[start : start + length]
    if len(passage) >= 4:
        assert length_without_repetition(words + times * passage) <= length_without_repetition(words)


@given(st.lists(st.integers(), unique=True, max_size=30))
def test_different_words_all_count(words):
    assert length_without_repetition(words) == len(words)
