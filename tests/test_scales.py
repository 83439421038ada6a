"""`ScoreScale` and the scales of the benchmarks."""

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import ValidationError

from tatar_rewards import BENCHMARK_SCALES, POINTS, ScoreScale

finite = st.floats(-1e12, 1e12, allow_nan=False)


@st.composite
def scales(draw):
    low, high = sorted((draw(finite), draw(finite)))
    assume(high - low > 1e-6 * max(1.0, abs(low), abs(high)))
    return ScoreScale(low, high, draw(st.booleans()))


@given(scales(), st.floats(0, 1))
def test_there_and_back_again(scale, fraction):
    score = min(max(scale.low + fraction * (scale.high - scale.low), scale.low), scale.high)
    points = scale.to_points(score)
    assert 0 <= points <= 100
    assert scale.from_points(points) == pytest.approx(score, abs=1e-9 * (abs(scale.low) + abs(scale.high)))


@given(scales())
def test_the_ends_are_exact(scale):
    ends = (0.0, 100.0) if scale.higher_is_better else (100.0, 0.0)
    assert (scale.to_points(scale.low), scale.to_points(scale.high)) == ends
    assert (scale.from_points(ends[0]), scale.from_points(ends[1])) == (scale.low, scale.high)


@given(scales(), finite)
def test_a_score_off_the_scale_is_never_clamped(scale, score):
    beyond = max(scale.low - score, score - scale.high) / (scale.high - scale.low)
    if beyond <= 1e-9:
        assert 0 <= scale.to_points(score) <= 100
    elif beyond > 1e-4:
        with pytest.raises(ValueError, match="off the declared scale"):
            scale.to_points(score)


def test_a_column_keeps_its_missing_labels():
    points = ScoreScale(1, 5).column_to_points([1, 5.0, None, math.nan, np.float32(3)])
    np.testing.assert_array_equal(points, [0, 100, math.nan, math.nan, 50])


@pytest.mark.parametrize(
    ("column", "error", "message"),
    [
        ([3.0, 4.0, 73.0], ValueError, r"rating\[2\] is 73, off its declared scale 1 to 5"),
        ([math.inf], ValueError, r"rating\[0\] is inf"),
        ([1.0, "good"], TypeError, r"rating\[1\] must be a number or None; got 'good'"),
        ([0.99999], ValueError, r"rating\[0\] is 0.99999"),
    ],
)
def test_a_label_off_the_scale_is_named_with_its_row(column, error, message):
    with pytest.raises(error, match=message):
        ScoreScale(1, 5).column_to_points(column, column="rating")


@pytest.mark.parametrize("bounds", [(5, 1), (3, 3), (math.nan, 1), (0, math.inf), (-1e308, 1e308)])
def test_impossible_scales_are_refused(bounds):
    with pytest.raises(ValidationError, match=r"low|high"):
        ScoreScale(*bounds)


def test_points_outside_0_to_100_are_refused():
    with pytest.raises(ValueError, match="points must lie on 0 to 100; got 101"):
        POINTS.from_points(101)


def test_a_scale_is_frozen_and_can_be_a_key():
    scale = ScoreScale(1, 5)
    assert {scale: 1}[ScoreScale(1.0, 5.0)] == 1
    with pytest.raises(AttributeError):
        scale.low = 0


@pytest.mark.parametrize(
    ("dataset", "lowest", "highest"),  # of the published test labels
    [
        ("KonIQ-10k", 4.16741071429, 88.24375),
        ("SPAQ", 4.0, 93.67),
        ("KADID-10k", 1.03, 4.87),
        ("PIPAL", 1.0, 4.674911451670452),
        ("ArtiMuse-10K", 1.0, 9.78),
        ("AVA", 2.07, 8.3),
        ("TAD66K", 1.39, 9.28),
        ("FLICKR-AES", 0.2, 1.0),
    ],
)
def test_the_benchmarks_labels_lie_on_their_declared_scales(dataset, lowest, highest):
    scale = BENCHMARK_SCALES[dataset]
    assert lowest in scale
    assert highest in scale
    assert scale.to_points(highest) - scale.to_points(lowest) > 50


def test_a_scale_says_which_end_is_better_only_where_it_must():
    assert str(ScoreScale(1, 5)) == "1 to 5"
    assert str(ScoreScale(0, 9, higher_is_better=False)) == "0 to 9 (lower is better)"


def test_deviations_keep_the_width_and_not_the_place_of_the_scale():
    for scale in (ScoreScale(1, 5), ScoreScale(1, 5, higher_is_better=False)):
        np.testing.assert_array_equal(scale.stds_to_points([0.0, 0.5, None, math.nan]), [0.0, 12.5, math.nan, math.nan])


@pytest.mark.parametrize(
    ("std", "error", "message"),
    [
        (-0.5, ValueError, r"^sd\[1\] is -0.5; give a finite number of at least 0"),
        (math.inf, ValueError, r"^sd\[1\] is inf; "),
        (
            2.2,
            ValueError,
            r"^sd\[1\] is 2.2, but ratings on a scale of 1 to 5 cannot deviate by more than 2.11; .*mos_std_scale",
        ),
        ("wide", TypeError, r"^sd\[1\] must be a number or None; got 'wide'"),
    ],
)
def test_a_deviation_that_is_none_is_named_with_its_row(std, error, message):
    with pytest.raises(error, match=message):
        ScoreScale(1, 5).stds_to_points([0.5, std], column="sd")
