"""The raters' deviation is the image's, as its MOS is: the same whatever row knows it, and never two."""

import itertools
import math

import numpy as np
import pytest

import tatar_rewards as tr

ANSWERS = [f"<answer>{score}</answer>" for score in (40, 45, 70, 90)]
COLUMNS = {"mos": [30.0, 30.0, 60.0, 60.0], "image_id": ["a", "a", "b", "b"]}
KINDS = pytest.mark.parametrize("kind", [tr.ThurstoneRankReward, tr.PairwiseRankReward, tr.GaussianScoreReward])


@KINDS
def test_a_deviation_that_one_row_knows_serves_where_another_lacks_it(kind):
    expected = kind(mos_std_column="sd", raters=16)(ANSWERS, **COLUMNS, sd=[9.0, 9.0, 4.0, 4.0])
    for first, second in itertools.product([(9.0, None), (math.nan, 9.0)], [(4.0, math.nan), (None, 4.0)]):
        earned = kind(mos_std_column="sd", raters=16)(ANSWERS, **COLUMNS, sd=[*first, *second])
        assert earned == pytest.approx(expected, abs=1e-12)
    assert expected != kind()(ANSWERS, **COLUMNS)


@pytest.mark.parametrize("function", [tr.thurstone_rank_reward, tr.pairwise_rank_reward])
def test_the_order_of_the_rows_decides_nothing_in_the_functions(function):
    q, g, images = np.array([40.0, 45, 70, 90]), np.array(COLUMNS["mos"]), np.array([1, 1, 2, 2])
    expected = function(q, g, images, target_stds=np.array([9.0, 9, 4, 4]))
    for stds in ([math.nan, 9, math.nan, 4], [9, math.nan, 4, math.nan]):
        for order in ([0, 1, 2, 3], [3, 1, 0, 2]):
            earned = function(q[order], g[order], images[order], target_stds=np.array(stds)[order])
            np.testing.assert_allclose(earned, expected[order], rtol=0, atol=1e-12)


@pytest.mark.parametrize("function", [tr.thurstone_rank_reward, tr.pairwise_rank_reward])
def test_an_image_without_a_deviation_has_the_median_of_its_comparison(function):
    q, g, images = np.array([40.0, 45, 70, 90, 20, 30]), np.array([30.0, 40, 60, 80, 10, 20]), np.arange(6)
    comparisons = np.array([0, 0, 0, 0, 1, 1])
    earned = function(q, g, images, comparisons, np.array([8.0, 14, 10, math.nan, math.nan, math.nan]))
    expected = function(q, g, images, comparisons, np.array([8.0, 14, 10, 10, 0, 0]))
    np.testing.assert_allclose(earned, expected, rtol=0, atol=1e-12)


def test_an_unreadable_answer_still_says_what_is_known_of_its_image():
    q, g, images = np.array([math.nan, 45, 70, 90]), np.array(COLUMNS["mos"]), np.array([1, 1, 2, 2])
    stds = np.array([9.0, math.nan, 4, math.nan])
    earned = tr.thurstone_rank_reward(q, g, images, target_stds=stds)
    np.testing.assert_allclose(earned, tr.thurstone_rank_reward(q, g, images, target_stds=np.array([9.0, 9, 4, 4])))


@KINDS
def test_two_deviations_of_one_image_are_an_error_that_names_both_rows(kind):
    message = "row 2 of image_id 'b' with sd 4.0 and row 3 of image_id 'b' with sd 5.0 count as one image.*deviation"
    with pytest.raises(ValueError, match=message):
        kind(mos_std_column="sd", raters=16)(ANSWERS, **COLUMNS, sd=[9.0, 9.0, 4.0, 5.0])


def test_two_deviations_of_one_group_are_an_error_of_the_functions_too():
    q, g, images = np.array([40.0, 45, 70, 90]), np.array(COLUMNS["mos"]), np.array([1, 1, 2, 2])
    message = r"groups\[2\] and groups\[3\] are both 2, but their target_stds differ: 4 and 5; one image has one rater"
    with pytest.raises(ValueError, match=message):
        tr.thurstone_rank_reward(q, g, images, target_stds=np.array([9.0, math.nan, 4, 5]))


def test_remembered_images_keep_the_deviation_that_any_row_knew():
    memory_of = []
    for sd in ([9.0, None, 4.0, None], [None, 9.0, None, 4.0]):
        reward = tr.ThurstoneRankReward(mos_std_column="sd")
        reward(ANSWERS, **COLUMNS, sd=sd)
        memory_of.append(reward.state_dict())
    assert memory_of[0] == memory_of[1]


def test_a_score_reward_keeps_tasks_and_rows_without_a_key_apart():
    reward, texts = tr.GaussianScoreReward(mos_std_column="sd", mos_std_of="mean"), ["<answer>50</answer>"] * 2
    expected = [
        reward([text], mos=[mos], sd=[sd])[0] for text, mos, sd in zip(texts, (50.0, 60.0), (5, 6), strict=True)
    ]
    for columns in (
        {"image_id": ["a", "a"], "task": ["iqa", "iaa"]},
        {"image_id": [None, None]},
        {"image_id": [1, "1"]},
        {},
    ):
        assert reward(texts, mos=[50.0, 60.0], sd=[5, 6], **columns) == expected
    alone = reward(texts, mos=[50.0, 60.0], sd=[20, None], image_id=[None, None])
    assert alone[1] == reward(texts, mos=[50.0, 60.0], sd=[20, 20])[1]


def test_functions_and_rewards_agree_on_what_an_unlabelled_row_knows():
    q, g = np.array([40.0, 60, 70]), np.array([math.nan, 50, 80])
    function = tr.thurstone_rank_reward(q, g, np.array([1, 1, 2]), target_stds=np.array([30.0, math.nan, 0]))
    columns = {"mos": [None, 50.0, 80.0], "sd": [30.0, None, 0.0], "image_id": ["a", "a", "b"]}
    reward = tr.ThurstoneRankReward(mos_std_column="sd")([f"<answer>{score:g}</answer>" for score in q], **columns)
    assert reward[0] is None
    assert reward[1:] == pytest.approx(function[1:].tolist(), abs=1e-12)


def test_the_doctor_finds_two_deviations_of_one_image_and_takes_missing_ones_for_none():
    rows = [{"prompt": "?", "mos": 10.0 * (k // 2), "image_id": k // 2, "sd": 4.0} for k in range(2, 18)]
    reward = tr.ThurstoneRankReward(mos_std_column="sd")
    args = {"num_generations": 2, "per_device_train_batch_size": 16}
    rows[1] |= {"sd": math.nan, "mos": math.nan}
    assert "labels" not in {finding.check for finding in tr.check_setup([reward], args, rows).faults}
    rows[3]["sd"] = 5.0
    problems = [finding.problem for finding in tr.check_setup([reward], args, rows).findings]
    row_2, row_3 = "row 2 of image_id 2 with sd 4.0", "row 3 of image_id 2 with sd 5.0"
    assert f"{row_2} and {row_3} count as one image, but their labels differ" in problems
