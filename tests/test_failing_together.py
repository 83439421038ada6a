"""A call that fails on one rank, wherever, fails on all: between real processes, forked to start at once."""

import asyncio
import linecache
import sys
import time
import warnings
from contextvars import copy_context
from pathlib import Path

import numpy as np
import pytest
from support.forked import message_of, on_ranks
from support.rank_calls import REWARDS, columns_of

import tatar_rewards as tr
from tatar_rewards.distributed import calls, failing_together, gather_rows, gather_texts

PACKAGE = str(Path(tr.__file__).parent)


class NoText(Exception):
    def __str__(self):
        raise ValueError("no text either")


ERRORS = [lambda: ValueError("here"), KeyboardInterrupt, lambda: SystemExit(3), asyncio.CancelledError, NoText]


class RaiseAt:
    """Raises at the n-th line that a call runs in this package, once it has begun to fail together.

    Where messages are sent only interrupts come at any line: an error there means that the group is broken. Left out
    are the line that sends the last message, since nobody can know whether it went, and the moment in which Python
    leaves a `with`, which it does not protect itself.
    """

    def __init__(self, line, error):
        self.lines_left, self.error, self.place = line, error, None

    def __call__(self, frame, event, argument):
        if not frame.f_code.co_filename.startswith(PACKAGE):
            return None
        call = calls._call.get()
        if event == "line" and call is not None and not self.is_left_out(frame, call.over):
            self.lines_left -= 1
            if self.lines_left == 0:
                self.place = f"{Path(frame.f_code.co_filename).name}:{frame.f_lineno}"
                raise KeyboardInterrupt if frame.f_code.co_name == "_send" else self.error()
        return self

    @staticmethod
    def is_left_out(frame, over):
        line = linecache.getline(frame.f_code.co_filename, frame.f_lineno).strip()
        return line.startswith("with ") or (over and line in ("try:", "all_gather()"))

    def run(self, call):
        """What the call raises, if it was there."""
        sys.settrace(self)
        try:
            copy_context().run(call)  # what is raised where a call ends leaves no context behind
        except BaseException as error:
            return error
        finally:
            sys.settrace(None)
        return None


def untouched(reward):
    return reward.state_dict() == reward.fresh().state_dict() and not reward.state.labels_checked


