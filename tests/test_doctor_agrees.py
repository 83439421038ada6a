"""What rewards take without an error, the doctor does not block; what fails at the first call it finds.

Drawn over the scales and their direction, missing labels, kinds of numbers, containers, budgets in words and tokens,
and rewards that are not this package's.
"""

import math
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from datasets import Dataset, DatasetDict
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.labelled_rows import QUESTION
from support.other_rewards import OTHERS, own_function

import tatar_rewards as tr
from tatar_rewards.scales import is_missing

ARGS = {"per_device_train_batch_size": 64, "num_generations": 4, "max_completion_length": 400}
SCALES = [(0, 100), (1, 5), (1, 10), (0, 1), (-5, 5), (0, 9), (10, 1000)]
KINDS = {
    "float": float,
    "float32": np.float32,
    "float64": np.float64,
    "text": lambda number: format(number, ".12g"),
    "decimal": lambda number: Decimal(repr(number)),
    "0-d": np.array,
}
CONTAINERS = {
    "columns": dict,
    "rows": lambda columns: [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)],
    "tuples": lambda columns: {name: tuple(values) for name, values in columns.items()},
    "numpy": lambda columns: {name: np.array(values, dtype=object) for name, values in columns.items()},
    "pandas": lambda columns: {name: pd.Series(values) for name, values in columns.items()},
    "table of pandas": pd.DataFrame,
    "generator": lambda columns: iter(CONTAINERS["rows"](columns)),
}
OF_DATASETS = {
    "arrow": lambda columns: pa.table(columns),
    "Dataset": Dataset.from_dict,
    "IterableDataset": lambda columns: Dataset.from_dict(columns).to_iterable_dataset(),
    "DatasetDict": lambda columns: DatasetDict(train=Dataset.from_dict(columns), test=Dataset.from_dict(columns)),
    "numpy Dataset": lambda columns: Dataset.from_dict(columns).with_format("numpy"),
}


budgets = st.one_of(
    st.none(),
    st.builds(
        lambda unit, shortest, span: tr.LengthConfig(unit=unit, shortest=shortest, longest=shortest + span),
        st.sampled_from(["words", "tokens"]),
        st.integers(0, 150).map(float),
        st.sampled_from([60.0, math.inf]),
    ),
)

RANKED = st.sampled_from(
    [{}, {"opponents": "memory"}, {"min_opponents": 0}, {"num_generations": 4}, {"link": "normal"}]
)


