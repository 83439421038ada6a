"""A real GRPO run whose policy answers in one token, so that an untrained model gives readable answers at once.

`test_trainer.py` imports it, and runs it under torchrun.
"""

import gc
import json
import sys
import warnings
from pathlib import Path

import torch
from datasets import Dataset
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast, TrainerCallback
from trl import GRPOConfig, GRPOTrainer

import tatar_rewards as tr

MOS = {f"{name}.jpg": 5.0 + 8 * k for k, name in enumerate("abcdefghijkl")}


QUIET = {
    "report_to": "none",
    "use_cpu": True,
    "bf16": False,
    "disable_tqdm": True,
    "seed": 0,
    "gradient_checkpointing": False,
}


def tiny_llama(tokenizer):
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=1,
        num_attention_heads=2,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    return LlamaForCausalLM(config)


def make_rewards(**opponents):
    return [tr.ThurstoneRankReward(**opponents), tr.PairwiseRankReward(**opponents), tr.GaussianScoreReward()]


class Recorder(TrainerCallback):
    """Copies what the trainer logged of every completion, call by call."""

    def __init__(self):
        self.calls = []

    def on_log(self, args, state, control, logs=None, **kwargs):
        if self.trainer._logs["prompt"]:
            kept = self.trainer._logs
            rewards = {name: list(values) for name, values in kept["rewards"].items()}
            call = {"prompt": list(kept["prompt"]), "completion": list(kept["completion"]), "rewards": rewards}
            if not self.calls or call["completion"] != self.calls[-1]["completion"]:
                self.calls.append({**call, "step": state.global_step, "logs": logs})


def make_trainer(folder, rewards, callbacks=(), shards=None, **settings):
    """A trainer and its recorder; with `shards` its data are streamed."""
    answers = [f"<answer>{score}</answer>" for score in range(0, 101, 4)]
    words = ["[EOS]", *answers, *MOS]
    tokenizer = Tokenizer(models.WordLevel({word: k for k, word in enumerate(words)}, unk_token="[EOS]"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="[EOS]", pad_token="[EOS]")
    torch.manual_seed(0)
    args = GRPOConfig(
        output_dir=str(folder),
        num_generations=8,
        max_completion_length=1,
        learning_rate=1e-3,
        logging_steps=1,
        **QUIET,
        **settings,
    )
    rows = [{"prompt": name, "mos": mos, "image_id": name, "task": "iaa"} for name, mos in MOS.items()]
    recorder, data = Recorder(), Dataset.from_list(rows[:8])
    trainer = GRPOTrainer(
        model=tiny_llama(tokenizer),
        args=args,
        train_dataset=data if shards is None else data.to_iterable_dataset(num_shards=shards),
        eval_dataset=Dataset.from_list(rows[8:]),
        processing_class=tokenizer,
        reward_funcs=rewards,
        callbacks=[recorder, *callbacks],
    )
    recorder.trainer = trainer
    return trainer, recorder


def main():
    warnings.simplefilter("ignore")
    folder, streamed = Path(sys.argv[1]), sys.argv[2:] == ["streamed"]
    settings = {"steps_per_generation": 1, "max_steps": 4, "shards": 2}
    if not streamed:
        settings = {"steps_per_generation": 4, "max_steps": 8, "eval_strategy": "steps", "eval_steps": 4}
    trainer, recorder = make_trainer(
        folder,
        make_rewards(min_opponents=0),
        per_device_train_batch_size=4,  # half a group: every group straddles the two ranks
        per_device_eval_batch_size=16,
        gradient_accumulation_steps=1,
        save_strategy="no",
        **settings,
    )
    trainer.train()
    if trainer.accelerator.is_main_process:
        (folder / "run.json").write_text(json.dumps({"calls": recorder.calls, "history": trainer.state.log_history}))
    trainer.accelerator.wait_for_everyone()
    # The wrapped model holds the group and its threads; a thread that outlives Python's end aborts its process.
    del trainer, recorder
    gc.collect()
    torch.distributed.destroy_process_group()


if __name__ == "__main__":
    main()
