"""How long a plan says that GRPO takes: work that is counted, at a speed that is assumed."""

from types import SimpleNamespace

import pytest
from support import stages

from recipe import hours
from recipe.hours import describe_hours, seconds_a_step
from recipe.memory import Rows
from recipe.yaml_files import load_recipe

ROWS = Rows(trained=8, prompt=1000, completion=500, generated=32)
BY_VLLM = ROWS._replace(generated=0)


def arguments(**changes):
    """Of 64 rows a step in 8 batches, with two generations of 32 rows, so that the policy stays as it wrote them."""
    fixed = {"gradient_accumulation_steps": 8, "steps_per_generation": 4, "num_iterations": 1, "beta": 0.0}
    fixed |= {"gradient_checkpointing": True, "use_vllm": False, "vllm_importance_sampling_correction": True}
    return SimpleNamespace(**fixed | changes)


def test_seconds_are_passes_over_tokens_and_tokens_written():
    """64 rows of 1,500 tokens: forward, again forward, backward; prompts once; two generations of 500 tokens."""
    flop = 2 * 3e9 * 64 * (3 * 1500 + 1000)
    expected = flop / hours.SPEED + 2 * 500 * hours.PASS
    assert seconds_a_step(3e9, ROWS, arguments(), adapters=True) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("adapters", "checkpointing", "passes"), [(True, False, 2), (False, False, 3), (False, True, 4)]
)
def test_gradients_of_weights_and_checkpointing_take_a_pass_each(adapters, checkpointing, passes):
    seconds = seconds_a_step(3e9, BY_VLLM, arguments(gradient_checkpointing=checkpointing), adapters=adapters)
    assert seconds == pytest.approx(2 * 3e9 * 64 * (passes * 1500 + 1000) / hours.SPEED)


@pytest.mark.parametrize(
    ("changes", "new", "scorings"),
    [
        ({"beta": 0.04}, 64, 1),
        ({"steps_per_generation": 16}, 64, 1),  # an update falls between
        ({"num_iterations": 2}, 32, 0),  # 8 batches are two rounds of 4
        ({"num_iterations": 4}, 16, 1),
        ({"num_iterations": 4, "beta": 0.04}, 16, 2),
        ({"use_vllm": True}, 64, 1),
        ({"use_vllm": True, "vllm_importance_sampling_correction": False}, 64, 0),
    ],
)
def test_what_is_done_once_for_an_answer_is_shared_by_the_steps_that_learn_from_it(changes, new, scorings):
    rows = BY_VLLM if changes.get("use_vllm") else ROWS._replace(generated=8 * changes.get("steps_per_generation", 4))
    flop = 2 * 3e9 * (64 * 3 * 1500 + new * (1000 + scorings * 1500))
    writing = new / rows.generated * 500 * hours.PASS if rows.generated else 0
    seconds = seconds_a_step(3e9, rows, arguments(**changes), adapters=True)
    assert seconds == pytest.approx(flop / hours.SPEED + writing)


def test_a_plan_says_what_is_assumed():
    recipe = load_recipe(stages.EXAMPLES / "configs" / "qwen2_5_vl_3b_lora_1gpu.yaml")
    seconds = seconds_a_step(3e9, ROWS, arguments(), adapters=True)
    said = describe_hours(recipe, arguments(), 3e9, ROWS, 900)
    assert said.startswith(f"about {900 * seconds / 3600:.2g} hours for 900 steps of {seconds:.3g} s")
    assert "are assumed" in said
    assert "vLLM" in describe_hours(recipe, arguments(), 3e9, BY_VLLM, 900)
