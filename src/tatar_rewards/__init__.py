"""Rewards for training a vision-language model to judge pictures, right on any number of processes."""

from typing import TYPE_CHECKING

import numpy.typing  # noqa: F401  # from here, not from deep in other imports, it loads in half the time

from tatar_rewards.answers import Answer, AnswerStatus, parse_answer, read_completion
from tatar_rewards.functional import (
    crps_score_reward,
    error_score_reward,
    gaussian_score_reward,
    length_reward,
    pairwise_rank_reward,
    threshold_score_reward,
    thurstone_rank_reward,
    win_rate_reward,
)
from tatar_rewards.hacks import HackThresholds
from tatar_rewards.presets import recommended_reward_funcs, tatar_reward_funcs
from tatar_rewards.rewards import (
    AnswerConfig,
    AnswerFormatReward,
    CrpsScoreConfig,
    CrpsScoreReward,
    ErrorScoreConfig,
    ErrorScoreReward,
    GaussianScoreConfig,
    GaussianScoreReward,
    LabelConfig,
    LengthConfig,
    LengthReward,
    OpponentConfig,
    PairwiseRankConfig,
    PairwiseRankReward,
    ThresholdScoreConfig,
    ThresholdScoreReward,
    ThurstoneRankConfig,
    ThurstoneRankReward,
    WinRateReward,
    scheduled,
)
from tatar_rewards.scales import BENCHMARK_SCALES, POINTS, ScoreScale

if TYPE_CHECKING:
    from tatar_rewards.doctor import check_setup
    from tatar_rewards.evaluation import evaluate_predictions

__version__ = "0.1.0"

__all__ = [
    "BENCHMARK_SCALES",
    "POINTS",
    "Answer",
    "AnswerConfig",
    "AnswerFormatReward",
    "AnswerStatus",
    "CrpsScoreConfig",
    "CrpsScoreReward",
    "ErrorScoreConfig",
    "ErrorScoreReward",
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
    "WinRateReward",
    "__version__",
    "check_setup",
    "crps_score_reward",
    "error_score_reward",
    "evaluate_predictions",
    "gaussian_score_reward",
    "length_reward",
    "pairwise_rank_reward",
    "parse_answer",
    "read_completion",
    "recommended_reward_funcs",
    "scheduled",
    "tatar_reward_funcs",
    "threshold_score_reward",
    "thurstone_rank_reward",
    "win_rate_reward",
]


if not TYPE_CHECKING:  # a type checker takes the imports above, and finds misspelt names

    def __getattr__(name):
        """The doctor and the evaluation are imported when they are first asked for: training needs neither."""
        if name == "check_setup":
            from tatar_rewards.doctor import check_setup

            return check_setup
        if name == "evaluate_predictions":
            from tatar_rewards.evaluation import evaluate_predictions

            return evaluate_predictions
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

    def __dir__():
        return sorted({*globals(), *__all__})
