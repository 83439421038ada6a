"""Prompts that a trainer cannot make tokens of: it would stop at its first step."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tatar_rewards.findings import Finding


def check_shapes(prompts: Mapping[int, Any]) -> Iterator[Finding]:
    """Faults of the sampled prompts, by row: each must be a text, or messages with role and content."""
    wrong = {row: problem for row, prompt in prompts.items() if (problem := _problem(prompt)) is not None}
    if wrong:
        row, problem = next(iter(wrong.items()))
        more = f" ({len(wrong)} of {len(prompts)} prompts that were looked at)" if len(wrong) > 1 else ""
        yield Finding(
            "prompts",
            f"prompt[{row}] {problem}{more}",
            "give a text, or messages: [{'role': 'user', 'content': ...}]",
        )
    kinds = {isinstance(prompt, str) for prompt in prompts.values()}
    if not wrong and len(kinds) > 1:
        yield Finding(
            "prompts", "some prompts are texts and others messages", "give all of them as texts, or all as messages"
        )


def _problem(prompt: Any) -> str | None:
    if isinstance(prompt, str):
        return None if prompt.strip() else "is an empty text"
    if not isinstance(prompt, Sequence) or isinstance(prompt, bytes):
        return f"is {prompt!r:.60}, neither a text nor messages"
    if not prompt:
        return "holds no message"
    for message in prompt:
        if not isinstance(message, Mapping):
            return f"holds {message!r:.60}, no message"
        for field in ("role", "content"):
            if message.get(field) is None:
                return f"holds a message without {field}: {message!r:.60}"
    return None
