"""The checks of a rationale before a judge sees it, and the answer that SFT teaches."""

import pytest
from support.chat_server import BEAUTY, QUALITY

from recipe.config import RationaleSettings
from recipe.prompts import answer_text
from recipe.rationales import find_problems
from tatar_rewards import parse_answer, tatar_reward_funcs

pytestmark = pytest.mark.slow

SETTINGS = RationaleSettings(file="unused")


@pytest.mark.parametrize(("text", "task"), [(QUALITY, "iqa"), (BEAUTY, "iaa")])
def test_what_is_sound_has_no_problems_and_meets_the_budgets_of_the_rewards(text, task):
    assert find_problems(text, task, SETTINGS) == []
    completions = [f"<think>{text}</think><answer>{score}</answer>" for score in (70, 30)]
    columns = {"mos": [70.0, 30.0], "task": [task] * 2, "image_id": ["a", "b"]}
    for reward in tatar_reward_funcs():
        assert reward(completions, **columns) in ([1.0, 1.0], [None, None])


@pytest.mark.parametrize(
    ("text", "task", "problem"),
    [
        ("Sharp. Clean.", "iqa", "it has 2 words, not 30 to 50"),
        (QUALITY.replace("A little", "It earns 73 points. A little"), "iqa", "it names a number or the score"),
        (QUALITY.replace("A little", "Seven out of ten for a little"), "iqa", "it names a number or the score"),
        (QUALITY.replace(". A", " and a"), "iqa", "it has 1 sentences, not two"),
        (f"<think>{QUALITY}</think>", "iqa", "it has tags or lists"),
        (" ".join(["soft light on water"] * 40), "iaa", "it touches only 1 attributes (visual elements), not five"),
    ],
)
def test_what_needs_no_judge_is_found_here(text, task, problem):
    assert problem in find_problems(text, task, SETTINGS)


def test_the_answer_that_sft_teaches_is_on_the_scale_that_grpo_grades():
    for mos in (0.0, 4.17, 50.0, 99.6, 100.0):
        answer = parse_answer(answer_text(" Soft light. ", mos))
        assert answer.ok
        assert abs(answer.score - mos) <= 0.5
        assert answer.think == "Soft light."
