"""Loading, training and saving a vision-language model with its processor: the tiny one and those on the hub alike."""

import gc
import json
import os
import re
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import datasets
import torch
from accelerate import PartialState
from peft import LoraConfig, PeftModel
from transformers import (
    AutoModelForImageTextToText,
    AutoProcessor,
    PreTrainedModel,
    ProcessorMixin,
    ProgressCallback,
    set_seed,
)
from transformers.integrations.deepspeed import unset_hf_deepspeed_config
from transformers.trainer import Trainer
from transformers.utils import logging

from recipe.checkpoints import last_checkpoint
from recipe.config import ModelSettings, Recipe
from recipe.files import write_whole
from recipe.stages import (
    check_stage,
    fingerprint_of_model,
    is_finished,
    mark_finished,
    start_stage,
    trained_model_folder,
)
from tatar_rewards.adapters.trl import resume_training

logging.disable_progress_bar()  # of loading weights; trainers keep their bars
datasets.disable_progress_bars()


def start_processes(recipe: Recipe, args: dict[str, Any]) -> PartialState:
    """The running processes; exits unless there are as many as the recipe says, since batches would differ."""
    processes = PartialState(cpu=args.get("use_cpu", False))
    if processes.num_processes != recipe.launch.processes:
        raise SystemExit(
            f"launch.processes is {recipe.launch.processes}, but {processes.num_processes} run; start through "
            f"train_tatar.py, or with `accelerate launch --multi_gpu --num_processes {recipe.launch.processes}`"
        )
    return processes


def register_architecture(settings: ModelSettings) -> None:
    """Make the vision tower of the tiny model known to transformers, if the recipe builds or starts from that model."""
    config = Path(settings.path) / "config.json"
    if settings.make is not None or (config.is_file() and "tiny_vision_tower" in config.read_text()):
        import tiny.vision_tower  # noqa: F401


def load_model(path: str | Path, settings: ModelSettings) -> tuple[PreTrainedModel, ProcessorMixin]:
    """The model in the precision of the recipe, and its processor, which pads on the left as generation requires."""
    register_architecture(settings)
    try:
        model = AutoModelForImageTextToText.from_pretrained(path, dtype=getattr(torch, settings.dtype))
        processor = load_processor(path, settings)
    except (OSError, ImportError, ValueError) as error:
        raise SystemExit(f"model {path} cannot be loaded: {error}") from None
    processor.tokenizer.padding_side = "left"
    for part in settings.frozen:
        frozen = [parameter.requires_grad_(False) for name, parameter in model.named_parameters() if part in name]
        if not frozen:
            raise SystemExit(f"model.frozen: no parameter of {path} has {part!r} in its name")
    return model, processor


def load_processor(path: str | Path, settings: ModelSettings, **options: Any) -> ProcessorMixin:
    """The processor with the recipe's limit of pixels; exits where it would pass over that limit without a word."""
    if settings.max_pixels is None:
        return AutoProcessor.from_pretrained(path, **options)
    processor = AutoProcessor.from_pretrained(path, max_pixels=settings.max_pixels, **options)
    images = processor.image_processor
    taken = {*dict(getattr(images, "size", None) or {}).values(), getattr(images, "max_pixels", None)}
    if settings.max_pixels not in taken:
        raise SystemExit(
            f"model.max_pixels: the {type(images).__name__} of {path} has no limit of pixels; "
            f"set model.max_pixels: null"
        )
    return processor


def lora_config(settings: ModelSettings) -> LoraConfig | None:
    """Adapters on the layers that are named, but on none that is frozen."""
    if settings.lora is None:
        return None
    frozen = "|".join(f".*{re.escape(part)}.*" for part in settings.frozen)
    return LoraConfig(task_type="CAUSAL_LM", exclude_modules=frozen or None, **settings.lora.model_dump())


def refuse_trained_frozen(model: PreTrainedModel, frozen: list[str]) -> None:
    """Exits where training would change a weight, or train an adapter, whose name has a frozen part."""
    trained = [name for name, weight in model.named_parameters() if weight.requires_grad]
    wrong = [name for name in trained if any(part in name for part in frozen)]
    if wrong:
        raise SystemExit(f"model.frozen {frozen}: {len(wrong)} weights of it would be trained, the first {wrong[0]}")
    if not trained:
        raise SystemExit(
            f"model.frozen {frozen} leaves no weight to train; name the parts that training must not change"
        )


def refuse_changed_frozen(start: str | Path, result: Path, settings: ModelSettings) -> None:
    """Exits where a frozen weight of the trained model is not the one that training began with."""
    if not settings.frozen:
        return
    before, after = (_frozen_weights(path, settings) for path in (start, result))
    wrong = sorted(before.keys() ^ after.keys()) or [k for k in before if not torch.equal(before[k], after[k])]
    if wrong:
        raise SystemExit(f"model.frozen {settings.frozen}: training changed {len(wrong)} weights, the first {wrong[0]}")


