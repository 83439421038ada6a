"""What a plan says of the model: its class and size, and how many tokens of its context a picture takes."""

from pathlib import Path
from typing import Any

import torch
from PIL import Image
from transformers import AutoConfig, AutoModelForImageTextToText, ProcessorMixin

from recipe.config import ModelSettings
from recipe.models import load_processor, register_architecture

PHOTOGRAPH = (4000, 3000)  # pixels of a picture from a camera, larger than most limits


def print_model(settings: ModelSettings, missing: list[str]) -> float | None:
    """Load the model's configuration and processor if they are on this machine; returns the number of parameters."""
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
        cost = f"a picture of {width} x {height} pixels takes {count_image_tokens(processor):,} tokens"
        print(f"  processor: {type(processor).__name__}; {cost}")
    except SystemExit as error:
        missing.append(str(error))
    except (OSError, ValueError, ImportError) as error:
        reason = "" if isinstance(error, OSError) else f" ({first_line(error)})"
        missing.append(f"the processor of {path} is not on this machine{reason}; {cure}")
    return n_parameters


def count_image_tokens(processor: ProcessorMixin) -> int:
    """How many tokens longer a prompt is with such a picture than without it."""

    def tokens(content: list[dict[str, Any]], **images: Any) -> int:
        text = processor.apply_chat_template([{"role": "user", "content": content}], tokenize=False)
        return len(processor(text=[text], add_special_tokens=False, **images)["input_ids"][0])

    without = tokens([{"type": "text", "text": ""}])
    picture = [{"type": "image"}, {"type": "text", "text": ""}]
    return tokens(picture, images=[[Image.new("RGB", PHOTOGRAPH)]]) - without


def first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0]
