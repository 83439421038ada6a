"""How long GRPO takes: what a step computes and how often it writes a token are counted; how fast a device is, assumed.

A pass over a token takes 2 FLOP for each parameter. A training step passes over each token of prompt and answer

    forward once, and once more with gradient checkpointing,
    backward once for the activations, and once more for the gradients of the weights, unless adapters alone have any,

and before that it reads each prompt once. Answers are written token by token, one pass for all rows of a generation;
memory and launches bound such a pass, not FLOP.
"""

from recipe.config import Recipe
from recipe.memory import Rows

SPEED = 100e12  # FLOP a second that a device sustains
PASS = 0.04  # seconds that it takes to write the next token of all rows


def seconds_a_step(
    n_parameters: float, rows: Rows, rows_a_step: float, *, adapters: bool, checkpointing: bool
) -> float:
    """Of one process, which trains on so many rows a step and generates all of them first."""
    passes = 2 + checkpointing + (not adapters)
    flop = 2 * n_parameters * rows_a_step * (passes * (rows.prompt + rows.completion) + rows.prompt)
    writing = rows_a_step / rows.generated * rows.completion * PASS if rows.generated else 0.0
    return flop / SPEED + writing


def describe_hours(recipe: Recipe, n_parameters: float, rows: Rows, n_steps: float, *, checkpointing: bool) -> str:
    """A line of a plan."""
    args = recipe.grpo.args
    rows_a_step = rows.trained * args.get("gradient_accumulation_steps", 1)
    seconds = seconds_a_step(
        n_parameters, rows, rows_a_step, adapters=recipe.model.lora is not None, checkpointing=checkpointing
    )
    writing = (
        f"and {PASS * 1e3:.0f} ms for the next token of all answers" if rows.generated else "and answers by vLLM free"
    )
    return (
        f"about {n_steps * seconds / 3600:.2g} hours for {n_steps:,.0f} steps of {seconds:.3g} s, with "
        f"{SPEED / 1e12:.0f} TFLOP/s {writing}, which are assumed; pictures and rewards come on top"
    )
