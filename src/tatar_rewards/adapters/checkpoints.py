"""Resuming a trainer of transformers or TRL exactly; importing this module imports `transformers`."""

import math
import os
import warnings
from collections import deque
from pathlib import Path
from typing import Any

from transformers import TrainerCallback


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

    The weights are the checkpoint's (`LoadCheckpointWeights`). The rows come in the order of an uninterrupted run in
    later epochs too: the sampler of TRL's GRPO would begin with the order of the first epoch again. A checkpoint of the
    last step is trained no further: transformers 5 would take one step more.

    Args:
        trainer: Of transformers or TRL.
        checkpoint: The folder to resume from; None begins a new run.

    Raises:
        RuntimeError: a weight of the model is missing in the checkpoint or differs from it.

    Examples:
        >>> from transformers.trainer_utils import get_last_checkpoint
        >>> # resume_training(trainer, get_last_checkpoint("runs/grpo"))
    """
    callbacks = [LoadCheckpointWeights(checkpoint), _DrawEarlierOrders(), _StopAtTheEnd()]
    for callback in callbacks:
        trainer.add_callback(callback)
    try:
        trainer.train(resume_from_checkpoint=None if checkpoint is None else str(checkpoint))
    except _AlreadyAtTheEnd:
        _end_training(trainer)
    finally:
        for callback in callbacks:
            trainer.remove_callback(callback)


def steps_of_a_generation(args: Any) -> int:
    """How many steps of a trainer until its next checkpoint can be resumed exactly: TRL keeps no completions in them.

    Args:
        args: A `GRPOConfig`, or other arguments of a trainer, which generate nothing.

    Returns:
        The smallest number of steps after which a generation has been trained on; 1 where nothing is generated.

    Examples:
        >>> from types import SimpleNamespace
        >>> args = SimpleNamespace(steps_per_generation=4, num_iterations=1, gradient_accumulation_steps=2)
        >>> steps_of_a_generation(args)
        2
    """
    batches = (getattr(args, "steps_per_generation", None) or 1) * getattr(args, "num_iterations", 1)
    return math.lcm(batches, args.gradient_accumulation_steps) // int(args.gradient_accumulation_steps)


class _DrawEarlierOrders(TrainerCallback):  # type: ignore[misc]  # transformers is not typed here
    """Takes a sampler that draws one order after another from its own generator to the epoch that the run goes on in.

    Samplers with `set_epoch` find their order by the number of the epoch, and the trainer tells them that.
    """

    def on_train_begin(self, args: Any, state: Any, control: Any, train_dataloader: Any = None, **kwargs: Any) -> None:
        batches = getattr(train_dataloader, "batch_sampler", None)  # of several processes, it shares out those of one
        sampler = getattr(getattr(batches, "batch_sampler", batches), "sampler", None)
        if sampler is not None and getattr(sampler, "generator", None) and not hasattr(sampler, "set_epoch"):
            for _ in range(int(state.epoch or 0)):
                deque(sampler, maxlen=0)


class _AlreadyAtTheEnd(Exception):
    """There is no step left."""


class _StopAtTheEnd(TrainerCallback):  # type: ignore[misc]  # transformers is not typed here
    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        n_steps = steps_of_a_generation(args)
        if state.global_step % n_steps:
            warnings.warn(
                f"resuming at step {state.global_step}, between two generations: the completions that were being "
                f"trained on are not in the checkpoint, and others take their place. Let save_steps be a multiple of "
                f"{n_steps}",
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
