"""Why a completion earns its reward: what was read, how far it is off, whom it was compared with, what its length cost.

The rewards are those of the reward itself, called on the completion and on parts of the comparison; the steps between
name the numbers of its formula. `asked` calls the reward, `explained` takes its steps.
"""

from tatar_rewards.explain.asked import Opponent
from tatar_rewards.explain.explained import Explanation, Step, explain_reward

__all__ = ["Explanation", "Opponent", "Step", "explain_reward"]
