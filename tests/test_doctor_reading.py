"""What the doctor reads of a data set: splits, streams, tables, transforms; never a picture, never without end."""

import itertools

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from datasets import Dataset, DatasetDict, Features, Image, IterableDataset, Value
from support.labelled_rows import rows

import tatar_rewards as tr
from tatar_rewards.rewards.columns import columns_read, needed_columns

ARGS = {"per_device_train_batch_size": 32, "num_generations": 4}


def check(dataset, rewards=None, **args):
    return tr.check_setup(rewards or tr.tatar_reward_funcs(), {**ARGS, **args}, dataset)


def unseen(report):
    return report.facts.get("not looked at", "")


def test_of_several_splits_the_one_that_is_trained_on_is_read():
    good, bad = Dataset.from_dict(rows()), Dataset.from_dict(rows(mos=[500.0] * 40))
    report = check(DatasetDict(train=good, test=bad))
    assert report.ok, str(report)
    assert report.facts["split"] == "'train' of 'train', 'test'"
    assert "the split 'test'" in unseen(report)
    assert not check(DatasetDict(train=bad, test=good)).ok
    assert check({"train": good, "eval": bad}).ok
    assert check(DatasetDict(train=bad, mine=good), dataset_train_split="mine").ok
    assert check(DatasetDict(mine=good)).facts["split"] == "'mine' of 'mine'"
    report = check(DatasetDict(one=good, two=good))
    assert "the splits 'one', 'two' and no 'train'" in report.faults[0].problem


def test_a_stream_without_end_comes_to_an_end():
    def endless():
        for k in itertools.count():
            yield {"prompt": "<answer>", "mos": float(k % 97), "task": ("iqa", "iaa")[k % 2], "image_id": f"{k}"}

    for stream in (endless(), IterableDataset.from_generator(endless)):
        report = check(stream)
        assert report.ok, str(report)
        assert "rows beyond 2,000 of the stream" in unseen(report)
    short = Dataset.from_dict(rows()).to_iterable_dataset()
    assert "rows beyond" not in unseen(check(short))
    assert check(short).ok


def test_rows_by_number_end_where_their_length_says():
    class Rows:
        def __len__(self):
            return 40

        def __getitem__(self, row):
            data = rows()
            return {name: data[name][row % 40] for name in data}

    assert check(Rows()).ok


def test_pictures_are_not_decoded():
    features = Features(
        {
            "prompt": Value("string"),
            "mos": Value("float64"),
            "image_id": Value("string"),
            "task": Value("string"),
            "image": Image(),
        }
    )
    data = {name: values for name, values in rows().items() if name != "dataset"}
    broken = Dataset.from_dict({**data, "image": [{"bytes": b"no picture", "path": None}] * 40}, features=features)
    for dataset in (broken, broken.to_iterable_dataset()):
        report = check(dataset)
        assert report.ok, str(report)
    message = [{"role": "user", "content": [{"type": "image", "image": {"bytes": b"no picture"}, "text": None}]}]
    content = [{"type": Value("string"), "image": Image(), "text": Value("string")}]
    features = Features({**features, "prompt": [{"role": Value("string"), "content": content}]})
    del features["image"]
    broken = Dataset.from_dict({**data, "prompt": [message] * 40}, features=features)
    for dataset in (broken, broken.to_iterable_dataset()):
        assert check(dataset).ok


def test_what_only_a_transform_makes_is_not_looked_at_and_not_missing():
    def load(batch):
        made = {"mos": [float(value) for value in batch["stored"]], "prompt": batch["prompt"]}
        return {**made, **{name: batch[name] for name in ("task", "image_id", "dataset")}}

    stored = Dataset.from_dict({**rows(mos=None), "stored": rows()["mos"]}).with_transform(load)
    report = check(stored)
    assert report.ok, str(report)
    assert "the column 'mos', which a transform makes" in unseen(report)
    everything = Dataset.from_dict(rows(mos=[500.0] * 40)).with_transform(lambda batch: 1 / 0)
    assert "off its declared scale" in str(check(everything)), "no transform is needed where all columns are stored"


