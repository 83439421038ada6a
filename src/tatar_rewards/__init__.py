"""Rewards for training a vision-language model to judge pictures, right on any number of processes."""

from tatar_rewards.configs import (
    AnswerConfig,
    GaussianScoreConfig,
    HackThresholds,
    LabelConfig,
    LengthConfig,
    OpponentConfig,
    PairwiseRankConfig,
    ThresholdScoreConfig,
    ThurstoneRankConfig,
)
from tatar_rewards.lengths import length_reward
from tatar_rewards.parsing import Answer, AnswerStatus, parse_answer
from tatar_rewards.presets import tatar_reward_funcs
from tatar_rewards.ranking import pairwise_rank_reward, thurstone_rank_reward
from tatar_rewards.scales import BENCHMARK_SCALES, POINTS, ScoreScale
from tatar_rewards.scores import gaussian_score_reward, threshold_score_reward
from tatar_rewards.trl import (
    AnswerFormatReward,
    GaussianScoreReward,
    LengthReward,
    PairwiseRankReward,
    ThresholdScoreReward,
    ThurstoneRankReward,
)

__all__ = [
    "BENCHMARK_SCALES",
    "POINTS",
    "Answer",
    "AnswerConfig",
    "AnswerFormatReward",
    "AnswerStatus",
    "GaussianScoreConfig",
    "GaussianScoreReward",
    "HackThresholds",
    "LabelConfig",
    "LengthConfig",
    "LengthReward",
    "OpponentConfig",
    "PairwiseRankConfig",
    "PairwiseRankReward",
    "ScoreScale",
    "ThresholdScoreConfig",
    "ThresholdScoreReward",
    "ThurstoneRankConfig",
    "ThurstoneRankReward",
    "gaussian_score_reward",
    "length_reward",
    "pairwise_rank_reward",
    "parse_answer",
    "tatar_reward_funcs",
    "threshold_score_reward",
    "thurstone_rank_reward",
]
