"""The vision tower of the tiny model: a few convolutions, trained to tell distortions and colours apart.

Why convolutions: a patch transformer of this size learns colours but not blur, noise or compression. With batch
normalisation the convolutions learn in a minute. It is folded into their weights afterwards, so that generation and
training compute the same function.
"""

from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from PIL.Image import Image
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval
from transformers import AutoConfig, AutoModel, PreTrainedConfig, PreTrainedModel
from transformers.modeling_outputs import BaseModelOutput

from tiny.labels import DISTORTIONS
from tiny.pictures import SIDE

STRIDE = 16  # a picture becomes (64 / 16) ** 2 = 16 image tokens


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


def attribute_targets(attributes: Mapping[str, float]) -> list[float]:
    """What the vision tower learns to predict: distortion strengths, colour, contrast, placement; NaN where unknown."""
    names = [*DISTORTIONS, "colour", "contrast", "placement"]
    weights = [3.0] * len(DISTORTIONS) + [1.0] * 3  # strengths spread about a third as far as the others
    return [weight * attributes.get(name, float("nan")) for name, weight in zip(names, weights, strict=True)]
