"""What the doctor says that stops nothing: it is told apart from faults, and leaves the exit code at 0."""

import functools
import re

import pytest
from support.labelled_rows import rows
from support.other_rewards import own_function

import tatar_rewards as tr
from tatar_rewards.doctor import check_setup

ARGS = {"per_device_train_batch_size": 32, "num_generations": 4, "max_completion_length": 512}
RECIPE = tr.tatar_reward_funcs()

ADVICE = {
    "one image a call": dict(args={"per_device_train_batch_size": 4}, finds="be compared with remembered ones only"),
    "a lambda": dict(rewards=[*RECIPE, lambda completions, **_: [0.0]], finds="<lambda> cannot be pickled"),
    "no tags in the prompt": dict(data=rows(prompt=["Rate it."] * 40), finds="40 of 40 prompts name no <answer> tags"),
    "unscaled rewards": dict(args={"scale_rewards": False}, finds="size of the rewards is part of the learning rate"),
    "one scale for two tasks": dict(args={"scale_rewards": "batch"}, finds="one standard deviation for all tasks"),
    "rewards scaled one by one": dict(
        args={"multi_objective_aggregation": "normalize_then_sum"}, finds="a None scores as the group's mean"
    ),
    "another KL term": dict(args={"beta": 0.04}, finds="beta=0.04 with use_bias_correction_kl=True"),
    "a weight of 0": dict(args={"reward_weights": [0, 1, 1]}, finds="answer_format has the weight 0: it is logged"),
    "a task that no row has": dict(
        data=rows(task=["iaa"] * 40), finds="grades task 'iqa', but the column 'task' holds"
    ),
    "a column that the trainer drops": dict(data=rows(completion=["x"] * 40), finds="as 'completion', and not what"),
    "two functions of one name": dict(
        rewards=[*RECIPE, functools.partial(own_function), own_function], finds="2 rewards are called 'own_function'"
    ),
    "a row without a task": dict(
        data=rows(task=[None, *rows()["task"][1:]]), finds="1 rows are of task None, whose answers no reward"
    ),
    "a task that another reward may grade": dict(
        rewards=[*RECIPE, own_function],
        data=rows(task=["iqa", "iaa", "hdr", "iaa"] * 10),
        finds="10 rows are of task 'hdr'",
    ),
    "a tuple": dict(rewards=tuple(RECIPE), finds="reward_funcs is a tuple"),
}


@pytest.mark.parametrize("case", ADVICE)
def test_what_is_worth_knowing_and_stops_nothing_is_advice(case):
    planted = {"rewards": RECIPE, "args": {}, "data": rows(), **ADVICE[case]}
    report = check_setup(planted["rewards"], {**ARGS, **planted["args"]}, planted["data"])
    assert report.ok, str(report)
    assert [finding for finding in report.advice if re.search(planted["finds"], finding.problem)], str(report)
    n = len(report.advice)
    assert str(report).endswith(f"No fault found. {n} piece{'s' * (n > 1)} of advice.")


def test_faults_stand_before_advice_and_are_counted_apart():
    report = check_setup([*RECIPE, tr.AnswerFormatReward()], {**ARGS, "beta": 0.1}, rows())
    assert [finding.check for finding in report.faults] == ["reward names"]
    assert [finding.check for finding in report.advice] == ["KL term"]
    parts = "reward names .*Advice, which stops nothing:.*KL term .*1 fault, 1 piece of advice.$"
    assert re.search(parts, str(report), re.DOTALL)


def test_the_five_lines_of_the_readme_are_no_fault_on_one_gpu():
    mos = [1.05 + 3.9 * (7 * k % 40) / 40 for k in range(40)]
    report = check_setup(tr.tatar_reward_funcs(mos_scale=(1, 5)), {}, rows(mos=mos))
    assert report.ok, str(report)
    assert [finding.check for finding in report.advice] == ["images per call"]


def test_where_memory_cannot_help_one_image_a_call_stays_a_fault():
    for rewards, data in (
        (tr.tatar_reward_funcs(opponents=tr.OpponentConfig(min_opponents=0)), rows()),
        ([tr.ThurstoneRankReward(task="iaa", num_generations=8), RECIPE[1]], rows(image_id=None)),
        (RECIPE, rows(dataset=[f"set {k}" for k in range(40)])),  # each image is a data set of its own
        (RECIPE, rows(mos=[40.0] * 40, image_id=["a"] * 40)),
    ):
        report = check_setup(rewards, {}, data)
        assert {"images per call", "images to compare"} & {fault.check for fault in report.faults}, str(report)


def test_the_recommended_rewards_pass_on_narrow_labels_with_and_without_deviations():
    data = rows(mos=[45 + k / 2 for k in range(40)])
    data["sd"] = [12.0 + k % 5 for k in range(40)]
    for settings in ({}, {"mos_std_column": "sd"}):
        report = check_setup(tr.recommended_reward_funcs(**settings), ARGS, data, 1)
        assert report.ok, str(report)
