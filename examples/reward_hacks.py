# /// script
# dependencies = ["tatar-rewards[recipe]"]
# ///
"""Show what a policy learns when a reward can be hacked, and what the hack detector says about it.

    python examples/reward_hacks.py                     # about eight minutes on two cores
    python examples/reward_hacks.py --only "every word of thought is paid"

SFT teaches the tiny model of `train_tatar.py` to answer. From this start, GRPO then trains it once with each of six
careless rewards, as other projects have them. The rewards of this package take part with weight 0: they change nothing
but log their figures, and `HackDetector` reads these figures. The script prints its alarms and plots the figures over
the steps.

One in ten of the answers that SFT teaches is sloppy, as those of untrained models are: it has a second answer, or an
additional digit. GRPO can only reinforce what a model does now and then.
"""

import argparse
import re
import statistics
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from transformers import set_seed
from trl import GRPOConfig, GRPOTrainer

from recipe.config import TINY_CONFIG
from recipe.hack_runs import HackRun, describe_run, plot_runs
from recipe.labels import Picture
from recipe.models import shorten_progress
from recipe.pictures import to_dataset
from recipe.prompts import QUESTIONS
from recipe.yaml_files import load_recipe
from tatar_rewards import AnswerFormatReward, GaussianScoreReward, LengthConfig, ThresholdScoreReward, parse_answer
from tatar_rewards.adapters.trl import HackDetector
from tatar_rewards.answers.words import count_words
from tiny.pictures import TRAIN_PHOTOGRAPHS, make_examples, write_examples, written_pictures
from tiny.policy import ON_CPU, Policy, train_policy

RECIPE = load_recipe(TINY_CONFIG)
PROMPTS = RECIPE.prompts or QUESTIONS
N_PICTURES, N_COMPLETIONS = 8, 8  # pictures a step, and completions of each
NUMBER = re.compile(r"<answer>\s*(\d+)")

Completions = Sequence[Sequence[dict[str, str]]]

####################
# Careless rewards
####################


def text_of(completion: Sequence[dict[str, str]]) -> str:
    return completion[-1]["content"]


def first_number(completion: Sequence[dict[str, str]]) -> float:
    """A careless parser: it takes the first answer, ignores the scale and the text after it, and reads none as 50."""
    found = NUMBER.search(text_of(completion))
    return float(found[1]) if found else 50.0


def best_of_several_answers(completions: Completions, mos: Sequence[float], **columns: Any) -> list[float]:
    """Grades the best answer in a completion, so that many answers pay."""
    answers = [[float(number) for number in NUMBER.findall(text_of(completion))] for completion in completions]
    return [
        max((1 - abs(answer - label) / 100 for answer in answers_to_image), default=0.0)
        for answers_to_image, label in zip(answers, mos, strict=True)
    ]


def score_as_reward(completions: Completions, **columns: Any) -> list[float]:
    """Pays the score itself, as for a generator that its own judge grades: higher always pays."""
    return [first_number(completion) / 100 for completion in completions]


def agreement_within_image(completions: Completions, **columns: Any) -> list[float]:
    """Compares completions about the same picture with each other, so that agreeing pays."""
    scores = [first_number(completion) for completion in completions]
    medians = [statistics.median(scores[k - k % N_COMPLETIONS :][:N_COMPLETIONS]) for k in range(len(scores))]
    return [1 - abs(score - median) / 100 for score, median in zip(scores, medians, strict=True)]


def agreement_with_majority(completions: Completions, **columns: Any) -> list[float]:
    """Takes the median of all answers for the truth; giving no answer is always near it."""
    scores = [first_number(completion) for completion in completions]
    return [1 - abs(score - statistics.median(scores)) / 100 for score in scores]


def word_count(completions: Completions, **columns: Any) -> list[float]:
    """Pays for every word of thinking, whatever the task."""
    return [count_words(parse_answer(text_of(completion)).think) / 40 for completion in completions]


