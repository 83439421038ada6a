"""Bad columns of rewards: every error names the column, the row, the value and the cure."""

import math
import re

import pytest

import tatar_rewards as tr

ANSWERS = ["<answer>50</answer>", "<answer>60</answer>"]
COLUMNS = {"mos": [40.0, 70.0], "task": ["iaa", "iaa"], "image_id": ["a", "b"], "dataset": ["x", "x"], "completion_ids": [[1], [2]], "mos_std": [5.0, 6.0], "raters": [12, 30]}  # fmt: skip
REWARDS = {
    "answer_format": tr.AnswerFormatReward(task="iaa"),
    "gaussian_score": tr.GaussianScoreReward(task="iaa", mos_std_column="mos_std", mos_std_of="mean"),
    "counted": tr.GaussianScoreReward(task="iaa", mos_std_column="mos_std", raters_column="raters"),
    "threshold_score": tr.ThresholdScoreReward(task="iaa"),
    "length": tr.LengthReward(task="iaa", unit="tokens"),
    "pairwise_rank": tr.PairwiseRankReward(task="iaa", mos_std_column="mos_std"),
    "thurstone_rank": tr.ThurstoneRankReward(task="iaa", mos_std_column="mos_std"),
}
LABELLED = [name for name in REWARDS if name.endswith(("score", "rank"))]
RANKED = [name for name in REWARDS if name.endswith("rank")]
WITH_STD = [name for name in LABELLED if REWARDS[name].config.mos_std_column]
CALLS = [
    (REWARDS, {"completions": "<answer>50</answer>"}, TypeError, "completions must be a list, one string or list of messages a completion; got str"),
    (REWARDS, {"completions": None}, TypeError, "completions must be a list, one string or list of messages a completion; got NoneType"),
    (REWARDS, {"completions": {"a": 1}}, TypeError, "completions must be a list, one string or list of messages a completion; got dict"),
    (REWARDS, {"task": None}, ValueError, "needs a column 'task', but the batch has"),
    (REWARDS, {"task": ["iaa"]}, ValueError, "column 'task' has 1 rows for 2 completions; give one a completion"),
    (REWARDS, {"task": "iaa"}, TypeError, "column 'task' must hold one value a completion; got 'iaa'; give a list"),
    (LABELLED, {"mos": None}, ValueError, "needs a column 'mos', but the batch has"),
    (LABELLED, {"mos": [40.0]}, ValueError, "column 'mos' has 1 rows for 2 completions"),
    (LABELLED, {"mos": 40.0}, TypeError, "column 'mos' must hold one value a completion; got 40.0; give a list"),
    (LABELLED, {"mos": [40.0, "good"]}, TypeError, "mos[1] must be a number or None; got 'good'"),
    (LABELLED, {"mos": [40.0, [70.0]]}, TypeError, "mos[1] must be a number or None; got [70.0]"),
    (LABELLED, {"mos": [40.0, -0.5]}, ValueError, "mos[1] is -0.5, off its declared scale 0 to 100; declare the scale"),
    (LABELLED, {"mos": [math.inf, 70.0]}, ValueError, "mos[0] is inf, off its declared scale"),
    (WITH_STD, {"mos_std": None}, ValueError, "needs a column 'mos_std', but the batch has"),
    (WITH_STD, {"mos_std": [5.0]}, ValueError, "column 'mos_std' has 1 rows for 2 completions"),
    (WITH_STD, {"mos_std": [5.0, "wide"]}, TypeError, "mos_std[1] must be a number or None; got 'wide'"),
    (WITH_STD, {"mos_std": [-1.0, 5.0]}, ValueError, "mos_std[0] is -1; give a finite number of at least 0, on the scale of the MOS (0 to 100) or on that of mos_std_scale=, or None"),
    (WITH_STD, {"mos_std": [5.0, math.inf]}, ValueError, "mos_std[1] is inf; give a finite number"),
    (WITH_STD, {"mos_std": [5.0, True]}, TypeError, "mos_std[1] must be a number or None; got True"),
    (WITH_STD, {"mos_std": [5.0, 53.0]}, ValueError, "mos_std[1] is 53, but "),
    (["counted"], {"raters": None}, ValueError, "needs a column 'raters', but the batch has"),
    (["counted"], {"raters": [12, 0.5]}, ValueError, "raters[1] is 0.5; give the number of ratings of the image, at least 1, or None"),
    (["counted"], {"raters": [12, "x"]}, ValueError, "raters[1] is 'x'; give the number of ratings"),
    (["counted"], {"raters": [4, 4], "mos_std": [57.7, 57.8]}, ValueError, "mos_std[1] is 57.8, but ratings on a scale of 0 to 100 cannot deviate by more than 57.79"),
    (["length"], {"completion_ids": None}, ValueError, "needs a column 'completion_ids', but the batch has"),
    (["length"], {"completion_ids": [[1]]}, ValueError, "column 'completion_ids' has 1 rows for 2 completions"),
    (RANKED, {"image_id": None}, ValueError, "needs a column 'image_id', but the batch has"),
    (RANKED, {"image_id": ["a"]}, ValueError, "column 'image_id' has 1 rows for 2 completions"),
    (RANKED, {"image_id": ["a", None]}, TypeError, "image_id[1] must be a string or an integer; got None of NoneType; give each image a key"),
    (RANKED, {"image_id": [1.5, 2.5]}, TypeError, "image_id[0] must be a string or an integer; got 1.5 of float"),
    (RANKED, {"image_id": ["a", "a"]}, ValueError, "row 0 of image_id 'a' with mos 40.0 and row 1 of image_id 'a' with mos 70.0 count as one image, but their labels differ"),
    (RANKED, {"dataset": [3.5, 3.5]}, TypeError, "dataset[0] must be a string or an integer; got 3.5"),
    (RANKED, {"dataset": ["x"]}, ValueError, "column 'dataset' has 1 rows for 2 completions"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "changes", "error", "match"),
    [pytest.param(name, *case, id=f"{name}: {case[2][:60]}") for names, *case in CALLS for name in names],
)
def test_callables_name_the_column_the_row_the_value_and_the_cure(name, changes, error, match):
    columns = {"completions": ANSWERS, **COLUMNS, **changes}
    with pytest.raises(error, match=re.escape(match)):
        REWARDS[name](**columns)


@pytest.mark.parametrize("name", LABELLED)
def test_what_belongs_to_another_task_is_not_looked_at(name):
    columns = {
        "mos": [40.0, "?"], "task": ["iaa", "iqa"], "image_id": ["a", None], "mos_std": [5.0, -1.0], "dataset": ["x", 3.5]
    }  # fmt: skip
    assert REWARDS[name].fresh(name=f"other_{name}")(ANSWERS, **columns)[1] is None
