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
