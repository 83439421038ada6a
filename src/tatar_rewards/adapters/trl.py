"""Callbacks for the trainers of TRL and transformers; importing this module imports `transformers`.

The rewards themselves need no adapter: TRL calls them as they are.
"""

import warnings
from collections.abc import Iterable
from typing import Any

from transformers import TrainerCallback

from tatar_rewards.adapters.checkpoints import LoadCheckpointWeights, resume_training, steps_of_a_generation
from tatar_rewards.hacks import Alarm, HackThresholds, HackWatch
from tatar_rewards.rewards import Reward

__all__ = [
    "HackDetector",
    "LoadCheckpointWeights",
    "RememberOpponents",
    "resume_training",
    "steps_of_a_generation",
]

KEY = "tatar_rewards.opponents"  # in the trainer's state


class RememberOpponents(TrainerCallback):  # type: ignore[misc]  # transformers is not typed here
    """Saves the remembered opponents of rankings with every checkpoint and takes them up when training resumes.

    They travel in the checkpoint's `trainer_state.json`, so that they are found wherever it has been moved to.

    Args:
        reward_funcs: The trainer's; those that remember nothing are passed over.

    Raises:
        TypeError: `reward_funcs` is one reward instead of a list.
        ValueError: two of them that remember opponents have one name.

    Examples:
        >>> from tatar_rewards import tatar_reward_funcs
        >>> rewards = tatar_reward_funcs()
        >>> callback = RememberOpponents(rewards)  # GRPOTrainer(reward_funcs=rewards, callbacks=[callback], ...)
        >>> list(callback.rewards)
        ['iaa_thurstone_rank']
    """

    def __init__(self, reward_funcs: Iterable[Any]) -> None:
        if callable(reward_funcs):
            raise TypeError(f"reward_funcs must be the trainer's list of rewards; got one reward: {reward_funcs!r}")
        rewards = [reward for reward in reward_funcs if isinstance(reward, Reward) and reward.keeps_state]
        self.rewards = {reward.__name__: reward for reward in rewards}
        if len(self.rewards) < len(rewards):
            names = [reward.__name__ for reward in rewards]
            raise ValueError(f"two rewards of one name would share what a checkpoint remembers: {names}; set name=")

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        for name, remembered in state.stateful_callbacks.get(KEY, {}).items():
            if name in self.rewards:
                self.rewards[name].load_state_dict(remembered)

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Keep the state at hand: the trainer writes it before it says that it saves."""
        state.stateful_callbacks[KEY] = {name: reward.state_dict() for name, reward in self.rewards.items()}

    on_evaluate = on_step_end  # between a step and its checkpoint


class HackDetector(TrainerCallback):  # type: ignore[misc]  # transformers is not typed here
    """Says in plain words when the policy finds a way round the picture, and stops the run if asked to.

    It reads the figures that the rewards of this package log, whatever trainer logs them, and warns when one crosses
    its threshold; again only after it has come back. All ranks see the same figures, so all of them stop together.

    Args:
        thresholds: Where to raise an alarm; None takes the defaults of `HackThresholds`.
        stop_after: Stop training after this many logs in a row with one and the same alarm; None never stops.

    Attributes:
        alarms: Every alarm so far, in order.

    Raises:
        TypeError: `thresholds` is something else.
        ValueError: `stop_after` is below 1.

    Examples:
        >>> from types import SimpleNamespace
        >>> detector, state = HackDetector(), SimpleNamespace(global_step=40, is_world_process_zero=False)
        >>> detector.on_log(None, state, None, logs={"iqa_gaussian_score/constant_share": 0.93})
        >>> print(detector.alarms[0].message.partition(". ")[0])
        93% of the answers are one and the same number: the policy guesses a constant
    """

    def __init__(self, thresholds: HackThresholds | None = None, *, stop_after: int | None = None) -> None:
        if stop_after is not None and stop_after < 1:
            raise ValueError(f"stop_after must be None or at least 1; got {stop_after}")
        self.watch = HackWatch(thresholds)
        self.stop_after = stop_after

    @property
    def alarms(self) -> list[Alarm]:
        return self.watch.alarms

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **kwargs: Any) -> None:
        for alarm in self.watch.read(state.global_step, logs or {}):
            self._warn(state, f"step {alarm.step}, {alarm.reward}: {alarm.message}")
        for key in logs or {}:
            if self.watch.alarms_in_a_row[key] == self.stop_after:
                control.should_training_stop = True
                message = f"training stops, {self.stop_after} alarms in a row of {key}"
                self._warn(state, f"step {state.global_step}: {message}")

    def _warn(self, state: Any, text: str) -> None:
        if state.is_world_process_zero:
            warnings.warn(text, stacklevel=3)
