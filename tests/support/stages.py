"""Running a stage of the recipe with so few pictures and steps that it learns nothing.

The fixtures below are imported by `conftest.py`.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
FEW_STEPS = (
    "data.make={sft: 32, grpo: 32, test: 6}",
    "model.make.vision_tower_steps=2",
    "sft.args.max_steps=2",
    "grpo.args.max_steps=2",
    "grpo.args.per_device_train_batch_size=16",
    "grpo.args.logging_steps=1",
    "evaluation.resamples=20",
    "evaluation.samples=0",
)
TWO_PROCESSES = ("-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes", "2")


def run_in_process(module, *changes):
    """Call the main function of an imported script; SystemExit passes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", [module.__name__, "--set", *FEW_STEPS, *changes])
        module.main()


def command(script, *flags, launcher=()):
    return [sys.executable, *launcher, str(EXAMPLES / script), *flags]


def environment():
    return {**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}


def run_script(script, *flags, launcher=(), cwd=None):
    """Run a script as a user does."""
    return subprocess.run(
        command(script, *flags, launcher=launcher),
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
        env=environment(),
        cwd=cwd,
    )


@pytest.fixture(scope="session")
def trained_run(tmp_path_factory):
    """The folder of a run that has finished SFT."""
    import train_sft
    from tiny import model, pictures

    out = tmp_path_factory.mktemp("trained") / "run"
    for module in (pictures, model, train_sft):
        run_in_process(module, f"out={out}")
    return out


@pytest.fixture
def run_folder(trained_run, tmp_path):
    """A copy of that folder; it shares the pictures."""
    shutil.copytree(trained_run, tmp_path / "run", ignore=shutil.ignore_patterns("data"))
    (tmp_path / "run" / "data").symlink_to(trained_run / "data")
    return tmp_path / "run"
