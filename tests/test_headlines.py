"""What GRPO changed, in words and in the terminal's table: as much as the interval allows, never a NaN."""

import math
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.measured import MOS, measure, noisy, recipe_with, rows_of

from recipe.changes import mean_change, pair_answers, srcc_change
from recipe.headlines import headlines
from recipe.label_scales import say_points, say_score
from recipe.tables import format_table
from tatar_rewards import ScoreScale

CASES = {
    "raised": (
        noisy(60),
        noisy(3),
        200,
        r"GRPO raised SRCC on set from 0\.\d+ to 0\.9\d+ \(\+0.*over 40 test",
    ),
    "lowered": (
        noisy(3),
        noisy(60),
        200,
        r"GRPO lowered SRCC on set from 0\.9\d+ to 0\.\d+ \(-0\.\d+, 95.% in.* -0",
    ),
    "no clear change": (
        noisy(20),
        noisy(20, 1),
        200,
        r"no clear change: .* over 40 test .*, and .* includes zero",
    ),
    "equal": (noisy(9), noisy(9), 200, r"GRPO did not change the order of the pictures: SRCC on set is 0\.9"),
    "nothing read": (
        ["?"] * 40,
        noisy(3),
        200,
        r"not known: no test .* \(0 of 40 were .* before GRPO, 40 after\)",
    ),
    "nothing read at all": (["?"] * 40, ["?"] * 40, 200, r"\(0 of 40 were readable before GRPO, 0 after\)"),
    "constant": (noisy(3), [50] * 40, 200, "40 of 40 .* but all answers after GRPO are the same, so there is no SRCC"),
    "both constant": ([50] * 40, [60] * 40, 200, "all answers after SFT and after GRPO are the same"),
    "no resamples": (noisy(60), noisy(3), 0, "that may be chance: no interval exists, since evaluation.resamples is 0"),
    "few read": (["?"] * 39 + [4], noisy(3), 200, "1 of 40 test pictures of set have two readable answers"),
    "many unread": (
        noisy(60),
        ["?"] * 10 + list(noisy(3)[10:]),
        200,
        r"over the 30 of 40 test pictures that both .*; the share of readable answers went from 100.0% to 75.0%",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_headline_says_what_is_known_and_no_more(case):
    before, after, resamples, expected = CASES[case]
    measured = measure(sft=rows_of(before), grpo=rows_of(after))
    recipe = recipe_with([("iqa", "set")], resamples)
    said = headlines(recipe, measured)
    assert re.search(expected, said["Quality (IQA)"]), said
    for text in (said["Quality (IQA)"], format_table(recipe, measured)):
        assert not re.search(r"\bnan\b", text), text


def test_one_model_alone_has_changed_nothing_that_is_known():
    one = rows_of(noisy(3)) + rows_of(["?"] * 40, "other")
    recipe = recipe_with([("iqa", "set"), ("iqa", "other")])
    said = headlines(recipe, measure(sft=one))["Quality (IQA)"]
    assert re.search(r"GRPO has not been evaluated.*SRCC after SFT is 0\.9\d+ on set and none on other", said)
    assert "there is no model before GRPO" in headlines(recipe, measure(grpo=one))["Quality (IQA)"]


def test_each_task_has_its_sentence_and_several_data_sets_their_mean():
    sets = [("iqa", "a"), ("iaa", "c"), ("iqa", "b"), ("iqa", "unread")]
    before = [row for task, name in sets for row in rows_of(noisy(60, len(name)), name, task)]
    after = [row for task, name in sets for row in rows_of(["?"] * 40 if name == "unread" else noisy(5), name, task)]
    said = headlines(recipe_with(sets), measure(sft=before, grpo=after))
    assert list(said) == ["Quality (IQA)", "Aesthetics (IAA)"]
    assert "GRPO raised the mean SRCC on a and b from" in said["Quality (IQA)"]
    assert "over 80 test pictures; unread left out, since no SRCC exists there" in said["Quality (IQA)"]
    assert "GRPO raised SRCC on c from" in said["Aesthetics (IAA)"]


def test_the_interval_of_a_mean_resamples_each_data_set_by_itself():
    before, after = rows_of(noisy(60)), rows_of(noisy(30, 1))
    alone, pairs = srcc_change(before, after, 300), pair_answers(before, after)
    same = mean_change([pairs], 300)
    assert (same.before, same.after, same.pictures) == (alone.before, alone.after, alone.pictures)
    np.testing.assert_allclose(same.interval, alone.interval, atol=0.06)
    four = mean_change([pairs] * 4, 300)
    width, width_of_four = (np.ptp(change.interval) for change in (alone, four))
    assert width_of_four == pytest.approx(width / 2, rel=0.25), "the mean of four has half the deviation"
    assert four.asked == 160
    worse = pair_answers(rows_of(noisy(2)), rows_of(noisy(90)))
    mixed, other = mean_change([pairs, worse], 300), mean_change([worse], 300)
    assert mixed.gain == pytest.approx((alone.gain + other.gain) / 2)
    middle = (np.mean(alone.interval) + np.mean(other.interval)) / 2
    assert np.mean(mixed.interval) == pytest.approx(middle, abs=0.05)
    few = pair_answers(rows_of(noisy(60)[:3], mos=MOS[:3]), rows_of(noisy(30)[:3], mos=MOS[:3]))
    assert math.isnan(mean_change([few, few], 300).interval.low), "three pictures are too few"


# ---------------------------------------------------------------- the terminal's table

names = st.text(st.characters(categories=["L", "N", "P"], exclude_characters=" "), min_size=1, max_size=60)


@settings(max_examples=25)
@given(st.lists(names, min_size=1, max_size=3, unique=True), st.integers(0, 9), st.booleans())
def test_columns_stand_apart_whatever_names_and_signs(data_sets, seed, reversed_order):
    mos = MOS[::-1] if reversed_order else MOS
    sets = [("iqa", name) for name in data_sets]
    before, after = ([row for name in data_sets for row in rows_of(noisy(40, seed + k, mos), name)] for k in (0, 1))
    header, *lines = format_table(recipe_with(sets, 0), measure(sft=before, grpo=after)).splitlines()
    assert len(re.split(r"\s{2,}", header)) == 10
    models = [line for line in lines if "  after " in line]
    for line, name in zip(models, [name for name in data_sets for _ in "ab"], strict=True):
        cells = re.split(r"\s{2,}", line)
        assert cells[:2] == ["IQA", name]
        assert len(cells) == (10 if cells[2] == "after GRPO" else 9)
        assert all(re.fullmatch(r"-?\d\.\d{3}", cell) for cell in cells[3:6])
        assert line[: header.index("SRCC") + 4].endswith(cells[3]), "numbers end where the names of their columns do"


# ---------------------------------------------------------------- scales


def test_scores_are_said_on_their_scale_beside_points():
    assert say_score(80, ScoreScale(1, 5)) == "4.2 (80 points)"
    assert say_score(80, ScoreScale(0, 9, higher_is_better=False)) == "1.8 (80 points)"
    assert say_score(82.46, ScoreScale(0, 1)) == "0.82 (82.5 points)"
    assert say_score(50, ScoreScale(800, 2000)) == "1400 (50 points)"
    assert say_score(80, ScoreScale(0, 100)) == "80 points"
    assert (say_points(1), say_points(-0.01)) == ("1 point", "0 points")
