"""Bytes of activations of a language model, counted on torch's meta device: neither weights nor a GPU are needed."""

import copy
import warnings
import weakref
from typing import Any

import torch
from peft import get_peft_model
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from transformers import (
    AttentionInterface,
    AutoModelForImageTextToText,
    PreTrainedConfig,
    PreTrainedModel,
)

from recipe.config import Recipe
from recipe.models import lora_config


class _FusedAttention(torch.autograd.Function):  # type: ignore[misc]  # torch is not typed here
    """What a fused kernel keeps: queries, keys, values, its result and a sum a query; never queries times keys."""

    @staticmethod
    def forward(context: Any, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
        result, sums = torch.empty_like(query), query.new_empty(query.shape[:-1], dtype=torch.float32)
        context.save_for_backward(query, key, value, result, sums)
        return result


def _attention_on_paper(
    module: Any, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, *_: Any, **__: Any
) -> tuple[torch.Tensor, None]:
    """In the form that transformers calls: (rows, heads, tokens, size) in, (rows, tokens, heads, size) out."""
    return _FusedAttention.apply(query, key, value).transpose(1, 2), None


AttentionInterface.register("on_paper", _attention_on_paper)


def model_on_paper(config: PreTrainedConfig, recipe: Recipe) -> PreTrainedModel:
    """The model that is trained, adapters and all, without values."""
    with torch.device("meta"):
        dtype = getattr(torch, recipe.model.dtype)
        model = AutoModelForImageTextToText.from_config(
            copy.deepcopy(config), dtype=dtype, attn_implementation="on_paper"
        )
        for name, parameter in model.named_parameters():
            parameter.requires_grad_(not any(part in name for part in recipe.model.frozen))
        adapters = lora_config(recipe.model)
        return model if adapters is None else get_peft_model(model, adapters)


def bytes_kept(model: PreTrainedModel, rows: int, tokens: int, *, checkpointing: bool) -> int:
    """Of the tensors, weights apart, that autograd keeps of the text model's forward pass over rows of tokens."""
    model.train()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # of the name that transformers before 5.23 knows too
        if checkpointing:
            model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
        else:
            model.gradient_checkpointing_disable()
    weights = {parameter.untyped_storage()._cdata for parameter in model.parameters()}
    kept: dict[int, torch.UntypedStorage] = {}  # held, so that no later storage takes the place of one

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage._cdata not in weights:
            kept[storage._cdata] = storage
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        _read(model, rows, tokens)
    return sum(storage.nbytes() for storage in kept.values())


class _Live(TorchDispatchMode):  # type: ignore[misc]  # torch is not typed here
    """Counts the bytes of the tensors that are there, and their most."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: set[int] = set()
        self.now = self.most = 0

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = function(*args, **(kwargs or {}))
        for tensor in tree_leaves(result):
            if isinstance(tensor, torch.Tensor):
                self.add(tensor.untyped_storage())
        return result

    def add(self, storage: torch.UntypedStorage) -> None:
        place, size = storage._cdata, storage.nbytes()
        if place not in self.seen:
            self.seen.add(place)
            self.now += size
            self.most = max(self.most, self.now)
            weakref.finalize(storage, self.remove, place, size)

    def remove(self, place: int, size: int) -> None:
        self.seen.discard(place)
        self.now -= size


def bytes_at_once(model: PreTrainedModel, rows: int, tokens: int) -> int:
    """The most that tensors take at once, weights apart, while the text model reads rows of tokens for no gradient."""
    model.eval()
    with torch.no_grad(), _Live() as live:
        live.seen |= {weight.untyped_storage()._cdata for weight in (*model.parameters(), *model.buffers())}
        _read(model, rows, tokens)
    return int(live.most)


def _read(model: PreTrainedModel, rows: int, tokens: int) -> None:
    """A forward pass of the text model, without its vocabulary."""
    text = next((part for name, part in model.named_modules() if name.endswith(("language_model", "text_model"))), None)
    if text is None:
        raise ValueError(f"{type(model).__name__} has no part that is called language_model or text_model")
    shape, first = (rows, tokens, text.config.hidden_size), next(text.parameters())
    embedded = torch.empty(shape, dtype=first.dtype, device=first.device, requires_grad=True)
    mask = torch.zeros((1, 1, tokens, tokens), dtype=first.dtype, device=first.device)  # else it is made from values
    text(inputs_embeds=embedded, attention_mask=mask, use_cache=False)
