"""Every reward, completions, and the columns that a trainer calls a reward with."""

import tatar_rewards as tr

LONG = " ".join(f"word{k}" for k in range(130))
GOOD = [f"<think>{LONG if k // 2 % 2 else 'Sharp.'}</think><answer>{20 + 5 * k}</answer>" for k in range(8)]

EVERY_REWARD = [
    tr.AnswerFormatReward(),
    tr.GaussianScoreReward(task="iqa", length_gate=tr.LengthConfig(longest=65)),
    tr.ThresholdScoreReward(task="iqa"),
    tr.ErrorScoreReward(task="iqa"),
    tr.CrpsScoreReward(task="iqa"),
    tr.WinRateReward(task="iaa"),
    tr.LengthReward(task="iaa", shortest=125),
    tr.LengthReward(task="iaa", shortest=125, unit="tokens", name="iaa_tokens"),
    tr.PairwiseRankReward(task="iaa"),
    tr.ThurstoneRankReward(task="iaa", dispersion="observer"),
]


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
