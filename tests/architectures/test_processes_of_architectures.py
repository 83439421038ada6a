"""Two processes on the CPU: DDP, and DeepSpeed ZeRO-3 as `examples/configs/zero3.yaml` has it.

FSDP is not here: accelerate leaves it aside on CPUs without a word, and runs DDP.
"""

import shutil
import subprocess

import pytest
from architectures import runs, table
from support import stages

pytestmark = pytest.mark.slow
NAME = "qwen2_5_vl"
CONFIGS = {"DDP": "null", "ZeRO-3": str(stages.EXAMPLES / "configs" / "zero3.yaml")}
TOLERANCE = 0.02  # of a loss in half precision, which other processes add up in another order
BATCHES = {1: ("sft.args.per_device_train_batch_size=4",), 2: ("sft.args.per_device_train_batch_size=2",)}


def flags(out, checkpoints, pictures, processes, *changes):
    rationales = f"rationales.file={out.parent / 'rationales.jsonl'}"
    given = [*BATCHES[processes], f"launch.processes={processes}", rationales, *changes]
    return runs.flags(runs.FULL, out, checkpoints(NAME), pictures, *given)


def train(argv, *only):
    """As a user starts it: `train_tatar.py` launches the processes."""
    command = stages.command("train_tatar.py", *argv, "--only", *only)
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=stages.environment()
    ) as run:
        try:
            said, _ = run.communicate(timeout=300)
        except subprocess.TimeoutExpired:
            run.terminate()  # it ends the processes that it has started
            raise
    assert run.returncode == 0, said[-4000:]
    return said


@pytest.fixture(scope="module")
def alone(tmp_path_factory, checkpoints, pictures):
    """A run of one process, whose rationales the others take too."""
    out = tmp_path_factory.mktemp("processes") / "alone"
    argv = flags(out, checkpoints, pictures, 1)
    runs.write_rationales(argv, out.parent / "said")
    runs.run_stage("train_sft", argv, out.parent / "said")
    return out


@pytest.mark.parametrize("kind", CONFIGS)
def test_two_processes_train_as_one_and_go_on_from_a_checkpoint(kind, alone, checkpoints, pictures):
    out = alone.parent / kind
    argv = flags(out, checkpoints, pictures, 2, f"launch.accelerate={CONFIGS[kind]}")
    train(argv, "sft", "grpo", "evaluate")
    assert (out / "sft" / "checkpoint-2" / "zero_to_fp32.py").exists() == (kind == "ZeRO-3"), "the engine has trained"
    assert runs.losses(out, "sft") == pytest.approx(runs.losses(alone, "sft"), rel=TOLERANCE)
    whole, start = runs.loaded(out / "sft" / "model"), runs.loaded(checkpoints(NAME))
    assert not {name for name in runs.moved(start, whole) if runs.in_tower(name, NAME)}
    assert (out / "table.txt").read_text().count("after GRPO") == 8, "saved models load and answer"
    for lost in ("model", "checkpoint-2"):
        shutil.rmtree(out / "sft" / lost)
    (out / "sft" / "finished.json").unlink()
    assert "resuming from" in train(argv, "sft")
    assert runs.moved(whole, runs.loaded(out / "sft" / "model")) == set()
    table.ran(NAME, f"two processes, {kind}: SFT, GRPO, evaluation, resume")
