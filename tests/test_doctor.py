"""The doctor finds every planted fault, says what to change, and is silent where nothing is wrong."""

import functools
import pickle
import re

import numpy as np
import pytest
from datasets import Dataset
from support.labelled_rows import rows

import tatar_rewards as tr
from recipe.config import TINY_CONFIG
from recipe.pictures import to_dataset
from recipe.yaml_files import load_recipe
from tatar_rewards.doctor import check_setup
from tiny import pictures as tiny_pictures
from tiny.model import CHAT_TEMPLATE
from train_grpo import make_rewards

ARGS = {"per_device_train_batch_size": 32, "num_generations": 4, "max_completion_length": 512}


def nth(values, row, value):
    return [*values[:row], value, *values[row + 1 :]]


def stream(columns):
    return Dataset.from_dict(columns).to_iterable_dataset()


def as_rows(columns):
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def twin(prompts, completions, **columns):
    return [0.0] * len(completions)


def by_place(n):
    return [tr.ThurstoneRankReward(task="iaa", num_generations=n), tr.GaussianScoreReward(task="iqa")]


def threshold(tolerance):
    return [tr.ThurstoneRankReward(task="iaa"), tr.ThresholdScoreReward(task="iqa", tolerance=tolerance)]


PUBLISHED = tr.ThurstoneRankConfig(dispersion="reference", loss="bce", pair_weight_scale=12)
NARROW = [50 + 0.3 * (k % 5) for k in range(40)]
RECIPE = tr.tatar_reward_funcs()

