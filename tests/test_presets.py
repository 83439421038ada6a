"""Presets: one list for each published recipe, with its constants, and what a path loads."""

import math
import pickle
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from pydantic import ValidationError
from support.reward_calls import GOOD, batch

import tatar_rewards as tr
from tatar_rewards import AnswerFormatReward, presets
from tatar_rewards.doctor import check_setup

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")
NAMES = [
    "tatar",
    "tatar_released",
    "visualquality_r1",
    "q_insight",
    "mr_iqa",
    "q_hawkeye",
    "ie_critic_r1",
    "recommended",
]


@pytest.mark.parametrize("name", NAMES)
def test_a_preset_is_a_list_that_a_trainer_takes(name):
    rewards = getattr(presets, name)(mos_scale=(0, 100))
    assert isinstance(rewards[0], AnswerFormatReward)
    assert len({reward.__name__ for reward in rewards}) == len(rewards)
    totals = np.nansum([[math.nan if r is None else r for r in reward(**batch(GOOD))] for reward in rewards], axis=0)
    assert np.isfinite(totals).all()
    assert all(pickle.loads(pickle.dumps(reward)) == reward for reward in rewards)
    args = {"per_device_train_batch_size": 64, "num_generations": 8}
    columns = batch(GOOD)
    dataset = [
        {"prompt": "Rate it from 0 to 100.", **{c: columns[c][k] for c in ("mos", "task", "image_id")}}
        for k in range(8)
    ]
    for data in (None, dataset):
        report = check_setup(rewards, args, data)
        assert not [
            fault for fault in report.faults if fault.check in ("exact answers", "wrong answers", "constant guess")
        ], str(report)


@pytest.mark.parametrize("name", NAMES)
def test_settings_of_labels_reach_every_reward_and_wrong_ones_are_named(name):
    preset = getattr(presets, name)
    rewards = preset(mos_scale=(1, 5), mos_column="label", answer_scale=(1, 5), think_prefilled=True)
    assert {reward.config.think_prefilled for reward in rewards} == {True}
    assert {reward.config.mos_column for reward in rewards[1:]} == {"label"}
    with pytest.raises(TypeError, match="did you mean 'mos_scale'"):
        preset(mos_scales=(1, 5))


@pytest.mark.parametrize("name", ["q_insight", "mr_iqa", "recommended", "q_hawkeye"])
def test_two_recipes_can_take_a_task_each(name):
    rewards = [*getattr(presets, name)(task="iqa"), *presets.visualquality_r1(task="iaa")]
    assert len({reward.__name__ for reward in rewards}) == len(rewards)
    assert {reward.config.task for reward in rewards} == {"iqa", "iaa"}


def test_what_a_preset_sets_itself_is_refused():
    for preset, setting in (
        (presets.recommended, "name"),
        (presets.q_insight, "weight"),
        (presets.tatar_released, "task"),
    ):
        with pytest.raises(TypeError, match=f"sets {setting} of its rewards itself"):
            preset(**{setting: "x"})
    with pytest.raises(TypeError, match="unknown setting 'tolerance'"):
        presets.q_insight(tolerance=5)
    with pytest.raises(ValidationError, match="mos_scale"):
        presets.q_insight(mos_scale=(5, 1))


# What an error of so many points on one to five earns, by the released code; 25 points are one step.
PUBLISHED = {
    "q_insight": lambda d: float(d < 0.35),
    "q_hawkeye": lambda d: math.exp(-d / 0.3),
    "ie_critic_r1": lambda d: max(0.0, 1 - 0.95 * d),
}


@pytest.mark.parametrize("name", PUBLISHED)
@pytest.mark.parametrize("error", [0, 0.1, 0.3, 0.4, 0.9, 2.0])
def test_score_rewards_have_the_published_constants(name, error):
    reward = getattr(presets, name)(mos_scale=(1, 5), answer_scale=(1, 5))[1]
    (earned,) = reward([f"<answer>{5 - error:.4f}</answer>"], mos=[5.0])
    assert earned == pytest.approx(PUBLISHED[name](error), abs=1e-6)


def test_mr_iqa_compares_gaps_with_a_width_of_one_step():
    reward = presets.mr_iqa(mos_scale=(1, 5), answer_scale=(1, 5))[1]
    said = ["<answer>3.5</answer>", "<answer>4</answer>"]
    for earned in reward(said, mos=[2.0, 4.0], image_id=["a", "b"]):
        assert earned == pytest.approx(math.exp(-(1.5**2) / 2))


