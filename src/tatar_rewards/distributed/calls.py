"""Messages between ranks, and calls that all ranks end alike.

Every message has one size, whatever it carries, and says which call it belongs to. So a rank that fails can answer any
message of the others with its failure, at whatever step of a call each of them is.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, NoReturn
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from tatar_rewards.distributed.groups import among, prepare_all_gather, process_group
from tatar_rewards.distributed.keys import stable_key

Words = NDArray[np.int64]

CAPACITY = 4096  # 64-bit words that one message carries; what is longer takes several
_HEADER = 4  # words: kind of message, what it is for, number of the call, words of all messages together


class Kind(IntEnum):
    """What a message carries."""

    ROWS = 0
    TEXT = 1
    DONE = 2
    FAILURE = 3


@dataclass
class _Call:
    number: int
    around: "_Call | None"  # the call that this one is a part of
    told: BaseException | None = None  # what the other ranks know of, or what they cannot be told
    over: bool = False  # this rank has sent its last message, and no other waits for one


_call: ContextVar[_Call | None] = ContextVar("tatar_rewards_call", default=None)
_numbers: WeakKeyDictionary[Any, int] = WeakKeyDictionary()  # calls so far of each process group


@contextmanager
def failing_together(caller: str = "", *, process_group: Any = None) -> Iterator[None]:
    """One call that all ranks make: what is raised within it on one of them ends it on all, with its message.

    Whatever is raised counts, KeyboardInterrupt and SystemExit too, and wherever: before, between and after what is
    gathered. The call ends with a collective, so that no rank goes on before all of them have come through.

    Args:
        caller: Who calls; ranks that meet with different callers raise.
        process_group: The ranks that take part, a group of `torch.distributed`; None: those of the call around this
            one, or all.

    Raises:
        RuntimeError: another rank failed; the message has its number and its error. Or the ranks are in different
            calls.
        TypeError: `process_group` is something else.
        ValueError: this rank does not belong to it.

    Examples:
        >>> with failing_together("my reward"):
        ...     rewards = [0.5]  # gather_rows(...), and anything that may raise
    """
    with among(process_group):
        call = _Call(_next_number(), _call.get())
        try:
            _call.set(call)
            yield
            exchange(Kind.DONE, caller, np.zeros(0, np.int64))
        except BaseException as error:
            if not call.over and error is not call.told:
                _tell(error)
            _remember_told(error)
            raise
        finally:
            _call.set(call.around)
            call.told = None


def exchange(kind: Kind, what: str, words: Words) -> list[Words]:
    """The words of every rank, in order of rank; `what` they are for must be the same on all of them.

    Raises:
        RuntimeError: another rank failed, or the ranks exchange different things or in different calls.
    """
    if process_group() is None:
        return [words]
    call = _call.get()
    header = np.array([kind, stable_key(what), 0 if call is None else call.number], np.int64)
    first = _send(header, words, 0)
    if (first[:, : len(header)] != header).any():
        _raise_met_differently(kind, what, call)
    lengths = first[:, len(header)]
    rest = [_send(header, words, start) for start in range(CAPACITY, int(lengths.max()), CAPACITY)]
    parts = np.concatenate([messages[:, _HEADER:] for messages in (first, *rest)], axis=1)
    return [part[:length] for part, length in zip(parts, lengths, strict=True)]


def exchange_texts(text: str) -> list[str]:
    """A text from each rank, in order of rank."""
    return [_to_text(part) for part in exchange(Kind.TEXT, "a text", _to_words(text))]


def _next_number() -> int:
    group = process_group()
    if group is None:
        return 0
    _numbers[group] = _numbers.get(group, 0) + 1
    return _numbers[group]


# ---------------------------------------------------------------- one message


def _send(header: Words, words: Words, start: int) -> Words:
    """Send the words from `start` on, as many as fit; the messages of all ranks, (ranks, header and words)."""
    message = np.zeros(_HEADER + CAPACITY, np.int64)
    chunk = words[start : start + CAPACITY]
    message[: len(header)], message[len(header)] = header, len(words)
    message[_HEADER : _HEADER + len(chunk)] = chunk
    all_gather, filled = prepare_all_gather(process_group(), message)
    call = _call.get()
    if call is not None:
        call.over = header[0] == Kind.DONE
    try:
        all_gather()
    except Exception as error:  # the group is broken, and nobody can be told
        _remember_told(error)
        raise
    messages: Words = filled.numpy(force=True)
    failures = [
        f"rank {rank} failed: {_to_text(sent[_HEADER:])}"
        for rank, sent in enumerate(messages)
        if sent[0] == Kind.FAILURE
    ]
    if failures and header[0] != Kind.FAILURE:
        _raise_everywhere("; ".join(failures))
    return messages


def _tell(error: BaseException) -> None:
    """Answer the message that the other ranks wait for with a failure."""
    if process_group() is None:
        return
    with suppress(Exception):  # nothing may hide the error itself
        header = np.array([Kind.FAILURE, 0, 0], np.int64)
        _send(header, _to_words(_describe(error)[: 2 * CAPACITY]), 0)  # up to four bytes a character


def _describe(error: BaseException) -> str:
    name = type(error).__name__
    try:
        return f"{name}: {error}".removesuffix(": ")
    except BaseException:
        return f"{name}, whose text cannot be had"


def _raise_met_differently(kind: Kind, what: str, call: _Call | None) -> NoReturn:
    """Raise on all ranks alike what each of them is at."""
    mine = what or "a call without a name"
    mine += " (its end)" if kind is Kind.DONE else ""
    mine += "" if call is None else f", call {call.number}"
    messages = _send(np.array([Kind.TEXT, 0, 0], np.int64), _to_words(mine[: 2 * CAPACITY]), 0)
    met = "; ".join(f"rank {rank}: {_to_text(message[_HEADER:])}" for rank, message in enumerate(messages))
    _raise_everywhere(f"the ranks gather for different things ({met}); give every rank the same rewards in one order")


def _raise_everywhere(message: str) -> NoReturn:
    """Raise what all ranks see at this moment."""
    error = RuntimeError(message)
    _remember_told(error)
    try:
        raise error
    finally:
        del error  # or it would hold this frame, and with it the process group, in a circle


def _remember_told(error: BaseException) -> None:
    """No rank waits to be told of this error, neither in this call nor in one around it."""
    call = _call.get()
    while call is not None:
        call.told, call = error, call.around


def _to_words(text: str) -> Words:
    """The length in bytes, then the bytes."""
    message = text.encode(errors="replace")  # nothing in a text may keep a rank from answering
    padded = message.ljust(-(-len(message) // 8) * 8, b"\0")
    return np.concatenate([np.array([len(message)], np.int64), np.frombuffer(padded, np.int64)])


def _to_text(part: Words) -> str:
    return part[1:].tobytes()[: int(part[0])].decode(errors="replace")
