# /// script
# dependencies = ["tatar-rewards[recipe]"]
# ///
"""The TATAR recipe from data to report: one model, two minds, on a laptop.

    python examples/train_tatar.py                     # about seven minutes on two cores
    python examples/train_tatar.py --seed 1 --out runs/seed1
    accelerate launch --cpu --num_processes 2 examples/train_tatar.py
    python examples/train_tatar.py --help

TATAR (arXiv 2603.19779) teaches one vision-language model to judge quality at a glance and aesthetics after some
thought. This script runs its stages with the rewards of this package and TRL's own trainers on a model small enough
to be made here. Where it departs from the paper:

1. The model is a LLaVA of about a million parameters, built on the spot (`tiny_model.py`), not Qwen2.5-VL-7B; its
   vision tower is first taught to tell distortions apart, since no trained one can be downloaded.
2. The data are crops of real photographs with computed labels (`tiny_data.py`), not KonIQ-10k and ArtiMuse-10K.
3. The rationales are written from what is known about each crop, not by a larger model.
4. The word budgets are 20 and 40, not 65 and 125: the small model writes small.
5. Aesthetics are ranked with matched dispersion and a KL loss: the published form shrinks the scale of the scores.
6. GRPO sees crops that SFT did not, of the same photographs.
"""

import argparse
import time
import warnings
from pathlib import Path

import torch
from accelerate import PartialState
from tqdm import tqdm
from transformers import ProgressCallback, set_seed
from trl import GRPOConfig, GRPOTrainer, SFTConfig, SFTTrainer

from evaluate import evaluate, format_table
from report import write_report
from tatar_rewards import tatar_reward_funcs
from tatar_rewards.callbacks import HackDetector
from tatar_rewards.doctor import check_setup
from tiny_data import DISTORTIONS, TEST_PHOTOGRAPHS, TRAIN_PHOTOGRAPHS, Example, make_examples, to_dataset
from tiny_model import build_model, build_processor, to_pixels, train_eyes, train_tokenizer

LONGEST = 72  # tokens; an aesthetics rationale takes about 55


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Run the TATAR recipe on a tiny model.")
    parser.add_argument("--out", type=Path, default=Path("runs/tiny"), help="where models and report go")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--train-pictures", type=int, default=3000, help="for SFT, of each task")
    parser.add_argument("--grpo-pictures", type=int, default=1440, help="for GRPO, of each task")
    parser.add_argument("--test-pictures", type=int, default=500, help="of each task")
    parser.add_argument("--eyes-steps", type=int, default=450)
    parser.add_argument("--sft-steps", type=int, default=320)
    parser.add_argument("--grpo-steps", type=int, default=45)
    return parser.parse_args()


def known_attributes(example: Example) -> list[float]:
    """What the vision tower learns to see: distortion strengths, colour, contrast, placement; NaN where unknown."""
    names = [*DISTORTIONS, "colour", "contrast", "placement"]
    weights = [3.0] * len(DISTORTIONS) + [1.0] * 3  # strengths spread about a third as far as the others
    return [weight * example.attributes.get(name, float("nan")) for name, weight in zip(names, weights, strict=True)]


def common_arguments(folder: Path, seed: int) -> dict:
    return {
        "output_dir": str(folder),
        "seed": seed,
        "use_cpu": True,
        "bf16": False,
        "activation_checkpointing": False,
        "save_strategy": "no",
        "report_to": "none",
        "logging_steps": 5,
        "log_level": "error",
        "disable_tqdm": False,  # which the log level would otherwise turn on
    }


def grpo_arguments(out: Path, seed: int, steps: int, n_processes: int) -> GRPOConfig:
    return GRPOConfig(
        **common_arguments(out / "grpo", seed),
        max_steps=steps,
        per_device_train_batch_size=256 // n_processes,  # 64 pictures with 4 completions each in one reward call: the
        num_generations=4,  # reward is noisy, and more pictures steady it better than more completions
        max_completion_length=LONGEST,
        min_p=0.1,  # leaves out stray tokens: one ruined answer in a group would drown the others' differences
        loss_type="grpo",  # every completion weighs the same, brief or long
        learning_rate=1e-4,
        lr_scheduler_type="cosine",
        warmup_steps=5,
    )


