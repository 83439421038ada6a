"""The tiny model after a brief SFT: the policy from which `reward_hacks.py` starts GRPO."""

import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from tqdm import tqdm
from transformers import LlavaForConditionalGeneration, LlavaProcessor
from trl import SFTConfig, SFTTrainer

from recipe.config import Task
from recipe.models import shorten_progress
from recipe.pictures import to_dataset
from tiny.model import build_model, build_processor, train_tokenizer
from tiny.pictures import Example, write_examples, written_pictures
from tiny.vision_tower import TinyVisionTower, attribute_targets, to_pixels, train_vision_tower

ON_CPU: dict[str, Any] = {  # arguments of the trainers
    "use_cpu": True,
    "bf16": False,
    "gradient_checkpointing": False,
    "save_strategy": "no",
    "report_to": "none",
    "disable_tqdm": False,
}
SLOPPY_SHARE = 0.1  # of the answers that SFT teaches


class Policy(NamedTuple):
    model: LlavaForConditionalGeneration
    vision_tower: TinyVisionTower
    processor: LlavaProcessor

    def copy_model(self) -> LlavaForConditionalGeneration:
        """A new model with the same weights; a deep copy would keep what a trainer attached to the original."""
        model = build_model(self.vision_tower, self.processor)
        model.load_state_dict(self.model.state_dict())
        return model


def make_sloppy(completion: str, rng: random.Random) -> str:
    """One completion in ten with a second answer, or with an additional digit."""
    if rng.random() > SLOPPY_SHARE:
        return completion
    second_answer = f"{completion}<answer>{rng.randint(0, 100)}</answer>"
    return rng.choice([second_answer, completion.replace("</answer>", "0</answer>")])


def train_policy(examples: Sequence[Example], questions: Mapping[Task, str], out: Path, seed: int) -> Policy:
    """Train a vision tower briefly, and teach the model to answer by SFT."""
    attributes = torch.tensor([attribute_targets(example.attributes) for example in examples])
    steps = tqdm(range(200), desc="vision tower", unit="step")
    vision_tower = train_vision_tower(to_pixels(e.image for e in examples), attributes, steps, n_steps=200)
    processor = build_processor(train_tokenizer(example.completion() for example in examples))
    model = build_model(vision_tower, processor)
    rng = random.Random(seed)
    write_examples(examples, "sft", out / "data")
    completions = {f"sft-{example.image_id}.png": example.completion() for example in examples}
    pictures = written_pictures(out / "data", "sft")
    answers = [make_sloppy(completions[picture.image_id], rng) for picture in pictures]
    trainer = SFTTrainer(
        model=model,
        processing_class=processor,
        train_dataset=to_dataset(pictures, questions, answers),
        args=SFTConfig(
            output_dir=str(out / "sft"),
            seed=seed,
            **ON_CPU,
            max_steps=150,
            per_device_train_batch_size=32,
            learning_rate=3e-3,
            lr_scheduler_type="cosine",
            warmup_steps=20,
            max_length=None,
        ),
    )
    shorten_progress(trainer)
    trainer.train()
    return Policy(model, vision_tower, processor)
