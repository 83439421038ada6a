"""A LLaVA-architecture model of about one million parameters, built on the spot.

    python examples/train_tatar.py --only data model
    PYTHONPATH=examples python -m tiny.model --config examples/configs/tiny.yaml

The full-size recipe starts from a vision-language model whose vision tower was trained on millions of pictures. The
tiny recipe downloads nothing, so this file builds a small counterpart: a convolutional vision tower, a two-layer
projector, a Llama language model, and a tokenizer trained on the rationales. The vision tower first learns, in about a
minute, to tell distortions and colours apart (`train_vision_tower`); projector and language model start from scratch.

Why convolutions: a patch transformer of this size learns colours but not blur, noise or compression. With batch
normalisation the convolutions learn in a minute. It is folded into their weights afterwards, so that generation and
training compute the same function.
"""

import json
from collections.abc import Iterable, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL.Image import Image
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval
from tqdm import tqdm
from transformers import (
    AutoConfig,
    AutoModel,
    CLIPImageProcessorPil,
    LlamaConfig,
    LlavaConfig,
    LlavaForConditionalGeneration,
    LlavaProcessor,
    PreTrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    set_seed,
)
from transformers.modeling_outputs import BaseModelOutput

from recipe.config import Recipe
from recipe.images import open_picture
from recipe.prompts import answer_text
from recipe.rationales import read_rationales
from recipe.stages import is_finished, mark_finished, parse_command_line, run_lock, start_stage
from tiny.labels import DISTORTIONS
from tiny.pictures import SIDE, TASKS

STRIDE = 16  # a picture becomes (64 / 16) ** 2 = 16 image tokens

# Both roles end their turn with <|end|>, the token that also stops generation, so SFT learns to stop.
CHAT_TEMPLATE = """{%- for message in messages -%}
{{- '<|' + message['role'] + '|>' -}}
{%- if message['content'] is string -%}{{- message['content'] -}}
{%- else -%}
{%- for block in message['content'] -%}
{{- '<image>' if block['type'] == 'image' else block['text'] -}}
{%- endfor -%}
{%- endif -%}
{{- '<|end|>' -}}
{%- endfor -%}
{%- if add_generation_prompt -%}{{- '<|assistant|>' -}}{%- endif -%}"""


