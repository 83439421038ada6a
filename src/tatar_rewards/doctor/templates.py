"""What a chat template writes at the end of a prompt: whether the completion begins inside `<think>`."""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

LARGEST_TEMPLATE = 1_000_000  # bytes

Message = dict[str, Any]


class TemplateError(ValueError):
    """A template that cannot be read or rendered."""


def check_template(template: Any) -> None:
    """Raises TypeError unless it is None, a tokenizer, a processor, or the text of a template."""
    if not (template is None or isinstance(template, str) or hasattr(template, "apply_chat_template")):
        raise TypeError(
            f"processing_class must be a tokenizer, a processor or the text of a chat template; got {template!r:.80}"
        )


def read_template(path: Path) -> str | None:
    """The chat template of a model's folder, or of a file; None where the folder has none.

    Raises:
        TemplateError: the file cannot be read.
    """
    if path.is_file():
        return _read(path)
    if (path / "chat_template.jinja").is_file():
        return _read(path / "chat_template.jinja")
    for name in ("chat_template.json", "processor_config.json", "tokenizer_config.json"):
        if (path / name).is_file():
            template = _in_json(path / name)
            if template is not None:
                return template
    return None


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(LARGEST_TEMPLATE).decode()
    except (OSError, UnicodeDecodeError) as error:
        raise TemplateError(f"{path}: {error}") from None


def _in_json(path: Path) -> str | None:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise TemplateError(f"{path}: {error}") from None
    template = content.get("chat_template") if isinstance(content, Mapping) else None
    if isinstance(template, list):  # several, by name
        named = {entry.get("name"): entry.get("template") for entry in template if isinstance(entry, Mapping)}
        template = named.get("default")
    return template if isinstance(template, str) else None


def render(template: Any, messages: Sequence[Message], settings: Mapping[str, Any]) -> str:
    """The text of a prompt: `template` is a tokenizer, a processor, or the text of a template.

    Raises:
        TemplateError: the template fails.
    """
    try:
        if not isinstance(template, str):
            settings = {"add_generation_prompt": True, "tokenize": False, **settings}
            rendered = template.apply_chat_template(list(messages), **settings)
            return str(rendered[0] if isinstance(rendered, list) else rendered)
        return _render_text(template, messages, settings)
    except Exception as error:  # templates raise what they like
        raise TemplateError(f"{type(error).__name__}: {error}".splitlines()[0]) from None


def _render_text(template: str, messages: Sequence[Message], settings: Mapping[str, Any]) -> str:
    from jinja2.ext import loopcontrols
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    def raise_exception(message: str) -> None:
        raise TemplateError(message)

    template = re.sub(r"{%-?\s*(end)?generation\s*-?%}", "", template)  # marks what is trained, and writes nothing
    environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[loopcontrols])
    environment.globals |= {"raise_exception": raise_exception, "strftime_now": lambda _: "1 January 2026"}
    environment.filters["tojson"] = lambda value, **_: json.dumps(value)
    values = {"messages": messages, "add_generation_prompt": True, "bos_token": "", "eos_token": "", **settings}
    return environment.from_string(template).render(**values)


def messages_of(prompt: Any, *, in_blocks: bool = False) -> list[Message]:
    """The messages of a prompt with a place for each picture; TRL puts messages with pictures into blocks."""
    messages = []
    for message in prompt:
        if isinstance(message, Mapping):
            content = _content(message.get("content"))
            if in_blocks and isinstance(content, str):
                content = [{"type": "text", "text": content}]
            messages.append({"role": str(message.get("role", "user")), "content": content})
    return messages


def _content(content: Any) -> Any:
    if content is None or isinstance(content, str):
        return content or ""
    blocks = [block for block in content if isinstance(block, Mapping)] if isinstance(content, Sequence) else []
    return [
        {"type": "text", "text": str(block["text"])}
        if block.get("text") is not None
        else {"type": str(block.get("type", "image"))}
        for block in blocks
    ]


def text_of(prompt: Any) -> str:
    """Everything that a prompt says, its messages one after another."""
    if isinstance(prompt, str):
        return prompt
    if isinstance(prompt, Mapping) or not hasattr(prompt, "__iter__"):
        return ""
    texts = []
    for message in messages_of(prompt):
        content = message["content"]
        texts += [content] if isinstance(content, str) else [block.get("text", "") for block in content]
    return "\n".join(texts)


def opens_thinking(text: str) -> bool:
    """Whether a completion of this text begins inside `<think>`."""
    return text.rstrip().endswith("<think>")
