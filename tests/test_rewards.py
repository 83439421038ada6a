"""The contract of every callable: what it takes from a trainer and what it gives back.

Real trainers run in `test_trainer.py`.
"""

import pickle
import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from support.reward_calls import EVERY_REWARD, GOOD, batch

import tatar_rewards as tr
from tatar_rewards.answers import read_completion

EACH_REWARD = pytest.mark.parametrize("reward", EVERY_REWARD, ids=lambda reward: reward.__name__)


@EACH_REWARD
def test_one_float_or_none_per_completion_and_none_only_off_task(reward):
    rewards = reward(**batch(GOOD))
    assert len(rewards) == len(GOOD)
    for value, task in zip(rewards, batch(GOOD)["task"], strict=True):
        if reward.config.task in (None, task):
            assert type(value) is float
            assert 0 <= value <= 1
        else:
            assert value is None


@EACH_REWARD
def test_conversational_completions_earn_what_plain_ones_earn(reward):
    messages = [[{"role": "assistant", "content": text}] for text in GOOD]
    assert reward(**batch(GOOD)) == reward(**batch(GOOD, completions=messages))


@EACH_REWARD
def test_a_pickled_reward_is_the_same_reward(reward):
    twin = pickle.loads(pickle.dumps(reward))
    assert twin.__name__ == reward.__name__
    assert twin(**batch(GOOD)) == reward(**batch(GOOD))


@EACH_REWARD
def test_a_reward_is_frozen(reward):
    with pytest.raises(ValidationError, match="frozen"):
        reward.config.task = "other"


@EACH_REWARD
@given(
    junk=st.lists(
        st.one_of(st.text(), st.sampled_from(GOOD), st.lists(st.builds(lambda text: {"content": text}, st.text()))),
        min_size=1,
        max_size=9,
    )
)
def test_no_completion_makes_a_reward_raise_or_leave_its_range(reward, junk):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # no other image to compare with
        rewards = reward(**batch(junk))
    for value, text, task in zip(rewards, junk, batch(junk)["task"], strict=True):
        assert value is None or 0 <= value <= 1
        if reward.config.task in (None, task) and not read_completion(text).ok:
            assert value == 0.0


@EACH_REWARD
def test_the_same_keys_are_logged_at_every_call(reward):
    logged = []
    for texts in (GOOD, ["junk"] * 8, GOOD[:1], GOOD[:2], GOOD[2:4]):
        extra, metrics = {}, {}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            reward(**batch(texts, log_extra=extra.__setitem__, log_metric=metrics.__setitem__))
        assert all(len(values) == len(texts) for values in extra.values())
        assert all(type(value) is float for value in metrics.values())
        assert all(key.startswith(f"{reward.__name__}/") for key in (*extra, *metrics))
        logged.append((set(extra), set(metrics)))
    assert all(keys == logged[0] for keys in logged)


@EACH_REWARD
def test_an_empty_call_gives_an_empty_list(reward):
    assert reward(**batch([])) == []


def test_every_default_name_is_another():
    names = [reward.__name__ for reward in EVERY_REWARD]
    assert len(set(names)) == len(names)
    assert tr.GaussianScoreReward(name="quality").__name__ == "quality"
