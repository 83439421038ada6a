"""What a policy might try instead of looking at the picture never pays: the sum of the recipe's default rewards."""

import random
import re
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tatar_rewards as tr

WORDS = ("soft", "light", "colour", "shade", "crop", "frame", "line", "depth", "grain", "blur", "noise", "tone", "mood")


def thinking(length):
    """Words of an honest thought: none of it repeats. They come of a seed, which is drawn sooner than each word."""
    return st.integers(0, 2**32 - 1).map(
        lambda seed: " ".join(f"{word}{k}" for k, word in enumerate(random.Random(seed).choices(WORDS, k=length)))
    )


@st.composite
def honest_batches(draw):
    """Completions of a few images of each task, two an image, and their columns."""
    images = draw(st.lists(st.tuples(st.sampled_from(["iqa", "iaa"]), st.integers(0, 100)), min_size=2, max_size=6))
    rows = [
        (task, float(mos), f"{k}.jpg", draw(thinking(draw(st.sampled_from([5, 30, 64, 70, 124, 125, 140])))), score)
        for k, (task, mos) in enumerate(images)
        for score in draw(st.lists(st.integers(0, 100), min_size=2, max_size=2))
    ]
    tasks, mos, ids, thoughts, scores = (list(column) for column in zip(*rows, strict=True))
    return {"task": tasks, "mos": mos, "image_id": ids}, thoughts, scores


def write(thought, score):
    return f"<think>{thought}</think><answer>{score}</answer>"