def test_visualquality_r1_is_the_fidelity_of_a_normal_comparison():
    reward = presets.visualquality_r1(mos_scale=(1, 5), answer_scale=(1, 5))[1]
    said = [f"<answer>{q}</answer>" for q in (2.0, 3.0, 3.5, 4.5)]
    earned = reward(said, mos=[2.0, 2.0, 4.0, 4.0], image_id=["a", "a", "b", "b"])
    z = (4.0 - 2.0) / math.sqrt(0.25 + 0.25 + 1e-6)  # mean answer to b less the first answer to a; variances of each
    assert earned[0] == pytest.approx(math.sqrt(0.5 * (1 + math.erf(z / math.sqrt(2)))), abs=1e-6)


def test_tatar_as_released_pays_a_gain_on_aesthetics():
    quality, beauty = presets.tatar_released()[1:3]
    long = " ".join(f"word{k}" for k in range(130))
    text, brief = f"<think>{long}</think><answer>60</answer>", "<answer>60</answer>"
    s0 = 8.75 / math.sqrt(2 * math.log(2))
    (earned,) = beauty([text], mos=[70.0], task=["iaa"])
    assert earned == pytest.approx(min(1, 1.5 * math.exp(-(10**2) / (2 * (s0 * 1.2) ** 2))))
    (earned,) = quality([brief], mos=[70.0], task=["iqa"])
    assert earned == pytest.approx(math.exp(-(10**2) / (2 * (s0 * 1.08) ** 2)))


def test_a_path_loads_a_preset_with_settings():
    loaded = presets.load_reward_funcs(["recommended", "iqa_gaussian_score"], mos_scale=(1, 5))
    assert [str(reward.config.mos_scale) for reward in loaded[1:]] == ["1 to 5"] * 4
    with pytest.raises(TypeError, match="recommended_reward_funcs: unknown setting 'mos_scael'; did you mean"):
        presets.load_reward_funcs(["recommended"], mos_scael=(1, 5))


def test_a_path_loads_a_preset_with_its_defaults():
    loaded = presets.load_reward_funcs(["tatar_rewards.presets.mr_iqa", "tatar_rewards.presets.iqa_gaussian_score"])
    assert [reward.__name__ for reward in loaded] == ["answer_format", "thurstone_rank", "iqa_gaussian_score"]
    again = presets.load_reward_funcs(["tatar_rewards.presets.mr_iqa"])
    assert loaded[0] is not again[0], "two trainers share no state"
    with pytest.raises(ValueError, match="must name ready rewards"):
        presets.load_reward_funcs(["math.pi"])


def test_a_class_and_the_name_of_its_rewards_load_one_with_settings():
    loaded = presets.load_reward_funcs(["gaussian_score", "tatar_rewards.WinRateReward"], mos_scale=(1, 5))
    assert [(reward.__name__, str(reward.config.mos_scale)) for reward in loaded] == [
        ("gaussian_score", "1 to 5"),
        ("win_rate", "1 to 5"),
    ]
    with pytest.raises(ValueError, match="'collections.Counter' is a class; name an object of it"):
        presets.load_reward_funcs(["collections.Counter"])
    with pytest.raises(ValueError, match="did you mean 'gaussian_score'"):
        presets.load_reward_funcs(["gausian_score"])


def test_settings_that_nothing_takes_are_refused(monkeypatch):
    mine = SimpleNamespace(reward=tr.GaussianScoreReward(), empty=[], mixed=[tr.GaussianScoreReward(), 3])
    mine.again = presets.tatar
    monkeypatch.setitem(sys.modules, "my_presets", mine)
    (scored,) = presets.load_reward_funcs(["iqa_gaussian_score"], mos_scale=(1, 5))
    assert scored(["<answer>75</answer>"], mos=[4.0], task=["iqa"]) == [1.0]
    assert len(presets.load_reward_funcs(["my_presets.again"], mos_scale=(1, 5))) == 3
    for path, settings, message in (
        ("iqa_gaussian_score", {"nonsense": 3}, "iqa_gaussian_score: unknown setting 'nonsense'"),
        ("GaussianScoreReward", {"toleranc": 3}, "did you mean 'tolerance'"),
        ("my_presets.reward", {"mos_scale": (1, 5)}, "my_presets.reward has settings of its own; leave mos_scale= out"),
    ):
        with pytest.raises(TypeError, match=message):
            presets.load_reward_funcs([path], **settings)
    for paths in ("tatar", None, [3], [b"tatar"]):
        with pytest.raises(TypeError, match="paths must"):
            presets.load_reward_funcs(paths)
    with pytest.raises(ValueError, match=r"my_presets\.mixed\[1\] is 3, no reward"):
        presets.load_reward_funcs(["my_presets.mixed"])
    with pytest.raises(ValueError, match="my_presets.empty is empty"):
        presets.load_reward_funcs(["my_presets.empty"])
