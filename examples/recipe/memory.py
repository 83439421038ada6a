"""What training takes of a device's memory, by parts, from the model's configuration alone.

Activations are counted, not estimated (`activations.py`): the text model runs on torch's meta device, where tensors
have shapes and no values, and every tensor that autograd would keep for the backward pass is added up. B are rows of a
micro-batch, T tokens of a row, L layers, V words of the vocabulary, w bytes of a number.

    weights       parameters x w, all of them; twice where a reference model stands beside a full one
    trained       of each trained parameter: gradient and two moments in float32, and where it is not kept in float32
                  itself, a master copy: 12 or 16 bytes
    activations   what autograd keeps of B x T tokens; with gradient checkpointing the inputs of the layers, and one
                  layer's own while it is computed again: that of all without checkpointing, divided by L
    logits        B x (tokens of the completion) x V x w, twice: themselves and their gradient
    KV cache      2 x L x heads of keys x their size x w for each token of all rows that are generated together
    prompts       the most that tensors take at once while the model reads the prompts of all these rows, in one pass
"""

from typing import NamedTuple

import torch
from transformers import PreTrainedConfig
from trl import GRPOConfig

from recipe.activations import bytes_at_once, bytes_kept, model_on_paper
from recipe.config import Recipe


class Rows(NamedTuple):
    """What a device works on at a time."""

    trained: int  # rows of a micro-batch
    prompt: int  # tokens of a row
    completion: int
    generated: int = 0  # rows that are generated together; 0: none, or by vLLM


class Memory(NamedTuple):
    """Bytes on one device; weights, gradients and moments are sharded where the launch shards them."""

    weights: float
    trained: float
    kept: float  # activations that autograd keeps
    layer: float  # of one layer while it is computed again; 0 without gradient checkpointing
    kept_without_checkpointing: float
    logits: float
    cache: float
    prompts: float  # while prompts are read, before the first token is written

    @property
    def training(self) -> float:
        return self.weights + self.trained + self.kept + self.layer + self.logits

    @property
    def generating(self) -> float:
        return self.weights + self.trained + self.cache + self.prompts


def memory_of(config: PreTrainedConfig, recipe: Recipe, rows: Rows, *, checkpointing: bool, shards: int = 1) -> Memory:
    """Bytes of each part on one device."""
    model, text = model_on_paper(config, recipe), config.get_text_config()
    width = getattr(torch, recipe.model.dtype).itemsize
    trained = sum(
        parameter.numel() * (12 if parameter.dtype == torch.float32 else 16)
        for parameter in model.parameters()
        if parameter.requires_grad
    )
    weights = sum(parameter.numel() * parameter.dtype.itemsize for parameter in model.parameters())
    tokens = rows.prompt + rows.completion
    whole = bytes_kept(model, rows.trained, tokens, checkpointing=False)
    kept = bytes_kept(model, rows.trained, tokens, checkpointing=True) if checkpointing else whole
    size_of_head = getattr(text, "head_dim", None) or text.hidden_size // text.num_attention_heads
    token = 2 * text.num_hidden_layers * text.num_key_value_heads * size_of_head * width
    return Memory(
        weights=weights * (2 if has_reference(recipe) else 1) / shards,
        trained=trained / shards,
        kept=kept,
        layer=whole / text.num_hidden_layers if checkpointing else 0,
        kept_without_checkpointing=whole,
        logits=2 * rows.trained * rows.completion * text.vocab_size * width,
        cache=rows.generated * tokens * token,
        prompts=bytes_at_once(model, rows.generated, rows.prompt) if rows.generated else 0,
    )


def has_reference(recipe: Recipe) -> bool:
    """Whether GRPO keeps a second model, to stay near it: with adapters the model without them serves."""
    return bool(recipe.grpo.args.get("beta", 0) > 0 and recipe.model.lora is None)


def describe_memory(memory: Memory) -> list[str]:
    """The parts in GB, in two lines."""
    gb = Memory(*(part / 1e9 for part in memory))
    kept = f"activations {gb.kept:.3g}"
    if memory.layer:
        kept += f" and {gb.layer:.3g} of one layer (without gradient checkpointing {gb.kept_without_checkpointing:.3g})"
    lines = [
        f"{gb.training:.3g} GB a process while it trains: weights {gb.weights:.3g}, gradients and optimizer "
        f"{gb.trained:.3g}, {kept}, logits {gb.logits:.3g}"
    ]
    if memory.cache:
        lines.append(
            f"{gb.generating:.3g} GB while it generates: KV cache {gb.cache:.3g}, reading the prompts {gb.prompts:.3g}"
        )
    return [*lines, "the vision tower's own activations and what the allocator wastes come on top"]


# ---------------------------------------------------------------- in a plan


def rows_of(recipe: Recipe, args: GRPOConfig, prompt: int) -> Rows:
    """The rows that GRPO works on, where prompts have so many tokens."""
    if args.max_completion_length is None:
        raise ValueError("max_completion_length is null, so that answers may have any length")
    generated = 0 if args.use_vllm else args.generation_batch_size // recipe.launch.processes
    return Rows(args.per_device_train_batch_size, prompt, args.max_completion_length, generated)


def print_memory(recipe: Recipe, config: PreTrainedConfig, prompt: int, args: GRPOConfig, shards: int) -> None:
    """What GRPO takes of a device by parts, where prompts have so many tokens."""
    rows, checkpointing = rows_of(recipe, args, prompt), bool(args.gradient_checkpointing)
    memory = memory_of(config, recipe, rows, checkpointing=checkpointing, shards=shards)
    print(f"  GRPO on prompts of {prompt:,} tokens and answers of {rows.completion:,} takes")
    print("\n".join(f"    {line}" for line in describe_memory(memory)))
    if args.use_vllm:
        print(f"    vLLM takes {args.vllm_gpu_memory_utilization:.0%} of each device beside it")


def describe_states(recipe: Recipe, n_parameters: float, shards: int) -> str:
    """The memory that the states of training take on one device, without activations: a lower bound, not a forecast."""
    width = 4 if recipe.model.dtype == "float32" else 2  # bytes of a weight
    # 16 bytes: weights, gradients and two moments in single precision; in half precision a master copy beside them
    trained = 16 if recipe.model.lora is None else width + 0.2
    reference = width if has_reference(recipe) else 0
    text = f"at least {n_parameters * (trained + reference) / shards / 1e9:.3g} GB a process for weights, gradients, "
    text += "optimizer" + (" and reference model" if reference else "")
    text += f", sharded over {shards} processes" if shards > 1 else ""
    if recipe.grpo.args.get("use_vllm"):
        text += f"; vLLM takes {recipe.grpo.args.get('vllm_gpu_memory_utilization', 0.3):.0%} of each device beside it"
    return text + "; activations come on top"
