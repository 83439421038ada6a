"""The rewards as pure functions: flat arrays of numpy or torch in, one reward for each completion out.

Scores are points on 0-100. `scores` compares a prediction with its own label, `forecast` with the other answers to its
picture too, `ranking` and `win_rate` with other images, `lengths` with a budget. A module whose name begins with an
underscore is not public.

Columns have one order in all functions: predictions, targets, groups, comparisons, target_stds, wanted. A function that
lacks one of them takes those after it by keyword, so that a place means the same column everywhere.
"""

from tatar_rewards.functional._types import Array
from tatar_rewards.functional.forecast import crps_score_reward
from tatar_rewards.functional.lengths import length_reward
from tatar_rewards.functional.ranking import pairwise_rank_reward, thurstone_rank_reward
from tatar_rewards.functional.scores import error_score_reward, gaussian_score_reward, threshold_score_reward
from tatar_rewards.functional.win_rate import win_rate_reward

__all__ = [
    "Array",
    "crps_score_reward",
    "error_score_reward",
    "gaussian_score_reward",
    "length_reward",
    "pairwise_rank_reward",
    "threshold_score_reward",
    "thurstone_rank_reward",
    "win_rate_reward",
]
