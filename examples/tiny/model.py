"""A LLaVA-architecture model of about one million parameters, built on the spot.

    python examples/train_tatar.py --only data model
    PYTHONPATH=examples python -m tiny.model --config examples/configs/tiny.yaml

The full-size recipe starts from a vision-language model whose vision tower was trained on millions of pictures. The
tiny recipe downloads nothing, so this file builds a small counterpart: a convolutional vision tower, a two-layer
projector, a Llama language model, and a tokenizer trained on the rationales. The vision tower first learns, in about a
minute, to tell distortions and colours apart (`train_vision_tower`); projector and language model start from scratch.
"""

import json
from collections.abc import Iterable
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from tqdm import tqdm
from transformers import (
    CLIPImageProcessorPil,
    LlamaConfig,
    LlavaConfig,
    LlavaForConditionalGeneration,
    LlavaProcessor,
    PreTrainedTokenizerFast,
    set_seed,
)

from recipe.config import Recipe
from recipe.images import open_picture
from recipe.prompts import answer_text
from recipe.rationales import Rationales
from recipe.stages import is_finished, mark_finished, parse_command_line, run_lock, start_stage
from tiny.pictures import SIDE, TASKS
from tiny.vision_tower import STRIDE, TinyVisionTower, attribute_targets, to_pixels, train_vision_tower

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
    if Path(recipe.model.path).exists() and not (recipe.out / "model" / "started.json").exists():
        raise SystemExit(f"{recipe.model.path} exists, and this stage would write its own: give another model.path")
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
    texts = [answer_text(text, 10) for text in Rationales(rationales).texts()]
    processor = build_processor(train_tokenizer(texts))
    build_model(vision_tower, processor).save_pretrained(recipe.model.path)
    processor.save_pretrained(recipe.model.path)
    mark_finished(recipe, "model")


if __name__ == "__main__":
    main()
