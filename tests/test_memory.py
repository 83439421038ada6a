"""Remembered opponents: what is kept, what is compared, and that a checkpoint keeps it."""

import json
import math
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

import tatar_rewards as tr
from tatar_rewards.rewards.memory import OpponentMemory, RememberedImage

RANKINGS = pytest.mark.parametrize("kind", [tr.ThurstoneRankReward, tr.PairwiseRankReward])


def grade(reward, images, **columns):
    """Rewards of images given as {key: (mos, answers)}, in one call."""
    rows = [(key, mos, answer) for key, (mos, answers) in images.items() for answer in answers]
    keys, mos, answers = zip(*rows, strict=True)
    return reward([f"<answer>{a}</answer>" for a in answers], mos=list(mos), image_id=list(keys), **columns)


FIRST = {"a": (30.0, [35, 20]), "b": (60.0, [50, 70])}
SECOND = {"c": (45.0, [40, 66])}


@RANKINGS
def test_a_remembered_image_is_an_opponent_like_any_other(kind):
    reward = kind(min_opponents=5)
    grade(reward, FIRST)
    expected = grade(kind(), FIRST | SECOND)[-2:]
    assert grade(reward, SECOND) == pytest.approx(expected, abs=1e-13)


@RANKINGS
def test_an_image_is_never_compared_with_what_is_remembered_of_itself(kind):
    reward = kind(opponents="memory")
    with pytest.warns(UserWarning, match="no other image"):
        assert grade(reward, SECOND) == [None, None]
    assert grade(reward, SECOND) == [None, None]
    assert grade(reward, {"c": (45.0, ["junk", 50])}) == [0.0, None]
    assert all(value is not None for value in grade(reward, {"d": (70.0, [50])}))


@RANKINGS
def test_what_is_remembered_of_an_image_is_what_was_said_last(kind):
    reward = kind(opponents="memory")
    grade(reward, FIRST)
    grade(reward, {"a": (30.0, [90, 95])})
    expected = grade(kind(), {"a": (30.0, [90, 95]), "b": FIRST["b"]} | SECOND)[-2:]
    assert grade(reward, SECOND) == pytest.approx(expected, abs=1e-13)


@RANKINGS
def test_memory_serves_only_where_too_few_images_are_at_hand(kind):
    full, fresh = kind(min_opponents=2), kind(min_opponents=0)
    three = {**FIRST, "e": (80.0, [10])}
    grade(full, {"x": (5.0, [99]), "y": (95.0, [1])})
    assert grade(full, three) == pytest.approx(grade(fresh, three), abs=1e-13)
    assert grade(full, FIRST) != pytest.approx(grade(fresh, FIRST), abs=1e-3)


@RANKINGS
def test_nothing_is_remembered_where_none_is_asked_for(kind):
    reward = kind(min_opponents=0)
    grade(reward, FIRST)
    assert reward.state_dict()["images"] == []


@RANKINGS
def test_nothing_is_remembered_of_other_tasks_and_data_sets(kind):
    reward = kind(opponents="memory")
    grade(reward, FIRST, dataset=["AVA"] * 4)
    with pytest.warns(UserWarning, match="no other image"):
        assert grade(reward, SECOND, dataset=["TAD66K"] * 2) == [None, None]
    assert None not in grade(reward, SECOND, dataset=["AVA"] * 2)


def test_the_newest_images_fill_up_and_the_oldest_go():
    reward = tr.ThurstoneRankReward(min_opponents=1, memory_size=2)
    for k, image in enumerate("abc"):
        logged = {}
        rewards = grade(reward, {image: (20.0 + 20 * k, [50])}, log_metric=logged.__setitem__)
    assert rewards == grade(tr.ThurstoneRankReward(), {"b": (40.0, [50]), "c": (60.0, [50])})[-1:]
    assert logged["thurstone_rank/mean_opponents"] == 1
    assert logged["thurstone_rank/remembered_share"] == 1
    assert logged["thurstone_rank/mean_age"] == 1
    assert [row[-1] for row in reward.state_dict()["images"]] == [2, 3]


def test_an_image_that_is_seen_again_is_new_again():
    memory = OpponentMemory(size=2)
    for call, image in enumerate((1, 2, 1, 3)):
        memory.remember({0: {image: RememberedImage((50.0,), 60.0, 5.0, call)}})
    assert [image for image, _ in memory.newest(0, 9, without=set())] == [3, 1]


