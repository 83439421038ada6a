"""A reward holds its settings, which never change, and its state: what is compared, copied, pickled and begun anew."""

import copy
import inspect
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

import tatar_rewards as tr
from tatar_rewards import presets
from tatar_rewards.rewards.configs import RankingConfig

KINDS = [
    tr.AnswerFormatReward,
    tr.GaussianScoreReward,
    tr.ErrorScoreReward,
    tr.CrpsScoreReward,
    tr.ThresholdScoreReward,
    tr.LengthReward,
    tr.PairwiseRankReward,
    tr.ThurstoneRankReward,
    tr.WinRateReward,
]
EACH_KIND = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
EACH_RANKING = pytest.mark.parametrize("kind", [tr.PairwiseRankReward, tr.ThurstoneRankReward])
COLUMNS = {
    "mos": [30.0, 60.0],
    "task": ["iaa", "iaa"],
    "image_id": ["a", "b"],
    "completion_ids": [[1], [2]],
}
ANSWERS = ["<answer>40</answer>", "<answer>70</answer>"]


def used(kind, **settings):
    """A reward with state: it has seen two images."""
    reward = kind(**settings)
    reward(ANSWERS, **COLUMNS)
    return reward


# ---------------------------------------------------------------- settings


@EACH_KIND
def test_rewards_are_equal_where_their_settings_are_whatever_they_have_seen(kind):
    assert kind() == kind() == used(kind)
    assert kind(task="iaa") != kind()
    assert len({kind(), kind(), used(kind), kind(task="iaa")}) == 2


def test_rewards_of_two_kinds_are_never_equal():
    assert len({kind(name="same") for kind in KINDS}) == len(KINDS)
    assert tr.GaussianScoreReward() != tr.GaussianScoreReward().config


@EACH_KIND
def test_the_settings_are_shown_where_they_differ_from_their_defaults(kind):
    assert repr(kind()) == f"{kind.__name__}()"
    assert repr(used(kind, task="iaa")) == f"{kind.__name__}(task='iaa')"
    assert repr(kind(answer_scale=(1, 5))).endswith(
        "(answer_scale=ScoreScale(low=1.0, high=5.0, higher_is_better=True))"
    )


@EACH_KIND
def test_no_setting_can_be_changed_and_the_config_cannot_be_replaced(kind):
    reward = kind()
    for name in type(reward.config).model_fields:
        with pytest.raises(ValidationError, match="frozen"):
            setattr(reward.config, name, None)
        with pytest.raises(AttributeError, match=f"reward.fresh\\({name}=...\\)"):
            setattr(reward, name, None)
    with pytest.raises(AttributeError, match="config cannot be set"):
        reward.config = kind(task="iaa").config


@EACH_KIND
def test_the_signature_names_every_setting_with_its_default(kind):
    parameters = dict(inspect.signature(kind).parameters)
    fields = type(kind().config).model_fields
    assert set(parameters) == set(fields)
    assert {name: p.default for name, p in parameters.items()} == {
        name: field.default for name, field in fields.items()
    }


@pytest.mark.parametrize(
    ("kind", "setting", "nearest"),
    [
        (tr.ThurstoneRankReward, "temprature", "temperature"),
        (tr.ThurstoneRankReward, "mos_scael", "mos_scale"),
        (tr.LengthReward, "shortst", "shortest"),
        (tr.LengthConfig, "units", "unit"),
        (tr.OpponentConfig, "min_oponents", "min_opponents"),
    ],
)
def test_an_unknown_setting_is_refused_with_the_nearest_one(kind, setting, nearest):
    with pytest.raises(ValidationError, match=f"unknown setting '{setting}'; did you mean '{nearest}'?"):
        kind(**{setting: 1})
    if kind not in (tr.LengthConfig, tr.OpponentConfig):
        with pytest.raises(ValidationError, match=f"did you mean '{nearest}'?"):
            kind().fresh(**{setting: 1})


@given(
    low=st.integers(-5, 5),
    span=st.integers(1, 100),
    names=st.lists(st.sampled_from(["AVA", "SPAQ", "KADID-10k"]), unique=True, min_size=1),
)
def test_a_pair_is_a_scale_and_so_is_each_in_a_mapping(low, span, names):
    scale, pair = tr.ScoreScale(low, low + span), (low, low + span)
    assert tr.GaussianScoreReward(mos_scale=pair, answer_scale=pair) == tr.GaussianScoreReward(
        mos_scale=scale, answer_scale=scale
    )
    by_name, backwards = dict.fromkeys(names, pair), dict.fromkeys(reversed(names), scale)
    first, second = tr.ThurstoneRankReward(mos_scale=by_name), tr.ThurstoneRankReward(mos_scale=backwards)
    assert first == second
    assert hash(first) == hash(second)
    by_name.clear()
    assert first == second  # the caller's mapping is not shared


# ---------------------------------------------------------------- state


