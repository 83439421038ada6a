"""GRPO of the recipe: resuming, the doctor, processes, LoRA, trackers."""

import shutil

import pytest
import torch
from support import stages

import evaluate_model
import train_grpo
import train_sft
from recipe.config import TINY_CONFIG
from recipe.models import load_model
from recipe.stages import is_finished
from recipe.yaml_files import load_recipe

pytestmark = pytest.mark.slow


def test_findings_of_the_doctor_stop_the_run_unless_told_otherwise(run_folder, capsys):
    too_short = "grpo.args.max_completion_length=30"
    with pytest.raises(SystemExit, match="the doctor's findings stop the run"):
        stages.run_in_process(train_grpo, f"out={run_folder}", too_short)
    assert "30 tokens leave no room for the 40 words" in capsys.readouterr().out
    stages.run_in_process(train_grpo, f"out={run_folder}", too_short, "grpo.doctor=warn")
    assert is_finished(load_recipe(TINY_CONFIG, [*stages.FEW_STEPS, f"out={run_folder}", too_short]), "grpo")


def test_a_launcher_that_starts_fewer_processes_than_it_was_told_is_found_out(run_folder):
    """`accelerate launch --cpu` starts one, whatever its --num_processes."""
    run = stages.run_script(
        "train_grpo.py",
        "--set",
        *stages.FEW_STEPS,
        f"out={run_folder}",
        "launch.processes=2",
        launcher=("-m", "accelerate.commands.launch", "--cpu", "--num_processes", "2"),
    )
    assert run.returncode != 0
    assert "launch.processes is 2, but 1 run" in run.stderr


def test_grpo_without_sft_says_what_to_run_first(tmp_path):
    with pytest.raises(SystemExit, match=r"run train_sft\.py with this config first"):
        stages.run_in_process(train_grpo, f"out={tmp_path}")


def test_lora_trains_and_is_merged_into_a_whole_model_that_can_be_evaluated(run_folder):
    shutil.rmtree(run_folder / "sft")
    lora = ("model.lora={r: 4, target_modules: [q_proj, v_proj]}", f"out={run_folder}", "sft.args.learning_rate=0.1")
    for module in (train_sft, train_grpo, evaluate_model):
        stages.run_in_process(module, *lora)
    recipe = load_recipe(TINY_CONFIG, [*stages.FEW_STEPS, *lora])
    base, _ = load_model(recipe.model.path, recipe.model)
    tuned, _ = load_model(run_folder / "sft" / "model", recipe.model)
    moved = {n for n, p in tuned.named_parameters() if not torch.equal(p, base.get_parameter(n))}
    assert moved
    assert all(name.endswith(("q_proj.weight", "v_proj.weight")) for name in moved)
    assert (run_folder / "predictions" / "grpo.json").exists()


def test_a_tracker_gets_what_report_to_names(run_folder, tmp_path, monkeypatch):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    monkeypatch.setenv("TENSORBOARD_LOGGING_DIR", str(tmp_path / "board"))
    stages.run_in_process(train_grpo, f"out={run_folder}", "grpo.args.report_to=tensorboard")
    board = EventAccumulator(str(tmp_path / "board"))
    board.Reload()
    tags = board.Tags()["scalars"]
    assert "train/reward" in tags
    assert "train/iaa_thurstone_rank/parse_failure_rate" in tags
