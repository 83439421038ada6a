"""A completion as a trainer hands it over, a string or a list of messages, to its text and its answer."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from tatar_rewards.answers.answer import Answer
from tatar_rewards.answers.parse import parse_answer
from tatar_rewards.answers.sequences import as_list, as_python, is_sequence, shown
from tatar_rewards.scales import POINTS, ScoreScale, is_missing

REASONING = ("reasoning_content", "thinking", "reasoning")  # where servers and trainers move what was thought
_TYPES_OF_THOUGHT = ("thinking", "reasoning", "reasoning_text", "thought", "think")  # of blocks of content
_TEXTS_OF_THOUGHT = ("thinking", "reasoning", "reasoning_content", "think", "text", "summary", "content")  # in them


class CompletionText(NamedTuple):
    """What a model wrote last."""

    reasoning: str  # what a trainer has moved out of the text; "" where nothing was
    text: str

    @property
    def whole(self) -> str:
        """All of it, with what was moved out put back into a think block."""
        return f"<think>{self.reasoning}</think>{self.text}" if self.reasoning else self.text

    def parse(self, *, scale: ScoreScale, think_prefilled: bool, lenient: bool = False) -> Answer:
        """The answer; reasoning that was moved out counts as the think block."""
        think_prefilled = think_prefilled and not self.reasoning
        return parse_answer(self.whole, scale=scale, think_prefilled=think_prefilled, lenient=lenient)


def read_completion(
    completion: Any, *, scale: ScoreScale = POINTS, think_prefilled: bool = False, lenient: bool = False
) -> Answer:
    """The answer of a completion: a string, or messages of which the last one is graded.

    Messages are mappings or objects with `role` and `content`, in any sequence: a list, an array as pandas reads it
    from a parquet file, a Series. `content` is a string, None or blocks: strings, or mappings or objects with `text`.
    Reasoning counts as the think block: in `reasoning_content`, `thinking` or `reasoning` of the message, or in blocks
    of type `thinking` or `reasoning`. Whatever a model can say gets an answer with a status.

    Args:
        completion: A string, or messages. Without any, or where the last one is not the assistant's, there is no
            answer.
        scale: The scale that the model was asked to answer on.
        think_prefilled: True where the chat template writes `<think>` into the prompt.
        lenient: Read the lenient grammar of `parse_answer`; never for a reward.

    Returns:
        The parsed answer.

    Raises:
        TypeError: `completion` can be no completion, such as a number, None or one message outside a list; or `scale`
            is not a ScoreScale.

    Examples:
        >>> read_completion([{"role": "assistant", "content": "<answer>64</answer>"}]).score
        64.0
        >>> read_completion(
        ...     [{"role": "assistant", "reasoning_content": "Soft light.", "content": "<answer>64</answer>"}]
        ... ).think
        'Soft light.'
    """
    return completion_text(completion).parse(scale=scale, think_prefilled=think_prefilled, lenient=lenient)


def completion_texts(completions: Sequence[Any]) -> list[CompletionText]:
    """`completion_text` of each completion; an error names its row."""
    return [
        CompletionText("", completion)
        if isinstance(completion, str)
        else completion_text(completion, name=f"completions[{row}]")
        for row, completion in enumerate(completions)
    ]


def completion_text(completion: Any, *, name: str = "completion") -> CompletionText:
    """The text of a completion as the model wrote it last, and the reasoning that was moved out of it.

    Args:
        completion: A string, or messages.
        name: What to call it in an error.

    Returns:
        Reasoning and text, both "" where the assistant does not have the last word.

    Raises:
        TypeError: it can be no completion.

    Examples:
        >>> completion_text(({"role": "assistant", "content": ["64", {"type": "text", "text": " points"}]},))
        CompletionText(reasoning='', text='64 points')
        >>> completion_text(5, name="completions[3]")
        Traceback (most recent call last):
        TypeError: completions[3] is 5, no completion; give a string or a list of messages with role and content
    """
    if isinstance(completion, str):
        return CompletionText("", completion)
    try:
        return _last_text(completion)
    except _NoCompletionError as error:
        hint = f" ({error})" if str(error) else ""
        raise TypeError(
            f"{name} is {shown(completion)}, no completion; give a string or a list of messages with role and "
            f"content{hint}"
        ) from None


class _NoCompletionError(Exception):
    """What is wrong with it, where the value itself does not show it."""


def _last_text(completion: Any) -> CompletionText:
    if not isinstance(completion, list):
        completion = as_python(completion)
        if isinstance(completion, str):
            return CompletionText("", completion)
        if completion is None:
            raise _NoCompletionError('"" where the model said nothing')
        if _is_message(completion):
            raise _NoCompletionError("this is one message: put it into a list")
        if not is_sequence(completion):
            raise _NoCompletionError
    messages = [one if isinstance(one, dict) else as_python(one) for one in as_list(completion)]
    for place, message in enumerate(messages):
        if not _is_message(message):
            raise _NoCompletionError(f"item {place} is {shown(message)}, no message")
    role = _field(messages[-1], "role") if messages else "nobody"
    if not isinstance(role, str | None):
        raise _NoCompletionError(f"the last role is {shown(role)}")
    return _text_of(messages[-1]) if role in (None, "assistant") else CompletionText("", "")


def _is_message(value: Any) -> bool:
    if isinstance(value, dict | Mapping):  # a dict is told apart in a fraction of the time
        return "role" in value or "content" in value
    return hasattr(value, "role") or hasattr(value, "content")


def _field(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, dict | Mapping) else getattr(value, name, None)


def _text_of(message: Any) -> CompletionText:
    thoughts, text = _thoughts_and_text(_field(message, "content"), "content")
    for name in REASONING:  # some servers fill two of them alike
        moved = _field(message, name)
        reasoning = "" if is_missing(moved) else "".join(_thoughts_and_text(moved, name))
        if reasoning.strip():
            return CompletionText(reasoning, text)
    return CompletionText(thoughts, text)


def _thoughts_and_text(value: Any, name: str) -> tuple[str, str]:
    """What the blocks of a field hold."""
    if isinstance(value, str | None):
        return "", value or ""
    if not is_sequence(value):
        raise _NoCompletionError(f"its {name} is {shown(value)}")
    blocks = [_read_block(as_python(block), name) for block in as_list(value)]
    thoughts = "\n".join(text for is_thought, text in blocks if is_thought)
    return thoughts, "".join(text for is_thought, text in blocks if not is_thought)


def _read_block(block: Any, name: str) -> tuple[bool, str]:
    if isinstance(block, str | None):
        return False, block or ""
    if not (isinstance(block, Mapping) or hasattr(block, "text") or hasattr(block, "type")):
        raise _NoCompletionError(f"its {name} holds {shown(block)}")
    if _field(block, "type") in _TYPES_OF_THOUGHT or _field(block, "thought") is True:
        fields = ("".join(_thoughts_and_text(_field(block, field), field)) for field in _TEXTS_OF_THOUGHT)
        return True, next(filter(None, fields), "")
    text = _field(block, "text")
    if text is None and _field(block, "type") in ("text", "output_text"):
        text = _field(block, "content")
    if not isinstance(text, str | None):
        raise _NoCompletionError(f"its {name} holds {shown(block)}")
    return False, text or ""
