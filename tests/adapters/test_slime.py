"""slime's own code loads dotted paths, awaits samples and post-processes batches."""

import asyncio
import importlib
from dataclasses import dataclass, field
from enum import Enum
from functools import cache
from types import SimpleNamespace

import pytest
from support.framework_calls import (
    ROWS,
    as_trl_one_by_one,
    make_rewards,
    make_rewards_for_one_sample,
    numbers,
    slime_args,
)
from support.real_code import take

torch = pytest.importorskip("torch", reason="the frameworks' code needs torch")
pytestmark = pytest.mark.filterwarnings("ignore:.*(cannot be read|no other image)")


def take_samples():
    sample = take("slime", "slime/utils/types.py", "Sample", dataclass=dataclass, field=field, Enum=Enum).Sample
    return [
        sample(
            group_index=number // 2,
            response=row["completion"] + "<|im_end|>",
            label={"mos": row["truth"]["mos"]},
            metadata={name: value for name, value in row["truth"].items() if name != "mos"},
        )
        for number, row in enumerate(ROWS)
    ]


def take_loader():
    return take("slime", "slime/utils/misc.py", "load_function", cache=cache, importlib=importlib).load_function


def test_slime_loads_the_dotted_path_and_awaits_a_sample_and_a_list(monkeypatch):
    from tatar_rewards.adapters import slime

    hub = take(
        "slime",
        "slime/rollout/rm_hub/__init__.py",
        "async_rm",
        "batched_async_rm",
        asyncio=asyncio,
        load_function=take_loader(),
    )
    args = slime_args(custom_rm_path="tatar_rewards.adapters.slime.custom_rm", rm_type=None)
    monkeypatch.setattr(slime, "custom_rm", slime.scorer(make_rewards_for_one_sample()))
    earned = [asyncio.run(hub.async_rm(args, sample)) for sample in take_samples()]
    expected = as_trl_one_by_one(make_rewards_for_one_sample(), ROWS)
    assert earned == [numbers(parts, "score")["score"] for parts in expected]
    assert len(asyncio.run(hub.batched_async_rm(args, take_samples()))) == len(ROWS)


@pytest.mark.parametrize("estimator", ["grpo", "gspo", "cispo", "reinforce_plus_plus_baseline", "ppo"])
@pytest.mark.parametrize("over_deviation", [True, False])
def test_slime_post_processes_to_what_it_makes_of_the_same_rewards_itself(monkeypatch, estimator, over_deviation):
    from tatar_rewards.adapters import slime

    monkeypatch.setattr(slime, "post_process", slime.post_processor(make_rewards()))
    method = take("slime", "slime/ray/rollout.py", "RolloutManager._post_process_rewards", torch=torch)
    flags = {"advantage_estimator": estimator, "grpo_std_normalization": over_deviation}
    args = slime_args(n_samples_per_prompt=2, rollout_batch_size=len(ROWS) // 2, **flags)
    manager = SimpleNamespace(args=args, custom_reward_post_process_func=None)
    manager.custom_reward_post_process_func = take_loader().__wrapped__("tatar_rewards.adapters.slime.post_process")
    raw, rewards = method._post_process_rewards(manager, take_samples())
    manager.custom_reward_post_process_func, samples = None, take_samples()
    for sample, reward in zip(samples, raw, strict=True):
        sample.reward = reward
        sample.get_reward_value = lambda args, reward=reward: reward
    assert method._post_process_rewards(manager, samples)[0] == raw
    assert rewards == pytest.approx(method._post_process_rewards(manager, samples)[1], abs=1e-4)
