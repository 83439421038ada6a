"""Asking models through the OpenAI chat API: a client for each role, retries, and pictures in messages."""

import base64
import io
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal, TypeVar

import openai
from openai.types import CompletionUsage
from openai.types.chat import ChatCompletionContentPartImageParam, ChatCompletionMessageParam
from PIL import Image
from pydantic import BaseModel, ValidationError

from recipe.config import Endpoint, RationaleSettings

Role = Literal["iqa", "iaa", "judge"]
ROLES: tuple[Role, ...] = ("iqa", "iaa", "judge")
Answer = TypeVar("Answer")
Schema = TypeVar("Schema", bound=BaseModel)

FATAL = (openai.AuthenticationError, openai.PermissionDeniedError, openai.NotFoundError, openai.BadRequestError)
LONGEST_SIDE = 1024  # of the pictures that are sent, in pixels


class ChatClients:
    """A client for each role to which the recipe gives a server; safe to use from several threads."""

    def __init__(self, settings: RationaleSettings) -> None:
        endpoints: dict[Role, Endpoint | None] = {role: getattr(settings, role) for role in ROLES}
        self.endpoints = {role: endpoint for role, endpoint in endpoints.items() if endpoint is not None}
        self.clients = {
            role: openai.OpenAI(
                base_url=endpoint.base_url,
                api_key=os.environ.get(endpoint.api_key_env) or "none",
                timeout=endpoint.timeout,
                max_retries=endpoint.retries,
            )
            for role, endpoint in self.endpoints.items()
        }

    def ask_for_text(self, role: Role, messages: list[ChatCompletionMessageParam]) -> tuple[str, list[int]]:
        """A text, and the prompt and completion tokens that it cost."""
        endpoint, completions = self.endpoints[role], self.clients[role].chat.completions

        def call() -> tuple[str | None, CompletionUsage | None]:
            reply = completions.create(
                model=endpoint.model,
                messages=messages,
                max_tokens=endpoint.max_tokens,
                temperature=endpoint.temperature,
            )
            return reply.choices[0].message.content, reply.usage

        return self._ask_until_usable(role, call)

    def ask_for_schema(
        self, role: Role, messages: list[ChatCompletionMessageParam], schema: type[Schema]
    ) -> tuple[Schema, list[int]]:
        """An instance of the schema, and the prompt and completion tokens that it cost."""
        endpoint, completions = self.endpoints[role], self.clients[role].chat.completions

        def call() -> tuple[Schema | None, CompletionUsage | None]:
            reply = completions.parse(
                model=endpoint.model,
                messages=messages,
                max_tokens=endpoint.max_tokens,
                temperature=0.0,
                response_format=schema,
            )
            return reply.choices[0].message.parsed, reply.usage

        return self._ask_until_usable(role, call)

    def _ask_until_usable(
        self, role: Role, call: Callable[[], tuple[Answer | None, CompletionUsage | None]]
    ) -> tuple[Answer, list[int]]:
        """Call again after an empty answer or junk; exit where a retry cannot help, such as after a wrong key."""
        endpoint = self.endpoints[role]
        for attempt in range(endpoint.retries + 1):
            try:
                answer, usage = call()
                if answer:
                    return answer, [usage.prompt_tokens, usage.completion_tokens] if usage else [0, 0]
                problem: object = "an empty answer"
            except FATAL as error:
                raise SystemExit(f"{role} at {endpoint.base_url}: {error}; mend rationales.{role}") from None
            except (openai.OpenAIError, ValidationError, ValueError, AttributeError, TypeError, IndexError) as error:
                problem = error  # the client has retried what it can retry; what remains is junk in place of an answer
            time.sleep(min(8, 0.25 * 2**attempt))
        raise RuntimeError(f"{role} at {endpoint.base_url} gave no usable answer: {problem!r:.200}")


def picture_block(path: Path) -> ChatCompletionContentPartImageParam:
    """The picture as a part of a message."""
    with Image.open(path) as opened:
        picture = opened.convert("RGB")
        picture.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
        file = io.BytesIO()
        picture.save(file, "JPEG", quality=90)
    encoded = base64.b64encode(file.getvalue()).decode()
    return {"type": "image_url", "image_url": {"url": f"data:image/jpeg;base64,{encoded}"}}
