"""What a look at labels, deviations and answers finds: scales that were not declared, and nothing where all is well."""

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tatar_rewards as tr
from tatar_rewards.findings import doubtful_answers, doubtful_deviations, squeezed_labels

POINTS, RNG = tr.POINTS, np.random.default_rng(0)
MOS = RNG.uniform(10, 90, 64)
IMPAIRMENT = tr.ScoreScale(0, 100, higher_is_better=False)


def problems(findings):
    return " | ".join(finding.problem for finding in findings)


@pytest.mark.parametrize(
    ("labels", "declared", "found"),
    [
        (np.linspace(1, 5, 20), POINTS, True),
        (np.linspace(0, 1, 20), POINTS, True),
        (np.linspace(1, 5, 20), IMPAIRMENT, True),  # 1..5 where low is best
        (np.linspace(0, 1, 20), tr.ScoreScale(0, 10), True),
        (np.linspace(90, 99, 20), POINTS, False),  # a set of fine pictures
        (np.linspace(90, 99, 20), IMPAIRMENT, False),
        (np.linspace(1, 5, 20), tr.ScoreScale(1, 5), False),
        ([1.0, 2.0, 3.0], POINTS, False),  # too few to tell
    ],
)
def test_labels_on_a_smaller_scale_than_declared(labels, declared, found):
    assert bool(squeezed_labels(declared.column_to_points(list(labels)), "mos", declared)) == found


@pytest.mark.parametrize(
    ("answers", "read_on", "expected"),
    [
        (1 + MOS / 25, POINTS, "in the lowest tenth"),
        (MOS / 100, POINTS, "in the lowest tenth"),
        (1 + MOS / 25, IMPAIRMENT, "in the lowest tenth"),
        (50 + MOS / 10, POINTS, "within one tenth"),
        (np.clip(MOS + 22, 0, 100), POINTS, "points above their labels"),
        (np.clip(MOS - 30, 0, 100), POINTS, "points below their labels"),
        (1 + MOS / 25, tr.ScoreScale(1, 10), "points below their labels"),  # asked for 1-5, read on 1-10
        (100 - MOS, POINTS, "the wrong way round"),
        (MOS, IMPAIRMENT, "the wrong way round"),
        (MOS, POINTS, ""),
        (np.full(64, 50.0), POINTS, ""),  # a constant guess is the policy's fault
        (np.clip(MOS + RNG.normal(0, 15, 64), 0, 100), POINTS, ""),
        (RNG.uniform(0, 100, 64), POINTS, ""),
    ],
)
def test_answers_on_another_scale_than_they_are_read_on(answers, read_on, expected):
    findings = doubtful_answers(read_on.column_to_points(list(answers)), MOS, read_on)
    assert bool(findings) == bool(expected)
    assert expected in problems(findings)
    assert all("answer_scale" in finding.cure for finding in findings)


@given(st.integers(0, 2**31), st.floats(8, 25), st.integers(1, 16))
def test_an_honest_policy_is_left_alone(seed, error, per_image):
    """Eight images of eight answers, as a first call has them; the policy errs by up to 25 points without a bias."""
    rng = np.random.default_rng(seed)
    mos = np.repeat(rng.uniform(5, 95, 8), per_image)
    answers = np.clip(50 + 0.7 * (mos - 50) + np.repeat(rng.normal(0, error, 8), per_image), 0, 100)
    found = problems(doubtful_answers(answers, mos, POINTS))
    assert "tenth" not in found
    assert "wrong way" not in found


def test_deviations_that_no_panel_of_people_has():
    assert "at most 0.6 % of the scale" in problems(doubtful_deviations(np.full(9, 0.6), np.full(9, 0.6), "sd"))
    assert doubtful_deviations(np.array([12.0, 20.0, 0.5, np.nan, 15.0]), np.ones(5), "sd") == []
    assert "that the reward can use" in problems(doubtful_deviations(np.full(9, 20.0), np.full(9, np.nan), "sd"))


def first_call(reward, answers, **columns):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        reward([f"<answer>{answer:.4g}</answer>" for answer in answers], **columns)
    return " | ".join(str(warning.message) for warning in caught)


def test_the_first_call_says_all_of_it():
    images = {"image_id": [str(k) for k in range(64)]}
    five = (1 + MOS / 25).tolist()
    for kind in (tr.GaussianScoreReward, tr.ThurstoneRankReward, tr.ThresholdScoreReward, tr.PairwiseRankReward):
        said = first_call(kind(), five, mos=five, **images)  # the usual five lines, with a prompt and labels on 1-5
        assert "labels in 'mos' lie in the lowest tenth" in said
        assert "answers lie in the lowest tenth" in said
        said = first_call(kind(mos_scale=(1, 5)), five, mos=five, **images)
        assert "labels" not in said.partition("answers")[0]
        assert "answers lie in the lowest tenth" in said
        assert first_call(kind(mos_scale=(1, 5), answer_scale=(1, 5)), five, mos=five, **images) == ""
    by_dataset = tr.GaussianScoreReward(mos_scale={"a": (1, 5), "b": (0, 100)})
    datasets = {"dataset": ["a"] * 32 + ["b"] * 32}
    assert "lowest tenth of their declared scale 0 to 100" in first_call(
        by_dataset, MOS, mos=five, **images, **datasets
    )
    spread = tr.GaussianScoreReward(mos_std_column="sd", raters=25)
    assert "deviations in 'sd' are at most 0.5 %" in first_call(spread, MOS, mos=MOS.tolist(), sd=[0.5] * 64, **images)


@given(st.sampled_from([(0, 100), (1, 5), (1, 10), (0, 1), (-1, 1)]), st.booleans(), st.floats(0, 9e-10))
def test_rounding_at_the_ends_is_allowed_and_anything_more_is_not(ends, higher, share):
    scale = tr.ScoreScale(*ends, higher_is_better=higher)
    width = scale.high - scale.low
    beyond = [scale.high + share * width, scale.low - share * width]
    assert scale.column_to_points(beyond).tolist() == ([100, 0] if higher else [0, 100])
    assert [scale.to_points(score) for score in beyond] == ([100, 0] if higher else [0, 100])
    for off in (scale.high + 1.1e-8 * width + 1e-7, scale.low - 1.1e-8 * width - 1e-7):
        if off != np.float32(off):
            with pytest.raises(ValueError, match="off its declared scale"):
                scale.column_to_points([off])


def test_labels_that_were_computed_in_float32_pass_and_messages_print_what_is_compared():
    rescaled = np.nextafter(np.float32(5), np.float32(9))
    for column in ([rescaled], np.array([rescaled]), [float(rescaled)]):
        assert tr.ScoreScale(1, 5).column_to_points(column).tolist() == [100.0]
    assert POINTS.column_to_points([100.00000000000001]).tolist() == [100.0]
    with pytest.raises(ValueError, match=r"mos\[0\] is 100.0001, off its declared scale 0 to 100"):
        POINTS.column_to_points([100.0001])
    q = np.array([100.00000000000001, np.nextafter(np.float32(100), np.float32(101))])
    for dtype in (np.float64, np.float32):
        g = np.array([100.0, 100.00001], dtype)
        assert tr.gaussian_score_reward(q[:1].astype(dtype), g[:1]) == 1.0
    with pytest.raises(ValueError, match=r"targets\[0\] is 100.00001, but"):
        tr.gaussian_score_reward(np.array([5.0]), np.array([100.00001]))
    single = np.array([np.nextafter(np.float32(100), np.float32(101))], np.float32)
    assert tr.threshold_score_reward(single, single)[0] == 1
