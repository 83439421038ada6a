"""The rewards as callables: completions and columns in, one float or None for each completion out.

`scores` compares with a row's own label, `forecast` with the other answers to its picture, `ranking` with other images,
`form` with no label. Each is a `Reward`: a
frozen config from `configs`, and beside it the state of a run. They know no trainer.
"""

from tatar_rewards.rewards.configs import AnswerConfig, LabelConfig, OpponentConfig
from tatar_rewards.rewards.evaluating import evaluation
from tatar_rewards.rewards.forecast import CrpsScoreReward
from tatar_rewards.rewards.form import AnswerFormatReward, LengthReward
from tatar_rewards.rewards.function_configs import (
    CrpsScoreConfig,
    ErrorScoreConfig,
    GaussianScoreConfig,
    LengthConfig,
    PairwiseRankConfig,
    ThresholdScoreConfig,
    ThurstoneRankConfig,
)
from tatar_rewards.rewards.ranking import PairwiseRankReward, ThurstoneRankReward, WinRateReward
from tatar_rewards.rewards.reward import Reward
from tatar_rewards.rewards.schedule import scheduled
from tatar_rewards.rewards.scores import ErrorScoreReward, GaussianScoreReward, ThresholdScoreReward

__all__ = [
    "AnswerConfig",
    "AnswerFormatReward",
    "CrpsScoreConfig",
    "CrpsScoreReward",
    "ErrorScoreConfig",
    "ErrorScoreReward",
    "GaussianScoreConfig",
    "GaussianScoreReward",
    "LabelConfig",
    "LengthConfig",
    "LengthReward",
    "OpponentConfig",
    "PairwiseRankConfig",
    "PairwiseRankReward",
    "Reward",
    "ThresholdScoreConfig",
    "ThresholdScoreReward",
    "ThurstoneRankConfig",
    "ThurstoneRankReward",
    "WinRateReward",
    "evaluation",
    "scheduled",
]