class ShortProgress(ProgressCallback):
    """The trainer's bar with its time left, and beside it two figures instead of every metric in full."""

    def on_log(self, args, state, control, logs=None, **kwargs):
        if self.training_bar is not None and logs is not None:
            self.training_bar.set_postfix({name: logs[name] for name in ("loss", "reward") if name in logs})


def main() -> None:
    args = parse_arguments()
    warnings.filterwarnings("ignore", category=FutureWarning)
    processes = PartialState(cpu=True)
    set_seed(args.seed)
    started = time.monotonic()

    ################
    # Dataset
    ################
    train = make_examples(TRAIN_PHOTOGRAPHS, args.train_pictures, seed=args.seed)
    fresh = make_examples(TRAIN_PHOTOGRAPHS, args.grpo_pictures, seed=args.seed + 1000)
    test = make_examples(TEST_PHOTOGRAPHS, args.test_pictures, seed=args.seed + 2000)
    processes.print(
        f"{len(train) + len(fresh)} crops of {len(TRAIN_PHOTOGRAPHS)} photographs to train on, "
        f"{len(test)} of {len(TEST_PHOTOGRAPHS)} others to test on"
    )

    ################
    # Model
    ################
    attributes = torch.tensor([known_attributes(example) for example in train])
    steps = tqdm(range(args.eyes_steps), desc="vision tower", unit="step", disable=not processes.is_main_process)
    eyes = train_eyes(to_pixels(example.image for example in train), attributes, steps, n_steps=args.eyes_steps)
    processor = build_processor(train_tokenizer(example.completion() for example in train))
    model = build_model(eyes, processor)

    ################
    # Training: SFT
    ################
    sft = SFTTrainer(
        model=model,
        processing_class=processor,
        train_dataset=to_dataset(train, rationales=True),
        args=SFTConfig(
            **common_arguments(args.out / "sft", args.seed),
            max_steps=args.sft_steps,
            per_device_train_batch_size=32 // processes.num_processes,
            learning_rate=3e-3,
            lr_scheduler_type="cosine",
            warmup_steps=20,
            max_length=None,  # never cut an answer off
        ),
    )
    sft.remove_callback(ProgressCallback)
    sft.add_callback(ShortProgress)
    sft.train()
    if processes.is_main_process:
        sft.save_model(str(args.out / "sft"))
        processor.save_pretrained(args.out / "sft")
        before = evaluate(model, processor, test, max_new_tokens=LONGEST, title="test after SFT")
    processes.wait_for_everyone()

    ################
    # Training: GRPO
    ################
    rewards = tatar_reward_funcs(iqa_words=20, iaa_words=40)
    grpo_args = grpo_arguments(args.out, args.seed, args.grpo_steps, processes.num_processes)
    pictures = to_dataset(fresh)
    report = check_setup(rewards, grpo_args, pictures, processes.num_processes)
    if not report.ok:
        processes.print(report)
    grpo = GRPOTrainer(
        model=model,
        processing_class=processor,
        train_dataset=pictures,
        reward_funcs=rewards,
        callbacks=[HackDetector()],  # says so if the policy finds a way round the pictures
        args=grpo_args,
    )
    grpo.remove_callback(ProgressCallback)
    grpo.add_callback(ShortProgress)
    grpo.train()
    processes.wait_for_everyone()
    processes.destroy_process_group()  # one left open can abort its process at exit
    if not processes.is_main_process:
        return
    after = evaluate(model, processor, test, max_new_tokens=LONGEST, title="test after GRPO")

    ################
    # Report
    ################
    model.save_pretrained(args.out / "model")
    processor.save_pretrained(args.out / "model")
    table = format_table(before, after, test)
    histories = {"sft": sft.state.log_history, "grpo": grpo.state.log_history}
    settings = {name: str(value) for name, value in vars(args).items()}
    page = write_report(args.out / "report.html", table, histories, before, after, test, settings)
    minutes = (time.monotonic() - started) / 60
    print(f"\n{table}\n\n{minutes:.1f} minutes; the report with curves and pictures is {page}")


if __name__ == "__main__":
    main()
