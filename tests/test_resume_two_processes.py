"""Training on two processes, killed and resumed: the weights are those of an uninterrupted run, to the bit."""

import json
import re
import shutil

import pytest
import torch
from safetensors.torch import load_file
from support import kills, stages

pytestmark = pytest.mark.slow
LORA = "model.lora={r: 4, lora_alpha: 8}"


def flags(folder, *changes):
    small = ["sft.args.per_device_train_batch_size=16", "grpo.args.per_device_train_batch_size=8", "launch.processes=2"]
    small += ["grpo.reward_funcs=[support.other_rewards.letters]"]  # untrained policies earn it, and the weights move
    small += ["data.grpo.0.limit=4", "data.grpo.1.limit=4"]  # two steps are an epoch
    steps = [
        f"{stage}.args.{name}"
        for stage in ("sft", "grpo")
        for name in ("max_steps=4", "save_steps=1", "save_total_limit=4")
    ]
    return ["--set", *stages.FEW_STEPS, *small, *steps, f"out={folder}", *changes]


@pytest.mark.parametrize("lora", [False, True], ids=["full", "lora"])
@pytest.mark.parametrize("stage", ["sft", "grpo"])
def test_weights_are_those_of_an_uninterrupted_run(run_folder, tmp_path, stage, lora):
    said, changes = tmp_path / "said", [LORA] if lora else []
    for other in ("whole", "killed"):
        shutil.copytree(run_folder, tmp_path / other, symlinks=True)
        shutil.rmtree(tmp_path / other / "sft")
    whole, killed = flags(tmp_path / "whole", *changes), flags(tmp_path / "killed", *changes)
    if stage == "grpo":
        whole, killed = ([*argv, "sft=null", "data.sft=[]"] for argv in (whole, killed))
    assert kills.run_ranks(2, f"train_{stage}", whole, said), said.read_text()[-3000:]
    sign = tmp_path / "killed" / stage / "checkpoint-2" / "trainer_state.json"
    kills.run_ranks(2, f"train_{stage}", killed, said, stop=sign.exists)
    assert not (tmp_path / "killed" / stage / "finished.json").exists()
    said.unlink()
    assert kills.run_ranks(2, f"train_{stage}", killed, said), said.read_text()[-3000:]
    assert said.read_text().count("resuming from") == 1
    if stage == "grpo":
        assert re.search(r"processes +2\b", said.read_text()), "as the doctor saw them"
        log = json.loads((tmp_path / "killed" / "grpo" / "log.json").read_text())
        assert [line["step"] for line in log if "reward" in line] == [1, 2, 3, 4]
    name = "adapter_model.safetensors" if lora else "model.safetensors"
    begun = load_file(tmp_path / "whole" / stage / "checkpoint-1" / name)
    trained = [f"checkpoint-4/{name}", "model/model.safetensors"]
    for path in trained:
        first, second = (load_file(tmp_path / run / stage / path) for run in ("whole", "killed"))
        assert first.keys() == second.keys()
        assert [key for key in first if not torch.equal(first[key], second[key])] == []
        if path is trained[0]:
            assert any(not torch.equal(first[key], begun[key]) for key in first), "something was learnt"