def total_rewards(completions, columns, rewards=None):
    """The sum that GRPO sees: what is None counts as nothing."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a lone image
        earned = [reward(completions, **columns) for reward in rewards or tr.tatar_reward_funcs()]
    return np.array([[0.0 if value is None else value for value in column] for column in earned]).sum(axis=0)


def first_half(thought):
    """Whole words: one that is cut in two would be a new word."""
    words = thought.split()
    return " ".join(words[: len(words) // 2 + 1])


HACKS = {
    "line ends after the answer": lambda thought, score: write(thought, score) + "\n" * 500,
    "spaces in the thought": lambda thought, score: write(thought.replace(" ", " " * 20), score),
    "dots in the thought": lambda thought, score: write(thought + " ." * 200, score),
    "the thought again": lambda thought, score: write(f"{thought} {thought}", score),
    "the thought ten times": lambda thought, score: write(" ".join([thought] * 10), score),
    "the thought in capitals": lambda thought, score: write(f"{thought} {thought.upper()}", score),
    "the thought with signs": lambda thought, score: write(f"{thought} {thought.replace(' ', ', ')}", score),
    "one word for ever": lambda thought, score: write(thought + f" {thought.split()[-1]}" * 300, score),
    "the first half again": lambda thought, score: write(f"{thought} {first_half(thought)}", score),
    "words after the answer": lambda thought, score: write(thought, score) + " I am sure of that.",
    "the thought after the answer": lambda thought, score: write("", score) + thought,
    "the same answer twice": lambda thought, score: write(thought, score) + f"<answer>{score}</answer>",
    "a second answer": lambda thought, score: write(thought, score) + "<answer>50</answer>",
    "an answer in the thought": lambda thought, score: write(f"{thought} <answer>50</answer>", score),
    "every answer": lambda thought, score: write(thought, score) + "".join(f"<answer>{k}</answer>" for k in range(101)),
    "a range": lambda thought, score: write(thought, f"{max(0, score - 10)}-{min(100, score + 10)}"),
    "a fraction": lambda thought, score: write(thought, f"{score}/100"),
    "digits without end": lambda thought, score: write(thought, f"{score}." + "0" * 300),
    "leading zeros": lambda thought, score: write(thought, "0" * 300 + str(score)),
    "a second thought": lambda thought, score: f"<think>{thought}</think>" + write(thought, score),
    "no thought": lambda thought, score: f"<answer>{score}</answer>" if len(thought.split()) < 66 else "",
    "signs in the thought": lambda thought, score: write(thought + " < > = </ />" * 60, score),
    "an upper-case answer": lambda thought, score: write(thought, score).replace("answer", "ANSWER"),
    "never stopping": lambda thought, score: f"<think>{thought} " + "and " * 300,
}


@pytest.mark.parametrize("hack", HACKS.values(), ids=HACKS)
@given(batch=honest_batches(), data=st.data())
def test_no_form_earns_more_than_the_honest_one_with_the_same_score(hack, batch, data):
    columns, thoughts, scores = batch
    honest = [write(thought, score) for thought, score in zip(thoughts, scores, strict=True)]
    row = data.draw(st.integers(0, len(honest) - 1))
    hacked = [*honest[:row], hack(thoughts[row], scores[row]), *honest[row + 1 :]]
    assert total_rewards(hacked, columns)[row] <= total_rewards(honest, columns)[row] + 1e-12


@given(batch=honest_batches(), data=st.data())
def test_agreeing_with_other_answers_to_the_same_picture_earns_nothing(batch, data):
    columns, thoughts, scores = batch
    row = data.draw(st.integers(0, len(scores) - 1))
    siblings = [scores[row] if columns["image_id"][k] == columns["image_id"][row] else s for k, s in enumerate(scores)]
    honest, copied = ([write(*pair) for pair in zip(thoughts, column, strict=True)] for column in (scores, siblings))
    assert total_rewards(copied, columns)[row] == pytest.approx(total_rewards(honest, columns)[row], abs=1e-12)


@given(batch=honest_batches(), data=st.data())
def test_repeating_the_answer_to_another_picture_earns_what_that_answer_is_worth_here(batch, data):
    """Who copies another completion word for word, thought and all, earns what the honest text with its score earns."""
    columns, thoughts, scores = batch
    row, other = (data.draw(st.integers(0, len(scores) - 1)) for _ in range(2))
    honest = [write(*pair) for pair in zip(thoughts, scores, strict=True)]
    copied = [*honest[:row], honest[other], *honest[row + 1 :]]
    words = max(len(thoughts[row].split()), len(thoughts[other].split()))
    own = [*honest[:row], write(" ".join(f"own{k}" for k in range(words)), scores[other]), *honest[row + 1 :]]
    if columns["task"][row] == "iaa":  # for quality the briefer of the two may be needed
        assert total_rewards(copied, columns)[row] <= total_rewards(own, columns)[row] + 1e-12


@given(
    mos=st.lists(st.integers(0, 100).map(float), min_size=4, max_size=20, unique=True),
    task=st.sampled_from(["iqa", "iaa"]),
    errors=st.lists(st.floats(-3, 3), min_size=20, max_size=20),
    constant=st.integers(0, 100),
)
def test_a_constant_guess_earns_less_than_looking(mos, task, errors, constant):
    columns = {"task": [task] * len(mos), "mos": mos, "image_id": [f"{k}.jpg" for k in range(len(mos))]}
    thought = " ".join(f"word{k}" for k in range(60 if task == "iqa" else 130))
    looked = [write(thought, round(min(max(m + e, 0), 100), 2)) for m, e in zip(mos, errors, strict=False)]
    guessed = [write(thought, constant)] * len(mos)
    looking, guessing = (total_rewards(completions, columns).mean() for completions in (looked, guessed))
    if np.std(mos) >= 8:
        assert guessing < looking - 0.05
    assert total_rewards([write(thought, m) for m in mos], columns).mean() >= guessing - 1e-12


def test_the_hacks_are_hacks():
    """Each differs from the honest text, and a careless parser would pay most of them."""
    thought, score = " ".join(WORDS), 40
    texts = {name: hack(thought, score) for name, hack in HACKS.items()}
    assert len(set(texts.values()) | {write(thought, score)}) == len(HACKS) + 1
    careless = [re.search(r"<answer>\s*(\d+)", text) is not None for text in texts.values()]
    assert sum(careless) >= len(HACKS) - 3
