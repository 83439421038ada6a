"""What training takes of a device's memory: counted on paper as with values, part by part."""

import copy

import pytest
import torch
from support import stages
from transformers import AutoModelForImageTextToText, LlavaConfig

from recipe.activations import bytes_at_once, bytes_kept, model_on_paper
from recipe.memory import Rows, describe_memory, memory_of
from recipe.yaml_files import load_recipe

TEXT = {"hidden_size": 48, "intermediate_size": 80, "num_hidden_layers": 3, "num_attention_heads": 4}
TEXT |= {"num_key_value_heads": 2, "vocab_size": 100}
CONFIG = LlavaConfig(
    vision_config={"hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 1, "num_attention_heads": 2},
    text_config={**TEXT, "model_type": "llama"},
)
LORA = "model.lora={r: 4, lora_alpha: 8}"


def recipe_of(*changes):
    return load_recipe(stages.EXAMPLES / "configs" / "tiny.yaml", [*changes])


@pytest.mark.parametrize("checkpointing", [False, True])
@pytest.mark.parametrize("changes", [(), ("model.dtype=bfloat16",), (LORA,)], ids=["float32", "bfloat16", "lora"])
def test_what_is_counted_on_paper_is_what_tensors_with_values_take(checkpointing, changes):
    recipe, config = recipe_of(*changes), copy.deepcopy(CONFIG)
    config.text_config.num_key_value_heads = 4  # torch's kernel repeats fewer ones where there is a mask
    on_paper = model_on_paper(config, recipe)
    assert {weight.device.type for weight in on_paper.parameters()} == {"meta"}
    real = model_on_paper(config, recipe).to_empty(device="cpu")
    real.set_attn_implementation("sdpa")  # torch's own kernel
    counted, kept = (bytes_kept(model, 2, 64, checkpointing=checkpointing) for model in (on_paper, real))
    assert counted == pytest.approx(kept, rel=0.05)
    counted, most = (bytes_at_once(model, 2, 64) for model in (on_paper, real))
    assert counted == pytest.approx(most, rel=0.05)


def test_prompts_are_read_at_the_size_of_the_widest_layer_and_adapters_double_their_width():
    """Gate, activated gate, up and product of 4 rows of 100 tokens; adapters compute in float32 beside bfloat16."""
    plain, adapters = (model_on_paper(CONFIG, recipe_of("model.dtype=bfloat16", *c)) for c in ((), (LORA,)))
    tokens, rest = 4 * 100, 100 * 100 * 2
    assert 3 * tokens * 80 * 2 <= bytes_at_once(plain, 4, 100) <= tokens * (4 * 80 + 3 * 48) * 2 + 2 * rest
    assert bytes_at_once(adapters, 4, 100) > 1.5 * bytes_at_once(plain, 4, 100)
    assert bytes_at_once(plain, 8, 100) == pytest.approx(2 * bytes_at_once(plain, 4, 100), rel=0.1)


def test_checkpointing_keeps_the_inputs_of_layers_and_little_else():
    model = model_on_paper(CONFIG, recipe_of())
    whole, kept = (bytes_kept(model, 2, 50, checkpointing=on) for on in (False, True))
    inputs = 3 * 2 * 50 * 48 * 4
    assert inputs <= kept < 2 * inputs < whole


def test_attention_takes_no_more_than_its_tokens():
    """Queries times keys would be four times as much for twice the tokens."""
    model = model_on_paper(CONFIG, recipe_of())
    short, long = (bytes_kept(model, 2, tokens, checkpointing=False) for tokens in (1000, 2000))
    assert long == pytest.approx(2 * short, rel=0.01)


def test_twice_the_rows_take_twice_the_activations():
    model = model_on_paper(CONFIG, recipe_of())
    few, many = (bytes_kept(model, rows, 50, checkpointing=False) for rows in (4, 8))
    assert many == pytest.approx(2 * few, rel=0.03)  # masks and angles are there once


def test_every_part_is_its_formula():
    rows = Rows(trained=2, prompt=10, completion=30, generated=8)
    memory = memory_of(
        CONFIG, recipe_of("model.dtype=bfloat16", "model.frozen=[vision_tower]"), rows, checkpointing=True
    )
    with torch.device("meta"):
        model = AutoModelForImageTextToText.from_config(CONFIG)
    n_all = model.num_parameters()
    n_frozen = sum(weight.numel() for name, weight in model.named_parameters() if "vision_tower" in name)
    assert memory.weights == 2 * n_all
    assert memory.trained == 16 * (n_all - n_frozen)
    assert memory.logits == 2 * 2 * 30 * 100 * 2
    assert memory.cache == 8 * 40 * (2 * 3 * 2 * 12) * 2
    assert memory.prompts == bytes_at_once(model_on_paper(CONFIG, recipe_of("model.dtype=bfloat16")), 8, 10)
    assert memory.generating == memory.weights + memory.trained + memory.cache + memory.prompts
    assert memory.layer == memory.kept_without_checkpointing / 3
    half = memory_of(CONFIG, recipe_of("model.dtype=bfloat16"), rows, checkpointing=True, shards=2)
    assert half.weights == n_all
    assert "GB while it generates: KV cache" in "\n".join(describe_memory(memory))


def test_a_reference_model_is_there_where_the_loss_asks_for_one_and_no_adapters_serve():
    rows, near = Rows(trained=2, prompt=10, completion=30), "grpo.args.beta=0.04"
    plain, beside = (memory_of(CONFIG, recipe_of(*c), rows, checkpointing=False) for c in ((), (near,)))
    assert beside == plain._replace(weights=2 * plain.weights)
    adapters, both = (memory_of(CONFIG, recipe_of(LORA, *c), rows, checkpointing=False) for c in ((), (near,)))
    assert both == adapters


def test_adapters_alone_have_gradients_and_moments():
    rows = Rows(trained=2, prompt=10, completion=30)
    whole, adapters = (memory_of(CONFIG, recipe_of(*c), rows, checkpointing=False) for c in ((), (LORA,)))
    assert adapters.trained < whole.trained / 3
    assert adapters.weights > whole.weights
    assert adapters.layer == 0
    assert len(describe_memory(adapters)) == 2, "nothing is generated there"
