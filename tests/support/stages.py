"""Run a stage of the recipe on next to nothing: in this process, or as a user would."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
FEW = (
    "data.make={sft: 32, grpo: 32, test: 6}",
    "model.make.eyes_steps=2",
    "sft.args.max_steps=2",
    "grpo.args.max_steps=2",
    "grpo.args.per_device_train_batch_size=16",
    "grpo.args.logging_steps=1",
    "evaluation.resamples=20",
)


def run_here(module, *changes):
    """The main function of an imported script; SystemExit passes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", [module.__name__, "--set", *FEW, *changes])
        module.main()


def command(script, *flags, launcher=()):
    return [sys.executable, *launcher, str(EXAMPLES / script), *flags]


def environment():
    return {**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}


def run(script, *flags, launcher=()):
    return subprocess.run(
        command(script, *flags, launcher=launcher),
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
        env=environment(),
    )
