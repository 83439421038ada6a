# /// script
# dependencies = ["tatar-rewards[recipe]"]
# ///
"""What a policy learns when a reward can be hacked, and what the detector says of it.

    python examples/hacks.py                     # about eight minutes on two cores
    python examples/hacks.py --only "every word of thought is paid"

The tiny model of `train_tatar.py` is taught to answer by SFT. Then, from the same start each time, GRPO trains it with
one careless reward as forks have them. The rewards of this package watch with weight 0: they log their figures, and
`HackDetector` reads them. Prints what it says and draws the figures over the steps.

One in ten of the answers that the model learns from is sloppy, as untrained models are: it repeats itself, or has a
digit too many. What a model never does, it cannot learn to do more of.
"""

import argparse
import random
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
from transformers import set_seed
from trl import GRPOConfig, GRPOTrainer, SFTConfig, SFTTrainer

from recipe.config import TINY, load_recipe
from recipe.models import shorten_progress
from recipe.pictures import to_dataset
from tatar_rewards import (
    AnswerFormatReward,
    GaussianScoreReward,
    HackThresholds,
    LengthConfig,
    ThresholdScoreReward,
    parse_answer,
)
from tatar_rewards.callbacks import Alarm, HackDetector
from tiny.model import build_model, build_processor, known_attributes, to_pixels, train_eyes, train_tokenizer
from tiny.pictures import TRAIN_PHOTOGRAPHS, Example, make_examples, write_examples, written_pictures

RECIPE = load_recipe(TINY)
COMPLETIONS = 8  # of each of 8 pictures
QUIET = {
    "use_cpu": True,
    "bf16": False,
    "activation_checkpointing": False,
    "save_strategy": "no",
    "report_to": "none",
    "disable_tqdm": False,
}
NUMBER = re.compile(r"<answer>\s*(\d+)")

# ---------------------------------------------------------------- careless rewards


def text_of(completion: list[dict]) -> str:
    return completion[-1]["content"]


def first_number(completion: list[dict]) -> float:
    """The careless parser: the first answer counts, what follows is ignored, the scale too, and silence is 50."""
    found = NUMBER.search(text_of(completion))
    return float(found[1]) if found else 50.0


def best_answer(completions, mos, **columns):
    """Is the right answer among those given? Whoever gives many is paid."""
    tries = [[float(number) for number in NUMBER.findall(text_of(completion))] for completion in completions]
    return [max((1 - abs(x - m) / 100 for x in xs), default=0.0) for xs, m in zip(tries, mos, strict=True)]


def score_itself(completions, **columns):
    """A generator that is paid by its own judge: more is better, and nothing says when it is enough."""
    return [first_number(completion) / 100 for completion in completions]


def one_image(completions, **columns):
    """A ranking that got the completions of one picture and ranks them against each other: it pays for agreeing."""
    scores = [first_number(completion) for completion in completions]
    own = [statistics.median(scores[k - k % COMPLETIONS :][:COMPLETIONS]) for k in range(len(scores))]
    return [1 - abs(score - middle) / 100 for score, middle in zip(scores, own, strict=True)]


def the_crowd(completions, **columns):
    """What most answers say is taken for the truth: who says nothing is always near it."""
    scores = [first_number(completion) for completion in completions]
    return [1 - abs(score - statistics.median(scores)) / 100 for score in scores]


def many_words(completions, **columns):
    """Long thinking is good thinking, whatever the task."""
    return [len(parse_answer(text_of(completion)).think.split()) / 40 for completion in completions]


class Hack(NamedTuple):
    reward: Callable  # what trains the policy
    figure: str  # what gives it away


# A tolerance meant for a scale of one to five: nothing is paid. Our own reward, set carelessly.
TOO_NARROW = ThresholdScoreReward(tolerance=0.35, name="too_narrow")
HACKS = {
    "the best of several answers counts": Hack(best_answer, "answer_format/status_several_answers"),
    "the score itself is the reward": Hack(score_itself, "answer_format/status_off_scale"),
    "one image ranked against itself": Hack(one_image, "gaussian_score/spread_ratio"),
    "the crowd is right, silence is 50": Hack(the_crowd, "answer_format/status_unclosed"),
    "every word of thought is paid": Hack(many_words, "answer_format/status_unclosed"),
    "a tolerance for one to five, on 0-100": Hack(TOO_NARROW, "too_narrow/saturated_share"),
}

# ---------------------------------------------------------------- the policy


def make_sloppy(text: str, rng: random.Random) -> str:
    """One in ten answers twice, or with a digit too many."""
    if rng.random() > 0.1:
        return text
    return rng.choice([f"{text}<answer>{rng.randint(0, 100)}</answer>", text.replace("</answer>", "0</answer>")])


