"""The column that a reward writes into the trainer's table explains what each completion earned."""

import json
import math
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tatar_rewards as tr

SAYS = st.one_of(st.integers(0, 100).map("<think>a b c</think><answer>{}</answer>".format), st.just("dunno"))


def call(reward, texts, **columns):
    extra = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        earned = reward(texts, **columns, log_extra=extra.__setitem__)
    (cells,) = extra.values()
    return earned, [None if cell is None else json.loads(cell) for cell in cells]


def test_what_was_read_is_logged_per_completion():
    texts = ["<answer>20</answer>", "dunno", "<answer>60</answer>"]
    reward = tr.GaussianScoreReward(task="iqa", length_gate=tr.LengthConfig(longest=65))
    columns = {"mos": [10.0, None, 30.0], "task": ["iqa", "iqa", "iaa"], "image_id": ["a.jpg", 7, "c"]}
    _, (first, second, third) = call(reward, texts, **columns)
    assert first == {
        "image": "a.jpg", "task": "iqa", "status": "ok", "score": 20.0, "target": 10.0, "gate": 1.0, "length": 0.0
    }  # fmt: skip
    assert second == {
        "image": 7, "task": "iqa", "status": "no_answer", "score": None, "target": None, "gate": None, "length": None
    }  # fmt: skip
    assert third is None


def explained(rows, function, config, remembered):
    """The rewards of a step, from nothing but its column."""
    nan = [math.nan if row["score"] is None else row["score"] for row in rows]
    answers = nan + [score for kept in remembered for score in kept[2]]
    targets = [row["target"] for row in rows] + [kept[0] for kept in remembered for _ in kept[2]]
    images = [row["image"] for row in rows] + [f"remembered {k}" for k, kept in enumerate(remembered) for _ in kept[2]]
    gates = np.array([1.0 if row["gate"] is None else row["gate"] for row in rows])
    return function(np.array(answers), np.array(targets), np.array(images), **config)[: len(rows)] * gates


STEPS = st.lists(st.lists(SAYS, min_size=4, max_size=4), min_size=1, max_size=4)


@given(STEPS, st.sampled_from(["thurstone", "pairwise"]))
def test_rewards_can_be_explained_with_the_opponents_that_were_remembered(steps, form):
    kind, function = {
        "thurstone": (tr.ThurstoneRankReward, tr.thurstone_rank_reward),
        "pairwise": (tr.PairwiseRankReward, tr.pairwise_rank_reward),
    }[form]
    reward = kind(length_gate=tr.LengthConfig(shortest=5, margin=4), temperature=12)
    for number, texts in enumerate(steps):
        columns = {"mos": [40.0, 40.0, 70.0, 70.0], "image_id": [f"{number}a"] * 2 + [f"{number}b"] * 2}
        earned, rows = call(reward, texts, **columns)
        remembered = next((row["remembered"] for row in rows if "remembered" in row), [])
        expected = explained(rows, function, {"temperature": 12}, remembered)
        for value, wanted, row in zip(earned, expected, rows, strict=True):
            assert value == (None if math.isnan(wanted) else pytest.approx(wanted, abs=1e-4))
            if value is None:
                assert row["opponents"] == 0


def test_deviations_are_logged_as_they_were_reckoned_with():
    columns = {"mos": [40.0, 60.0], "sd": [20.0, None], "image_id": [1, 2]}
    _, rows = call(tr.GaussianScoreReward(mos_std_column="sd", raters=16), ["<answer>1</answer>"] * 2, **columns)
    assert [row["target_std"] for row in rows] == [5.0, 5.0]


@pytest.mark.parametrize("kind", [tr.GaussianScoreReward, tr.ThurstoneRankReward, tr.AnswerFormatReward])
def test_a_setting_leaves_the_column_out(kind):
    extra = {}
    columns = {"mos": [40.0, 60.0], "image_id": [1, 2]}
    kind(log_rows=False)(["<answer>1</answer>"] * 2, **columns, log_extra=extra.__setitem__)
    assert extra == {}


def test_form_rewards_tell_what_they_looked_at():
    extra = {}
    texts = ["<answer>1</answer>", "<think>a b</think><answer>1</answer>", "dunno"]
    earned = tr.AnswerFormatReward(require_think=True)(texts, log_extra=extra.__setitem__)
    assert extra == {"answer_format/status": ["no_thinking", "ok", "no_answer"]}
    assert earned == [0.0, 1.0, 0.0]
    extra.clear()
    with pytest.warns(UserWarning, match="2 of 2 readable completions miss the budget of at least 5 words, with 1 on"):
        earned = tr.LengthReward(shortest=5)(texts, log_extra=extra.__setitem__)
    assert extra == {"length/words": [0.0, 2.0, None]}
    assert earned == [0.0, 0.0, 0.0]
