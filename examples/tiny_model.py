"""A LLaVA-architecture model of about one million parameters, built on the spot.

The real recipe starts from a vision-language model whose eyes were trained on millions of pictures. Nothing can be
downloaded here, so this file makes the small counterpart: a convolutional vision tower that first learns, in about a
minute, to tell distortions and colours apart (`train_eyes`), a two-layer projector and a Llama language model, both
from scratch, and a tokenizer trained on the rationales.

Why convolutions: a plain patch transformer of this size learns colours but not blur, noise or compression. Batch
normalisation makes the convolutions learn in a minute; it is folded into their weights afterwards, so that generation
and training see the same function.
"""

from collections.abc import Iterable

import numpy as np
import torch
from PIL import Image
from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from tokenizers import decoders
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval
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
)
from transformers.modeling_outputs import BaseModelOutput

SIDE, STRIDE = 64, 16  # a picture becomes (64 / 16) ** 2 = 16 image tokens

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


class TinyEyesConfig(PreTrainedConfig):
    model_type = "tiny_eyes"

    def __init__(self, hidden_size: int = 128, **kwargs):
        super().__init__(**kwargs)
        self.hidden_size = hidden_size
        self.patch_size = STRIDE
        self.image_size = SIDE


class TinyEyes(PreTrainedModel):
    """Pictures (B, 3, 64, 64) -> features (B, 16, hidden_size)."""

    config_class = TinyEyesConfig
    main_input_name = "pixel_values"

    def __init__(self, config: TinyEyesConfig):
        super().__init__(config)
        widths = (3, 16, 32, 64, config.hidden_size)
        self.stages = nn.Sequential(
            *(
                nn.Sequential(nn.Conv2d(n, m, kernel_size=3, padding=1), nn.ReLU(), nn.MaxPool2d(2))
                for n, m in zip(widths[:-1], widths[1:], strict=True)
            )
        )
        self.post_init()

    def forward(self, pixel_values: Tensor, **_) -> BaseModelOutput:
        features = self.stages(pixel_values).flatten(2).transpose(1, 2)
        return BaseModelOutput(last_hidden_state=features, hidden_states=(features,))


AutoConfig.register("tiny_eyes", TinyEyesConfig)
AutoModel.register(TinyEyesConfig, TinyEyes)


def train_eyes(pixels: Tensor, attributes: Tensor, *, seconds: float, seed: int, progress) -> TinyEyes:
    """Learn to read known attributes (B, A; NaN = unknown) from pictures (B, 3, 64, 64); stop after `steps`."""
    torch.manual_seed(seed)
    eyes = TinyEyes(TinyEyesConfig())
    convolutions = [stage[0] for stage in eyes.stages]
    learner = nn.Sequential(
        *(
            nn.Sequential(stage[0], nn.BatchNorm2d(stage[0].out_channels), nn.ReLU(), nn.MaxPool2d(2))
            for stage in eyes.stages
        )
    )
    head = nn.Sequential(nn.Linear(eyes.config.hidden_size, 64), nn.ReLU(), nn.Linear(64, attributes.shape[1]))
    parameters = [*learner.parameters(), *head.parameters()]
    optimizer = torch.optim.AdamW(parameters, lr=2e-3, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=4e-3, total_steps=progress.total)
    known = torch.isfinite(attributes)
    targets = torch.nan_to_num(attributes)
    for _ in progress:
        rows = torch.randint(len(pixels), (96,))
        batch = pixels[rows]
        if torch.rand(()) < 0.5:
            batch = batch.flip(3)
        predicted = head(learner(batch).mean(dim=(2, 3)))
        loss = ((predicted - targets[rows])[known[rows]] ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        progress.set_postfix(loss=f"{loss.item():.3f}")
    learner.eval()
    for stage, trained in zip(eyes.stages, learner, strict=True):
        stage[0] = fuse_conv_bn_eval(trained[0], trained[1])
    return eyes.eval(), head.eval()
