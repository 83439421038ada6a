"""The gather between real processes, forked to start at once; `test_distributed.py` launches them by torchrun."""

import sys

import numpy as np
import pytest
from support.forked import message_of, on_ranks

from tatar_rewards.distributed import (
    failing_together,
    gather_rows,
    gather_texts,
    on_this_rank_alone,
    rank,
    stable_key,
    stable_keys,
)
from tatar_rewards.distributed.calls import CAPACITY
from tatar_rewards.distributed.groups import _device as device_of

KEPT = -8268598513533750391  # the key of "iaa", "AVA", "1.jpg"
KEPT_MIXED = 803702791680353286  # of "iaa", None, 7


def fail(error):
    with failing_together():
        raise error


@pytest.mark.parametrize("world", [1, 2, 3])
def test_every_rank_gets_the_rows_of_all_and_knows_its_own(world):
    lengths = (2, 0, 3)[:world]

    def work(number):
        n = lengths[number]
        keys = np.array([[10 * number + k, -k] for k in range(n)], np.int64).reshape(n, 2)
        values = np.array([[k / 7, np.nan, np.inf] for k in range(n)]).reshape(n, 3)
        rows = gather_rows(keys, values, caller="a")
        assert rows.rank == rank() == number
        np.testing.assert_array_equal(rows.keys[rows.local], keys)
        np.testing.assert_array_equal(rows.values[rows.local], values)
        return rows

    expected = [[10 * number + k, -k] for number in range(world) for k in range(lengths[number])]
    for rows in on_ranks(world, work):
        assert rows.lengths == lengths
        assert rows.keys.tolist() == expected
        assert rows.keys.dtype == np.int64
        places = [(number, k) for number in range(world) for k in range(lengths[number])]
        assert [rows.place(row) for row in range(len(expected))] == places
        np.testing.assert_array_equal(rows.values[:, 0], [k / 7 for _, k in places])
        assert np.isnan(rows.values[:, 1]).all()
        assert np.isposinf(rows.values[:, 2]).all()


@pytest.mark.parametrize("n", [CAPACITY - 1, CAPACITY, CAPACITY + 1, 3 * CAPACITY, 3 * CAPACITY + 1])
def test_rows_beyond_the_first_collective_come_in_further_ones(n):
    """One key a row."""

    def work(number):
        count = n if number == 0 else 3
        rows = gather_rows(np.arange(count)[:, None] + 1_000_000 * number, np.zeros((count, 0)))
        return rows.keys.ravel()

    for keys in on_ranks(2, work):
        np.testing.assert_array_equal(keys, [*range(n), 1_000_000, 1_000_001, 1_000_002])


@pytest.mark.parametrize("failing", [0, 1, 2])
def test_an_error_on_one_rank_is_raised_on_all_of_them(failing):
    def work(number):
        if number == failing:
            return message_of(fail, ValueError("mos[3] is 400 \u2013 off its scale \ud800"))
        return message_of(gather_rows, np.zeros((1, 1)), np.zeros((1, 1)))

    told = on_ranks(3, work)
    assert told.pop(failing) == "ValueError: mos[3] is 400 \u2013 off its scale \ud800"
    expected = f"RuntimeError: rank {failing} failed: ValueError: mos[3] is 400 \u2013 off its scale ?"
    assert told == [expected, expected]


def test_errors_on_several_ranks_are_all_named():
    def work(number):
        if number:
            return message_of(fail, KeyError(f"column {number}"))
        return message_of(gather_texts, "fine")

    told = on_ranks(3, work)
    assert told[0] == "RuntimeError: rank 1 failed: KeyError: 'column 1'; rank 2 failed: KeyError: 'column 2'"
    assert told[1:] == ["KeyError: 'column 1'", "KeyError: 'column 2'"]


