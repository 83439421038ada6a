"""The callables: what they take from a trainer and what they give back. Real trainers run in `test_trainer.py`."""

import math
import pickle
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

import tatar_rewards as tr
from tatar_rewards.answers import completion_text, messages, read_completion
from tatar_rewards.rewards.batch import _reader

LONG = " ".join(f"word{k}" for k in range(130))
EVERY_REWARD = [
    tr.AnswerFormatReward(),
    tr.GaussianScoreReward(task="iqa", length_gate=tr.LengthConfig(longest=65)),
    tr.ThresholdScoreReward(task="iqa"),
    tr.LengthReward(task="iaa", shortest=125),
    tr.LengthReward(task="iaa", shortest=125, unit="tokens", name="iaa_tokens"),
    tr.PairwiseRankReward(task="iaa"),
    tr.ThurstoneRankReward(task="iaa", dispersion="observer"),
]
EACH_REWARD = pytest.mark.parametrize("reward", EVERY_REWARD, ids=lambda reward: reward.__name__)


def batch(texts, **changes):
    """The keywords of one call; IQA and IAA take turns, two completions an image."""
    n = len(texts)
    columns = {
        "prompts": ["Rate it."] * n,
        "completions": texts,
        "completion_ids": [list(range(len(str(text).split()))) for text in texts],
        "mos": [float(20 + 10 * (k // 2 % 8)) for k in range(n)],
        "task": [("iqa", "iaa")[k // 2 % 2] for k in range(n)],
        "image_id": [f"{k // 2}.jpg" for k in range(n)],
        "dataset": ["tiny"] * n,
        "trainer_state": object(),
    }
    return {**columns, **changes}


GOOD = [f"<think>{LONG if k // 2 % 2 else 'Sharp.'}</think><answer>{20 + 5 * k}</answer>" for k in range(8)]


# ---------------------------------------------------------------- reading completions


@pytest.mark.parametrize(
    "completion",
    [
        "<think>Soft.</think><answer>64</answer>",
        [{"role": "assistant", "content": "<think>Soft.</think><answer>64</answer>"}],
        [{"role": "assistant", "content": [{"type": "text", "text": "<think>Soft.</think><answer>64</answer>"}]}],
        [
            {
                "role": "assistant",
                "content": [{"type": "text", "text": "<think>Soft.</think>"}, {"text": "<answer>64</answer>"}],
            }
        ],
        [{"role": "assistant", "reasoning_content": "Soft.", "content": "<answer>64</answer>"}],
        [{"role": "assistant", "thinking": "Soft.", "content": "<answer>64</answer>"}],
        [
            {"role": "assistant", "content": "", "tool_calls": [{}]},
            {"role": "tool", "content": "histogram: flat"},
            {"role": "assistant", "content": "<think>Soft.</think><answer>64</answer>"},
        ],
    ],
)
def test_every_form_of_completion_is_read(completion):
    answer = read_completion(completion)
    assert (answer.score, answer.think) == (64.0, "Soft.")


def test_reasoning_that_was_moved_out_is_not_asked_for_again():
    message = {"role": "assistant", "reasoning_content": "Soft.", "content": "<answer>64</answer>"}
    assert read_completion([message], think_prefilled=True).score == 64.0
    hidden = {"role": "assistant", "reasoning_content": "<answer>99</answer>", "content": "<answer>64</answer>"}
    assert read_completion([hidden]).status is tr.AnswerStatus.SEVERAL_ANSWERS


@pytest.mark.parametrize(
    "completion",
    [None, 7, b"<answer>64</answer>", [], {}, [None], [[]], [{"role": "tool", "content": "<answer>64</answer>"}]]
    + [
        [{"role": "assistant", "content": content}]
        for content in (None, 7, [], [None], [{"text": None}], {"text": "x"})
    ],
)
def test_no_form_of_completion_raises(completion):
    assert read_completion(completion).status is tr.AnswerStatus.NO_ANSWER
    assert completion_text(completion) == ("", "")


# ---------------------------------------------------------------- every callable


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
    junk=st.lists(st.one_of(st.text(), st.sampled_from(GOOD), st.none(), st.lists(st.text())), min_size=1, max_size=9)
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


# ---------------------------------------------------------------- each callable


def test_the_score_rewards_are_their_functions():
    columns = batch(GOOD)
    q = np.array([20.0 + 5 * k for k in range(8)])
    g = np.array(columns["mos"])
    gaussian = tr.GaussianScoreReward(tolerance=12.0)(**columns)
    np.testing.assert_allclose(gaussian, tr.gaussian_score_reward(q, g, tolerance=12.0), rtol=1e-12)
    threshold = tr.ThresholdScoreReward(tolerance=12.0)(**columns)
    np.testing.assert_array_equal(threshold, tr.threshold_score_reward(q, g, tolerance=12.0))


@pytest.mark.parametrize(
    ("reward", "function"),
    [(tr.ThurstoneRankReward(), tr.thurstone_rank_reward), (tr.PairwiseRankReward(), tr.pairwise_rank_reward)],
)
def test_the_ranking_rewards_group_by_image_and_compare_within_a_data_set(reward, function):
    datasets = ["a", "a", "a", "a", "b", "b", "b", "b"]
    ids = ["1", "1", "2", "2", "1", "1", "2", "2"]
    columns = batch(GOOD, dataset=datasets, image_id=ids, task=["iaa"] * 8)
    q, g = np.array([20.0 + 5 * k for k in range(8)]), np.array(columns["mos"])
    expected = function(q, g, np.arange(8) // 2, np.arange(8) // 4)
    np.testing.assert_allclose(reward(**columns), expected, rtol=1e-12)


def test_a_lone_image_earns_none_and_says_so_once():
    reward = tr.ThurstoneRankReward()
    metrics = {}
    columns = batch(GOOD[:2], log_metric=metrics.__setitem__)
    with pytest.warns(
        UserWarning, match="100% of the completions.*found no other image.*raise per_device_train_batch_size"
    ):
        assert reward(**columns) == [None, None]
    assert metrics["thurstone_rank/no_opponent_rate"] == 1.0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert reward(**columns) == [None, None]


def test_the_length_gate_multiplies_the_reward():
    gated = tr.GaussianScoreReward(length_gate=tr.LengthConfig(longest=3))
    texts = ["<think>one two three</think><answer>20</answer>", "<think>one two three four</think><answer>20</answer>"]
    assert gated(texts, mos=[20.0, 20.0]) == [1.0, 0.0]


@pytest.mark.parametrize(
    "padded",
    [
        "<answer>64</answer>\n\n\n\n",
        "\n\n\n\n<answer>64</answer>",
        "<think>a</think> \n \n \n<answer>64</answer>",
        "<answer>64.0000000000</answer>",
        "<answer>0000000000064</answer>",
    ],
)
def test_tokens_are_counted_without_padding(padded):
    reward = tr.LengthReward(shortest=4, unit="tokens")
    honest = "<think>a b</think><answer>64</answer>"
    assert reward([honest, padded], completion_ids=[[1, 2, 3, 4], [1, 2, 3, 4, 5, 6]]) == [1.0, 0.0]


def test_an_upper_budget_counts_what_a_lower_one_leaves_out():
    repeated, padded = "<think>" + "soft light and shade " * 9 + "</think><answer>64</answer>", "<answer>64</answer> \n"
    assert tr.LengthReward(longest=35)([repeated]) == [0.0]
    assert tr.LengthReward(shortest=5)([repeated]) == [0.0]
    assert tr.LengthReward(longest=5, unit="tokens")([padded], completion_ids=[[1, 1, 1, 1, 1, 1]]) == [0.0]


@pytest.mark.parametrize("filler", ["... -- !!! *** ,", "Soft LIGHT, and - shade! soft, Light and shade"])
def test_signs_and_case_make_no_new_words(filler):
    completion = f"<think>soft light and shade {filler}</think><answer>64</answer>"
    assert tr.LengthReward(shortest=4)([completion]) == [1.0]
    assert tr.LengthReward(shortest=5)([completion]) == [0.0]


def test_tokens_need_their_column():
    reward, honest = tr.LengthReward(shortest=4, unit="tokens"), "<answer>64</answer>"
    with pytest.raises(ValueError, match='needs a column .completion_ids.*unit="words"'):
        reward([honest])


def test_answers_and_labels_are_converted_from_their_declared_scales():
    reward = tr.GaussianScoreReward(answer_scale=tr.ScoreScale(1, 5), mos_scale=tr.ScoreScale(0, 1))
    assert reward(["<answer>3</answer>", "<answer>50</answer>"], mos=[0.5, 0.5]) == [1.0, 0.0]


def test_each_data_set_can_have_its_own_scale():
    reward = tr.GaussianScoreReward(mos_scale=tr.BENCHMARK_SCALES)
    texts = ["<answer>80</answer>", "<answer>80</answer>"]
    assert reward(texts, mos=[4.2, 80.0], dataset=["PIPAL", "SPAQ"]) == [1.0, 1.0]
    with pytest.raises(ValueError, match=r"mos\[1\] is 80, off its declared scale 1 to 5"):
        reward(texts, mos=[4.2, 80.0], dataset=["PIPAL", "PIPAL"])
    with pytest.raises(ValueError, match=r"dataset\[1\] is 'LIVE', and mos_scale declares only"):
        reward(texts, mos=[4.2, 80.0], dataset=["PIPAL", "LIVE"])


def test_rater_deviations_are_used_only_when_asked_for_and_on_the_mos_scale():
    columns = {"mos": [3.0], "mos_std": [1.0]}
    plain = tr.GaussianScoreReward(mos_scale=tr.ScoreScale(1, 5))(["<answer>70</answer>"], **columns)
    asked = tr.GaussianScoreReward(mos_scale=tr.ScoreScale(1, 5), mos_std_column="mos_std")
    widened = asked(["<answer>70</answer>"], **columns)
    assert plain[0] < widened[0]
    assert widened[0] == tr.gaussian_score_reward(np.array([70.0]), np.array([50.0]), target_stds=np.array([25.0]))[0]


def test_a_missing_label_earns_none():
    assert tr.GaussianScoreReward()(["<answer>70</answer>"] * 2, mos=[None, math.nan]) == [None, None]


def test_columns_can_be_renamed():
    reward = tr.ThurstoneRankReward(
        task="beauty", task_column="kind", mos_column="score", image_id_column="file", dataset_column="source"
    )
    columns = {"kind": ["beauty"] * 2, "score": [20.0, 60.0], "file": ["a", "b"], "source": ["x", "x"]}
    assert reward(["<answer>30</answer>", "<answer>70</answer>"], **columns) == [1.0, 1.0]


def test_the_running_metrics_are_those_of_the_answers_seen():
    reward, metrics = tr.GaussianScoreReward(), {}
    texts = ["<answer>20</answer>", "<answer>70</answer>", "<answer>60</answer>", "dunno"]
    reward(texts, mos=[10.0, 50.0, 90.0, 30.0], log_metric=metrics.__setitem__)
    assert metrics["gaussian_score/parse_failure_rate"] == 0.25
    assert metrics["gaussian_score/mae"] == 20.0
    assert metrics["gaussian_score/srcc"] == pytest.approx(0.5)


def test_what_was_read_is_logged_per_completion():
    extra = {}
    texts = ["<answer>20</answer>", "dunno", "<answer>60</answer>"]
    reward = tr.GaussianScoreReward(task="iqa")
    reward(texts, mos=[10.0, 20.0, 30.0], task=["iqa", "iqa", "iaa"], log_extra=extra.__setitem__)
    assert extra == {
        "iqa_gaussian_score/score": [20.0, None, None],
        "iqa_gaussian_score/target": [10.0, 20.0, None],
        "iqa_gaussian_score/status": ["ok", "no_answer", None],
    }


# ---------------------------------------------------------------- the recipe


def test_the_recipe_pays_brief_quality_and_deliberate_aesthetics():
    columns = batch(GOOD)
    form, quality, beauty = (reward(**columns) for reward in tr.tatar_reward_funcs())
    assert form == [1.0] * 8
    assert [value is None for value in quality] == [False, False, True, True] * 2
    assert [value is None for value in beauty] == [True, True, False, False] * 2
    swapped = [text.replace("Sharp.", LONG) if "Sharp." in text else text.replace(LONG, "Sharp.") for text in GOOD]
    _, quality, beauty = (reward(**batch(swapped)) for reward in tr.tatar_reward_funcs())
    assert {value for value in quality + beauty if value is not None} == {0.0}


def test_the_recipe_passes_its_settings_on():
    form, quality, beauty = tr.tatar_reward_funcs(
        iqa_task="q",
        iaa_task="a",
        iqa_budget=tr.LengthConfig(longest=20),
        iaa_budget=tr.LengthConfig(shortest=40),
        iqa=tr.GaussianScoreConfig(tolerance=5.0),
        iaa=tr.ThurstoneRankConfig(dispersion="observer"),
        think_prefilled=True,
        mos_scale=tr.ScoreScale(1, 5),
    )
    assert (form.config.think_prefilled, form.config.task) == (True, None)
    config = quality.config
    assert (config.tolerance, config.task, config.mos_scale.high, config.length_gate.longest) == (5.0, "q", 5, 20)
    config = beauty.config
    assert (config.dispersion, config.task, config.think_prefilled) == ("observer", "a", True)
    assert config.length_gate.shortest == 40
    with pytest.raises(TypeError, match="mos_scael"):
        tr.tatar_reward_funcs(mos_scael=tr.ScoreScale(1, 5))


# ---------------------------------------------------------------- messages


@pytest.mark.parametrize(
    ("reward", "changes", "error", "message"),
    [
        (tr.GaussianScoreReward(), {"mos": None}, ValueError, "gaussian_score needs a column 'mos'.*mos_column="),
        (tr.GaussianScoreReward(), {"mos": [1.0]}, ValueError, "column 'mos' has 1 rows for 8 completions"),
        (tr.GaussianScoreReward(), {"mos": ["x"] * 8}, TypeError, r"mos\[0\] must be a number or None; got 'x'"),
        (
            tr.GaussianScoreReward(),
            {"mos": [50.0] * 7 + [500.0]},
            ValueError,
            r"mos\[7\] is 500, off its declared scale",
        ),
        (tr.GaussianScoreReward(task="iqa"), {"task": None}, ValueError, "needs a column 'task'.*task=None"),
        (tr.GaussianScoreReward(mos_std_column="sd"), {}, ValueError, "needs a column 'sd'.*mos_std_column=None"),
        (tr.ThurstoneRankReward(), {"image_id": None}, ValueError, "needs a column 'image_id'.*image_id_column="),
        (
            tr.ThurstoneRankReward(),
            {"image_id": ["a"] * 8},
            ValueError,
            "row 1 of image_id 'a' with mos 20.0 and row 4",
        ),
    ],
)
def test_bad_columns_are_named_with_the_cure(reward, changes, error, message):
    with pytest.raises(error, match=message):
        reward(**batch(GOOD, **changes))


def test_labels_of_another_task_are_not_looked_at():
    reward = tr.GaussianScoreReward(task="iqa")
    assert reward(GOOD[:2], mos=[50.0, 5000.0], task=["iqa", "iaa"])[1] is None


# ---------------------------------------------------------------- one reading a step


def test_the_rewards_of_a_step_read_each_completion_once(monkeypatch):
    seen = []
    _reader.cache_clear()
    monkeypatch.setattr(messages, "parse_answer", lambda text, **how: seen.append(text) or tr.parse_answer(text, **how))
    rewards = [*tr.tatar_reward_funcs(), tr.LengthReward(), tr.ThresholdScoreReward()]
    for step in range(3):
        texts = [f"<think>step {step}</think><answer>{20 + k}</answer>" for k in range(8)]
        for completions in (texts, [[{"role": "assistant", "content": text}] for text in texts]):
            seen.clear()
            for reward in rewards:
                reward(**batch(completions))
            assert len(seen) <= len(texts)
    seen.clear()
    _reader.cache_clear()
    tr.AnswerFormatReward()(GOOD)
    tr.AnswerFormatReward(answer_scale=tr.ScoreScale(1, 5))(GOOD)
    tr.AnswerFormatReward(think_prefilled=True)(GOOD)
    assert len(seen) == 3 * len(GOOD)


def test_a_list_that_changes_between_two_calls_is_read_anew():
    reward, texts = tr.AnswerFormatReward(), ["<answer>20</answer>", "dunno"]
    messages = [[{"role": "assistant", "content": text}] for text in texts]
    assert reward(texts) == reward(messages) == [1.0, 0.0]
    texts[1], messages[1][0]["content"] = "<answer>30</answer>", "<answer>30</answer>"
    assert reward(texts) == reward(messages) == [1.0, 1.0]
    messages[0][0]["reasoning_content"] = "<answer>30</answer>"
    assert reward(messages) == [0.0, 1.0]
