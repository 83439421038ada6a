"""A completion as a trainer hands it over, a string or a list of messages, to its text and its answer."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from tatar_rewards.answers.answer import Answer
from tatar_rewards.answers.parse import parse_answer
from tatar_rewards.scales import POINTS, ScoreScale


class CompletionText(NamedTuple):
    """What a model wrote last."""

    reasoning: str  # what a trainer has moved out of the text; "" where nothing was
    text: str

    def parse(self, *, scale: ScoreScale, think_prefilled: bool, lenient: bool = False) -> Answer:
        """The answer; reasoning that was moved out counts as the think block."""
        if self.reasoning:
            return parse_answer(f"<think>{self.reasoning}</think>{self.text}", scale=scale, lenient=lenient)
        return parse_answer(self.text, scale=scale, think_prefilled=think_prefilled, lenient=lenient)


def read_completion(
    completion: Any, *, scale: ScoreScale = POINTS, think_prefilled: bool = False, lenient: bool = False
) -> Answer:
    """The answer of a completion: a string, or messages of which the last assistant message is graded.

    Reasoning that a trainer has moved into `reasoning_content` or `thinking` counts as the think block. Whatever a
    model can produce gets an answer with a status; nothing raises.

    Args:
        completion: A string, or a list of messages with `role` and `content` (a string, or blocks with `text`).
        scale: The scale that the model was asked to answer on.
        think_prefilled: True where the chat template writes `<think>` into the prompt.
        lenient: Read the lenient grammar of `parse_answer`; never for a reward.

    Returns:
        The parsed answer.

    Raises:
        TypeError: `scale` is not a ScoreScale.

    Examples:
        >>> read_completion([{"role": "assistant", "content": "<answer>64</answer>"}]).score
        64.0
        >>> read_completion(
        ...     [{"role": "assistant", "reasoning_content": "Soft light.", "content": "<answer>64</answer>"}]
        ... ).think
        'Soft light.'
    """
    return completion_text(completion).parse(scale=scale, think_prefilled=think_prefilled, lenient=lenient)


def completion_text(completion: Any) -> CompletionText:
    """The text of a completion as the model wrote it last, and the reasoning that was moved out of it."""
    if isinstance(completion, str):
        return CompletionText("", completion)
    message = completion[-1] if isinstance(completion, Sequence) and completion else None
    if not isinstance(message, Mapping) or message.get("role", "assistant") != "assistant":
        return CompletionText("", "")
    reasoning = message.get("reasoning_content") or message.get("thinking")
    return CompletionText(reasoning if isinstance(reasoning, str) else "", _message_text(message))


def _message_text(message: Mapping[str, Any]) -> str:
    content = message.get("content")
    if isinstance(content, str):
        return content
    if not isinstance(content, Sequence):
        return ""
    texts = (block.get("text") for block in content if isinstance(block, Mapping))
    return "".join(text for text in texts if isinstance(text, str))