def _frozen_weights(path: str | Path, settings: ModelSettings) -> dict[str, torch.Tensor]:
    model = AutoModelForImageTextToText.from_pretrained(path, dtype=getattr(torch, settings.dtype))
    weights = model.named_parameters()
    return {name: weight.detach() for name, weight in weights if any(part in name for part in settings.frozen)}


def starting_model(recipe: Recipe, stage: str) -> str | Path:
    """What a stage trains: the model of the stage before it, or the recipe's own."""
    return trained_model_folder(recipe, "sft") if stage == "grpo" and recipe.sft is not None else recipe.model.path


def save_trained_model(trainer: Trainer, folder: Path, start: str | Path, settings: ModelSettings) -> None:
    """Save the whole model, with adapters merged into it; the folder appears only when all of it has been written."""
    unfinished = folder.with_name("model.part")
    if trainer.is_fsdp_enabled:
        trainer.accelerator.state.fsdp_plugin.set_state_dict_type("FULL_STATE_DICT")
    trainer.save_model(str(unfinished))  # from the shards of all processes; of a model with adapters, these alone
    unset_hf_deepspeed_config()  # under ZeRO-3 each load is one of all processes, and below the main one loads alone
    if trainer.is_world_process_zero():
        if hasattr(trainer.model, "peft_config"):
            _merge_adapters(unfinished, start, settings)
        tokenizer = trainer.processing_class.tokenizer.backend_tokenizer
        tokenizer.no_padding()  # what it was last used with is no part of the result
        tokenizer.no_truncation()
        trainer.processing_class.save_pretrained(unfinished)
        shutil.rmtree(folder, ignore_errors=True)
        os.replace(unfinished, folder)
    PartialState().wait_for_everyone()


def _merge_adapters(folder: Path, start: str | Path, settings: ModelSettings) -> None:
    """Put the model that training began with, and the adapters of a folder merged into it, in place of these."""
    model = AutoModelForImageTextToText.from_pretrained(start, dtype=getattr(torch, settings.dtype))
    merged = PeftModel.from_pretrained(model, str(folder)).merge_and_unload()
    shutil.rmtree(folder)
    merged.save_pretrained(folder)


class ShortProgress(ProgressCallback):  # type: ignore[misc]  # transformers is not typed here
    """The trainer's progress bar, with loss and reward beside it instead of every metric."""

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, float] | None = None, **kwargs: Any) -> None:
        if self.training_bar is not None and logs is not None:
            self.training_bar.set_postfix({name: logs[name] for name in ("loss", "reward") if name in logs})


def shorten_progress(trainer: Trainer) -> None:
    trainer.remove_callback(ProgressCallback)
    trainer.add_callback(ShortProgress)


def show_warnings_without_code() -> None:
    warnings.filterwarnings("ignore", category=FutureWarning)
    warnings.formatwarning = lambda message, *_: f"\n{message}\n"


def run_training(recipe: Recipe, stage: str, make_trainer: Callable[[Recipe], Trainer], **fingerprints: str) -> None:
    """Train, from the newest checkpoint if there is one, and save model and log; a finished stage does nothing.

    Args:
        recipe: Its settings.
        stage: `"sft"` or `"grpo"`.
        make_trainer: Makes the trainer of the stage.
        **fingerprints: Of what the stage reads.
    """
    show_warnings_without_code()
    processes, start = PartialState(), starting_model(recipe, stage)
    fingerprints["model"] = fingerprint_of_model(start)
    check_stage(recipe, stage, **fingerprints)
    if is_finished(recipe, stage):
        processes.print(f"{stage.upper()} is done: {trained_model_folder(recipe, stage)}")
        return
    folder = recipe.out / stage
    set_seed(recipe.seed)
    trainer = make_trainer(recipe)
    refuse_trained_frozen(trainer.model, recipe.model.frozen)
    shorten_progress(trainer)
    with processes.main_process_first():
        start_stage(recipe, stage, **fingerprints)
    checkpoint, faults = last_checkpoint(folder)
    for fault in faults:
        processes.print(f"passing over {fault}")
    if checkpoint is not None:
        processes.print(f"resuming from {checkpoint}")
    resume_training(trainer, checkpoint)
    if not trainer.state.global_step:
        raise SystemExit(f"{stage} took no step: there are fewer pictures than a batch holds, or max_steps is 0")
    save_trained_model(trainer, trained_model_folder(recipe, stage), start, recipe.model)
    if processes.is_main_process:
        refuse_changed_frozen(start, trained_model_folder(recipe, stage), recipe.model)
        write_whole(folder / "log.json", json.dumps(trainer.state.log_history))
        mark_finished(recipe, stage)
    processes.wait_for_everyone()
    del trainer  # its wrapped model holds the group of processes, and a group that stays open can abort its process
    gc.collect()
    processes.destroy_process_group()
