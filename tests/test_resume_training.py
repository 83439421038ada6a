"""`resume_training` with the real Trainer, on architectures that people train: weights are as if uninterrupted."""

import shutil
from types import SimpleNamespace

import pytest
import torch
from peft import LoraConfig, get_peft_model
from support import ranked_run
from transformers import (
    LlamaConfig,
    LlamaForCausalLM,
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
    Qwen3VLConfig,
    Qwen3VLForConditionalGeneration,
    Trainer,
    TrainerCallback,
    TrainingArguments,
)

from tatar_rewards.adapters.checkpoints import LoadCheckpointWeights, _StopAtTheEnd, resume_training

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
    return Trainer(model=model, args=args, train_dataset=rows, eval_dataset=rows)


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


def test_grpo_goes_on_in_the_order_of_the_epoch_that_it_was_in(tmp_path):
    """TRL draws the order of each epoch from where the one before left its generator, which no checkpoint holds."""
    sizes = {"per_device_train_batch_size": 32, "max_steps": 6, "save_steps": 1}  # two steps are an epoch

    def train(folder, checkpoint=None):
        trainer, recorder = ranked_run.make_trainer(folder, ranked_run.make_rewards(min_opponents=0), **sizes)
        resume_training(trainer, checkpoint)
        return weights_of(trainer), [set(call["prompt"]) for call in recorder.calls]

    expected, asked = train(tmp_path)
    assert asked[0] != asked[2] != asked[4], "the epochs differ"
    for step in (2, 3, 4):
        found, asked_then = train(tmp_path / f"from {step}", tmp_path / f"checkpoint-{step}")
        assert asked_then == asked[step:]
        assert [name for name in expected if not torch.equal(found[name], expected[name])] == [], step


def test_the_end_of_training_comes_where_no_step_is_left(tmp_path):
    """The best model, not the last one, is what a trainer leaves that is asked for it."""
    best = {"eval_strategy": "steps", "eval_steps": 1, "load_best_model_at_end": True, "max_steps": 4}
    best |= {"metric_for_best_model": "loss", "greater_is_better": True}  # so that the first one is the best
    whole = trainer_of(qwen2_5_vl, tmp_path, **best)
    resume_training(whole, None)
    resumed = trainer_of(qwen2_5_vl, tmp_path, **best)
    ended = []
    monitor = type("Monitor", (TrainerCallback,), {"on_train_end": lambda *_, **__: ended.append(True)})
    resumed.add_callback(monitor())
    resume_training(resumed, tmp_path / "checkpoint-4")
    assert ended == [True]
    first = trainer_of(qwen2_5_vl, tmp_path, max_steps=1)
    resume_training(first, tmp_path / "checkpoint-1")
    assert resumed.state.best_model_checkpoint.endswith("checkpoint-1")
    expected, found = weights_of(first), weights_of(resumed)
    assert [name for name in expected if not torch.equal(found[name], expected[name])] == []


def test_a_trainer_that_was_resumed_trains_on_as_any_other(tmp_path):
    trainer = trainer_of(llama, tmp_path, max_steps=2)
    resume_training(trainer, None)
    n_callbacks = len(trainer.callback_handler.callbacks)
    resume_training(trainer, tmp_path / "checkpoint-1")
    assert len(trainer.callback_handler.callbacks) == n_callbacks
    before = weights_of(trainer)
    trainer.args.learning_rate, trainer.optimizer, trainer.lr_scheduler = 0.0, None, None
    trainer.train()
    assert all(torch.equal(weight, before[name]) for name, weight in weights_of(trainer).items())


def test_a_checkpoint_between_two_generations_is_warned_of():
    args = SimpleNamespace(gradient_accumulation_steps=1, steps_per_generation=4, num_iterations=2)
    callback = _StopAtTheEnd()
    callback.on_train_begin(args, SimpleNamespace(global_step=8), None)
    with pytest.warns(UserWarning, match="resuming at step 3, between two generations.* multiple of 8"):
        callback.on_train_begin(args, SimpleNamespace(global_step=3), None)


def test_a_model_that_no_library_loads_is_left_to_its_trainer(tmp_path):
    model = torch.nn.Linear(1, 1)
    LoadCheckpointWeights(tmp_path).on_train_begin(SimpleNamespace(deepspeed=None, fsdp=None), None, None, model=model)
