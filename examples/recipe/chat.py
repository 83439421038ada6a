"""Asking models through the OpenAI chat API: clients, retries, and what servers send in place of a text."""

import asyncio
import base64
import io
import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeVar

import openai
from openai.types.chat import ChatCompletionContentPartImageParam, ChatCompletionMessageParam
from pydantic import BaseModel

from recipe.config import RationaleSettings
from recipe.images import open_picture
from recipe.secrets import endpoints_of, key_of, redact

Role = Literal["iqa", "iaa", "judge"]
Schema = TypeVar("Schema", bound=BaseModel)
Answer = TypeVar("Answer")

FATAL = (openai.AuthenticationError, openai.PermissionDeniedError, openai.NotFoundError)
REFUSED = (openai.BadRequestError, openai.UnprocessableEntityError)
LONGEST_SIDE = 1024  # of the pictures that are sent, in pixels
LARGEST_BODY = 4_000_000  # bytes of an answer
THOUGHTS = re.compile(r".*</think>", re.DOTALL)
FENCE = re.compile(r"```[\w-]*\n(.*?)\n?```\s*", re.DOTALL)


class Reply(NamedTuple):
    """What a server answered."""

    text: str  # without thoughts and fences
    tokens: list[int]  # of the prompt and the completion, as far as the server tells
    finish_reason: str


class Hopeless(Exception):
    """Asking on cannot help: a key is wrong, for example."""


class Refused(Exception):
    """The server refuses this one request, whatever else it answers."""


class Unusable(Exception):
    """The server gave no usable answer, however often it was asked."""


class ChatClients:
    """A client for each role to which the recipe gives a server."""

    def __init__(self, settings: RationaleSettings) -> None:
        self.settings, self.endpoints = settings, endpoints_of(settings)
        self.clients = {
            role: openai.AsyncOpenAI(
                base_url=endpoint.base_url,
                api_key=key_of(endpoint),
                timeout=endpoint.timeout,
                max_retries=0,  # `_ask_until_usable` asks again, after junk too
                default_headers={"Accept-Encoding": "identity"},  # a packed body could unpack to anything
                http_client=openai.DefaultAsyncHttpxClient(event_hooks={"response": [refuse_large_error]}),
            )
            for role, endpoint in self.endpoints.items()
        }

    async def ask_for_text(self, role: Role, messages: list[ChatCompletionMessageParam]) -> Reply:
        """A text that is not empty.

        Raises:
            Refused: the server refuses the request.
            Unusable: no answer was a text.
        """
        reply, _ = await self._ask_until_usable(role, messages, {}, lambda text: text)
        return reply

    async def ask_for_schema(
        self, role: Role, messages: list[ChatCompletionMessageParam], schema: type[Schema]
    ) -> tuple[Schema, list[int]]:
        """An instance of the schema, and the prompt and completion tokens that it cost.

        Raises:
            Refused: the server refuses the request.
            Unusable: no answer was one.
        """
        structure, shape = self.endpoints[role].structure, schema.model_json_schema()
        options: dict[str, Any] = {"temperature": 0.0}
        if structure == "schema":
            form = {"name": schema.__name__, "schema": shape | {"additionalProperties": False}, "strict": True}
            options["response_format"] = {"type": "json_schema", "json_schema": form}
        else:
            wanted = f"Answer with one JSON object of this schema, and nothing else: {json.dumps(shape)}"
            messages = [*messages, {"role": "user", "content": wanted}]
        if structure == "object":
            options["response_format"] = {"type": "json_object"}
        reply, answer = await self._ask_until_usable(role, messages, options, lambda text: read_json(text, schema))
        return answer, reply.tokens

    async def _ask_until_usable(
        self,
        role: Role,
        messages: list[ChatCompletionMessageParam],
        options: Mapping[str, Any],
        read: Callable[[str], Answer],
    ) -> tuple[Reply, Answer]:
        """Call again after an empty answer or junk."""
        endpoint, problem = self.endpoints[role], ""
        where = f"{role} at {endpoint.base_url}"
        for attempt in range(endpoint.retries + 1):
            pause = min(8, 0.25 * 2**attempt)
            try:
                body = await asyncio.wait_for(self._call(role, messages, options), endpoint.timeout)
                reply = read_reply(json.loads(body))
                if reply.text:
                    return reply, read(reply.text)
                problem = f"an empty answer (finish_reason {reply.finish_reason})"
            except FATAL as error:
                raise Hopeless(redact(f"{where}: {error}; mend rationales.{role}", self.settings)) from None
            except REFUSED as error:
                raise Refused(redact(f"{where} refuses it: {error}", self.settings)) from None
            except TimeoutError:
                problem = f"no whole answer in {endpoint.timeout:g} seconds"
            except Exception as error:  # whatever a server sends, and whatever library meets it
                problem = f"{type(error).__name__}: {error}"
                pause = asked_pause(error, pause)
            await asyncio.sleep(pause if attempt < endpoint.retries else 0)
        problem = redact(problem, self.settings)  # before it is cut: half a key is none that could be found
        raise Unusable(f"{redact(where, self.settings)} gave no usable answer: {problem:.300}")

    async def _call(self, role: Role, messages: list[ChatCompletionMessageParam], options: Mapping[str, Any]) -> bytes:
        """The body of an answer, as far as it is not too large."""
        endpoint, body = self.endpoints[role], bytearray()
        request: dict[str, Any] = {"model": endpoint.model, "messages": messages}
        request |= {endpoint.max_tokens_name: endpoint.max_tokens, "temperature": endpoint.temperature, **options}
        if endpoint.temperature is None:
            del request["temperature"]
        completions = self.clients[role].chat.completions.with_streaming_response
        async with completions.create(**request, extra_body=endpoint.extra_body or None) as response:
            async for chunk in response.iter_bytes():
                body += chunk
                if len(body) > LARGEST_BODY:
                    raise ValueError(f"an answer of more than {LARGEST_BODY} bytes")
        return bytes(body)


