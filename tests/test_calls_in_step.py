"""Calls of several ranks that come out of step: interrupts on two of them, calls within calls, skipped calls, modes."""

import os
import signal
import threading
import time
from types import SimpleNamespace

import pytest
import torch.distributed as dist
from support.forked import message_of, on_ranks
from support.rank_calls import REWARDS, columns_of

import tatar_rewards as tr
from tatar_rewards.distributed import calls, failing_together, gather_texts, on_this_rank_alone

pytestmark = pytest.mark.slow


def ranking():
    return REWARDS[0].fresh()


def caught(call):
    """What a call raises, interrupts too, and the seconds that it takes."""
    begun = time.monotonic()
    try:
        call()
    except BaseException as error:
        return f"{type(error).__name__}: {error}".removesuffix(": "), time.monotonic() - begun
    return "nothing", time.monotonic() - begun


def slowly(number, seconds=1.0):
    return {"log_metric": lambda name, value: time.sleep(seconds * (number and name.endswith("no_opponent_rate")))}


def test_an_interrupt_that_comes_to_two_ranks_ends_both_at_once_and_leaves_them_in_step():
    def work(number):
        threading.Timer(0.3 + 0.3 * number, os.kill, (os.getpid(), signal.SIGINT)).start()
        said, seconds = caught(lambda: ranking()(**columns_of(number) | slowly(number)))
        return said, seconds, message_of(lambda: ranking()(**columns_of(number)))

    for said, seconds, after in on_ranks(2, work):
        assert said == "KeyboardInterrupt"
        assert seconds < 5
        assert after == "nothing was raised"


def test_an_error_of_a_signal_handler_is_told_like_any_other():
    """As the one that a data loader raises when a worker dies."""

    def handle(*_):
        raise RuntimeError("a worker is killed")

    def work(number):
        signal.signal(signal.SIGALRM, handle)
        ranking()(**columns_of(number))
        if number == 0:
            signal.setitimer(signal.ITIMER_REAL, 0.3)
        return caught(lambda: ranking()(**columns_of(number) | slowly(number)))

    try:
        (first, _), (second, seconds) = on_ranks(2, work)
    finally:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
    assert first == "RuntimeError: a worker is killed"
    assert second == "RuntimeError: rank 0 failed: RuntimeError: a worker is killed"
    assert seconds < 5


def test_an_error_within_fewer_ranks_is_told_to_those_around_them():
    def alone(number):
        with failing_together("mine"):
            if number:
                with on_this_rank_alone():
                    ranking()(**columns_of(number) | {"mos": [900.0, 1.0]})

    def some(number, group):
        with failing_together("mine"):
            if number < 2:
                ranking().fresh(process_group=group)(**columns_of(number) | {"mos": [900.0 * number, 1.0]})

    first, second = on_ranks(2, lambda number: caught(lambda: alone(number)))
    assert first[0].startswith("RuntimeError: rank 1 failed: ValueError: mos[0] is 900")
    assert second[0].startswith("ValueError: mos[0] is 900")

    def work(number):
        group = dist.new_group([0, 1])
        return caught(lambda: some(number, group))

    told = on_ranks(3, work)
    assert told[1][0].startswith("ValueError: mos[0] is 900")
    assert told[0][0].startswith("RuntimeError: rank 1 failed: ValueError: mos[0] is 900")
    assert "rank 1 failed: ValueError: mos[0] is 900" in told[2][0]
    assert all(seconds < 5 for _, seconds in told)


@pytest.mark.parametrize("way", ["wrapped", "passed over on one rank", "raised again"])
def test_an_error_of_a_call_within_a_call_ends_the_outer_one_whatever_a_rank_makes_of_it(way):
    def body(number):
        with failing_together("mine"):
            try:
                ranking()(**columns_of(number) | {"mos": [900.0 * number, 1.0]})
            except ValueError as error:  # on rank 1; rank 0 gets a RuntimeError
                if way == "wrapped":
                    raise KeyError("wrapped") from error
                if way == "raised again":
                    raise
            except RuntimeError:
                if way != "raised again":
                    raise

    for said, seconds in on_ranks(2, lambda number: caught(lambda: body(number))):
        assert said != "nothing"
        assert seconds < 5


def test_a_call_that_has_failed_stays_failed_whatever_the_body_makes_of_it():
    def body(number):
        with failing_together("mine"):
            if number:
                raise KeyError("lost")
            for _ in range(2):
                with pytest.raises(RuntimeError, match="rank 1 failed: KeyError"):
                    gather_texts("go on")

    (first, _), (second, _) = on_ranks(2, lambda number: caught(lambda: body(number)))
    assert first == "RuntimeError: rank 1 failed: KeyError: 'lost'"
    assert second == "KeyError: 'lost'"


def test_a_call_that_one_rank_skips_is_told_by_the_trainers_step():
    def work(number):
        reward, said = ranking(), []
        for step in range(3):
            if number and step == 1:
                continue
            columns = columns_of(number) | {"trainer_state": SimpleNamespace(global_step=step)}
            said.append(message_of(lambda columns=columns: reward(**columns)))
        return said[:2]

    for first, second in on_ranks(2, work):
        assert first == "nothing was raised"
        assert "call 2 at step 1; rank 1: iaa_thurstone_rank" in second
        assert "call 2 at step 2)" in second


def test_a_call_that_began_alone_stays_alone_when_the_scope_is_left():
    def work(number):
        if number == 0:
            with on_this_rank_alone():
                slow = columns_of(7) | slowly(1, 0.5)
                said = []
                thread = threading.Thread(target=lambda: said.append(message_of(lambda: ranking()(**slow))))
                thread.start()
                time.sleep(0.2)
            thread.join()
            return said
        return ["nothing was raised"]

    assert on_ranks(2, work) == [["nothing was raised"]] * 2


@pytest.mark.parametrize("fault", ["mode", "place"])
def test_ranks_of_different_modes_and_kinds_of_keys_are_told(fault):
    class Trainer:
        def __init__(self, training):
            self.model = SimpleNamespace(training=training)

        def log(self, name, value):
            pass

    def work(number):
        columns = columns_of(number)
        reward = tr.ThurstoneRankReward(num_generations=2)
        if fault == "mode":
            columns["log_metric"] = Trainer(training=number == 0).log
        elif number:
            del columns["image_id"]
            columns["mos"] = [20.0, 20.0]
        return message_of(lambda: reward(**columns))

    for said in on_ranks(2, work):
        assert "the ranks gather for different things" in said
        assert {"mode": "evaluation", "place": "images by place"}[fault] in said


def test_numbers_go_on_after_all_that():
    def work(number):
        seen = []
        for _ in range(3):
            with failing_together("mine"):
                seen.append(calls._call.get().number)
        return seen

    assert on_ranks(2, work) == [[1, 2, 3]] * 2
