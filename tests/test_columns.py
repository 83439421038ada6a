"""Columns of a batch from every library: taken by place, whatever their index, and missing values alike."""

import math
from collections import deque

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import torch
from datasets import Dataset
from hypothesis import given
from hypothesis import strategies as st
from support.reward_calls import EVERY_REWARD, GOOD, batch

import tatar_rewards as tr

NAMES = ("mos", "mos_std", "task", "image_id", "dataset", "completion_ids")


def array_of(values):
    filled = np.empty(len(values), dtype=object)
    filled[:] = values
    return filled


CONTAINERS = {
    "tuple": tuple,
    "deque": deque,
    "object array": array_of,
    "array": lambda values: np.array(values) if not isinstance(values[0], list) else array_of(values),
    "series": pd.Series,
    "shuffled series": lambda values: pd.Series(values, index=np.random.default_rng(0).permutation(len(values))),
    "equal labels": lambda values: pd.Series(values, index=[0] * len(values)),
    "converted series": lambda values: pd.Series(values).convert_dtypes(),
    "category": lambda values: pd.Series(values, dtype=None if isinstance(values[0], list) else "category"),
    "index": lambda values: values if isinstance(values[0], list) else pd.Index(values),
    "arrow": pa.array,
    "arrow scalars": lambda values: list(pa.array(values)),
    "chunks": lambda values: pa.chunked_array([values[:1], values[1:]]),
    "data set": lambda values: Dataset.from_dict({"x": values})["x"],
    "tensors": lambda values: torch.tensor(values) if isinstance(values[0], float | int) else values,
    "list of tensors": lambda values: [torch.tensor(v) for v in values] if not isinstance(values[0], str) else values,
}  # fmt: skip
CALLS = [
    *EVERY_REWARD,
    tr.GaussianScoreReward(mos_std_column="mos_std", mos_std_of="mean"),
    tr.ThurstoneRankReward(mos_std_column="mos_std"),
    tr.GaussianScoreReward(mos_scale={"a": (0, 100), "b": (0, 200)}, length_gate=tr.LengthConfig(longest=65)),
]


def rows_of(order):
    columns = batch(GOOD, dataset=list("aabbaabb"), mos_std=[2.0, 2.0, 4.0, 4.0, 8.0, 8.0, 16.0, 16.0])
    columns["completion_ids"] = [list(range(k, 130 + 2 * k)) for k in range(len(GOOD))]
    return {
        name: [column[k] for k in order] if name in (*NAMES, "completions") else column
        for name, column in columns.items()
    }


def logged_by(reward, columns):
    logged = {}
    rewards = reward.fresh()(**columns, log_metric=logged.__setitem__, log_extra=logged.__setitem__)
    return rewards, logged


@pytest.mark.parametrize("reward", CALLS, ids=range(len(CALLS)))
@pytest.mark.parametrize("container", CONTAINERS.values(), ids=CONTAINERS)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_column_of_any_library_is_taken_by_place(reward, container):
    columns = rows_of([5, 2, 7, 0, 1, 6, 3, 4])
    held = columns | {name: container(columns[name]) for name in NAMES}
    np.testing.assert_equal(logged_by(reward, held), logged_by(reward, columns))
    by_number = columns | {"image_id": [int(key[0]) for key in columns["image_id"]]}
    held = by_number | {"image_id": container(by_number["image_id"])}
    np.testing.assert_equal(logged_by(reward, held), logged_by(reward, by_number))


@given(order=st.permutations(range(8)))
def test_the_index_of_a_column_changes_no_reward(order):
    columns = rows_of(order)
    labels = [order.index(k) for k in range(8)]
    held = columns | {name: pd.Series(columns[name], index=labels) for name in NAMES}
    for reward in CALLS[-3:]:
        np.testing.assert_equal(logged_by(reward, held), logged_by(reward, columns))


@pytest.mark.parametrize("missing", [None, math.nan, np.nan, pd.NA, np.float32("nan"), torch.tensor(math.nan)])
@pytest.mark.parametrize("hold", [list, array_of, pd.Series, lambda values: pd.Series(values, dtype=object)])
def test_what_is_missing_is_missing_in_every_library(missing, hold):
    columns = batch(GOOD, task=["iaa"] * 8, mos_std=hold([5.0] * 6 + [missing] * 2))
    labels = columns | {"mos": hold([*columns["mos"][:6], missing, missing])}
    for reward in (
        tr.GaussianScoreReward(),
        tr.ThurstoneRankReward(),
        tr.ThurstoneRankReward(mos_std_column="mos_std"),
    ):
        earned = reward(**labels)
        assert [value is None for value in earned] == [False] * 6 + [True] * 2
    keys = columns | {"image_id": hold(["a"] * 2 + ["b"] * 2 + ["c"] * 2 + [missing] * 2)}
    with pytest.raises(TypeError, match=r"image_id\[6\] must be a string or an integer; got None"):
        tr.ThurstoneRankReward()(**keys)
    logged = {}
    tr.GaussianScoreReward()(**keys, log_metric=logged.__setitem__)
    assert not math.isnan(logged["gaussian_score/flat_group_share"])
    no_set = tr.ThurstoneRankReward()(**columns | {"dataset": hold([missing] * 8)})
    assert no_set == tr.ThurstoneRankReward()(**columns | {"dataset": None})
    tasks = tr.AnswerFormatReward(task="iaa")(GOOD, task=hold(["iaa"] * 7 + [missing]))
    assert tasks == [1.0] * 7 + [None]


NO_SEQUENCES = (np.array(50.0), {50.0: 1}, iter([50.0] * 8), (50.0 for _ in range(8)), {50.0}, b"12345678")


@pytest.mark.parametrize(
    "column",
    [pd.DataFrame({"mos": [50.0] * 8}), np.full((8, 1), 50.0), torch.full((8, 1), 50.0), *NO_SEQUENCES],
    ids=lambda value: type(value).__name__,
)
def test_what_is_no_column_is_refused(column):
    for reward, name in ((tr.GaussianScoreReward(), "mos"), (tr.AnswerFormatReward(task="iaa"), "task")):
        with pytest.raises(TypeError, match=f"column '{name}' must hold one value a completion; got .*; give a list"):
            reward(**batch(GOOD, **{name: column}))


def test_tokens_may_come_as_a_matrix_and_repeat_whatever_holds_them():
    ids = [[1, 2, 3, 4, 1, 2, 3, 4], [1, 2, 3, 4, 5, 6, 7, 8]]
    texts = ["<answer>64</answer>"] * 2
    reward = tr.LengthReward(shortest=8, unit="tokens")
    rows = [np.array, torch.tensor, pd.Series, pa.array, tuple]
    for held in (ids, np.array(ids), torch.tensor(ids), *([row(one) for one in ids] for row in rows)):
        assert reward(texts, completion_ids=held) == [0.0, 1.0]
    for wrong in (None, 7, "12345678", math.nan):
        with pytest.raises(TypeError, match=r"completion_ids\[1\] is .*; give the tokens of each completion as a list"):
            reward(texts, completion_ids=[ids[0], wrong])


def test_a_keyword_that_happens_to_have_a_columns_name_is_passed_over_where_none_is_needed():
    texts, mos = ["<answer>50</answer>"] * 4, [10.0, 40.0, 60.0, 80.0]
    reward = tr.GaussianScoreReward()
    assert reward(texts, mos=mos, dataset="AVA2", image_id="abcd") == reward(texts, mos=mos)
