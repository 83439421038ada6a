"""The recipe script end to end, with so few steps that it learns nothing; and what its data must guarantee."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import tiny_data
from tatar_rewards import parse_answer, tatar_reward_funcs
from tiny_model import train_tokenizer
from train_tatar import LONGEST

EXAMPLES = Path(__file__).parents[1] / "examples"


@pytest.mark.parametrize(
    "launcher", [(), ("-m", "accelerate.commands.launch", "--cpu", "--num_processes", "2")], ids=["one", "two"]
)
def test_the_recipe_runs_to_its_report(tmp_path, launcher):
    few = "--train-pictures 32 --grpo-pictures 64 --test-pictures 12 --eyes-steps 2 --sft-steps 2 --grpo-steps 2"
    command = [sys.executable, *launcher, EXAMPLES / "train_tatar.py", "--out", tmp_path, *few.split()]
    run = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=240, env={**os.environ, "HF_HUB_OFFLINE": "1"}
    )
    assert run.returncode == 0, run.stderr[-3000:]
    table = run.stdout[run.stdout.index("task ") :].splitlines()
    assert [line.split()[:3] for line in table[1:5]] == [
        ["IQA", "after", "SFT"],
        ["IQA", "after", "GRPO"],
        ["IAA", "after", "SFT"],
        ["IAA", "after", "GRPO"],
    ]
    page = (tmp_path / "report.html").read_text()
    assert page.count("data:image/png;base64,") > 3
    assert "http" not in page.replace("http-equiv", ""), "the page must hold everything it shows"
    assert (tmp_path / "model" / "model.safetensors").exists()


def test_no_photograph_serves_both_training_and_test():
    assert not set(tiny_data.TRAIN_PHOTOGRAPHS) & set(tiny_data.TEST_PHOTOGRAPHS)


def test_the_rationales_fit_the_budgets_and_do_not_leak_the_score():
    examples = tiny_data.make_examples(tiny_data.TEST_PHOTOGRAPHS[:1], per_task=20, seed=3)
    completions = [example.completion() for example in examples]
    for example in examples:
        answer = parse_answer(example.completion())
        assert answer.ok
        assert abs(answer.score - example.mos) <= 0.5
        assert not any(character.isdigit() for character in example.rationale)
    columns = {name: [getattr(e, name) for e in examples] for name in ("mos", "task", "image_id", "dataset")}
    for reward in tatar_reward_funcs(iqa_words=20, iaa_words=40):
        values = [value for value in reward(completions, **columns) if value is not None]
        assert min(values) > 0.9, reward.__name__


def test_a_word_is_about_a_token_so_that_no_answer_is_cut_off():
    completions = [e.completion() for e in tiny_data.make_examples(("camera",), per_task=50, seed=3)]
    tokenizer = train_tokenizer(text for text in completions)
    lengths = [len(tokenizer(text).input_ids) for text in completions]
    assert max(lengths) + 1 < LONGEST
    assert tokenizer.decode(tokenizer(completions[0]).input_ids) == completions[0]


def test_labels_follow_the_damage():
    strengths = dict.fromkeys(tiny_data.DISTORTIONS, 0.0)
    clean = tiny_data.true_quality(strengths)
    for name in tiny_data.DISTORTIONS:
        grades = [tiny_data.true_quality({**strengths, name: strength}) for strength in (0.0, 0.3, 0.6, 1.0)]
        assert np.all(np.diff(grades) < -5)
        assert grades[0] == clean


def test_data_are_the_same_for_the_same_seed():
    first, again, other = (tiny_data.make_examples(("camera",), per_task=3, seed=seed) for seed in (1, 1, 2))
    assert [e.mos for e in first] == [e.mos for e in again] != [e.mos for e in other]
    assert all(np.array_equal(np.asarray(a.image), np.asarray(b.image)) for a, b in zip(first, again, strict=True))