class Hack(NamedTuple):
    reward: Callable[..., Any]  # what trains the policy
    figure: str  # what gives the hack away


# No hack but a wrong setting: a tolerance that was meant for a scale of one to five pays almost nothing on 0-100.
TOO_NARROW = ThresholdScoreReward(tolerance=0.35, name="too_narrow")
HACKS = {
    "the best of several answers counts": Hack(best_of_several_answers, "answer_format/status_several_answers"),
    "the score itself is the reward": Hack(score_as_reward, "answer_format/status_off_scale"),
    "one image ranked against itself": Hack(agreement_within_image, "gaussian_score/spread_ratio"),
    "the crowd is right, silence is 50": Hack(agreement_with_majority, "answer_format/status_unclosed"),
    "every word of thought is paid": Hack(word_count, "answer_format/status_unclosed"),
    "a tolerance for one to five, on 0-100": Hack(TOO_NARROW, "too_narrow/saturated_share"),
}

####################
# Training
####################


def train_with(hack: Hack, policy: Policy, pictures: Sequence[Picture], args: argparse.Namespace) -> HackRun:
    """GRPO with the careless reward; the rewards of this package have weight 0 and only log their figures."""
    brief = GaussianScoreReward(task="iqa", length_gate=LengthConfig(longest=20))
    watching, detector = [AnswerFormatReward(), GaussianScoreReward(), brief], HackDetector()
    trainer = GRPOTrainer(
        model=policy.copy_model(),
        processing_class=policy.processor,
        train_dataset=to_dataset(pictures, PROMPTS),
        reward_funcs=[hack.reward, *watching],
        callbacks=[detector],
        args=GRPOConfig(
            output_dir=str(args.out / "grpo"),
            seed=args.seed,
            **ON_CPU,
            logging_steps=1,
            max_steps=args.steps,
            per_device_train_batch_size=N_PICTURES * N_COMPLETIONS,
            num_generations=N_COMPLETIONS,
            max_completion_length=RECIPE.grpo.args["max_completion_length"] + 24,
            reward_weights=[1.0, *[0.0] * len(watching)],
            loss_type="grpo",
            learning_rate=4e-4,
            lr_scheduler_type="constant",
        ),
    )
    shorten_progress(trainer)
    trainer.train()
    logged = [entry for entry in trainer.state.log_history if entry.get(hack.figure) is not None]  # a NaN is None there
    steps, values = [entry["step"] for entry in logged], [entry[hack.figure] for entry in logged]
    return HackRun(hack.figure, steps, values, detector.alarms, text_of(trainer._logs["completion"][-1]))


def main() -> None:
    parser = argparse.ArgumentParser(
        description="Let the tiny model hack careless rewards, and print what the detector says."
    )
    parser.add_argument("--out", type=Path, default=Path("runs/hacks"))
    parser.add_argument("--only", choices=HACKS, help="one hack instead of all")
    parser.add_argument("--steps", type=int, default=36)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    warnings.filterwarnings("ignore")  # the detector warns too, and its alarms are printed below
    set_seed(args.seed)
    examples = make_examples(TRAIN_PHOTOGRAPHS, 1500, seed=args.seed)
    write_examples(make_examples(TRAIN_PHOTOGRAPHS, 4 * args.steps, seed=args.seed + 1000), "grpo", args.out / "data")
    pictures = written_pictures(args.out / "data", "grpo")
    policy = train_policy(examples, PROMPTS, args.out, args.seed)
    runs = {}
    for name in [args.only] if args.only else HACKS:
        runs[name] = train_with(HACKS[name], policy, pictures, args)
        print(f"\n{describe_run(name, runs[name])}", flush=True)
    plot_runs(runs, args.out / "hacks.png")
    print(f"the figures over the steps: {args.out / 'hacks.png'}")


if __name__ == "__main__":
    main()