@pytest.mark.parametrize(
    ("callers", "columns", "said"),
    [
        (("a", "b"), (1, 1), "rank 0: a (1 keys, 1 values); rank 1: b (1 keys, 1 values)"),
        (("a", "a"), (1, 2), "rank 0: a (1 keys, 1 values); rank 1: a (1 keys, 2 values)"),
        (("", "b"), (1, 1), "rank 0: a call without a name (1 keys, 1 values); rank 1: b (1 keys, 1 values)"),
    ],
)
def test_ranks_that_gather_for_different_things_are_told_what(callers, columns, said):
    def work(number):
        return message_of(gather_rows, np.zeros((2, 1)), np.zeros((2, columns[number])), caller=callers[number])

    expected = (
        f"RuntimeError: the ranks gather for different things ({said}); give every rank the same rewards in one order"
    )
    assert on_ranks(2, work) == [expected, expected]


@pytest.mark.parametrize("size", [0, 1, 7, 8, 9, 8 * CAPACITY - 8, 8 * CAPACITY, 100_000])
def test_texts_of_any_length_reach_every_rank(size):
    texts = ["x" * size, "\u00fc" * (size // 2)]
    assert on_ranks(2, lambda number: gather_texts(texts[number])) == [texts, texts]


def test_a_rank_can_be_left_alone():
    def work(number):
        with on_this_rank_alone():
            alone = (rank(), gather_texts("me"), gather_rows(np.full((1, 1), 5), np.zeros((1, 0))).lengths)
        return alone, rank(), gather_texts(f"rank {number}")

    for number, (alone, own_rank, texts) in enumerate(on_ranks(2, work)):
        assert alone == (0, ["me"], (1,))
        assert own_rank == number
        assert texts == ["rank 0", "rank 1"]


@pytest.mark.parametrize(
    ("config", "device"),
    [("cpu:gloo", "cpu"), ("cuda:nccl", "cuda"), ("cpu:gloo,cuda:nccl", "cpu"), ("cuda:nccl,cpu:gloo", "cpu")],
)
def test_rows_travel_on_the_host_where_the_group_can_carry_them_there(config, device):
    assert device_of(config) == device


def test_without_torch_there_is_one_rank(monkeypatch):
    monkeypatch.delitem(sys.modules, "torch")
    assert (rank(), gather_texts("me")) == (0, ["me"])


def test_without_a_process_group_there_is_one_rank():
    rows = gather_rows(np.array([[7], [9]]), np.array([[0.5], [1.5]]))
    assert (rank(), rows.rank, rows.lengths, rows.local) == (0, 0, (2,), slice(0, 2))
    assert gather_texts("me") == ["me"]
    with pytest.raises(KeyError, match="lost"), failing_together():
        raise KeyError("lost")


@pytest.mark.parametrize(
    ("parts", "others"),
    [
        (("a", "b"), [("ab",), ("a", "b", ""), ("b", "a"), ("a", "b", None)]),
        (("1",), [(1,), (None,), ("1 ",)]),
        (("a", "1:b"), [("a1", "b"), ("a", "1", "b")]),
        (("\ud800",), [("\ud801",), ("?",)]),
    ],
)
def test_keys_tell_apart_what_differs(parts, others):
    assert all(stable_key(*parts) != stable_key(*other) for other in others)
    assert -(2**63) <= stable_key(*parts) < 2**63


def test_keys_are_the_same_today_and_tomorrow():
    """Remembered opponents in a checkpoint are found by them."""
    assert stable_key("iaa", "AVA", "1.jpg") == KEPT
    assert stable_key("iaa", None, 7) == KEPT_MIXED
    assert stable_keys([("iaa", "AVA", "1.jpg"), ("b",), ("iaa", "AVA", "1.jpg")]).tolist() == [
        KEPT,
        stable_key("b"),
        KEPT,
    ]
    assert stable_keys([]).shape == (0,)
    assert stable_keys([]).dtype == stable_keys([("b",)]).dtype == np.int64


@pytest.mark.parametrize("world", [1, 2])
def test_rows_of_any_dtype_come_back_as_integers_and_floats(world):
    for rows in on_ranks(world, lambda number: gather_rows(np.array([[7]], np.int32), np.array([[3]], np.int16))):
        assert (rows.keys.dtype, rows.values.dtype) == (np.int64, np.float64)
        assert (rows.keys.tolist(), rows.values.tolist()) == ([[7]] * world, [[3.0]] * world)
