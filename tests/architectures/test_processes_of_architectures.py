"""Two processes on the CPU: DDP, DeepSpeed ZeRO-3 as `zero3.yaml` has it, and FSDP as `fsdp.yaml` has it."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from architectures import runs, table
from support import stages

pytestmark = pytest.mark.slow
NAME = "qwen2_5_vl"
CONFIGS = {"DDP": "null"} | {
    kind: str(stages.EXAMPLES / "configs" / name) for kind, name in (("ZeRO-3", "zero3.yaml"), ("FSDP", "fsdp.yaml"))
}
SIGNS = {"DDP": "optimizer.pt", "ZeRO-3": "zero_to_fp32.py", "FSDP": "pytorch_model_fsdp_0"}  # in its checkpoints alone
FSDP_ON_CPU = Path(__file__).parent / "fsdp_on_cpu"
TOLERANCE = 0.02  # of a loss in half precision, which other processes add up in another order
BATCHES = {1: ("sft.args.per_device_train_batch_size=4",), 2: ("sft.args.per_device_train_batch_size=2",)}


def flags(out, checkpoints, pictures, processes, *changes):
    rationales = f"rationales.file={out.parent / 'rationales.jsonl'}"
    given = [*BATCHES[processes], f"launch.processes={processes}", rationales, *changes]
    return runs.flags(runs.FULL, out, checkpoints(NAME), pictures, *given)


def train(kind, argv, *only):
    """As a user starts it: `train_tatar.py` launches the processes."""
    command = stages.command("train_tatar.py", *argv, f"launch.accelerate={CONFIGS[kind]}", "--only", *only)
    env = stages.environment()
    if kind == "FSDP":
        env["PYTHONPATH"] = os.pathsep.join([str(FSDP_ON_CPU), *filter(None, [env.get("PYTHONPATH")])])
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=env) as run:
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
    argv = flags(out, checkpoints, pictures, 2)
    train(kind, argv, "sft", "grpo", "evaluate")
    assert runs.losses(out, "sft") == pytest.approx(runs.losses(alone, "sft"), rel=TOLERANCE)
    assert (out / "table.txt").read_text().count("after GRPO") == 8, "saved models load and answer"
    check_models(kind, out, argv, checkpoints)
    table.ran(NAME, f"two processes, {kind}: SFT, GRPO, evaluation, resume")


@pytest.mark.parametrize("kind", ["ZeRO-3", "FSDP"])
def test_adapters_trained_in_shards_are_merged_into_whole_models(kind, alone, checkpoints, pictures):
    out = alone.parent / f"{kind}, LoRA"
    argv = flags(out, checkpoints, pictures, 2, "model.lora={r: 4}", "sft.args.learning_rate=0.01")
    train(kind, argv, "sft", "grpo")
    for merged in check_models(kind, out, argv, checkpoints):
        assert len(merged) == 14, "the linear layers of two blocks of the language model"
        assert all("language_model.layers" in name for name in merged)
    table.ran(NAME, f"two processes, {kind}: SFT, GRPO, resume with LoRA")


def check_models(kind, out, argv, checkpoints):
    """The frozen tower is the same, and a resumed run ends with the same weights; what SFT and then GRPO changed."""
    assert {name for name, sign in SIGNS.items() if (out / "sft" / "checkpoint-2" / sign).exists()} == {kind}
    folders = [checkpoints(NAME), out / "sft" / "model", out / "grpo" / "model"]
    start, sft, grpo = map(runs.loaded, folders)
    changed = [runs.moved(start, sft), runs.moved(sft, grpo)]
    assert not {name for name in set.union(*changed) if runs.in_tower(name, NAME)}
    for lost in ("model", "checkpoint-2"):
        shutil.rmtree(out / "sft" / lost)
    (out / "sft" / "finished.json").unlink()
    assert "resuming from" in train(kind, argv, "sft")
    assert runs.moved(sft, runs.loaded(out / "sft" / "model")) == set()
    return changed