class TinyVisionTowerConfig(PreTrainedConfig):  # type: ignore[misc]  # transformers is not typed here
    model_type = "tiny_vision_tower"

    def __init__(self, hidden_size: int = 128, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.hidden_size = hidden_size
        self.patch_size = STRIDE
        self.image_size = SIDE


class TinyVisionTower(PreTrainedModel):  # type: ignore[misc]  # transformers is not typed here
    """Pictures (B, 3, 64, 64) -> features (B, 16, hidden_size)."""

    config_class = TinyVisionTowerConfig
    main_input_name = "pixel_values"
    _supports_sdpa = True  # it has no attention; GRPO's reference model does not load without this

    def __init__(self, config: TinyVisionTowerConfig) -> None:
        super().__init__(config)
        widths = (3, 16, 32, 64, config.hidden_size)
        self.stages = nn.Sequential(
            *(
                nn.Sequential(nn.Conv2d(n, m, kernel_size=3, padding=1), nn.ReLU(), nn.MaxPool2d(2))
                for n, m in pairwise(widths)
            )
        )
        self.post_init()

    def forward(self, pixel_values: Tensor, **_: Any) -> BaseModelOutput:
        features = self.stages(pixel_values).flatten(2).transpose(1, 2)
        return BaseModelOutput(last_hidden_state=features, hidden_states=(features,))


AutoConfig.register("tiny_vision_tower", TinyVisionTowerConfig)
AutoModel.register(TinyVisionTowerConfig, TinyVisionTower)


def to_pixels(images: Iterable[Image]) -> Tensor:
    """Pictures as the processor prepares them: (B, 3, 64, 64), less a mean of 0.5 and divided by 0.25."""
    pixels = np.stack([np.asarray(image, np.float32) / 255 for image in images])
    return (torch.from_numpy(pixels).permute(0, 3, 1, 2) - 0.5) / 0.25


def train_vision_tower(pixels: Tensor, attributes: Tensor, steps: Iterable[int], *, n_steps: int) -> TinyVisionTower:
    """Train a vision tower to predict attributes (B, A; NaN where unknown) from pictures (B, 3, 64, 64)."""
    vision_tower = TinyVisionTower(TinyVisionTowerConfig())
    normalised = nn.Sequential(
        *(
            nn.Sequential(conv, nn.BatchNorm2d(conv.out_channels), relu, pool)
            for conv, relu, pool in vision_tower.stages
        )
    )
    head = nn.Sequential(nn.Linear(vision_tower.config.hidden_size, 64), nn.ReLU(), nn.Linear(64, attributes.shape[1]))
    parameters = [*normalised.parameters(), *head.parameters()]
    optimizer = torch.optim.AdamW(parameters, lr=4e-3, weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=4e-3, total_steps=n_steps)
    is_known, targets = torch.isfinite(attributes), torch.nan_to_num(attributes)
    for _ in steps:
        rows = torch.randint(len(pixels), (96,))
        predictions = head(normalised(pixels[rows]).mean(dim=(2, 3)))
        loss = ((predictions - targets[rows])[is_known[rows]] ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    normalised.eval()
    for stage, trained in zip(vision_tower.stages, normalised, strict=True):
        stage[0] = fuse_conv_bn_eval(trained[0], trained[1])
    vision_tower.eval().requires_grad_(False)
    return vision_tower


def train_tokenizer(texts: Iterable[str]) -> PreTrainedTokenizerFast:
    """A byte-level BPE of the rationales' words, in which every digit is a token of its own."""
    texts = list(texts)
    specials = ["<pad>", "<|end|>", "<|user|>", "<|assistant|>", "<image>"]
    tags = ["<think>", "</think>", "<answer>", "</answer>"]
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = sorted({c for c in "".join(texts)} | set(".0123456789"))
    trainer = trainers.BpeTrainer(vocab_size=600, special_tokens=specials, initial_alphabet=alphabet)
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.add_tokens(tags)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="<pad>",
        eos_token="<|end|>",
        padding_side="left",
        extra_special_tokens={"image_token": "<image>"},
    )


def build_processor(tokenizer: PreTrainedTokenizerFast) -> LlavaProcessor:
    image_processor = CLIPImageProcessorPil(
        size={"shortest_edge": SIDE},
        crop_size={"height": SIDE, "width": SIDE},
        image_mean=[0.5] * 3,
        image_std=[0.25] * 3,
    )
    return LlavaProcessor(
        image_processor,
        tokenizer,
        patch_size=STRIDE,
        vision_feature_select_strategy="full",
        chat_template=CHAT_TEMPLATE,
    )


def build_model(vision_tower: TinyVisionTower, processor: LlavaProcessor) -> LlavaForConditionalGeneration:
    tokenizer = processor.tokenizer
    text_config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=128,
        intermediate_size=384,
        num_hidden_layers=4,
        num_attention_heads=4,
        max_position_embeddings=256,
        initializer_range=128**-0.5,  # the usual 0.02 suits models thirty times as wide and learns slowly here
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    config = LlavaConfig(
        vision_config=vision_tower.config,
        text_config=text_config,
        image_token_index=processor.image_token_id,
        image_seq_length=(SIDE // STRIDE) ** 2,
        vision_feature_layer=-1,
        vision_feature_select_strategy="full",
        tie_word_embeddings=True,
        pad_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )
    model = LlavaForConditionalGeneration(config)
    model.model.vision_tower.load_state_dict(vision_tower.state_dict())
    model.model.vision_tower.requires_grad_(False)
    model.generation_config.eos_token_id = tokenizer.eos_token_id
    model.generation_config.pad_token_id = tokenizer.pad_token_id
    return model


# ---------------------------------------------------------------- the stage


def attribute_targets(attributes: Mapping[str, float]) -> list[float]:
    """What the vision tower learns to predict: distortion strengths, colour, contrast, placement; NaN where unknown."""
    names = [*DISTORTIONS, "colour", "contrast", "placement"]
    weights = [3.0] * len(DISTORTIONS) + [1.0] * 3  # strengths spread about a third as far as the others
    return [weight * attributes.get(name, float("nan")) for name, weight in zip(names, weights, strict=True)]


def main() -> None:
    recipe, _ = parse_command_line("Build the tiny model on the pictures of SFT.")
    if recipe.model.make is None:
        return
    if recipe.data.make is None or recipe.rationales is None:
        raise SystemExit(
            "model.make builds the tiny model from the tiny pictures: give data.make and rationales.file too"
        )
    with run_lock(recipe):
        make_tiny_model(recipe, recipe.rationales.file, recipe.model.make.vision_tower_steps)


def make_tiny_model(recipe: Recipe, rationales: Path, n_steps: int) -> None:
    if is_finished(recipe, "model"):
        return
    start_stage(recipe, "model")
    set_seed(recipe.seed)
    folder = recipe.out / "data"
    attributes: dict[str, dict[str, float]] = {}
    for task in TASKS:
        attributes |= json.loads((folder / f"{task}_sft_attributes.json").read_text())
    pixels = to_pixels(open_picture(folder / "images" / name) for name in attributes)
    targets = torch.tensor([attribute_targets(of_picture) for of_picture in attributes.values()])
    steps = tqdm(range(n_steps), desc="vision tower", unit="step")
    vision_tower = train_vision_tower(pixels, targets, steps, n_steps=n_steps)
    texts = [answer_text(rationale.text, 10) for rationale in read_rationales(rationales).values()]
    processor = build_processor(train_tokenizer(texts))
    build_model(vision_tower, processor).save_pretrained(recipe.model.path)
    processor.save_pretrained(recipe.model.path)
    mark_finished(recipe, "model")


if __name__ == "__main__":
    main()
