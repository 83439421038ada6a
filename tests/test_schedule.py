"""Weights, and settings that change over training: exact values, the same state throughout, and clear refusals."""

import copy
import json
import pickle
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from support.reward_calls import EVERY_REWARD, GOOD, batch

import tatar_rewards as tr
from tatar_rewards.doctor import check_setup
from tatar_rewards.testing import check_reward_contract

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


def at(step, steps=100):
    return SimpleNamespace(global_step=step, max_steps=steps)


def call(reward, step=0, **changes):
    return copy.copy(reward)(**batch(GOOD, trainer_state=at(step), **changes))


@pytest.mark.parametrize("reward", EVERY_REWARD, ids=lambda reward: reward.__name__)
def test_a_weight_multiplies_and_changes_nothing_else(reward):
    plain, halved = call(reward), call(reward.fresh(weight=0.5))
    assert halved == [None if earned is None else earned / 2 for earned in plain]
    assert reward.fresh(weight=0.5).__name__ == reward.__name__
    assert {earned for earned in call(reward.fresh(weight=0.0)) if earned is not None} <= {0.0}


@pytest.mark.parametrize("reward", EVERY_REWARD, ids=lambda reward: reward.__name__)
def test_a_scheduled_weight_is_that_weight_at_every_step(reward):
    annealed = tr.scheduled(reward, start=1, end=0.2, over=0.5)
    for step, weight in ((0, 1.0), (25, 0.6), (50, 0.2), (100, 0.2)):
        assert call(annealed, step) == pytest.approx(call(reward.fresh(weight=weight)), abs=1e-12)
    assert pickle.loads(pickle.dumps(annealed)) == annealed != reward
    assert isinstance(annealed, type(reward))


@given(st.floats(0, 5), st.floats(0, 5), st.floats(0.01, 1), st.integers(0, 200))
def test_the_value_follows_the_formula(start, end, over, step):
    logged = {}
    reward = tr.scheduled(tr.GaussianScoreReward(), start=start, end=end, over=over)
    earned = reward(["<answer>70</answer>"], mos=[70.0], trainer_state=at(step), log_metric=logged.__setitem__)
    expected = start + (end - start) * min(1, step / (over * 100))
    assert earned == [pytest.approx(expected)]
    assert logged["gaussian_score/weight"] == pytest.approx(expected)


def test_a_tolerance_narrows():
    reward = tr.scheduled(tr.GaussianScoreReward(widening=0), "tolerance", start=40, end=10)
    for step, tolerance in ((0, 40), (50, 25), (100, 10)):
        (earned,) = reward(["<answer>50</answer>"], mos=[50.0 + tolerance], trainer_state=at(step))
        assert earned == pytest.approx(0.5)
    assert reward.config.tolerance == tr.GaussianScoreConfig().tolerance, "the reward itself does not change"


def test_a_call_without_a_trainer_takes_the_start():
    reward = tr.scheduled(tr.GaussianScoreReward(), start=0.25, end=1)
    assert reward(["<answer>70</answer>"], mos=[70.0]) == [0.25]


def test_the_state_of_a_scheduled_ranking_goes_on():
    reward = tr.scheduled(tr.ThurstoneRankReward(), "temperature", start=30, end=10)
    for step in range(3):
        reward(["<answer>40</answer>"], mos=[40.0], image_id=[f"{step}.jpg"], trainer_state=at(step))
    assert len(reward.state_dict()["images"]) == 3
    twin = reward.fresh()
    twin.load_state_dict(reward.state_dict())
    assert twin.state_dict() == reward.state_dict()


def test_what_is_logged_says_what_a_reward_was_multiplied_with():
    columns = {}
    reward = tr.scheduled(tr.GaussianScoreReward(), start=1, end=0)
    (earned,) = reward(["<answer>60</answer>"], mos=[70.0], trainer_state=at(25), log_extra=columns.__setitem__)
    row = json.loads(columns["gaussian_score/row"][0])
    (plain,) = tr.GaussianScoreReward()(["<answer>60</answer>"], mos=[70.0])
    assert row["weight"] == 0.75
    assert earned == pytest.approx(0.75 * plain)


@pytest.mark.parametrize("reward", EVERY_REWARD, ids=lambda reward: reward.__name__)
def test_the_contract_holds_for_a_scheduled_reward(reward):
    ids = [list(range(len(text.split()))) for text in GOOD]
    columns = {"completion_ids": ids, "trainer_state": None}
    check_reward_contract(tr.scheduled(reward, start=0.5, end=0.1), completion_ids=columns["completion_ids"])


# ---------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"setting": "tolerence", "start": 1, "end": 2}, "'tolerence' cannot change over training; of this reward"),
        ({"setting": "mos_column", "start": 1, "end": 2}, "'mos_column' cannot change over training"),
        ({"setting": "tolerance", "start": 0, "end": 2}, "start of the schedule of tolerance: "),
        ({"setting": "tolerance", "start": 2, "end": -1}, "end of the schedule of tolerance: "),
        ({"start": -1, "end": 2}, "start of the schedule of weight: "),
        ({"start": 0, "end": float("inf")}, "finite number"),
        ({"start": 0, "end": 1, "over": 0}, "greater than 0"),
        ({"start": 0, "end": 1, "over": 2}, "less than or equal to 1"),
        ({"start": "0", "end": 1}, "valid number"),
    ],
)
def test_a_schedule_that_cannot_be_is_refused(settings, message):
    with pytest.raises(ValidationError, match=message):
        tr.scheduled(tr.GaussianScoreReward(), **settings)


def test_a_trainer_that_does_not_tell_its_steps_is_refused():
    reward = tr.scheduled(tr.GaussianScoreReward(), start=0, end=1)
    for steps in (None, 0, -1):
        with pytest.raises(ValueError, match=r"trainer_state.max_steps is .*; give the trainer max_steps"):
            reward(["<answer>70</answer>"], mos=[70.0], trainer_state=at(1, steps))
        assert reward(["<answer>70</answer>"], mos=[70.0], trainer_state=at(0, steps)) == [0.0], "before training"


def test_a_second_schedule_is_refused():
    once = tr.scheduled(tr.GaussianScoreReward(), start=1, end=0)
    with pytest.raises(ValueError, match="gaussian_score has a schedule of weight already; a reward takes one"):
        tr.scheduled(once, "tolerance", start=30, end=5)


def test_the_doctor_judges_a_reward_without_its_weight():
    data = [{"prompt": "0 to 100?", "mos": 10.0 * k, "image_id": f"{k}"} for k in range(10)]
    for reward in (tr.GaussianScoreReward(weight=0.1), tr.scheduled(tr.GaussianScoreReward(), start=0, end=1)):
        report = check_setup([reward], {"per_device_train_batch_size": 64, "num_generations": 8}, data)
        assert not report.faults, str(report)


@pytest.mark.parametrize("weight", [-1, float("nan"), float("inf"), "1", None, True])
def test_a_weight_is_a_finite_number(weight):
    with pytest.raises(ValidationError, match="weight"):
        tr.GaussianScoreReward(weight=weight)
