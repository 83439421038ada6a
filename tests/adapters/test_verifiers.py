"""verifiers' own code plugs reward functions by name and weighs them."""

import asyncio
import functools
import importlib
import inspect
from collections.abc import Mapping
from contextlib import nullcontext
from functools import partial
from types import SimpleNamespace

import pytest
from pydantic import BaseModel
from support.framework_calls import (
    ROWS,
    AssistantMessage,
    TaskData,
    as_trl_one_by_one,
    make_rewards_for_one_sample,
)
from support.real_code import plugin_of, pretend, take, write_plugin

pytestmark = pytest.mark.filterwarnings("ignore:.*(cannot be read|no other image)")


class Trace:
    """As far as scoring uses it, a trace, with the methods of the real one."""

    def __init__(self, completion):
        methods = ("Trace.assistant_messages", "Trace.record_reward")
        reward = take("verifiers", "verifiers/v1/trace.py", "Reward", BaseModel=BaseModel).Reward
        needs = {"AssistantMessage": AssistantMessage, "Reward": reward}
        real = take("verifiers", "verifiers/v1/trace.py", *methods, **needs)
        self.nodes = [
            SimpleNamespace(sampled=sampled, message=AssistantMessage(content=content))
            for sampled, content in ((False, "<answer>50</answer>"), (True, completion))
        ]
        self.rewards, self.metrics = {}, {}
        self.assistant_messages = real.assistant_messages(self)
        self.record_reward = partial(real.record_reward, self)


def take_score(monkeypatch):
    decorators = take(
        "verifiers",
        "verifiers/v1/utils/decorators.py",
        "discover_decorated",
        "invoke",
        "invoke_all",
        "seed",
        "unseed",
        asyncio=asyncio,
        inspect=inspect,
        get_origin=lambda hint: None,
    )
    reward_config = type("RewardFunctionConfig", (SimpleNamespace,), {"priority": None, "weight": None})
    loaders = take(
        "verifiers",
        "verifiers/v1/utils/loaders.py",
        "plugged_fn",
        "load_plugged_fn",
        functools=functools,
        importlib=importlib,
        RewardFunctionConfig=reward_config,
    )
    pretend(monkeypatch, "verifiers.v1.utils.loaders", load_plugged_fn=loaders.load_plugged_fn)
    return reward_config, take(
        "verifiers",
        "verifiers/v1/task.py",
        "Task.score",
        "Task.hooks",
        boundary=lambda *names: nullcontext(),
        TaskError=Exception,
        inspect=inspect,
        Mapping=Mapping,
        **vars(decorators),
    )


def test_verifiers_plugs_the_functions_and_weighs_them(tmp_path, monkeypatch):
    rewards, weights = make_rewards_for_one_sample(), (1.0, 1.0, 0.5, 2.0)
    names = [reward.__name__ for reward in rewards]
    functions = plugin_of("verifiers", ", ".join(names)).replace("= scorer(", "= map(scorer, ")
    write_plugin(tmp_path, functions, name="my_scorers.py")
    monkeypatch.syspath_prepend(tmp_path)
    reward_config, real = take_score(monkeypatch)
    plugged = {
        name: reward_config(fn=f"my_scorers:{name}", weight=weight) for name, weight in zip(names, weights, strict=True)
    }
    for row, parts in zip(ROWS, as_trl_one_by_one(rewards, ROWS), strict=True):
        task = SimpleNamespace(data=TaskData(idx=1, prompt="Rate it.", **row["truth"]), plugged_judges=list)
        task.scoring_deferred = False
        task.config = SimpleNamespace(stops={}, metrics={}, rewards=plugged)
        task.hooks, trace = partial(real.hooks, task), Trace(row["completion"])
        asyncio.run(real.score(task, trace))
        assert {name: (given.score, given.weight) for name, given in trace.rewards.items()} == {
            name: (parts[name] or 0.0, weight) for name, weight in zip(names, weights, strict=True)
        }
