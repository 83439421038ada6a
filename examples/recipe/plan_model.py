"""What a plan says of the model: its class and size, the tokens of a picture, and the memory and hours of GRPO."""

from pathlib import Path
from typing import Any

import torch
from PIL import Image
from transformers import AutoConfig, AutoModelForImageTextToText, ProcessorMixin
from trl import GRPOConfig

from recipe.config import Recipe
from recipe.hours import describe_hours
from recipe.memory import describe_states, print_memory, rows_of
from recipe.models import load_processor, register_architecture
from recipe.prompts import questions_of

PHOTOGRAPH = (4000, 3000)  # pixels of a picture from a camera, larger than most limits


def print_model(
    recipe: Recipe, args: GRPOConfig | None, n_steps: float, shards: int | None, missing: list[str]
) -> float | None:
    """Load the model's configuration and processor if they are on this machine; returns the number of parameters.

    Memory and hours of GRPO are counted where its arguments and the configuration of the launch can be read.
    """
    settings, config, processor = recipe.model, None, None
    path, n_parameters = settings.path, settings.parameters
    if settings.make is not None and not Path(path).exists():
        print(f"  {path}: made by the second stage")
        return None
    register_architecture(settings)
    cure = f"get it with `hf download {path}`, or give a folder"
    try:
        config = AutoConfig.from_pretrained(path, local_files_only=True)
        with torch.device("meta"):
            n_parameters = float(AutoModelForImageTextToText.from_config(config).num_parameters())
        print(f"  {path}: {config.model_type}, {n_parameters / 1e6:,.1f} million parameters")
    except (OSError, ValueError, ImportError) as error:
        missing.append(f"model {path} is not on this machine; {cure}")
        fallback = f"{n_parameters / 1e9:.2f} billion parameters by the config" if n_parameters else first_line(error)
        print(f"  {path}: {fallback}")
    try:
        processor = load_processor(path, settings, local_files_only=True)
        width, height = PHOTOGRAPH
        cost = count_tokens(processor, with_picture=True) - count_tokens(processor)
        print(f"  processor: {type(processor).__name__}; a picture of {width} x {height} pixels takes {cost:,} tokens")
    except SystemExit as error:
        missing.append(str(error))
    except (OSError, ValueError, ImportError) as error:
        reason = "" if isinstance(error, OSError) else f" ({first_line(error)})"
        missing.append(f"the processor of {path} is not on this machine{reason}; {cure}")
    if args is None or shards is None:
        return n_parameters
    if config is not None and processor is not None:
        try:
            prompt = prompt_tokens(recipe, processor)
            print_memory(recipe, config, prompt, args, shards)
            if n_parameters and n_steps:
                print(f"    {describe_hours(recipe, args, n_parameters, rows_of(recipe, args, prompt), n_steps)}")
            return n_parameters
        except Exception as error:  # the classes of other models do what they like
            print(f"  memory is not counted by parts: {type(error).__name__}: {first_line(error)}")
    if n_parameters:
        print(f"  {describe_states(recipe, n_parameters, shards)}")
    return n_parameters


def prompt_tokens(recipe: Recipe, processor: ProcessorMixin) -> int:
    """Tokens of the longest question, with a picture from a camera."""
    return count_tokens(processor, max(questions_of(recipe).values(), key=len), with_picture=True)


def count_tokens(processor: ProcessorMixin, question: str = "", *, with_picture: bool = False) -> int:
    """Tokens of a prompt that asks a question, with or without a picture from a camera."""
    content: list[dict[str, Any]] = [{"type": "image"}] if with_picture else []
    images = {"images": [[Image.new("RGB", PHOTOGRAPH)]]} if with_picture else {}
    message = {"role": "user", "content": [*content, {"type": "text", "text": question}]}
    text = processor.apply_chat_template([message], tokenize=False, add_generation_prompt=True)
    return len(processor(text=[text], add_special_tokens=False, **images)["input_ids"][0])


def first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or ["no message"])[0]