@st.composite
def labelled_columns(draw, scale):
    """Labels all over their scale, some of them missing, as one kind of number; 12 to 20 images."""
    n = draw(st.integers(12, 20))
    shares = np.linspace(0.02, 0.98, n)[draw(st.permutations(range(n)))]
    labels = [round(scale.low + share * (scale.high - scale.low), 6) for share in shares.tolist()]
    kind = KINDS[draw(st.sampled_from(sorted(KINDS)))]
    missing = draw(st.sampled_from([None, math.nan, np.float32("nan"), pd.NA]))
    gone = draw(st.sets(st.integers(0, n - 1), max_size=n // 3))
    key = draw(st.sampled_from([str, int, np.int64]))
    tasks = draw(st.sampled_from([None, ["iqa"] * n, [("iqa", "iaa")[k % 2] for k in range(n)]]))
    columns = {
        "prompt": [QUESTION] * n,
        "mos": [missing if row in gone else kind(label) for row, label in enumerate(labels)],
        "image_id": [key(row) for row in range(n)],
        "task": tasks,
        "sd": draw(st.sampled_from([None, [None if k % 3 else 0.1 * (scale.high - scale.low) for k in range(n)]])),
    }
    return {name: values for name, values in columns.items() if values is not None}


@st.composite
def set_ups(draw):
    low, high = draw(st.sampled_from(SCALES))
    scale = tr.ScoreScale(low, high, higher_is_better=draw(st.booleans()))
    columns = draw(labelled_columns(scale))
    answer_low, answer_high = draw(st.sampled_from(SCALES))
    shared = {"answer_scale": tr.ScoreScale(answer_low, answer_high, higher_is_better=draw(st.booleans()))}
    shared["think_prefilled"] = draw(st.booleans())
    stds = {"mos_std_column": "sd", "raters": 20} if "sd" in columns else {}
    rewards = []
    for task in sorted(set(columns["task"])) if "task" in columns else [None]:
        kind = draw(st.sampled_from([tr.GaussianScoreReward, tr.ThurstoneRankReward, tr.PairwiseRankReward]))
        compares = draw(RANKED) if kind is not tr.GaussianScoreReward else {}
        rewards.append(kind(task=task, mos_scale=scale, length_gate=draw(budgets), **shared, **stds, **compares))
    if draw(st.booleans()):
        rewards.append(tr.AnswerFormatReward(**shared))
    rewards += draw(st.lists(st.sampled_from(OTHERS), max_size=2, unique_by=id))
    return draw(st.permutations(rewards)), columns


def first_call(rewards, columns):
    """What the trainer does at its first call, with completions whose answers are out of the scale's middle."""
    for reward in rewards:
        if isinstance(reward, tr.GaussianScoreReward | tr.ThurstoneRankReward | tr.PairwiseRankReward):
            n = len(columns["prompt"])
            others = {name: values for name, values in columns.items() if name != "prompt"}
            answer = reward.config.answer_scale.from_points(40)
            completion_ids = [[1] * 10 for _ in range(n)]
            reward.fresh()([f"<answer>{answer:g}</answer>"] * n, completion_ids=completion_ids, **others)


@pytest.mark.filterwarnings("ignore:.*:UserWarning")
@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(set_ups(), st.sampled_from(sorted(CONTAINERS)))
def test_what_rewards_take_the_doctor_does_not_block(set_up, container):
    rewards, columns = set_up
    first_call(rewards, columns)
    report = tr.check_setup(rewards, ARGS, CONTAINERS[container](columns))
    assert report.ok, str(report)


@pytest.mark.filterwarnings("ignore:.*:UserWarning")
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(set_ups(), st.sampled_from(sorted(OF_DATASETS)))
def test_what_a_data_set_holds_is_taken_as_the_rewards_take_it(set_up, container):
    rewards, columns = set_up
    columns = {**columns, "mos": [None if is_missing(label) else float(label) for label in columns["mos"]]}
    columns["image_id"] = list(map(str, columns["image_id"]))
    report = tr.check_setup(rewards, ARGS, OF_DATASETS[container](columns))
    assert report.ok, str(report)


# ---------------------------------------------------------------- the mirror


def put(column, value):
    def change(columns, row):
        values = list(columns[column])
        values[row] = value(values, row) if callable(value) else value
        return {**columns, column: values}

    return change


MISTAKES = {
    "a label off its scale": put("mos", 1e6),
    "a label that is no number": put("mos", "good"),
    "an infinite label": put("mos", math.inf),
    "a label that is a list": put("mos", lambda values, row: [values[row]]),
    "a key that is none": put("image_id", None),
    "a key that is a fraction": put("image_id", 3.5),
    "two labels of one image": put("image_id", lambda values, row: values[row - 1]),
    "a negative deviation": put("sd", -1.0),
    "a deviation that is no number": put("sd", "large"),
    "no labels at all": lambda columns, row: {**columns, "mos": [None] * len(columns["mos"])},
    "labels of another scale": lambda columns, row: {**columns, "mos": [1 + k % 5 for k in range(len(columns["mos"]))]},
    **{
        f"no column {name!r}": lambda columns, row, name=name: {k: v for k, v in columns.items() if k != name}
        for name in ("prompt", "mos", "image_id", "task", "sd")
    },
}


@pytest.mark.parametrize("mistake", MISTAKES)
@pytest.mark.parametrize("container", ["columns", "rows", "pandas"])
@settings(max_examples=5, deadline=None)
@given(st.integers(0, 19), st.data())
def test_a_mistake_in_the_data_is_a_fault(mistake, container, row, data):
    n = 20
    columns = {
        "prompt": [QUESTION] * n,
        "mos": data.draw(st.permutations([5.0 * k + 1 for k in range(n)])),
        "image_id": [f"{k}.jpg" for k in range(n)],
        "task": ["iaa"] * n,
        "sd": [9.0] * n,
    }
    rewards = [tr.ThurstoneRankReward(task="iaa", mos_std_column="sd"), tr.AnswerFormatReward(), own_function]
    assert tr.check_setup(rewards, ARGS, CONTAINERS[container](columns)).ok
    report = tr.check_setup(rewards, ARGS, CONTAINERS[container](MISTAKES[mistake](columns, row)))
    assert report.faults, str(report)
    assert all(finding.cure for finding in report.faults)
