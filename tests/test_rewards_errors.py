"""The callables name a bad column with its cure."""

import pytest
from support.reward_calls import GOOD, batch

import tatar_rewards as tr


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
        (
            tr.GaussianScoreReward(mos_std_column="sd", mos_std_of="mean"),
            {},
            ValueError,
            "needs a column 'sd'.*mos_std_column=None",
        ),
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
