"""Callbacks for the trainers of TRL and transformers; importing this module imports `transformers`.

The rewards themselves need no adapter: TRL calls them as they are.
"""

import math
import os
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from transformers import TrainerCallback

from tatar_rewards.hacks import Alarm, HackThresholds, HackWatch
from tatar_rewards.rewards import Reward

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
        rewards = [reward for reward in reward_funcs if isinstance(reward, Reward) and reward.state.memory is not None]
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


class LoadCheckpointWeights(TrainerCallback):  # type: ignore[misc]  # transformers is not typed here
    """Loads the weights of the checkpoint that a run resumes from, and ends the run where one of them is not there.

    A trainer resumes by `load_state_dict(strict=False)`. Models that are saved under other names than they train under
    (transformers 5 saves LLaVA and Qwen2.5-VL so) then resume with none of the checkpoint's weights, and one warning
    says so. This callback loads them by the model's own loader, just before the first step. Adapters of PEFT are
    compared with the checkpoint's. DeepSpeed and FSDP load their own checkpoints and are left alone.

    Args:
        checkpoint: The folder that goes to `trainer.train(resume_from_checkpoint=...)`; None, a new run, does nothing.

    Raises:
        RuntimeError: when training begins, where a weight of the model is missing in the checkpoint or differs from it.

    Examples:
        >>> checkpoint = None  # transformers.trainer_utils.get_last_checkpoint("runs/grpo")
        >>> callback = LoadCheckpointWeights(checkpoint)  # GRPOTrainer(callbacks=[callback], ...)
        >>> # trainer.train(resume_from_checkpoint=checkpoint)
    """

    def __init__(self, checkpoint: str | Path | None) -> None:
        self.checkpoint = checkpoint

    def on_train_begin(self, args: Any, state: Any, control: Any, model: Any = None, **kwargs: Any) -> None:
        if self.checkpoint is None or _is_sharded(args, model):
            return
        if hasattr(model, "peft_config"):
            _check_adapters(model, Path(self.checkpoint))
        else:
            _load_weights(model, self.checkpoint)


def resume_training(trainer: Any, checkpoint: str | Path | None) -> None:
    """`trainer.train(resume_from_checkpoint=checkpoint)`, made exact.

    The weights are the checkpoint's (`LoadCheckpointWeights`), and a checkpoint of the last step is trained no further:
    transformers 5 would take one step more.

    Args:
        trainer: Of transformers or TRL.
        checkpoint: The folder to resume from; None begins a new run.

    Raises:
        RuntimeError: a weight of the model is missing in the checkpoint or differs from it.

    Examples:
        >>> from transformers.trainer_utils import get_last_checkpoint
        >>> # resume_training(trainer, get_last_checkpoint("runs/grpo"))
    """
    callbacks = [LoadCheckpointWeights(checkpoint), _StopAtTheEnd()]
    for callback in callbacks:
        trainer.add_callback(callback)
    try:
        trainer.train(resume_from_checkpoint=None if checkpoint is None else str(checkpoint))
    except _AlreadyAtTheEnd:
        _end_training(trainer)
    finally:
        for callback in callbacks:
            trainer.remove_callback(callback)


class _AlreadyAtTheEnd(Exception):
    """There is no step left."""


class _StopAtTheEnd(TrainerCallback):  # type: ignore[misc]  # transformers is not typed here
    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        per_generation = getattr(args, "steps_per_generation", None) or 1
        period = per_generation * getattr(args, "num_iterations", 1)
        if state.global_step * args.gradient_accumulation_steps % period:
            warnings.warn(
                f"resuming at step {state.global_step}, between two generations: the completions that were being "
                f"trained on are not in the checkpoint, and others take their place. Let save_steps be a multiple of "
                f"{math.lcm(period, args.gradient_accumulation_steps) // args.gradient_accumulation_steps}",
                stacklevel=2,
            )

    def on_step_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if state.global_step >= state.max_steps:
            raise _AlreadyAtTheEnd  # the trainer asks for no other sign before it takes the step


def _end_training(trainer: Any) -> None:
    """What a trainer does after its last step: the best model, and its callbacks' end."""
    best = trainer.state.best_model_checkpoint
    if trainer.args.load_best_model_at_end and best is not None:
        if hasattr(trainer.model, "peft_config") or _is_sharded(trainer.args, trainer.model):
            trainer._load_best_model()
        else:
            _load_weights(trainer.model, best)
    trainer.control = trainer.callback_handler.on_train_end(trainer.args, trainer.state, trainer.control)
    trainer.is_in_train = False


def _is_sharded(args: Any, model: Any) -> bool:
    """Whether DeepSpeed or FSDP holds the weights, started by the trainer's arguments or by accelerate."""
    launched = any(os.environ.get(f"ACCELERATE_USE_{name}") == "true" for name in ("FSDP", "DEEPSPEED"))
    sharded = any(hasattr(weight, "ds_id") or hasattr(weight, "placements") for weight in model.parameters())
    return bool(launched or sharded or args.deepspeed or args.fsdp)


def _load_weights(model: Any, checkpoint: str | Path) -> None:
    if not hasattr(model, "from_pretrained"):  # the trainer saves and loads it under its own names
        return
    # in float32, which holds every narrower weight: a model may have more than one dtype
    options = {"config": model.config, "dtype": "float32", "output_loading_info": True}
    saved, info = type(model).from_pretrained(checkpoint, **options)
    wrong = {kind: sorted(map(str, info[kind])) for kind in ("missing_keys", "unexpected_keys", "mismatched_keys")}
    for kind, keys in wrong.items():
        if keys:
            raise RuntimeError(
                f"{checkpoint} is no checkpoint of this {type(model).__name__}: {len(keys)} {kind.replace('_', ' ')}, "
                f"the first {keys[0]}; resume from another one, or start anew"
            )
    model.load_state_dict(saved.state_dict(), strict=True)


def _check_adapters(model: Any, checkpoint: Path) -> None:
    from peft.utils import get_peft_model_state_dict, load_peft_weights

    adapter = model.active_adapters[0]
    folder = checkpoint if adapter == "default" else checkpoint / adapter
    if not folder.is_dir():
        raise RuntimeError(f"{folder} does not exist, so no adapter {adapter!r} can be resumed; start anew")
    live, saved = get_peft_model_state_dict(model, adapter_name=adapter), load_peft_weights(str(folder), device="cpu")
    wrong = sorted(live.keys() ^ saved.keys()) or [
        name for name, value in saved.items() if not (live[name].detach() == value.to(live[name])).all()
    ]
    if wrong:
        raise RuntimeError(
            f"the run did not resume with the adapters of {folder}: {len(wrong)} of {len(saved)} differ, the first "
            f"{wrong[0]}; resume from another one, or start anew"
        )
