"""The doctor on settings: TRL's own defaults, the number of processes, values that no run can have."""

import contextlib
import dataclasses
import sys
import time
import types

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from support.labelled_rows import rows
from trl import GRPOConfig

import tatar_rewards as tr
from tatar_rewards.doctor.settings import COUNTS, TrainingSettings, read_settings

RECIPE = tr.tatar_reward_funcs()
DEFAULTS = {field.name: field.default for field in dataclasses.fields(GRPOConfig)}


def check(args, **more):
    return tr.check_setup(RECIPE, args, rows(), **more)


def test_what_is_left_out_has_the_default_of_the_installed_trl(monkeypatch):
    read, facts = read_settings({})
    assert read.max_completion_length == DEFAULTS["max_completion_length"] == 512
    assert facts == {}
    monkeypatch.setattr(
        "tatar_rewards.doctor.settings.installed_defaults", lambda: ("9.9", {"max_completion_length": 90})
    )
    read, _ = read_settings({"num_generations": 4})
    assert (read.max_completion_length, read.num_generations) == (90, 4)
    assert read.use_bias_correction_kl is False, "a version without the setting does not correct"


def test_the_defaults_that_are_written_down_are_those_of_trl_1_16():
    for name, field in TrainingSettings.model_fields.items():
        assert field.default == DEFAULTS[name], name


def test_without_trl_the_report_says_which_defaults_were_assumed(monkeypatch):
    monkeypatch.setitem(sys.modules, "trl", None)
    report = check({"per_device_train_batch_size": 32, "num_generations": 4})
    assert report.ok
    assert "the defaults of TRL 1.16, since TRL is not installed: " in report.facts["assumed"]
    assert "max_completion_length 512" in report.facts["assumed"]
    assert "num_generations" not in report.facts["assumed"].replace("num_generations_eval", "")


def test_settings_may_be_a_config_of_the_trainer_or_any_object_with_its_fields(tmp_path):
    config = GRPOConfig(
        output_dir=str(tmp_path), per_device_train_batch_size=32, num_generations=4, use_cpu=True, bf16=False
    )
    for args in (config, types.SimpleNamespace(per_device_train_batch_size=32, num_generations=4)):
        report = check(args)
        assert report.ok, str(report)
        assert report.facts["completions per call"] == "32 on each process"
    assert check(config, world_size=8).ok, "a config that was made on one process for eight"
    assert check(config.to_dict(), world_size=8).ok


def test_the_number_of_processes_is_a_setting_like_another():
    args = {"per_device_train_batch_size": 6, "num_generations": 8, "world_size": 4}
    assert check(args).facts["processes"] == "4"
    assert check(args | {"world_size": "4"}).facts["processes"] == "4"
    assert check(args, world_size=2).facts["processes"] == "2", "said outright, it counts"
    assert "does not hold whole groups" in str(check(args, world_size=2))


@pytest.mark.parametrize(
    ("args", "problem"),
    [
        ({"num_generations": 0}, "num_generations=0, but a trainer needs at least 1"),
        ({"num_generations": -4}, "num_generations=-4, but"),
        ({"per_device_train_batch_size": 0}, "per_device_train_batch_size=0, but"),
        ({"steps_per_generation": -1}, "steps_per_generation=-1, but"),
        ({"max_completion_length": 0}, "max_completion_length=0, but"),
        ({"num_generations": 10**400}, "num_generations is beyond 1,000,000,000,000"),
        ({"num_generations": 10_000_000}, "does not hold whole groups of 10000000"),
        ({"scale_rewards": "groups"}, "scale_rewards='groups' is none of group, batch, none"),
        ({"multi_objective_aggregation": "sum"}, "multi_objective_aggregation='sum' is none of"),
        ({"beta": float("nan")}, "beta=nan, no weight"),
        ({"beta": -0.1}, "beta=-0.1, no weight"),
        ({"auto_find_batch_size": True}, "TRL refuses it"),
        ({"reward_weights": [float("inf"), 1, 1]}, "has the weight inf"),
        ({"generation_batch_size": 64, "steps_per_generation": 3}, "are both set"),
        ({"generation_batch_size": 24, "per_device_train_batch_size": 16}, "is no multiple of the 16 rows of a step"),
    ],
)
def test_values_that_no_run_can_have_are_faults(args, problem):
    report = check(args)
    assert any(problem in fault.problem for fault in report.faults), str(report)


def test_what_trl_takes_for_settings_is_no_fault():
    sound = {"per_device_train_batch_size": 32, "num_generations": 4}
    for args in (
        {"scale_rewards": True},
        {"scale_rewards": "batch"},
        {"generation_batch_size": 64},
        {"num_generations": "4"},
        {"eval_strategy": "no", "max_completion_length": None},
        {"something_else": object()},
    ):
        assert check(sound | args).ok, args


whatever = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([10**7, 10**9, 10**15, -1, 0, 1]),
    st.floats(),
    st.text(max_size=5),
    st.lists(st.integers(), max_size=3),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
)


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.sampled_from([*COUNTS, "beta", "scale_rewards", "world_size", "reward_weights"]), whatever))
def test_whatever_the_settings_the_doctor_comes_to_an_end_and_says_what_is_wrong(args):
    start = time.monotonic()
    with contextlib.suppress(TypeError, ValueError, ValidationError):
        report = tr.check_setup(RECIPE, args, rows(12))
        assert all(finding.cure for finding in report.findings)
    assert time.monotonic() - start < 20


def test_a_budget_that_no_probe_can_write_is_held_against_the_room_only():
    for unit in ("words", "tokens"):
        report = tr.check_setup(tr.LengthReward(unit=unit, shortest=1e9), {"num_generations": 2}, rows(12))
        assert "leave no room for the 1e+09" in str(report)
        huge = {"num_generations": 2, "max_completion_length": None}
        assert tr.check_setup([tr.LengthReward(unit=unit, shortest=1e15), *RECIPE[1:2]], huge, rows(12)) is not None
