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
from transformers import ProgressCallback, set_seed
from trl import GRPOConfig, GRPOTrainer, SFTConfig, SFTTrainer

from tatar_rewards import (
    AnswerFormatReward,
    GaussianScoreReward,
    HackThresholds,
    LengthConfig,
    ThresholdScoreReward,
    parse_answer,
)
from tatar_rewards.callbacks import Alarm, HackDetector
from tiny_data import TRAIN_PHOTOGRAPHS, Example, make_examples, to_dataset
from tiny_model import build_model, build_processor, to_pixels, train_eyes, train_tokenizer
from train_tatar import LONGEST, ShortProgress, common_arguments, known_attributes

COMPLETIONS = 8  # of each of 8 pictures
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
    "one image ranked against itself": Hack(one_image, "gaussian_score/constant_share"),
    "the crowd is right, silence is 50": Hack(the_crowd, "answer_format/status_unclosed"),
    "every word of thought is paid": Hack(many_words, "iqa_gaussian_score/off_budget_share"),
    "a tolerance for one to five, on 0-100": Hack(TOO_NARROW, "too_narrow/saturated_share"),
}

# ---------------------------------------------------------------- the policy


def make_sloppy(completion: list[dict], rng: random.Random) -> list[dict]:
    """One in ten answers twice, or with a digit too many."""
    if rng.random() > 0.1:
        return completion
    text = text_of(completion)
    sloppy = rng.choice([f"{text}<answer>{rng.randint(0, 100)}</answer>", text.replace("</answer>", "0</answer>")])
    return [{"role": "assistant", "content": sloppy}]


def teach_to_answer(examples: list[Example], out: Path, seed: int) -> tuple:
    """The start of every run: a vision tower that sees a little, and a language model that has learnt to answer."""
    attributes = torch.tensor([known_attributes(example) for example in examples])
    pixels = to_pixels(example.image for example in examples)
    eyes = train_eyes(pixels, attributes, tqdm(range(200), desc="vision tower", unit="step"), n_steps=200)
    processor = build_processor(train_tokenizer(example.completion() for example in examples))
    model = build_model(eyes, processor)
    rng = random.Random(seed)
    dataset = to_dataset(examples, rationales=True).map(lambda row: {"completion": make_sloppy(row["completion"], rng)})
    arguments = SFTConfig(
        **common_arguments(out / "sft", seed),
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


def let_it_hack(hack: Hack, model, processor, examples: list[Example], args: argparse.Namespace) -> "Run":
    """GRPO with the careless reward; ours have weight 0 and only watch."""
    brief = GaussianScoreReward(task="iqa", length_gate=LengthConfig(longest=20))
    watching, detector = [AnswerFormatReward(), GaussianScoreReward(), brief], HackDetector()
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
            max_completion_length=LONGEST + 24,
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


def shorten_progress(trainer) -> None:
    trainer.remove_callback(ProgressCallback)
    trainer.add_callback(ShortProgress)


# ---------------------------------------------------------------- what came of it


class Run(NamedTuple):
    steps: list[int]
    values: list[float]  # of the figure that gives the hack away
    alarms: list[Alarm]
    example: str  # a completion of the last step


def threshold_of(figure: str) -> float:
    name = figure.rpartition("/")[2]
    return getattr(HackThresholds(), "status_share" if name.startswith("status_") else name)


def describe(name: str, run: Run) -> str:
    lines = [f"{name}: {HACKS[name].figure} from {run.values[0]:.2f} to {max(run.values):.2f} at its highest"]
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
    fresh = make_examples(TRAIN_PHOTOGRAPHS, 4 * args.steps, seed=args.seed + 1000)
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
