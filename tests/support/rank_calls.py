"""Rewards, and a call of them as a trainer makes it on one of several ranks."""

import tatar_rewards as tr

REWARDS = [
    tr.ThurstoneRankReward(task="iaa", length_gate=tr.LengthConfig(shortest=1)),
    tr.GaussianScoreReward(mos_std_column="mos_std", mos_std_of="mean"),
    tr.AnswerFormatReward(),
    tr.LengthReward(longest=9),
]


def columns_of(number):
    return {
        "completions": ["<think>Soft light.</think><answer>50</answer>", "<answer>70</answer>"],
        "mos": [20.0 + number, 40.0 + number],
        "mos_std": [None, 3.0],
        "task": ["iaa", "iaa"],
        "image_id": [f"{number}-a", f"{number}-b"],
        "trainer_state": None,
        "log_metric": lambda name, value: None,
        "log_extra": lambda name, values: None,
    }
