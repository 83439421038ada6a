"""verl's own code loads a file or a module and scores samples from threads."""

import asyncio
import importlib
import inspect
import json
import os
from abc import ABC, abstractmethod
from functools import partial
from types import SimpleNamespace

import pytest
from support.framework_calls import (
    ROWS,
    expected_of_one_sample,
)
from support.real_code import Characters, plugin_of, pretend, take, write_plugin

torch = pytest.importorskip("torch", reason="the frameworks' code needs torch")
pytestmark = pytest.mark.filterwarnings("ignore:.*(cannot be read|no other image)")


class Data:
    """As far as the manager reads it, a DataProto of one sample."""

    def __init__(self, row, truth):
        response, truths = torch.tensor([ord(letter) for letter in row["completion"]] + [0, 0]), dict(row["truth"])
        mask = torch.tensor([1] * (4 + len(response) - 2) + [0, 0])
        self.batch = {"responses": response, "attention_mask": mask}
        self.non_tensor_batch = {
            "data_source": truths.pop("dataset"),
            "extra_info": {"index": 0, "task": truths.pop("task")},
            "reward_model": {"style": "rule", "ground_truth": truth(truths)},
        }

    def __getitem__(self, which):
        return self


def load_reward_function(monkeypatch, path, name="compute_score"):
    loader = take(
        "verl",
        "verl/utils/import_utils.py",
        "PKG_PATH_PREFIX",
        "FILE_PATH_PREFIX",
        "load_module",
        "load_extern_object",
        importlib=importlib,
        os=os,
    )
    pretend(monkeypatch, "verl.utils.import_utils", load_extern_object=loader.load_extern_object)
    rewards = take(
        "verl",
        "verl/trainer/ppo/reward.py",
        "_call_with_kwargs",
        "get_custom_reward_fn",
        inspect=inspect,
        partial=partial,
    )
    config = SimpleNamespace(reward={"custom_reward_function": {"path": path, "name": name}})
    return rewards.get_custom_reward_fn(config)


def make_manager(compute_score):
    managers = "verl/experimental/reward_loop/reward_manager"
    base = take(
        "verl",
        f"{managers}/base.py",
        "RewardManagerBase",
        ABC=ABC,
        abstractmethod=abstractmethod,
        get_event_loop=asyncio.get_running_loop,
    )
    naive = take(
        "verl",
        f"{managers}/naive.py",
        "NaiveRewardManager",
        inspect=inspect,
        register=lambda name: lambda manager: manager,
        RewardManagerBase=base.RewardManagerBase,
        default_compute_score=None,
    )
    return naive.NaiveRewardManager({}, Characters(), compute_score)


@pytest.mark.parametrize("truth", [dict, json.dumps])
def test_verl_loads_a_file_and_scores_sample_by_sample(tmp_path, monkeypatch, truth):
    file = write_plugin(tmp_path, plugin_of("verl", "compute_score"))
    compute_score = load_reward_function(monkeypatch, file)

    async def one_after_the_other():
        manager = make_manager(compute_score)
        return [await manager.run_single(Data(row, truth)) for row in ROWS]

    for result, parts in zip(asyncio.run(one_after_the_other()), expected_of_one_sample(), strict=True):
        assert result == {"reward_score": parts["score"], "reward_extra_info": parts}


def test_verl_loads_the_ready_function_of_the_package_and_calls_it_from_threads(monkeypatch):
    compute_score = load_reward_function(monkeypatch, "pkg://tatar_rewards.adapters.verl")

    async def all_at_once():
        manager = make_manager(compute_score)
        on_points = [dict(row, truth=row["truth"] | {"mos": 50.0}) for row in ROWS * 4]
        return await asyncio.gather(*(manager.run_single(Data(row, dict)) for row in on_points))

    results = asyncio.run(all_at_once())
    assert {tuple(result["reward_extra_info"]) for result in results} == {
        ("score", "answer_format", "thurstone_rank", "win_rate")
    }
