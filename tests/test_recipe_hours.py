"""How long a plan says that GRPO takes: work that is counted, at a speed that is assumed."""

import pytest
from support import stages

from recipe import hours
from recipe.hours import describe_hours, seconds_a_step
from recipe.memory import Rows
from recipe.yaml_files import load_recipe

ROWS = Rows(trained=8, prompt=1000, completion=500, generated=32)


def test_seconds_are_passes_over_tokens_and_tokens_written():
    """64 rows of 1,500 tokens: forward, again forward, backward; prompts once; two generations of 500 tokens."""
    flop = 2 * 3e9 * 64 * (3 * 1500 + 1000)
    expected = flop / hours.SPEED + 2 * 500 * hours.PASS
    assert seconds_a_step(3e9, ROWS, 64, adapters=True, checkpointing=True) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("adapters", "checkpointing", "passes"), [(True, False, 2), (False, False, 3), (False, True, 4)]
)
def test_gradients_of_weights_and_checkpointing_take_a_pass_each(adapters, checkpointing, passes):
    by_vllm = ROWS._replace(generated=0)
    seconds = seconds_a_step(3e9, by_vllm, 64, adapters=adapters, checkpointing=checkpointing)
    assert seconds == pytest.approx(2 * 3e9 * 64 * (passes * 1500 + 1000) / hours.SPEED)


def test_a_plan_says_what_is_assumed():
    recipe = load_recipe(stages.EXAMPLES / "configs" / "qwen2_5_vl_3b_lora_1gpu.yaml")
    seconds = seconds_a_step(3e9, ROWS, 64, adapters=True, checkpointing=True)
    said = describe_hours(recipe, 3e9, ROWS, 900, checkpointing=True)
    assert said.startswith(f"about {900 * seconds / 3600:.2g} hours for 900 steps of {seconds:.3g} s")
    assert "are assumed" in said
    assert "vLLM" in describe_hours(recipe, 3e9, ROWS._replace(generated=0), 900, checkpointing=True)
