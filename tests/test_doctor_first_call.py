"""What a reward notices by itself, at its first call."""

import warnings

import numpy as np
import pytest

import tatar_rewards as tr


@pytest.mark.parametrize(
    ("reward", "answer", "mos", "message"),
    [
        (
            tr.GaussianScoreReward(),
            3,
            [1.0, 2.0, 3.0, 5.0],
            "lie in the lowest tenth of their .*; declare",
        ),
        (tr.ThurstoneRankReward(), 50, [40.0] * 4, "all of 4 labels in 'mos' are 40 points; give each image"),
        (
            tr.ThresholdScoreReward(),
            "high",
            [10.0, 40.0, 60.0, 80.0],
            "4 of 4 completions cannot be read and earn 0.0, most often as not_a_number .100% of all.: they answer "
            "with something other than one plain number, for example '<answer>high</answer>'; ask for one plain",
        ),
    ],
)
def test_the_first_call_warns_once_of_what_it_shows(reward, answer, mos, message):
    columns = {"completions": [f"<answer>{answer}</answer>"] * 4, "mos": mos, "image_id": list("abcd")}
    with pytest.warns(UserWarning, match=message):
        reward(**columns)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        reward(**columns)


def test_the_first_call_is_silent_where_nothing_is_wrong():
    columns = {"completions": ["<answer>50</answer>"] * 4, "mos": [10.0, 40.0, 60.0, 80.0], "image_id": list("abcd")}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for reward in (tr.GaussianScoreReward(), tr.ThurstoneRankReward()):
            assert np.isfinite(reward(**columns)).all()