@RANKINGS
def test_rows_without_keys_are_ranked_by_place_and_not_remembered(kind):
    reward = kind(num_generations=2)
    answers = ["<answer>35</answer>", "<answer>20</answer>", "<answer>50</answer>", "<answer>70</answer>"]
    by_place = reward(answers, mos=[30.0, 30.0, 60.0, 60.0])
    assert by_place == pytest.approx(grade(kind(), FIRST), abs=1e-13)
    assert reward.state_dict()["images"] == []
    with pytest.raises(ValueError, match="call has 3 rows: a group is split"):
        reward(answers[:3], mos=[30.0, 30.0, 60.0])
    tasked = kind(num_generations=2, task="iaa")
    with pytest.raises(ValueError, match="takes rows 2 to 3 for one image, but not all of them are of task 'iaa'"):
        tasked(answers, mos=[30.0, 30.0, 60.0, 60.0], task=["iaa", "iaa", "iaa", "iqa"])
    keyed = kind(num_generations=3)
    assert grade(keyed, FIRST) == pytest.approx(grade(kind(), FIRST), abs=1e-13), "a column of keys goes before place"


def test_memory_without_keys_is_refused():
    with pytest.raises(ValidationError, match="opponents='memory' must know its images by a key"):
        tr.ThurstoneRankReward(opponents="memory", num_generations=8)


@pytest.mark.parametrize("key", [None, 1.5, ("a",), float("nan")])
def test_keys_that_are_no_keys_are_named(key):
    with pytest.raises(TypeError, match=r"image_id\[1\] must be a string or an integer; got .* give each image a key"):
        tr.ThurstoneRankReward()(["<answer>5</answer>"] * 2, mos=[1.0, 2.0], image_id=["a", key])


# ---------------------------------------------------------------- state


answers = st.lists(st.floats(0, 100), min_size=1, max_size=4).map(tuple)
stds = st.one_of(st.just(math.nan), st.floats(0, 40))
remembered = st.builds(RememberedImage, answers, st.floats(0, 100), stds, st.integers(1, 9))


@given(
    st.lists(st.tuples(st.integers(-1, 1), st.integers(-(2**63), 2**63 - 1), remembered), max_size=20),
    st.integers(1, 9),
)
def test_a_state_survives_json_bit_for_bit(images, size):
    memory = OpponentMemory(size)
    for comparison, image, kept in images:
        memory.remember({comparison: {image: kept}})
    memory.calls = 9
    twin = OpponentMemory.from_state_dict(json.loads(json.dumps(memory.state_dict(), allow_nan=False)), size)
    assert twin.state_dict() == memory.state_dict()
    for comparison in (-1, 0, 1):
        assert len(twin.newest(comparison, 99, without=set())) <= size
        assert repr(twin.newest(comparison, 99, set())) == repr(memory.newest(comparison, 99, set()))


def row(predictions=(50.0,), target=60.0, std=None, call=1, key=7):
    return {"calls": 3, "images": [[key, 7, list(predictions), target, std, call]]}


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ({}, "state must be what state_dict\\(\\) gave"),
        ({"calls": 1}, "state must be what state_dict\\(\\) gave"),
        (None, "state must be what state_dict\\(\\) gave"),
        ({"calls": "x", "images": []}, "state\\['calls'\\] must be an integer"),
        ({"calls": True, "images": []}, "state\\['calls'\\] must be an integer"),
        ({"calls": -1, "images": []}, "state\\['calls'\\] must be an integer from 0"),
        ({"calls": 1, "images": [[1, 2]]}, "state\\['images'\\]\\[0\\] must be \\[comparison"),
        ({"calls": 1, "images": "none"}, "state\\['images'\\] must be a list"),
        (row(target=500.0), "the target in .* must be in points, from 0 to 100; got 500.0"),
        (row(target=math.inf), "the target in .* must be in points"),
        (row(target=math.nan), "the target in .* must be in points"),
        (row(target="60"), "the target in .* must be in points"),
        (row(std=-1.0), "the target_std in .* must be in points"),
        (row(std=math.inf), "the target_std in .* must be in points"),
        (row(predictions=[]), "the predictions in .* must be a list with at least one"),
        (row(predictions=[50.0, None]), "a prediction in .* must be in points"),
        (row(call=4), "the call in .* must be an integer from 0 to 3; got 4"),
        (row(key=2**63), "the key in .* must be an integer"),
        (row() | {"evaluation": row(target=-3.0)}, "the target in .* must be in points"),
    ],
)
def test_a_state_that_is_none_is_refused(state, said):
    reward = tr.ThurstoneRankReward()
    grade(reward, FIRST)
    before = reward.state_dict()
    with pytest.raises(ValueError, match=said):
        reward.load_state_dict(state)
    assert reward.state_dict() == before


@RANKINGS
def test_a_pickle_and_a_state_remember_alike(kind):
    reward, resumed = kind(opponents="memory"), kind(opponents="memory")
    grade(reward, FIRST)
    copied = pickle.loads(pickle.dumps(reward))
    resumed.load_state_dict(reward.state_dict())
    expected = grade(reward, SECOND)
    assert np.all(np.array(expected) > 0)
    assert grade(copied, SECOND) == expected
    assert grade(resumed, SECOND) == expected