FAULTS = {
    "no rewards": dict(rewards=[], finds="reward_funcs is empty"),
    "one image a call, no memory": dict(
        rewards=tr.tatar_reward_funcs(opponents=tr.OpponentConfig(min_opponents=0)),
        args={"per_device_train_batch_size": 4},
        finds="and earn None",
    ),
    "straddling groups by place": dict(
        rewards=by_place(4),
        args={"per_device_train_batch_size": 6},
        world_size=2,
        finds="groups of 4 straddle",
    ),
    "another group size by place": dict(rewards=by_place(8), finds="takes 8 consecutive rows .* makes 4"),
    "a stream by place": dict(
        rewards=by_place(4),
        data=Dataset.from_dict(rows(image_id=None)).to_iterable_dataset(),
        finds="streaming dataset",
    ),
    "streamed shards": dict(
        data=Dataset.from_dict(rows()).to_iterable_dataset(num_shards=4),
        args={"per_device_train_batch_size": 6},
        world_size=2,
        finds=r"reads its own shards \(4 in all\), but holds 6 rows",
    ),
    "partial groups": dict(args={"per_device_train_batch_size": 30}, finds="30 completions does not hold whole groups"),
    "partial groups in evaluation": dict(
        args={"eval_strategy": "steps", "per_device_eval_batch_size": 6}, finds="evaluation batch of 6 completions"
    ),
    "one generation": dict(args={"num_generations": 1}, finds="num_generations=1: every group is flat"),
    "duplicate names": dict(rewards=[*RECIPE, tr.AnswerFormatReward()], finds="2 rewards are called 'answer_format'"),
    "too few weights": dict(args={"reward_weights": [1.0]}, finds="has 1 values for 3 rewards"),
    "a negative weight": dict(args={"reward_weights": [1.0, -1.0, 1.0]}, finds="iqa_gaussian_score has the weight -1"),
    "no room for the words": dict(args={"max_completion_length": 128}, finds="128 tokens leave no room for the 125"),
    "contradicting budgets": dict(
        rewards=[*RECIPE, tr.LengthReward(task="iaa", longest=50)],
        finds="at least 125 words and another for",
    ),
    "columns removed": dict(args={"remove_unused_columns": True}, finds="remove_unused_columns=True"),
    "a reserved column": dict(data=rows(completions=["x"] * 40), finds="something of its own as 'completions'"),
    "no prompt": dict(data=rows(prompt=None), finds="no column 'prompt'"),
    "no labels column": dict(data=rows(mos=None), finds="need a column 'mos'"),
    "no image keys": dict(data=rows(image_id=None), finds="iaa_thurstone_rank needs a column 'image_id'"),
    "no task": dict(data=rows(task=None), finds="need a column 'task'"),
    "no rater deviations": dict(
        rewards=[tr.GaussianScoreReward(mos_std_column="mos_std", mos_std_of="mean")], finds="needs a column 'mos_std'"
    ),
    "a negative deviation": dict(
        rewards=[tr.GaussianScoreReward(mos_std_column="sd", mos_std_of="mean")],
        data=rows(sd=[1.0, 2.0, -3.0, 1.0] * 10),
        finds=r"sd\[2\] is -3 .*\(10 such rows: 2, 6, 10, 14, 18, ...\)",
    ),
    "labels off their scale": dict(
        rewards=tr.tatar_reward_funcs(mos_scale=tr.ScoreScale(1, 5)),
        data=rows(mos=nth(nth([3.0, 2.0] * 20, 6, 40.0), 8, 0.5)),
        finds=r"mos\[6\] is 40, off its declared scale 1 to 5 \(2 such rows: 6, 8\)",
    ),
    "a label that is no number": dict(
        data=rows(mos=nth(rows()["mos"], 3, "good")), finds=r"mos\[3\] must be a number or None; got 'good'"
    ),
    "no labels": dict(data=rows(mos=[None] * 40), finds="no row that iqa_gaussian_score grades has a label"),
    "labels of another scale": dict(data=rows(mos=[1 + k % 5 for k in range(40)]), finds="lowest tenth"),
    "a data set without a scale": dict(
        rewards=tr.tatar_reward_funcs(mos_scale={"AVA": tr.ScoreScale(1, 10)}), finds=r"dataset\[0\] is 'tiny'"
    ),
    "equal labels": dict(data=rows(mos=[50.0] * 40), finds="all of 20 labels in 'mos' are 50 points"),
    "an unknown task": dict(data=rows(task=["IQA", "iaa"] * 20), finds="holds only 'IQA', 'iaa'"),
    "a task without a reward": dict(
        data=rows(task=["iqa", "iaa", "hdr", "iaa"] * 10), finds="10 rows are of task 'hdr'"
    ),
    "an image key that is none": dict(
        data=rows(image_id=nth(["a"] * 40, 7, None), mos=[50.0] * 40), finds=r"image_id\[7\] must be .* got None"
    ),
    "one key for two images": dict(
        data=rows(image_id=nth(rows()["image_id"], 7, "1.jpg")),
        finds="row 1 of image_id '1.jpg' .* row 7 .* their labels differ",
    ),
    "no rows": dict(data=rows(0), finds="has no rows"),
    "pay for a constant": dict(
        rewards=tr.tatar_reward_funcs(iaa=PUBLISHED),
        data=rows(mos=NARROW),
        finds="iaa_thurstone_rank pays .* same answer",
    ),
    "pay for a constant, out of memory": dict(
        rewards=tr.tatar_reward_funcs(iaa=PUBLISHED, opponents=tr.OpponentConfig(opponents="memory")),
        data=rows(mos=NARROW),
        finds="iaa_thurstone_rank pays .* same answer",
    ),
    "pay for anything": dict(rewards=[tr.GaussianScoreReward(tolerance=500.0)], finds="wrong end of the scale"),
    "flat groups": dict(rewards=threshold(0.01), finds="of the groups of task 'iqa' would earn one and the same"),
    "little pay for gold": dict(
        rewards=[tr.ThurstoneRankReward(loss="fidelity", hard_targets=True)],
        data=rows(mos=NARROW),
        finds="thurstone_rank pays 0.7. for answers that are the labels themselves",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_each_planted_fault_is_found_with_its_cure(fault):
    planted = {"rewards": RECIPE, "args": {}, "data": rows(), "world_size": 1, **FAULTS[fault]}
    report = check_setup(planted["rewards"], {**ARGS, **planted["args"]}, planted["data"], planted["world_size"])
    found = [finding for finding in report.findings if re.search(planted["finds"], finding.problem)]
    assert found, str(report)
    assert not report.ok
    assert all(finding.cure for finding in report.findings)
    assert found[0].problem[:30] in str(report)


@pytest.mark.parametrize(
    ("planted", "finds"),
    [
        ({"rewards": [*RECIPE, tr.AnswerFormatReward(name="advantage")]}, "called 'advantage'"),
        ({"args": {"max_completion_length": 150}}, "150 tokens leave no room for the 125 words"),
        (
            {"rewards": [tr.ThresholdScoreReward(task=None), tr.AnswerFormatReward()]},
            "would earn one and the same reward",
        ),
        ({"data": {name: column[:6] for name, column in rows().items()}}, "6 rows, and one call takes"),
        ({"data": rows(prompt=["Taken between 1990 and 2000? <answer>"] * 40)}, "from 1990 to 2000"),
    ],
)
def test_what_a_run_may_live_with_is_advice(planted, finds):
    planted = {"rewards": RECIPE, "args": {}, "data": rows(), **planted}
    report = check_setup(planted["rewards"], {**ARGS, **planted["args"]}, planted["data"])
    assert any(re.search(finds, finding.problem) for finding in report.advice), str(report)
    assert not any(re.search(finds, finding.problem) for finding in report.faults), str(report)


def test_nothing_is_found_where_nothing_is_wrong():
    for data in (rows(), Dataset.from_dict(rows()), stream(rows()), None):
        report = check_setup(RECIPE, ARGS, data, world_size=2)
        assert report.ok, str(report)
    report = check_setup([*RECIPE, twin, functools.partial(twin, 1)][:4], ARGS, as_rows(rows()))
    assert report.ok, str(report)
    assert report.facts["images per call"] == "8 on all processes together, 4 completions each"
    assert report.facts["iaa_thurstone_rank"] == "compares among the images of a call: 4.0 of iaa tiny, on average"
    assert str(report).endswith("Nothing found.")


def test_nothing_is_found_where_the_prompt_asks_for_lower_is_better():
    scale = tr.ScoreScale(0, 9, higher_is_better=False)
    report = check_setup(tr.tatar_reward_funcs(answer_scale=scale), ARGS, rows())
    assert report.ok, str(report)


def test_deviations_are_those_that_a_reward_takes():
    data = rows()
    rewards = tr.tatar_reward_funcs(mos_std_column="sd", raters=20)
    for kind in (float, np.float32, np.int64):
        report = check_setup(rewards, ARGS, {**data, "sd": [kind(3)] * len(data["mos"])})
        assert report.ok, str(report)
    report = check_setup(rewards, ARGS, {**data, "sd": [np.float32(-3)] * len(data["mos"])})
    assert report.faults[0].problem.startswith("sd[0] is -3")


def test_one_image_a_call_is_no_fault_where_memory_was_asked_for():
    rewards = tr.tatar_reward_funcs(opponents=tr.OpponentConfig(opponents="memory"))
    assert check_setup(rewards, {**ARGS, "per_device_train_batch_size": 4}, rows()).ok


def test_the_demo_is_sound(tmp_path):
    recipe = load_recipe(TINY_CONFIG)
    examples = tiny_pictures.make_examples(tiny_pictures.TRAIN_PHOTOGRAPHS[:2], per_task=40, seed=0)
    tiny_pictures.write_examples(examples, "grpo", tmp_path)
    pictures = to_dataset(tiny_pictures.written_pictures(tmp_path, "grpo"), recipe.prompts)
    report = check_setup(make_rewards(recipe), recipe.grpo.args, pictures, processing_class=CHAT_TEMPLATE)
    assert report.ok, str(report)


def test_the_doctor_leaves_the_rewards_as_they_are():
    rewards = tr.tatar_reward_funcs()
    before = [pickle.dumps(reward.state) for reward in rewards]
    check_setup(rewards, ARGS, rows())
    assert before == [pickle.dumps(reward.state) for reward in rewards]


def test_a_world_of_no_processes_is_refused():
    with pytest.raises(ValueError, match="world_size must be at least 1; got 0"):
        check_setup(RECIPE, ARGS, rows(), world_size=0)
