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
_HEADER = 5  # words: kind of message, what it is for, number of the call, the trainer's step, words of all messages


class Kind(IntEnum):
    """What a message carries."""

    ROWS = 0
    TEXT = 1
    DONE = 2
    FAILURE = 3


@dataclass
class _Call:
    number: int
    step: int  # of the trainer; -1: nobody says
    around: "_Call | None"  # the call that this one is a part of
    failed: str = ""  # what all its ranks know to have failed, or why they cannot be told anything
    over: bool = False  # this rank has sent its last message, and no other waits for one
    received: Any = None  # the tensor with the last messages of all ranks, as far as they have arrived


_call: ContextVar[_Call | None] = ContextVar("tatar_rewards_call", default=None)
_numbers: WeakKeyDictionary[Any, int] = WeakKeyDictionary()  # calls so far of each process group


@contextmanager
def failing_together(caller: str = "", *, process_group: Any = None, step: int | None = None) -> Iterator[None]:
    """One call that all ranks make: what is raised within it on one of them ends it on all, with its message.

    Whatever is raised counts, KeyboardInterrupt and SystemExit too, and wherever: before, between and after what is
    gathered. The call ends with a collective, so that no rank goes on before all of them have come through. A call
    within a call may have fewer ranks: what fails it is told to its own ranks, and then to those of the outer one.

    Args:
        caller: Who calls; ranks that meet with different callers raise.
        process_group: The ranks that take part, a group of `torch.distributed`; None: those of the call around this
            one, or all.
        step: The trainer's; ranks that meet at different steps raise.

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
        call = _Call(_next_number(), -1 if step is None else step, _call.get())
        try:
            _call.set(call)
            yield
            if call.failed:  # whatever the body made of it
                raise RuntimeError(call.failed)
            exchange(Kind.DONE, caller, np.zeros(0, np.int64))
        except BaseException as error:
            if not call.over and not call.failed and not _has_failure(call.received):
                _tell(error)
            raise
        finally:
            _call.set(call.around)
            call.received = None


def exchange(kind: Kind, what: str, words: Words) -> list[Words]:
    """The words of every rank, in order of rank; `what` they are for must be the same on all of them.

    Raises:
        RuntimeError: another rank failed, or the ranks exchange different things or in different calls.
    """
    if process_group() is None:
        return [words]
    call = _call.get()
    if call is not None and call.failed:
        raise RuntimeError(call.failed)
    number, step = (0, -1) if call is None else (call.number, call.step)
    header = np.array([kind, stable_key(what), number, step], np.int64)
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
        call.received = filled
        call.over = header[0] == Kind.DONE
    try:
        all_gather()
    except Exception as error:
        if not (filled[:, 0] >= 0).all():  # else a signal handler raised it, after the messages had come
            _give_up(f"the ranks cannot be reached: {error}")
        raise
    messages: Words = filled.numpy(force=True)
    if header[0] != Kind.FAILURE:
        _raise_failures(messages)
    return messages


def _raise_failures(messages: Words) -> None:
    failures = [
        f"rank {rank} failed: {_to_text(sent[_HEADER:])}"
        for rank, sent in enumerate(messages)
        if sent[0] == Kind.FAILURE
    ]
    if failures:
        _raise_everywhere("; ".join(failures))


def _has_failure(received: Any) -> bool:
    """Whether the last messages, which an interrupt may have kept from being read, hold a failure of another rank."""
    return received is not None and bool((received[:, 0] == Kind.FAILURE).any())


def _tell(error: BaseException) -> None:
    """Answer the message that the other ranks wait for with a failure."""
    if process_group() is None:
        return
    with suppress(Exception):  # nothing may hide the error itself
        header = np.array([Kind.FAILURE, 0, 0, 0], np.int64)
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
    mine += "" if call is None or call.step < 0 else f" at step {call.step}"
    messages = _send(np.array([Kind.TEXT, 0, 0, 0], np.int64), _to_words(mine[: 2 * CAPACITY]), 0)
    met = "; ".join(f"rank {rank}: {_to_text(message[_HEADER:])}" for rank, message in enumerate(messages))
    _raise_everywhere(f"the ranks gather for different things ({met}); give every rank the same rewards in one order")


def _raise_everywhere(message: str) -> NoReturn:
    """Raise what all ranks of the call see at this moment."""
    call = _call.get()
    if call is not None:
        call.failed = message
    raise RuntimeError(message)


def _give_up(why: str) -> None:
    """No rank can be told anything, neither in this call nor in one around it."""
    call = _call.get()
    while call is not None:
        call.failed, call = why, call.around


def _to_words(text: str) -> Words:
    """The length in bytes, then the bytes."""
    message = text.encode(errors="replace")  # nothing in a text may keep a rank from answering
    padded = message.ljust(-(-len(message) // 8) * 8, b"\0")
    return np.concatenate([np.array([len(message)], np.int64), np.frombuffer(padded, np.int64)])


def _to_text(part: Words) -> str:
    return part[1:].tobytes()[: int(part[0])].decode(errors="replace")