@EACH_RANKING
@pytest.mark.parametrize("twin_of", [copy.copy, copy.deepcopy, lambda reward: pickle.loads(pickle.dumps(reward))])
def test_a_copy_takes_the_state_along_and_does_not_share_it(kind, twin_of):
    reward = used(kind, opponents="memory")
    twin = twin_of(reward)
    assert twin == reward
    assert twin.state_dict() == reward.state_dict() != kind(opponents="memory").state_dict()
    before = twin.state_dict()
    reward(ANSWERS, **{**COLUMNS, "image_id": ["c", "d"]})
    assert twin.state_dict() == before != reward.state_dict()


@EACH_KIND
@pytest.mark.parametrize("twin_of", [copy.copy, copy.deepcopy, lambda reward: pickle.loads(pickle.dumps(reward))])
def test_running_figures_are_copied_and_not_shared(kind, twin_of):
    reward, logged = used(kind), {}
    twin = twin_of(reward)
    assert twin.state is not reward.state
    assert twin.state.figures is not reward.state.figures
    reward(["junk", "junk"], **COLUMNS)
    twin(ANSWERS, **COLUMNS, log_metric=logged.__setitem__)
    if f"{twin.__name__}/mae" in logged:
        assert logged[f"{twin.__name__}/parse_failure_rate"] == 0.0


@EACH_KIND
def test_a_fresh_reward_has_the_settings_and_nothing_of_the_state(kind):
    reward = used(kind, task="iaa", name="mine")
    fresh = reward.fresh()
    assert fresh == reward
    assert pickle.dumps(fresh.state) == pickle.dumps(kind().state)
    changed = reward.fresh(task="quality", name=None)
    assert changed == kind(task="quality")
    assert reward == kind(task="iaa", name="mine")


def test_only_rankings_remember_opponents():
    for kind in KINDS:
        reward = used(kind)
        assert (reward.state.memory is not None) == isinstance(reward.config, RankingConfig)
        assert (reward.state_dict() == {}) == (reward.state.memory is None)
        twin = kind()
        twin.load_state_dict(reward.state_dict())
        assert twin.state_dict() == reward.state_dict()


# ---------------------------------------------------------------- ready rewards


@pytest.mark.parametrize("name", ["answer_format", "iqa_gaussian_score", "iaa_thurstone_rank"])
def test_a_ready_reward_is_made_anew_each_time_it_is_looked_up(name):
    first, second = getattr(presets, name), getattr(presets, name)
    assert first == second
    assert first.__name__ == name
    assert first is not second
    assert first.state is not second.state


def test_the_ready_rewards_are_those_of_the_recipe_and_no_others():
    assert [getattr(presets, reward.__name__) for reward in tr.tatar_reward_funcs()] == tr.tatar_reward_funcs()
    with pytest.raises(AttributeError, match="has no attribute 'iqa_gausian_score'"):
        presets.iqa_gausian_score  # noqa: B018


# ---------------------------------------------------------------- budgets in words and tokens


def test_a_gate_counts_words_or_tokens_as_its_budget_says():
    texts = ["<think>a b c</think><answer>50</answer>"] * 2
    ids, logged = [list(range(3)), list(range(9))], {}
    in_words = tr.GaussianScoreReward(length_gate=tr.LengthConfig(longest=3))
    in_tokens = tr.GaussianScoreReward(length_gate=tr.LengthConfig(longest=3, unit="tokens"))
    assert in_words(texts, mos=[50.0, 50.0]) == [1.0, 1.0]
    earned = in_tokens(texts, mos=[50.0, 50.0], completion_ids=ids, log_metric=logged.__setitem__)
    assert earned == [1.0, 0.0]
    assert logged["gaussian_score/mean_tokens"] == 6.0
    assert logged["gaussian_score/off_budget_share"] == 0.5
    with pytest.raises(ValueError, match='needs a column .completion_ids.*unit="words"'):
        in_tokens(texts, mos=[50.0, 50.0])


def test_the_recipe_takes_budgets_in_tokens_and_can_switch_them_off():
    text, columns = "<think>a b c</think><answer>30</answer>", {**COLUMNS, "task": ["iqa", "iaa"]}
    _, quality, beauty = tr.tatar_reward_funcs(iqa_budget=None, iaa_budget=tr.LengthConfig(shortest=5, unit="tokens"))
    assert quality([text, text], **columns) == [1.0, None]
    assert quality.budget is None
    assert beauty.budget == tr.LengthConfig(shortest=5, unit="tokens")


def test_thinking_can_be_required_for_the_format_reward():
    texts = ["<answer>50</answer>", "<think> </think><answer>50</answer>", "<think>Soft.</think><answer>50</answer>"]
    assert tr.AnswerFormatReward()(texts) == [1.0, 1.0, 1.0]
    assert tr.AnswerFormatReward(require_think=True)(texts) == [0.0, 0.0, 1.0]
    form, *_ = tr.tatar_reward_funcs(require_think=True)
    assert form == tr.AnswerFormatReward(require_think=True)
