"""What a type checker sees of rewards and functions: their settings, and the type of what comes back."""

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest


@pytest.mark.slow
def test_a_type_checker_sees_the_settings_of_a_reward_and_their_types(tmp_path):
    good = tmp_path / "good.py"
    good.write_text(
        textwrap.dedent("""
            import numpy as np
            from tatar_rewards import GaussianScoreReward, LengthConfig, ThurstoneRankReward, gaussian_score_reward
            from tatar_rewards import tatar_reward_funcs

            reward = ThurstoneRankReward(task="iaa", temperature=16, mos_scale=(1, 10))
            temperature: float = reward.config.temperature
            again: ThurstoneRankReward = reward.fresh(task="quality")
            gaussian = GaussianScoreReward(mos_scale={"AVA": (1, 10)}, length_gate=LengthConfig(longest=65))
            rewards: list[float | None] = gaussian(["<answer>7</answer>"], mos=[7.0])
            rounded = gaussian_score_reward(np.zeros(3), np.ones(3)).round(2)
            funcs = tatar_reward_funcs(mos_scale=(1, 5), iqa_budget=None)
        """)
    )
    bad = tmp_path / "bad.py"
    bad.write_text(
        textwrap.dedent("""
            from tatar_rewards import ThurstoneRankReward, gaussian_score_reward, tatar_reward_funcs

            ThurstoneRankReward(temprature=16)
            ThurstoneRankReward(temperature="16")
            ThurstoneRankReward().config.temprature
            gaussian_score_reward([1.0], [1.0])
            tatar_reward_funcs(iqa_budget=65)
        """)
    )
    settings = Path(__file__).parents[1] / "pyproject.toml"
    command = [sys.executable, "-m", "mypy", "--config-file", str(settings), "--no-error-summary"]
    run = subprocess.run([*command, str(good)], capture_output=True, text=True, check=False)
    assert run.stdout == ""
    run = subprocess.run([*command, str(bad)], capture_output=True, text=True, check=False)
    assert {int(line.split(":")[1]) for line in run.stdout.splitlines() if ": error:" in line} == {4, 5, 6, 7, 8}


@pytest.mark.slow
def test_a_users_strict_type_checker_takes_tensors_and_gives_tensors_back(tmp_path):
    """With torch's own types, which the project's settings leave out."""
    script = tmp_path / "tensors.py"
    script.write_text(
        textwrap.dedent("""
            import torch
            from tatar_rewards import gaussian_score_reward
            from tatar_rewards.functional import Array

            scores = torch.zeros(3)
            array: Array = scores
            rewards: torch.Tensor = gaussian_score_reward(scores, scores)
        """)
    )
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file", "", "--no-error-summary", str(script)]
    run = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert "tensors.py" not in run.stdout, run.stdout