def teach_to_answer(examples: list[Example], out: Path, seed: int) -> tuple:
    """The start of every run: a vision tower that sees a little, and a language model that has learnt to answer."""
    attributes = torch.tensor([known_attributes(example.attributes) for example in examples])
    pixels = to_pixels(example.image for example in examples)
    eyes = train_eyes(pixels, attributes, tqdm(range(200), desc="vision tower", unit="step"), n_steps=200)
    processor = build_processor(train_tokenizer(example.completion() for example in examples))
    model = build_model(eyes, processor)
    rng = random.Random(seed)
    write_examples(examples, "sft", out / "data")
    told = {f"sft-{example.image_id}.png": example.completion() for example in examples}
    pictures = written_pictures(out / "data", "sft")
    answers = [make_sloppy(told[picture.image_id], rng) for picture in pictures]
    dataset = to_dataset(pictures, RECIPE.prompts, answers)
    arguments = SFTConfig(
        output_dir=str(out / "sft"),
        seed=seed,
        **QUIET,
        max_steps=150,
        per_device_train_batch_size=32,
        learning_rate=3e-3,
        lr_scheduler_type="cosine",
        warmup_steps=20,
        max_length=None,
    )
    trainer = SFTTrainer(model=model, processing_class=processor, train_dataset=dataset, args=arguments)
    shorten_progress(trainer)
    trainer.train()
    return model, eyes, processor


def let_it_hack(hack: Hack, model, processor, pictures: list, args: argparse.Namespace) -> "Run":
    """GRPO with the careless reward; ours have weight 0 and only watch."""
    brief = GaussianScoreReward(task="iqa", length_gate=LengthConfig(longest=20))
    watching, detector = [AnswerFormatReward(), GaussianScoreReward(), brief], HackDetector()
    trainer = GRPOTrainer(
        model=model,
        processing_class=processor,
        train_dataset=to_dataset(pictures, RECIPE.prompts),
        reward_funcs=[hack.reward, *watching],
        callbacks=[detector],
        args=GRPOConfig(
            output_dir=str(args.out / "grpo"),
            seed=args.seed,
            **QUIET,
            logging_steps=1,
            max_steps=args.steps,
            per_device_train_batch_size=8 * COMPLETIONS,
            num_generations=COMPLETIONS,
            max_completion_length=RECIPE.grpo.args["max_completion_length"] + 24,
            reward_weights=[1.0, *[0.0] * len(watching)],
            loss_type="grpo",
            learning_rate=4e-4,
            lr_scheduler_type="constant",
        ),
    )
    shorten_progress(trainer)
    trainer.train()
    history = [line for line in trainer.state.log_history if line.get(hack.figure) is not None]  # NaN is logged as None
    last = text_of(trainer._logs["completion"][-1])
    return Run([line["step"] for line in history], [line[hack.figure] for line in history], detector.alarms, last)


# ---------------------------------------------------------------- what came of it


class Run(NamedTuple):
    steps: list[int]
    values: list[float]  # of the figure that gives the hack away
    alarms: list[Alarm]
    example: str  # a completion of the last step


def threshold_of(figure: str) -> float:
    name = figure.rpartition("/")[2]
    known = {"spread_ratio": "smallest_spread_ratio"}
    return getattr(HackThresholds(), "status_share" if name.startswith("status_") else known.get(name, name))


def describe(name: str, run: Run) -> str:
    low, high = min(run.values), max(run.values)
    lines = [f"{name}: {HACKS[name].figure} {run.values[0]:.2f} at first, then between {low:.2f} and {high:.2f}"]
    lines += [f"    step {alarm.step}, {alarm.reward}: {alarm.message}" for alarm in run.alarms]
    return "\n".join([*lines, f"    at the end: {textwrap.shorten(run.example, 160)}", ""])


def draw(runs: dict[str, Run], path: Path) -> None:
    figure, axes = plt.subplots(2, -(-len(runs) // 2), figsize=(9, 5), squeeze=False, layout="constrained")
    for axis, (name, run) in zip(axes.flat, runs.items(), strict=False):
        watched = HACKS[name].figure
        axis.plot(run.steps, run.values, color="C0")
        axis.axhline(threshold_of(watched), color="grey", linestyle=":")
        for alarm in run.alarms:
            if f"{alarm.reward}/{alarm.figure}" == watched:
                axis.axvline(alarm.step, color="C3", linewidth=1)
        axis.set_title(name, fontsize=9)
        axis.set(xlabel="step", ylabel=watched.rpartition("/")[2], ylim=(-0.03, 1.03))
    figure.savefig(path, dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(
        description="Let the tiny model hack careless rewards, and listen to the detector."
    )
    parser.add_argument("--out", type=Path, default=Path("runs/hacks"))
    parser.add_argument("--only", choices=HACKS, help="one hack instead of all")
    parser.add_argument("--steps", type=int, default=36)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    warnings.filterwarnings("ignore")  # the alarms are printed below
    matplotlib.use("Agg")
    set_seed(args.seed)
    examples = make_examples(TRAIN_PHOTOGRAPHS, 1500, seed=args.seed)
    write_examples(make_examples(TRAIN_PHOTOGRAPHS, 4 * args.steps, seed=args.seed + 1000), "grpo", args.out / "data")
    fresh = written_pictures(args.out / "data", "grpo")
    model, eyes, processor = teach_to_answer(examples, args.out, args.seed)
    runs = {}
    for name in [args.only] if args.only else HACKS:
        policy = build_model(eyes, processor)  # anew: a deep copy would keep what a trainer hung on the original
        policy.load_state_dict(model.state_dict())
        runs[name] = let_it_hack(HACKS[name], policy, processor, fresh, args)
        print(f"\n{describe(name, runs[name])}", flush=True)
    draw(runs, args.out / "hacks.png")
    print(f"the figures over the steps: {args.out / 'hacks.png'}")


if __name__ == "__main__":
    main()
