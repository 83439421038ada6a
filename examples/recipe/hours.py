"""How long GRPO takes: what a step computes and how often it writes a token are counted; how fast a device is, assumed.

A pass over a token takes 2 FLOP for each parameter. A training step passes over each token of prompt and answer

    forward once, and once more with gradient checkpointing,
    backward once for the activations, and once more for the gradients of the weights, unless adapters alone have any.

A generation is trained on in `num_iterations` times as many steps as one that is used once, so each step bears the part
1 / num_iterations of what is done once for an answer:

    its prompt is read, and it is written token by token, one pass for all rows that are generated together,
    the reference model passes forward over prompt and answer, where `beta` is above 0,
    the policy passes forward over them, where the trainer needs the probabilities with which it wrote the answer: where
    updates fall between a generation and the next one, and for the corrections of vLLM.

Memory and launches bound the writing of a token, not FLOP.
"""

from trl import GRPOConfig

from recipe.config import Recipe
from recipe.memory import Rows

SPEED = 100e12  # FLOP a second that a device sustains
PASS = 0.04  # seconds that it takes to write the next token of all rows


def seconds_a_step(n_parameters: float, rows: Rows, args: GRPOConfig, *, adapters: bool) -> float:
    """Of one process, the mean over the steps of a generation."""
    rows_a_step = rows.trained * args.gradient_accumulation_steps
    new = rows_a_step / args.num_iterations  # rows of which a step bears the writing
    passes = 2 + bool(args.gradient_checkpointing) + (not adapters)
    tokens = rows.prompt + rows.completion
    flop = 2 * n_parameters * (rows_a_step * passes * tokens + new * (rows.prompt + scorings(args) * tokens))
    writing = new / rows.generated * rows.completion * PASS if rows.generated else 0.0
    return float(flop / SPEED + writing)


def scorings(args: GRPOConfig) -> int:
    """Passes forward over new answers before the trainer learns from them, as TRL 1.16.0 decides."""
    between_updates = args.gradient_accumulation_steps % (args.steps_per_generation * args.num_iterations) != 0
    corrected = args.use_vllm and args.vllm_importance_sampling_correction
    return bool(between_updates or corrected) + bool(args.beta)


def describe_hours(recipe: Recipe, args: GRPOConfig, n_parameters: float, rows: Rows, n_steps: float) -> str:
    """A line of a plan."""
    seconds = seconds_a_step(n_parameters, rows, args, adapters=recipe.model.lora is not None)
    writing = (
        f"and {PASS * 1e3:.0f} ms for the next token of all answers" if rows.generated else "and answers by vLLM free"
    )
    return (
        f"about {n_steps * seconds / 3600:.2g} hours for {n_steps:,.0f} steps of {seconds:.3g} s, with "
        f"{SPEED / 1e12:.0f} TFLOP/s {writing}, which are assumed; pictures and rewards come on top"
    )
