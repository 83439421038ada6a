"""Callbacks for the trainers of `transformers` and TRL; importing this module imports `transformers`."""

from collections.abc import Iterable
from typing import Any

from transformers import TrainerCallback

from tatar_rewards.trl import PairwiseRankReward, ThurstoneRankReward

KEY = "tatar_rewards.opponents"  # in the trainer's state


class RememberOpponents(TrainerCallback):  # type: ignore[misc]  # transformers is not typed here
    """Saves the remembered opponents of rankings with every checkpoint and takes them up when training resumes.

    They travel in the checkpoint's `trainer_state.json`, so that they are found wherever it has been moved to.

    Args:
        reward_funcs: The trainer's; those that remember nothing are passed over.

    Examples:
        >>> from tatar_rewards import tatar_reward_funcs
        >>> rewards = tatar_reward_funcs()
        >>> callback = RememberOpponents(rewards)  # GRPOTrainer(reward_funcs=rewards, callbacks=[callback], ...)
        >>> list(callback.rewards)
        ['iaa_thurstone_rank']
    """

    def __init__(self, reward_funcs: Iterable[Any]) -> None:
        rankings = [reward for reward in reward_funcs if isinstance(reward, ThurstoneRankReward | PairwiseRankReward)]
        self.rewards = {reward.__name__: reward for reward in rankings}

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        for name, remembered in state.stateful_callbacks.get(KEY, {}).items():
            if name in self.rewards:
                self.rewards[name].load_state_dict(remembered)

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Keep the state at hand: the trainer writes it before it says that it saves."""
        state.stateful_callbacks[KEY] = {name: reward.state_dict() for name, reward in self.rewards.items()}
