"""`LoadCheckpointWeights` on tiny Llamas: tied and mixed dtypes, adapters by any name, weights that others shard."""

from types import SimpleNamespace

import pytest
import torch
from peft import LoraConfig, get_peft_model
from transformers import LlamaConfig, LlamaForCausalLM

from tatar_rewards.adapters.trl import LoadCheckpointWeights

ARGS = SimpleNamespace(deepspeed=None, fsdp=None)


def llama(seed, **changes):
    torch.manual_seed(seed)
    sizes = {"vocab_size": 16, "hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1}
    return LlamaForCausalLM(LlamaConfig(**sizes, num_attention_heads=2, **changes))


def begin(model, checkpoint, args=ARGS):
    LoadCheckpointWeights(checkpoint).on_train_begin(args, None, None, model=model)


def equal(first, second):
    pairs = zip(first.state_dict().items(), second.state_dict().items(), strict=True)
    return all(name == other and torch.equal(a, b) for (name, a), (other, b) in pairs)


@pytest.mark.parametrize("tied", [False, True])
def test_every_weight_is_the_checkpoints(tmp_path, tied):
    saved, model = llama(0, tie_word_embeddings=tied), llama(1, tie_word_embeddings=tied)
    saved.save_pretrained(tmp_path)
    assert not equal(saved, model)
    begin(model, tmp_path)
    assert equal(saved, model)


def test_a_model_of_two_dtypes_loses_no_bit(tmp_path):
    saved, model = llama(0).to(torch.bfloat16), llama(1).to(torch.bfloat16)
    for one in (saved, model):
        one.lm_head.float()
    torch.nn.init.normal_(saved.lm_head.weight)
    saved.save_pretrained(tmp_path)
    begin(model, tmp_path)
    assert equal(saved, model)
    assert model.lm_head.weight.dtype is torch.float32


def test_a_checkpoint_of_another_model_is_refused(tmp_path):
    llama(0).save_pretrained(tmp_path)
    with pytest.raises(RuntimeError, match="is no checkpoint of this LlamaForCausalLM"):
        begin(llama(0, attention_bias=True), tmp_path)


@pytest.mark.parametrize("adapter", ["default", "mine"])
def test_adapters_are_compared_under_their_name(tmp_path, adapter):
    model = get_peft_model(llama(0), LoraConfig(r=2, init_lora_weights=False), adapter_name=adapter)
    model.save_pretrained(tmp_path)
    begin(model, tmp_path)
    with torch.no_grad():
        next(p for name, p in model.named_parameters() if "lora_A" in name).add_(1)
    with pytest.raises(RuntimeError, match="did not resume with the adapters"):
        begin(model, tmp_path)


def test_an_adapter_that_was_not_saved_is_named(tmp_path):
    model = get_peft_model(llama(0), LoraConfig(r=2), adapter_name="mine")
    with pytest.raises(RuntimeError, match="no adapter 'mine' can be resumed"):
        begin(model, tmp_path)


@pytest.mark.parametrize("name", ["ACCELERATE_USE_FSDP", "ACCELERATE_USE_DEEPSPEED"])
def test_what_accelerate_shards_is_left_alone(tmp_path, monkeypatch, name):
    model, before = llama(1), llama(1)
    llama(0).save_pretrained(tmp_path)
    monkeypatch.setenv(name, "true")
    begin(model, tmp_path)
    assert equal(model, before)


def test_a_new_run_and_a_sharding_trainer_are_left_alone(tmp_path):
    model, before = llama(1), llama(1)
    begin(model, None)
    llama(0).save_pretrained(tmp_path)
    begin(model, tmp_path, SimpleNamespace(deepspeed="zero3.json", fsdp=None))
    assert equal(model, before)
