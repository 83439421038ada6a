"""Completion text to `Answer`: one strict grammar for rewards and evaluation, and a lenient one for foreign models.

In both, a completion that says more, less or something else gets a status and no score: nothing is clamped, no choice
is made between two answers, a cut-off answer is none. Time is linear in the length of the text.
"""

from tatar_rewards.answers.answer import Answer
from tatar_rewards.answers.lenient import parse_leniently
from tatar_rewards.answers.strict import parse_strictly
from tatar_rewards.scales import POINTS, ScoreScale


def parse_answer(
    text: str, *, scale: ScoreScale = POINTS, think_prefilled: bool = False, lenient: bool = False
) -> Answer:
    """Read the one answer of a completion.

    Args:
        text: The completion.
        scale: The scale that the model was asked to answer on.
        think_prefilled: True where the chat template writes `<think>` into the prompt, so that the completion begins
            inside the block and only `</think>` is seen.
        lenient: Read the lenient grammar, for evaluating a model that was not trained on the strict one. Never for a
            reward: what it lets through, a policy learns to say.

    Returns:
        The status, the score on `scale` (None unless the status is OK) and the text of the think block.

    Raises:
        TypeError: `text` is not a string, or `scale` not a ScoreScale.

    Examples:
        >>> parse_answer("<think>Sharp, clean.</think><answer>81.5</answer>")
        Answer(status=<AnswerStatus.OK: 'ok'>, score=81.5, think='Sharp, clean.')
        >>> parse_answer("<answer>7</answer>", scale=ScoreScale(1, 5)).status
        <AnswerStatus.OFF_SCALE: 'off_scale'>
        >>> parse_answer("<answer>70</answer> or <answer>80</answer>").status
        <AnswerStatus.SEVERAL_ANSWERS: 'several_answers'>
        >>> parse_answer("Sharp, clean. **Score: 81.5/100**", lenient=True).score
        81.5
    """
    if not isinstance(text, str):
        raise TypeError(f"text must be a str; got {type(text).__name__}")
    if not isinstance(scale, ScoreScale):
        raise TypeError(f"scale must be a ScoreScale, for example ScoreScale(1, 5); got {scale!r}")
    if lenient:
        return parse_leniently(text, scale, think_prefilled)
    return parse_strictly(text, scale, think_prefilled)
