"""`resume_training` with the real Trainer, on architectures that people train: weights are as if uninterrupted."""

import shutil

import pytest
import torch
from peft import LoraConfig, get_peft_model
from transformers import (
    LlamaConfig,
    LlamaForCausalLM,
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
    Qwen3VLConfig,
    Qwen3VLForConditionalGeneration,
    Trainer,
    TrainingArguments,
)

from tatar_rewards.adapters.trl import resume_training

pytestmark = pytest.mark.slow
TEXT = {
    "vocab_size": 64,
    "hidden_size": 32,
    "intermediate_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 2,
}
ROPE = {"rope_type": "default", "mrope_section": [2, 3, 3], "rope_theta": 1e4}
VISION = {"depth": 2, "hidden_size": 32, "intermediate_size": 32, "num_heads": 2, "out_hidden_size": 32}


def llama():
    return LlamaForCausalLM(LlamaConfig(**TEXT))


def qwen2_5_vl():
    text = TEXT | {"rope_parameters": ROPE}
    vision = VISION | {"fullatt_block_indexes": [1], "patch_size": 14, "window_size": 28}
    return Qwen2_5_VLForConditionalGeneration(Qwen2_5_VLConfig(text_config=text, vision_config=vision))


def qwen3_vl():
    text = TEXT | {"rope_parameters": ROPE, "head_dim": 16}
    vision = VISION | {"deepstack_visual_indexes": [0], "num_position_embeddings": 16}
    return Qwen3VLForConditionalGeneration(Qwen3VLConfig(text_config=text, vision_config=vision))


def with_lora():
    return get_peft_model(llama(), LoraConfig(r=2, init_lora_weights=False))


def trainer_of(make_model, folder, **length):
    torch.manual_seed(0)
    model = make_model()
    rows = [{"input_ids": torch.arange(k, k + 6) % 64, "labels": torch.arange(k, k + 6) % 64} for k in range(24)]
    quiet = {"use_cpu": True, "report_to": "none", "disable_tqdm": True, "save_strategy": "steps", "save_steps": 1}
    args = TrainingArguments(str(folder), learning_rate=1e-2, per_device_train_batch_size=2, seed=0, **quiet, **length)
    return Trainer(model=model, args=args, train_dataset=rows)


def weights_of(trainer):
    return {name: weight.detach().clone() for name, weight in trainer.model.state_dict().items()}


@pytest.mark.parametrize("length", [{"max_steps": 4}, {"num_train_epochs": 1, "gradient_accumulation_steps": 3}])
@pytest.mark.parametrize("make_model", [llama, with_lora, qwen2_5_vl, qwen3_vl])
def test_a_run_resumed_anywhere_ends_as_an_uninterrupted_one(tmp_path, make_model, length):
    whole = trainer_of(make_model, tmp_path, **length)
    begun = weights_of(whole)
    resume_training(whole, None)
    expected = weights_of(whole)
    assert any(not torch.equal(begun[name], expected[name]) for name in begun)
    for step in (2, 4):
        folder = tmp_path / f"from {step}"
        checkpoint = shutil.copytree(tmp_path / f"checkpoint-{step}", folder / f"checkpoint-{step}")
        resumed = trainer_of(make_model, folder, **length)
        resume_training(resumed, checkpoint)
        assert resumed.state.global_step == 4
        found = weights_of(resumed)
        assert [name for name in expected if not torch.equal(found[name], expected[name])] == [], step
