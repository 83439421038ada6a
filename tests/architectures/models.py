"""Models of random weights from the real configuration, model and processor classes, each written as a checkpoint is.

    from architectures.models import make_qwen2_5_vl
    make_qwen2_5_vl(Path("runs/qwen2_5_vl_3b"), size="3b")

Every family has a function of its own with a folder and a size, `"tiny"` for tests. Qwen2.5-VL also has its full sizes.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import torch
from architectures.tokenizers_and_templates import (
    CHATML_THINKING,
    GEMMA3,
    IDEFICS3,
    LLAVA_ONEVISION,
    Marks,
    chatml,
    train_tokenizer,
)
from transformers import (
    AutoModelForImageTextToText,
    Gemma3Config,
    Gemma3ImageProcessor,
    Gemma3Processor,
    GotOcr2ImageProcessor,
    Idefics3Config,
    Idefics3ImageProcessor,
    Idefics3Processor,
    InternVLConfig,
    InternVLProcessor,
    InternVLVideoProcessor,
    LlavaOnevisionConfig,
    LlavaOnevisionImageProcessor,
    LlavaOnevisionProcessor,
    LlavaOnevisionVideoProcessor,
    PreTrainedConfig,
    ProcessorMixin,
    Qwen2_5_VLConfig,
    Qwen2_5_VLProcessor,
    Qwen2VLImageProcessor,
    Qwen2VLVideoProcessor,
    Qwen3VLConfig,
    Qwen3VLProcessor,
    Qwen3VLVideoProcessor,
    set_seed,
)

TEXT = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4}
TEXT |= {"num_key_value_heads": 2}
VISION = {"hidden_size": 32, "intermediate_size": 64}
QWEN_PICTURE_MARKS = ("<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>")
QWEN = Marks(
    ("<|endoftext|>", "<|im_start|>", "<|im_end|>", *QWEN_PICTURE_MARKS),
    ends_turn="<|im_end|>",
    pads="<|endoftext|>",
    named={"image_token": "<|image_pad|>", "video_token": "<|video_pad|>"},
)
QWEN_PICTURE = "<|vision_start|><|image_pad|><|vision_end|>"


def write(folder: Path, config: PreTrainedConfig, processor: ProcessorMixin, template: str) -> None:
    """Random weights in half precision, as the checkpoints of these families are, and all that stands beside them."""
    set_seed(0)
    processor.chat_template = template
    model = AutoModelForImageTextToText.from_config(config, dtype=torch.bfloat16)
    model.generation_config.eos_token_id = processor.tokenizer.eos_token_id
    model.generation_config.pad_token_id = processor.tokenizer.pad_token_id
    model.save_pretrained(folder)
    processor.save_pretrained(folder)


def ids(processor: ProcessorMixin, **tokens: str) -> dict[str, int]:
    return {name: processor.tokenizer.convert_tokens_to_ids(token) for name, token in tokens.items()}


def ends(processor: ProcessorMixin) -> dict[str, int]:
    """The settings of a language model that its tokenizer decides."""
    tokenizer = processor.tokenizer
    return {
        "vocab_size": len(tokenizer),
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }


# ---------------------------------------------------------------- families

QWEN2_5_VL: dict[str, dict[str, Any]] = {  # by size: text, vision, whether input and output embeddings are one
    "tiny": {
        "text": {**TEXT, "rope_parameters": {"rope_type": "default", "rope_theta": 1e6, "mrope_section": [2, 3, 3]}},
        "vision": {**VISION, "depth": 2, "num_heads": 2, "out_hidden_size": 64, "fullatt_block_indexes": [1]},
        "tied": True,
    },
    "3b": {
        "text": {"hidden_size": 2048, "intermediate_size": 11008, "num_hidden_layers": 36, "num_attention_heads": 16}
        | {"num_key_value_heads": 2, "vocab_size": 151936, "max_position_embeddings": 128000},
        "vision": {"hidden_size": 1280, "intermediate_size": 3420, "out_hidden_size": 2048, "tokens_per_second": 2},
        "tied": True,
    },
    "7b": {
        "text": {"hidden_size": 3584, "intermediate_size": 18944, "num_hidden_layers": 28, "num_attention_heads": 28}
        | {"num_key_value_heads": 4, "vocab_size": 152064, "max_position_embeddings": 128000},
        "vision": {"hidden_size": 1280, "intermediate_size": 3420, "out_hidden_size": 3584, "tokens_per_second": 2},
        "tied": False,
    },
}
FULL_ROPE = {"rope_type": "default", "rope_theta": 1e6, "mrope_section": [16, 24, 24]}


def qwen2_5_vl_processor() -> Qwen2_5_VLProcessor:
    image_processor = Qwen2VLImageProcessor(min_pixels=56 * 56, max_pixels=28 * 28 * 1280)
    return Qwen2_5_VLProcessor(image_processor, train_tokenizer(QWEN), Qwen2VLVideoProcessor())


def qwen2_5_vl_config(processor: ProcessorMixin, size: str) -> Qwen2_5_VLConfig:
    chosen = QWEN2_5_VL[size]
    return Qwen2_5_VLConfig(
        text_config={**ends(processor), "rope_parameters": FULL_ROPE, **chosen["text"]},
        vision_config=chosen["vision"],
        tie_word_embeddings=chosen["tied"],
        **ids(processor, image_token_id="<|image_pad|>", video_token_id="<|video_pad|>"),
        **ids(processor, vision_start_token_id="<|vision_start|>", vision_end_token_id="<|vision_end|>"),
    )


def make_qwen2_5_vl(folder: Path, size: str = "tiny", *, thinks: bool = False) -> None:
    """`"tiny"`, or the full `"3b"` or `"7b"`; with `thinks`, its chat template opens `<think>` itself."""
    processor = qwen2_5_vl_processor()
    template = CHATML_THINKING if thinks else chatml(QWEN_PICTURE, system=True)
    write(folder, qwen2_5_vl_config(processor, size), processor, template)


def make_qwen3_vl(folder: Path, size: str = "tiny") -> None:
    only_tiny(size)
    image_processor = Qwen2VLImageProcessor(
        min_pixels=64 * 64, max_pixels=32 * 32 * 1280, patch_size=16, image_mean=[0.5] * 3, image_std=[0.5] * 3
    )
    processor = Qwen3VLProcessor(image_processor, train_tokenizer(QWEN), Qwen3VLVideoProcessor())
    rope = {"rope_type": "default", "rope_theta": 5e6, "mrope_section": [4, 2, 2], "mrope_interleaved": True}
    vision = {**VISION, "depth": 2, "num_heads": 2, "out_hidden_size": 64, "num_position_embeddings": 64}
    config = Qwen3VLConfig(
        text_config={**TEXT, **ends(processor), "head_dim": 16, "rope_parameters": rope},
        vision_config={**vision, "deepstack_visual_indexes": [0]},
        tie_word_embeddings=True,
        **ids(processor, image_token_id="<|image_pad|>", video_token_id="<|video_pad|>"),
        **ids(processor, vision_start_token_id="<|vision_start|>", vision_end_token_id="<|vision_end|>"),
    )
    write(folder, config, processor, chatml(QWEN_PICTURE))


def make_internvl(folder: Path, size: str = "tiny") -> None:
    only_tiny(size)
    named = {"start_image_token": "<img>", "end_image_token": "</img>", "context_image_token": "<IMG_CONTEXT>"}
    marks = [*QWEN.every[:3], *named.values(), "<video>"]
    tokenizer = train_tokenizer(Marks(marks, "<|im_end|>", "<|endoftext|>", named | {"video_token": "<video>"}))
    image_processor = GotOcr2ImageProcessor(size={"height": 56, "width": 56}, min_patches=1, max_patches=4)
    processor = InternVLProcessor(image_processor, tokenizer, InternVLVideoProcessor(), image_seq_length=4)
    config = InternVLConfig(
        text_config={"model_type": "qwen2", **TEXT, **ends(processor)},
        vision_config={**VISION, "num_hidden_layers": 2, "num_attention_heads": 2, "image_size": 56, "patch_size": 14},
        image_seq_length=4,
        **ids(processor, image_token_id="<IMG_CONTEXT>"),
    )
    write(folder, config, processor, chatml("<IMG_CONTEXT>\\n"))


def make_idefics3(folder: Path, size: str = "tiny") -> None:
    only_tiny(size)
    cells = [f"<row_{row}_col_{column}>" for row in range(1, 7) for column in range(1, 7)]
    marks = ["<|begin_of_text|>", "<|pad|>", "<end_of_utterance>", "<image>", "<fake_token_around_image>"]
    marks += ["<global-img>", *cells]
    named = {"image_token": "<image>", "fake_image_token": "<fake_token_around_image>"}
    tokenizer = train_tokenizer(Marks(marks, "<end_of_utterance>", "<|pad|>", named, "<|begin_of_text|>"))
    image_processor = Idefics3ImageProcessor(size={"longest_edge": 112}, max_image_size={"longest_edge": 56})
    processor = Idefics3Processor(image_processor, tokenizer, image_seq_len=4)
    config = Idefics3Config(
        text_config={"model_type": "llama", **TEXT, **ends(processor)},
        vision_config={**VISION, "num_hidden_layers": 2, "num_attention_heads": 2, "image_size": 56, "patch_size": 14},
        scale_factor=2,
        pad_token_id=tokenizer.pad_token_id,
        **ids(processor, image_token_id="<image>"),
    )
    write(folder, config, processor, IDEFICS3)


def make_llava_onevision(folder: Path, size: str = "tiny") -> None:
    only_tiny(size)
    named = {"image_token": "<image>", "video_token": "<video>"}
    tokenizer = train_tokenizer(Marks([*QWEN.every[:3], *named.values()], "<|im_end|>", "<|endoftext|>", named))
    pinpoints = [[56, 56], [56, 112], [112, 56], [112, 112]]
    side = {"height": 56, "width": 56}
    image_processor = LlavaOnevisionImageProcessor(size=side, image_grid_pinpoints=pinpoints)
    video_processor = LlavaOnevisionVideoProcessor(size=side)
    processor = LlavaOnevisionProcessor(image_processor, tokenizer, video_processor, 16, "full")
    vision = {"model_type": "siglip_vision_model", "num_hidden_layers": 2, "num_attention_heads": 2, **VISION}
    config = LlavaOnevisionConfig(
        text_config={"model_type": "qwen2", **TEXT, **ends(processor)},
        vision_config={**vision, "image_size": 56, "patch_size": 14, "vision_use_head": False},
        image_grid_pinpoints=pinpoints,
        **ids(processor, image_token_index="<image>", video_token_index="<video>"),
    )
    write(folder, config, processor, LLAVA_ONEVISION)


def make_gemma3(folder: Path, size: str = "tiny") -> None:
    only_tiny(size)
    named = {"boi_token": "<start_of_image>", "eoi_token": "<end_of_image>", "image_token": "<image_soft_token>"}
    marks = ["<pad>", "<eos>", "<bos>", "<start_of_turn>", "<end_of_turn>", *named.values()]
    tokenizer = train_tokenizer(Marks(marks, "<end_of_turn>", "<pad>", named, "<bos>"))
    image_processor = Gemma3ImageProcessor(size={"height": 56, "width": 56})
    processor = Gemma3Processor(image_processor, tokenizer, image_seq_length=4)
    vision = {"model_type": "siglip_vision_model", "num_hidden_layers": 2, "num_attention_heads": 2, **VISION}
    config = Gemma3Config(
        text_config={**TEXT, **ends(processor), "head_dim": 16, "query_pre_attn_scalar": 16, "sliding_window": 64},
        vision_config={**vision, "image_size": 56, "patch_size": 14, "vision_use_head": False},
        mm_tokens_per_image=4,
        **ids(processor, boi_token_index="<start_of_image>", eoi_token_index="<end_of_image>"),
        **ids(processor, image_token_index="<image_soft_token>"),
    )
    write(folder, config, processor, GEMMA3)


def only_tiny(size: str) -> None:
    if size != "tiny":
        raise ValueError(f"only Qwen2.5-VL has full sizes here; got {size!r}")


class Architecture(NamedTuple):
    make: Callable[..., None]
    vision_tower: str  # what the names of its parameters have in them, for `model.frozen`


ARCHITECTURES = {
    "qwen2_5_vl": Architecture(make_qwen2_5_vl, "visual"),
    "qwen3_vl": Architecture(make_qwen3_vl, "visual"),
    "internvl": Architecture(make_internvl, "vision_tower"),
    "idefics3": Architecture(make_idefics3, "vision_model"),
    "llava_onevision": Architecture(make_llava_onevision, "vision_tower"),
    "gemma3": Architecture(make_gemma3, "vision_tower"),
}
