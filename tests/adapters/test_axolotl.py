"""Axolotl's own code loads rewards by their dotted paths."""

import importlib
import inspect

import pytest
from support.real_code import take

from tatar_rewards import presets


@pytest.mark.parametrize("name", ["answer_format", "iqa_gaussian_score", "iaa_thurstone_rank"])
def test_axolotl_loads_a_ready_reward(name):
    file = "src/axolotl/core/trainers/grpo/__init__.py"
    load = take("axolotl", file, "GRPOStrategy.get_reward_func", importlib=importlib, inspect=inspect).get_reward_func
    assert load(None, f"tatar_rewards.presets.{name}") == getattr(presets, name)