def raise_at_every_line(reward, number, failing):
    """Calls until one has no line left to raise at: (place, what this rank raised, whether the state is as before)."""
    seen, line = [], 0
    stride = 3 if reward is REWARDS[0] else 1  # a ranking runs ten times as many lines
    while True:
        line += stride
        fresh, columns = reward.fresh(), columns_of(number)
        raiser = RaiseAt(line if number == failing else 0, ERRORS[line // stride % len(ERRORS)])
        raised = raiser.run(lambda fresh=fresh, columns=columns: fresh(**columns))
        place = gather_texts(raiser.place or "")[failing]
        if not place:
            assert raised is None, raised
            return seen
        told = "" if raised is None else f"{type(raised).__name__}: {raised}" if number != failing else "its own"
        seen.append((place, told, untouched(fresh)))


@pytest.mark.slow
@pytest.mark.parametrize("reward", REWARDS, ids=lambda reward: reward.__name__)
@pytest.mark.parametrize("failing", [1])
def test_whatever_line_fails_on_one_rank_ends_the_call_on_all_and_leaves_no_trace(reward, failing):
    warnings.simplefilter("ignore")
    results = on_ranks(2, lambda number: raise_at_every_line(reward, number, failing))
    other, own = results[1 - failing], results[failing]
    assert len(other) == len(own) > 150
    failed = [told for _, told, _ in other if told]
    for told in failed:
        assert told.startswith(f"RuntimeError: rank {failing} failed: ")
    for said in (
        "ValueError: here",
        "KeyboardInterrupt",
        "SystemExit: 3",
        "CancelledError",
        "whose text cannot be had",
    ):
        assert any(said in told for told in failed), said
    assert all(told == "its own" for _, told, _ in own)
    # Once the last message is sent nobody waits, and the others go on; there is little left to fail.
    late = [place for place, told, _ in other if not told]
    assert len(late) < 40
    assert all(told == "" for _, told, _ in other[len(failed) :])
    assert all(clean for _, told, clean in other if told)
    assert all(clean for _, _, clean in own[: len(failed)])


@pytest.mark.parametrize("failing", [0, 1, 2])
def test_a_callback_that_raises_after_the_last_figures_is_told_within_seconds(failing):
    def work(number):
        reward, columns = REWARDS[0].fresh(), columns_of(number)
        if number == failing:

            def fail(name, value):
                if name.endswith("off_budget_share"):
                    raise KeyError("lost")

            columns["log_metric"] = fail
        begun = time.monotonic()
        first = message_of(lambda: reward(**columns))
        again = reward(**columns_of(number))
        return first, again, time.monotonic() - begun

    results = on_ranks(3, work)
    for number, (first, again, seconds) in enumerate(results):
        assert first == (
            "KeyError: 'lost'" if number == failing else f"RuntimeError: rank {failing} failed: KeyError: 'lost'"
        )
        assert all(value is not None for value in again)
        assert seconds < 10


def test_warnings_as_errors_on_one_rank_end_all():
    def work(number):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            return message_of(
                lambda: REWARDS[0].fresh()(**columns_of(number) | {"image_id": ["a", "a"], "mos": [20.0, 20.0]})
            )

    first, second = on_ranks(2, work)
    assert first.startswith("UserWarning: iaa_thurstone_rank: 100% of the completions")
    assert second.startswith("RuntimeError: rank 0 failed: UserWarning: iaa_thurstone_rank: 100%")


@pytest.mark.parametrize("rows", [1, 900, 3000])
def test_an_interrupt_between_the_messages_of_one_gather_is_told(rows):
    """Rows that take several messages: the rank fails at any of them."""

    def work(number):
        seen = []
        for line in range(1, 200, 7):
            raiser = RaiseAt(line if number else 0, KeyboardInterrupt)

            def gather():
                with failing_together("many"):
                    gather_rows(np.zeros((rows, 2)), np.zeros((rows, 3)))

            raised = raiser.run(gather)
            if not gather_texts(raiser.place or "")[1]:
                return seen
            seen.append(repr(raised))
        return seen

    others, _ = on_ranks(2, work)
    told = [text for text in others if text != "None"]
    assert len(told) > 5
    assert all("rank 1 failed: KeyboardInterrupt" in text for text in told)


# ---------------------------------------------------------------- calls in step


def test_ranks_that_are_a_call_apart_are_told():
    def skip(number):
        """A call that one rank alone believes to make."""
        if number:
            calls._next_number()
        return message_of(lambda: REWARDS[0].fresh()(**columns_of(number)))

    for message in on_ranks(2, skip):
        assert message.startswith("RuntimeError: the ranks gather for different things (rank 0: iaa_thurstone_rank ")
        assert ", call 1; rank 1: iaa_thurstone_rank (2 keys, 3 values), call 2)" in message


def test_a_call_within_a_call_fails_once():
    def work(number):
        def both():
            with failing_together("outer"):
                message = message_of(lambda: REWARDS[1].fresh()(**columns_of(number) | {"mos": [20.0, 400.0 * number]}))
                texts = gather_texts(message)  # caught on all ranks alike, so they go on together
                if number:
                    raise KeyError("after all")
                return texts

        return message_of(both), gather_texts(f"rank {number}")

    first, second = on_ranks(2, work)
    assert first == ("RuntimeError: rank 1 failed: KeyError: 'after all'", ["rank 0", "rank 1"])
    assert second == ("KeyError: 'after all'", ["rank 0", "rank 1"])