async def refuse_large_error(response: Any) -> None:
    """The client reads the bodies of errors whole, before anybody can look at them: so they are read here, bounded."""
    if response.status_code < 400:
        return
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > LARGEST_BODY:
            await response.aclose()
            raise ValueError(f"an error of more than {LARGEST_BODY} bytes")
    response._content = bytes(body)  # as the response keeps what it has read


def asked_pause(error: Exception, otherwise: float) -> float:
    """How many seconds the server asks to wait, within reason."""
    headers = getattr(getattr(error, "response", None), "headers", {})
    try:
        return min(60.0, max(0.0, float(headers.get("retry-after", otherwise))))
    except ValueError:  # a date
        return otherwise


# ---------------------------------------------------------------- what servers send


def read_reply(reply: Any) -> Reply:
    """The text of an answer, whatever form its content has; junk raises a LookupError, TypeError or AttributeError."""
    choice = reply["choices"][0]
    content, usage = choice["message"].get("content"), reply.get("usage")
    if isinstance(content, list):  # blocks
        content = "".join(str(block.get("text") or "") for block in content)
    text = strip_wrapping(clean(content if isinstance(content, str) else ""))
    counts = usage if isinstance(usage, Mapping) else {}
    tokens = [_count(counts.get(name)) for name in ("prompt_tokens", "completion_tokens")]
    return Reply(text, tokens, clean(str(choice.get("finish_reason"))))


def strip_wrapping(text: str) -> str:
    """Without the thoughts that end in `</think>`, and without a code fence around all of it."""
    text = THOUGHTS.sub("", text).strip()
    fenced = FENCE.fullmatch(text)
    return (fenced[1] if fenced else text).strip()


def read_json(text: str, schema: type[Schema]) -> Schema:
    """The first object in a text that fits, whatever a model says before and after it."""
    for start in (found.start() for found in re.finditer("{", text)):
        try:
            value, _ = json.JSONDecoder().raw_decode(text, start)
            return schema.model_validate(value)
        except ValueError:
            continue
    raise ValueError(f"no {schema.__name__} in {text!r:.100}")


def clean(text: str) -> str:
    """Without what cannot be written to a file: lone surrogates become the sign for what is no character."""
    return re.sub("[\ud800-\udfff]", "\ufffd", text)


def _count(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**9 else 0


def picture_block(path: Path) -> ChatCompletionContentPartImageParam:
    """The picture as a part of a message."""
    picture = open_picture(path)
    picture.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=90)
    encoded = base64.b64encode(file.getvalue()).decode()
    return {"type": "image_url", "image_url": {"url": f"data:image/jpeg;base64,{encoded}"}}
