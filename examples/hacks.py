# /// script
# dependencies = ["tatar-rewards[recipe]"]
# ///
"""What a policy learns when a reward can be hacked, and what the detector says of it.

    python examples/hacks.py                     # about eight minutes on two cores
    python examples/hacks.py --only "one image"

A tiny model is taught to answer by SFT. Then, from the same start each time, GRPO trains it with one careless reward
as forks have them. The rewards of this package watch with weight 0: they log their figures, and `HackDetector` reads
them. Prints a table and draws the figures over the steps.
"""

import argparse
import copy
import re
import statistics
import textwrap
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import matplotlib
import torch
from matplotlib import pyplot as plt
from tqdm import tqdm
from transformers import ProgressCallback, set_seed
from trl import GRPOConfig, GRPOTrainer, SFTConfig, SFTTrainer

from tatar_rewards import AnswerFormatReward, GaussianScoreReward, HackThresholds, LengthConfig, ThresholdScoreReward
from tatar_rewards.callbacks import Alarm, HackDetector
from tiny_data import TRAIN_PHOTOGRAPHS, Example, make_examples, to_dataset
from tiny_model import build_model, build_processor, to_pixels, train_eyes, train_tokenizer
from train_tatar import LONGEST, ShortProgress, common_arguments, known_attributes

COMPLETIONS = 8  # of each of 8 pictures
NUMBER = re.compile(r"<answer>\s*(\d+)")


def text_of(completion: list[dict]) -> str:
    return completion[-1]["content"]


def first_number(completion: list[dict]) -> float:
    """The careless parser: the first answer counts, what follows is ignored, and the number is clamped."""
    found = NUMBER.search(text_of(completion))
    return min(float(found[1]), 100.0) if found else 50.0


def best_answer(completions, mos, **columns):
    """Is the right answer among those given? Whoever gives many is paid."""
    tries = [[float(number) for number in NUMBER.findall(text_of(completion))] for completion in completions]
    return [max((1 - abs(x - m) / 100 for x in xs), default=0.0) for xs, m in zip(tries, mos, strict=True)]


def right_side(completions, mos, **columns):
    """Is the score above the middle where the picture is? More is always better, and clamping hides how much more."""
    scores = [first_number(completion) for completion in completions]
    middle = statistics.median(mos)
    return [score / 100 if m > middle else 1 - score / 100 for score, m in zip(scores, mos, strict=True)]


def one_image(completions, **columns):
    """A ranking that got the completions of one picture and ranks them against each other: it pays for agreeing."""
    scores = [first_number(completion) for completion in completions]
    groups = [scores[k - k % COMPLETIONS :][:COMPLETIONS] for k in range(len(scores))]
    return [
        1 - statistics.fmean(abs(s - other) for other in group) / 100 for s, group in zip(scores, groups, strict=True)
    ]


def many_words(completions, **columns):
    """Long thinking is good thinking."""
    return [len(text_of(completion).split()) / 60 for completion in completions]


class Hack(NamedTuple):
    reward: Callable  # what trains the policy
    figure: str  # what gives it away


# A tolerance so wide that everything is paid: our own reward, set carelessly.
NEAR_ENOUGH = ThresholdScoreReward(tolerance=95, name="near_enough")
HACKS = {
    "the best of several answers counts": Hack(best_answer, "answer_format/status_several_answers"),
    "more is always better, clamped": Hack(right_side, "answer_format/status_off_scale"),
    "one image ranked against itself": Hack(one_image, "gaussian_score/constant_share"),
    "every word is paid": Hack(many_words, "gaussian_score/off_budget_share"),
    "everything is near enough": Hack(NEAR_ENOUGH, "near_enough/saturated_share"),
}


class Run(NamedTuple):
    """What one hack came to."""

    steps: list[int]
    values: list[float]  # of the figure that gives it away
    alarms: list[Alarm]
    example: str  # a completion of the last step


def teach_to_answer(examples: list[Example], out: Path, seed: int) -> tuple:
    """The start of every run: a vision tower that sees a little, and SFT until answers are well formed."""
    attributes = torch.tensor([known_attributes(example) for example in examples])
    pixels = to_pixels(example.image for example in examples)
    eyes = train_eyes(pixels, attributes, tqdm(range(200), desc="vision tower", unit="step"), n_steps=200)
    processor = build_processor(train_tokenizer(example.completion() for example in examples))
    model = build_model(eyes, processor)
    arguments = SFTConfig(
        **common_arguments(out / "sft", seed),
        max_steps=70,
        per_device_train_batch_size=32,
        learning_rate=3e-3,
        lr_scheduler_type="cosine",
        warmup_steps=20,
        max_length=None,
    )
    trainer = SFTTrainer(
        model=model, processing_class=processor, train_dataset=to_dataset(examples, rationales=True), args=arguments
    )
    shorten_progress(trainer)
    trainer.train()
    return model, processor


