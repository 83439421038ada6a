"""What each callable does on its own: its function, its columns, its scales, its log."""

import math
import warnings

import numpy as np
import pytest
from support.reward_calls import EVERY_REWARD, GOOD, batch

import tatar_rewards as tr

FUNCTIONS = {
    tr.GaussianScoreReward: (tr.gaussian_score_reward, tr.GaussianScoreConfig),
    tr.ErrorScoreReward: (tr.error_score_reward, tr.ErrorScoreConfig),
    tr.CrpsScoreReward: (tr.crps_score_reward, tr.CrpsScoreConfig),
    tr.ThresholdScoreReward: (tr.threshold_score_reward, tr.ThresholdScoreConfig),
    tr.ThurstoneRankReward: (tr.thurstone_rank_reward, tr.ThurstoneRankConfig),
    tr.PairwiseRankReward: (tr.pairwise_rank_reward, tr.PairwiseRankConfig),
}
OTHER = {
    "dispersion": "observer",
    "link": "normal",
    "loss": "bce",
    "hard_targets": True,
    "within_image": True,
    "gain": 1.5,
    "reward_at_tolerance": 0.3,
    "probability_floor": 0.01,
    "shape": "laplace",
}


def test_no_reward_with_a_function_is_left_out():
    labelled = {type(reward) for reward in EVERY_REWARD if isinstance(reward.config, tr.LabelConfig)}
    assert set(FUNCTIONS) == labelled - {tr.WinRateReward}, "FUNCTIONS in this file; one has no settings"


@pytest.mark.parametrize(
    ("kind", "setting"),
    [(kind, name) for kind, (_, config) in FUNCTIONS.items() for name in config.model_fields],
)
def test_every_setting_reaches_the_function(kind, setting):
    function, config = FUNCTIONS[kind]
    changed = {setting: OTHER.get(setting, 3.5)}
    if setting == "variance_floor":
        changed["dispersion"] = "reference"
    if setting == "probability_floor":
        changed["loss"] = "bce"
    columns = batch(GOOD, task=["iaa"] * 8)
    q, g = np.array([20.0 + 5 * k for k in range(8)]), np.array(columns["mos"])
    images = [np.arange(8) // 2] if "rank" in function.__name__ or function is tr.crps_score_reward else []
    expected = function(q, g, *images, **changed)
    np.testing.assert_allclose(kind(**changed)(**columns), expected, rtol=1e-12)
    assert not np.allclose(expected, function(q, g, *images, **{**changed, setting: getattr(config(), setting)}))


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
    asked = tr.GaussianScoreReward(mos_scale=tr.ScoreScale(1, 5), mos_std_column="mos_std", mos_std_of="mean")
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
