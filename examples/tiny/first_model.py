"""A vision-language model for a first run: its whole answer is one token, so that it answers readably untrained.

`docs/getting_started.md` trains it with GRPO. It looks at a picture through the untrained vision tower of the
tiny recipe, and has one word for each of the scores 0, 5, ... 100.
"""

import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import LlavaForConditionalGeneration, LlavaProcessor, PreTrainedTokenizerFast

from tiny.model import build_model, build_processor
from tiny.vision_tower import TinyVisionTower, TinyVisionTowerConfig

SCORES = range(0, 101, 5)


def build_first_model(seed: int = 0) -> tuple[LlavaForConditionalGeneration, LlavaProcessor]:
    """The model and its processor, with random weights."""
    words = ["<pad>", "<|end|>", "<|user|>", "<|assistant|>", "<image>", "[UNK]"]
    answers = [f"<answer>{score}</answer>" for score in SCORES]
    tokenizer = Tokenizer(models.WordLevel({word: k for k, word in enumerate([*words, *answers])}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    processor = build_processor(
        PreTrainedTokenizerFast(
            tokenizer_object=tokenizer,
            pad_token="<pad>",
            eos_token="<|end|>",
            unk_token="[UNK]",
            padding_side="left",
            extra_special_tokens={"image_token": "<image>"},
            additional_special_tokens=["<|user|>", "<|assistant|>"],
        )
    )
    torch.manual_seed(seed)
    model = build_model(TinyVisionTower(TinyVisionTowerConfig()), processor)
    # All words are nearly as likely at first: a policy that begins with a favourite may never say anything else.
    torch.nn.init.constant_(model.model.language_model.norm.weight, 0.2)
    model.model.vision_tower.requires_grad_(True)  # it is untrained, and learns here
    return model, processor
