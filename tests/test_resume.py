"""A run that is killed and started again ends where an uninterrupted one ends, weight by weight."""

import json
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file
from support import stages

import train_grpo
import train_sft
from recipe.checkpoints import find_fault, last_checkpoint

pytestmark = pytest.mark.slow
MODULES = {"sft": train_sft, "grpo": train_grpo}
LORA = ("model.lora={r: 4}", "model.frozen=[]")
# two steps are an epoch, and untrained policies earn something, so that the order of the pictures shows in the weights
TWO_EPOCHS = ("grpo.reward_funcs=[support.other_rewards.letters]", "data.grpo.0.limit=4", "data.grpo.1.limit=4")


def killed_after_two_steps(run_folder, stage, *changes):
    """The weights of a whole run of four steps, and what its folder holds after a kill behind the second."""
    shutil.rmtree(run_folder / stage, ignore_errors=True)
    if stage == "grpo" and changes:  # SFT belongs to the settings of the model
        shutil.rmtree(run_folder / "sft")
        stages.run_in_process(train_sft, f"out={run_folder}", *changes)
    four = (f"out={run_folder}", f"{stage}.args.max_steps=4", f"{stage}.args.save_steps=2", *changes)
    four = (*four, f"{stage}.args.save_total_limit=null", *TWO_EPOCHS)
    stages.run_in_process(MODULES[stage], *four)
    whole = load_file(run_folder / stage / "model" / "model.safetensors")
    second, last = (
        load_file(next((run_folder / stage / f"checkpoint-{step}").glob("*model.safetensors"))) for step in (2, 4)
    )
    assert any(not torch.equal(second[name], last[name]) for name in last), "else a resumed run would show nothing"
    shutil.rmtree(run_folder / stage / "model")
    shutil.rmtree(run_folder / stage / "checkpoint-4")
    for name in ("finished.json", "log.json"):
        (run_folder / stage / name).unlink()
    return whole, four


@pytest.mark.parametrize("stage", ["sft", "grpo"])
def test_resumed_adapters_are_those_of_an_uninterrupted_run_to_the_bit(run_folder, stage, capsys):
    """`test_kills.py` has the same of full fine-tuning, `test_resume_two_processes.py` both on two processes."""
    whole, four = killed_after_two_steps(run_folder, stage, *LORA)
    capsys.readouterr()
    stages.run_in_process(MODULES[stage], *four)
    assert "resuming from" in capsys.readouterr().out
    resumed = load_file(run_folder / stage / "model" / "model.safetensors")
    assert resumed.keys() == whole.keys()
    assert [name for name in whole if not torch.equal(whole[name], resumed[name])] == []


def test_a_checkpoint_that_lacks_a_weight_ends_the_run_with_its_name(run_folder):
    _, four = killed_after_two_steps(run_folder, "sft")
    path = run_folder / "sft" / "checkpoint-2" / "model.safetensors"
    weights = load_file(path)
    name = next(name for name in weights if "mlp" in name)
    save_file({key: value for key, value in weights.items() if key != name}, path, metadata={"format": "pt"})
    with pytest.raises(RuntimeError, match="is no checkpoint of this LlavaForConditionalGeneration: 1 missing keys"):
        stages.run_in_process(train_sft, *four)


def test_adapters_that_did_not_arrive_end_the_run(run_folder):
    _, four = killed_after_two_steps(run_folder, "sft", *LORA)
    path = run_folder / "sft" / "checkpoint-2" / "adapter_model.safetensors"
    weights = load_file(path)
    name = next(iter(weights))
    save_file({key: value for key, value in weights.items() if key != name}, path, metadata={"format": "pt"})
    with pytest.raises(RuntimeError, match="did not resume with the adapters of .*: 1 of"):
        stages.run_in_process(train_sft, *four)


@pytest.mark.parametrize(
    "name", ["model.safetensors", "optimizer.pt", "scheduler.pt", "rng_state.pth", "trainer_state.json", "config.json"]
)
def test_a_checkpoint_that_was_cut_short_is_passed_over_for_the_one_before(run_folder, name, capsys):
    _, four = killed_after_two_steps(run_folder, "sft")
    good = run_folder / "sft" / "checkpoint-2"
    bad = shutil.copytree(good, run_folder / "sft" / "checkpoint-3")
    content = (bad / name).read_bytes()
    (bad / name).write_bytes(content[: len(content) // 2])
    assert find_fault(good) is None
    assert find_fault(bad).startswith(f"{name} cannot be read")
    assert last_checkpoint(run_folder / "sft") == (str(good), [f"{bad}: {find_fault(bad)}"])
    if name == "optimizer.pt":
        capsys.readouterr()
        stages.run_in_process(train_sft, *four)
        said = capsys.readouterr().out
        assert f"passing over {bad}: optimizer.pt cannot be read" in said
        assert f"resuming from {good}" in said


def test_without_any_whole_checkpoint_training_begins_anew(tmp_path):
    assert last_checkpoint(tmp_path) == (None, [])
    (tmp_path / "checkpoint-7").mkdir()
    assert last_checkpoint(tmp_path) == (None, [f"{tmp_path}/checkpoint-7: trainer_state.json is missing"])
    (tmp_path / "checkpoint-7" / "trainer_state.json").write_text(json.dumps({"global_step": 7}))
    assert last_checkpoint(tmp_path) == (str(tmp_path / "checkpoint-7"), [])
