"""Both ranking functions as a parameter, and a batch for them."""

import numpy as np
import pytest

from tatar_rewards import pairwise_rank_reward, thurstone_rank_reward

BOTH = pytest.mark.parametrize("function", [thurstone_rank_reward, pairwise_rank_reward])


def spread_batch(n_images=6, n_completions=4, seed=0):
    """Predictions scattered around distinct MOS; groups in order."""
    rng = np.random.default_rng(seed)
    groups = np.repeat(np.arange(n_images), n_completions)
    targets = np.linspace(20, 80, n_images)[groups]
    return np.clip(targets + rng.normal(0, 5, len(groups)), 0, 100), targets, groups