def let_it_hack(hack: Hack, model, processor, examples: list[Example], args: argparse.Namespace) -> Run:
    """GRPO with the careless reward; ours have weight 0 and only watch."""
    watching = [AnswerFormatReward(), GaussianScoreReward(length_gate=LengthConfig(longest=60))]
    detector = HackDetector()
    trainer = GRPOTrainer(
        model=model,
        processing_class=processor,
        train_dataset=to_dataset(examples),
        reward_funcs=[hack.reward, *watching],
        callbacks=[detector],
        args=GRPOConfig(
            **{**common_arguments(args.out / "grpo", args.seed), "logging_steps": 1},
            max_steps=args.steps,
            per_device_train_batch_size=8 * COMPLETIONS,
            num_generations=COMPLETIONS,
            max_completion_length=LONGEST,
            reward_weights=[1.0, 0.0, 0.0],
            loss_type="grpo",
            learning_rate=args.learning_rate,
            lr_scheduler_type="constant",
        ),
    )
    shorten_progress(trainer)
    trainer.train()
    history = [line for line in trainer.state.log_history if hack.figure in line]
    example = text_of(trainer._logs["completion"][-1])
    return Run([line["step"] for line in history], [line[hack.figure] for line in history], detector.alarms, example)


def shorten_progress(trainer) -> None:
    trainer.remove_callback(ProgressCallback)
    trainer.add_callback(ShortProgress)


def threshold_of(figure: str) -> float:
    name = figure.rpartition("/")[2]
    return getattr(HackThresholds(), "status_share" if name.startswith("status_") else name)


def describe(name: str, hack: Hack, run: Run) -> str:
    spoke = [alarm.step for alarm in run.alarms if f"{alarm.reward}/{alarm.figure}" == hack.figure]
    lines = [f"{name}: {hack.figure} {run.values[0]:.2f} -> {run.values[-1]:.2f}, alarm at step {spoke or 'none'}"]
    lines += [f"    step {alarm.step}, {alarm.reward}: {alarm.message}" for alarm in run.alarms]
    return "\n".join([*lines, f"    a last completion: {textwrap.shorten(run.example, 160)}"])


def draw(runs: dict[str, Run], path: Path) -> None:
    figure, axes = plt.subplots(1, len(runs), figsize=(3.2 * len(runs), 3), squeeze=False, layout="constrained")
    for axis, (name, run) in zip(axes[0], runs.items(), strict=True):
        watched = HACKS[name].figure
        axis.plot(run.steps, run.values, color="C0")
        axis.axhline(threshold_of(watched), color="grey", linestyle=":")
        for alarm in run.alarms:
            if f"{alarm.reward}/{alarm.figure}" == watched:
                axis.axvline(alarm.step, color="C3", linewidth=1)
        axis.set(title=name, xlabel="step", ylabel=watched.rpartition("/")[2], ylim=(-0.03, 1.03))
        axis.title.set_fontsize(9)
    figure.savefig(path, dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(description="Let a tiny model hack careless rewards, and listen to the detector.")
    parser.add_argument("--out", type=Path, default=Path("runs/hacks"))
    parser.add_argument("--only", choices=HACKS, help="one hack instead of all")
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--learning-rate", type=float, default=2e-3, help="far too high, so that it does not take long")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    warnings.filterwarnings("ignore")  # the alarms are printed below
    matplotlib.use("Agg")
    set_seed(args.seed)
    examples = make_examples(TRAIN_PHOTOGRAPHS, 1500, seed=args.seed)
    fresh = make_examples(TRAIN_PHOTOGRAPHS, 8 * args.steps, seed=args.seed + 1000)
    model, processor = teach_to_answer(examples, args.out, args.seed)
    runs = {}
    for name in [args.only] if args.only else HACKS:
        hacked = let_it_hack(HACKS[name], copy.deepcopy(model), processor, fresh, args)
        runs[name] = hacked
        print(describe(name, HACKS[name], hacked), flush=True)
    draw(runs, args.out / "hacks.png")
    print(f"the figures over the steps: {args.out / 'hacks.png'}")


if __name__ == "__main__":
    main()