def test_columns_that_the_format_hides_are_missing():
    hidden = Dataset.from_dict(rows()).with_format("numpy", columns=["prompt", "task", "image_id"])
    assert "need a column 'mos'" in str(check(hidden))
    assert check(hidden.with_format("numpy", columns=["mos", "task"], output_all_columns=True)).ok


@pytest.mark.parametrize("table", [pd.DataFrame, pa.table, Dataset.from_dict])
def test_tables_are_read_by_column(table):
    assert check(table(rows(mos=[None, *rows()["mos"][1:]]))).ok
    assert "off its declared scale" in str(check(table(rows(mos=[500.0] * 40))))


def test_rows_of_pandas_are_known_by_their_place():
    frame = pd.DataFrame(rows()).sample(frac=1, random_state=0)
    assert check(frame).ok
    assert "mos[3] is 500" in str(check(frame.assign(mos=[*frame["mos"][:3], 500.0, *frame["mos"][4:]])))


def test_a_column_of_another_length_is_told():
    assert "has 39 rows for 40" in str(check(rows(mos=[50.0] * 39)))


def test_no_rows_are_a_fault_whatever_holds_them():
    none = Dataset.from_dict(rows()).to_iterable_dataset().filter(lambda row: False)
    for empty in (rows(0), [], Dataset.from_dict(rows(0)), none, pd.DataFrame(rows(0)), iter(()), {}):
        assert "the dataset has no rows" in str(check(empty))


def test_rewards_that_read_no_column_are_checked_with_any_data():
    for rewards in ([tr.AnswerFormatReward()], [lambda completions, **columns: [0.0]]):
        for data in (
            [{"prompt": "<answer>"}] * 4,
            {"prompt": ["<answer>"] * 4},
            Dataset.from_dict({"prompt": ["<answer>"] * 4}),
        ):
            assert check(data, rewards).ok


def test_what_is_not_looked_at_is_said():
    report = tr.check_setup([len, tr.AnswerFormatReward()], {**ARGS, "eval_strategy": "steps"})
    assert unseen(report) == "the data, len (not of this package), eval_dataset"


REWARDS = [
    tr.AnswerFormatReward(task="iqa"),
    tr.LengthReward(longest=50),
    tr.GaussianScoreReward(),
    tr.GaussianScoreReward(task="iqa", mos_scale={"tiny": (0, 100)}, mos_std_column="sd", raters_column="n"),
    tr.ThresholdScoreReward(mos_column="label", mos_std_column="sd"),
    tr.ThurstoneRankReward(task="iaa", mos_std_column="sd", mos_std_scale={"tiny": (0, 100)}),
    tr.ThurstoneRankReward(num_generations=1),
    tr.PairwiseRankReward(image_id_column="key"),
]


@pytest.mark.filterwarnings("ignore:.*:UserWarning")
@pytest.mark.parametrize("reward", REWARDS, ids=str)
def test_a_reward_raises_without_a_column_that_it_needs_and_without_no_other(reward):
    data = {**rows(), "sd": [9.0] * 40, "n": [20] * 40}
    data |= {"label": data["mos"], "key": data["image_id"]}
    data.pop("prompt")
    completions = ["<answer>50</answer>"] * 40
    assert set(needed_columns(reward.config)) <= set(columns_read(reward.config))
    for column in data:
        columns = {name: values for name, values in data.items() if name != column}
        if column in needed_columns(reward.config):
            with pytest.raises(ValueError, match=f"needs a column '{column}'"):
                reward.fresh()(completions, **columns)
        else:
            assert len(reward.fresh()(completions, **columns)) == 40


def test_the_doctor_takes_numbers_of_numpy_as_the_rewards_do():
    columns = {**rows(), "sd": [np.float32(9)] * 40, "n": [np.int64(20)] * 40}
    assert check(columns, [tr.GaussianScoreReward(mos_std_column="sd", raters_column="n")]).ok
