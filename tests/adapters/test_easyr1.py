"""EasyR1's own code loads a file and scores a batch with it."""

import importlib
import importlib.util
import json
import os
import sys
from collections import defaultdict
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import pytest
from support.framework_calls import (
    ROWS,
    as_trl,
    make_rewards,
    numbers,
)
from support.real_code import Characters, plugin_of, take, write_plugin

torch = pytest.importorskip("torch", reason="the frameworks' code needs torch")
pytestmark = pytest.mark.filterwarnings("ignore:.*(cannot be read|no other image)")


@pytest.mark.parametrize("truth", [dict, json.dumps])
def test_easyr1_loads_the_file_and_scores_the_batch(tmp_path, truth):
    file = write_plugin(tmp_path, plugin_of("easyr1", "compute_score", rewards="make_rewards"))
    rewards, reward_tensor, metrics = compute_reward(f"{file}:compute_score", truth)
    expected = [numbers(parts, "overall") for parts in as_trl(make_rewards(), ROWS)]
    assert rewards.reward_type == "batch"
    assert metrics == {name: [parts[name] for parts in expected] for name in expected[0]}
    assert reward_tensor.sum(dim=1).tolist() == pytest.approx(metrics["overall"], abs=1e-6)


def test_easyr1_loads_the_module_of_the_package_itself():
    file = importlib.util.find_spec("tatar_rewards.adapters.easyr1").origin

    def on_points(truth):
        return dict(truth, mos=None if truth["mos"] is None else 25 * (truth["mos"] - 1))

    rewards, _, metrics = compute_reward(f"{file}:compute_score", on_points)
    assert (rewards.reward_type, len(metrics), min(metrics["overall"])) == ("batch", 5, 0.0)


def compute_reward(reward_function, truth):
    path = take("EasyR1", "verl/utils/py_functional.py", "get_abs_path", os=os)
    configs = take(
        "EasyR1",
        "verl/workers/reward/config.py",
        "RewardConfig",
        dataclass=dataclass,
        field=field,
        Optional=Any,
        get_abs_path=path.get_abs_path,
    )
    config = configs.RewardConfig(reward_function=reward_function)
    config.post_init()
    managers = take(
        "EasyR1",
        "verl/workers/reward/function.py",
        "SequentialFunctionRewardManagerMixin",
        "BatchFunctionRewardManagerMixin",
        "AutoRewardManager",
        importlib=importlib,
        os=os,
        sys=sys,
        torch=torch,
        partial=partial,
        defaultdict=defaultdict,
    )
    rewards = managers.AutoRewardManager(config, Characters())
    return rewards, *rewards.compute_reward(Batch(truth))


class Batch:
    """As far as the manager reads it, a DataProto: responses that are padded on the right."""

    def __init__(self, truth):
        lengths = [len(row["completion"]) for row in ROWS]
        responses, mask = torch.zeros(len(ROWS), max(lengths), dtype=int), torch.zeros(len(ROWS), max(lengths))
        for number, row in enumerate(ROWS):
            responses[number, : lengths[number]] = torch.tensor([ord(letter) for letter in row["completion"]])
            mask[number, : lengths[number]] = 1
        self.batch = {"responses": responses, "response_mask": mask}
        truths = np.empty(len(ROWS), object)
        truths[:] = [truth(row["truth"]) for row in ROWS]
        self.non_tensor_batch = {"ground_truth": truths}

    def __len__(self):
        return len(ROWS)
