"""Training on the real architectures: killed and resumed, with and without checkpointed activations, with a tracker."""

import pytest
from architectures import runs, table
from architectures.models import ARCHITECTURES
from support import kills

pytestmark = pytest.mark.slow
KILLED = "qwen2_5_vl"
FOUR = tuple(
    f"{stage}.args.{name}"
    for stage in ("sft", "grpo")
    for name in ("max_steps=4", "save_steps=1", "save_total_limit=4")
)
TWO_EPOCHS = ("grpo.args.steps_per_generation=1", "sft.args.gradient_accumulation_steps=2")  # two steps are an epoch
TWO_EPOCHS_OF = {runs.LORA: (), runs.FULL: ("grpo.args.gradient_accumulation_steps=4",)}


def kill_at_checkpoint(script, argv, said, folder, number=2):
    """Start a stage and kill it with SIGKILL once that checkpoint is whole, before it is done."""
    assert kills.run_until(script, argv, said, (folder / f"checkpoint-{number}" / "trainer_state.json").exists)
    assert not (folder / "finished.json").exists()


@pytest.mark.parametrize("config", [runs.LORA, runs.FULL], ids=["lora", "full"])
@pytest.mark.parametrize("stage", ["sft", "grpo"])
def test_a_killed_stage_ends_with_the_weights_of_an_uninterrupted_one(stage, config, tmp_path, checkpoints, pictures):
    said, models = tmp_path / "said", {}
    more = [*FOUR, *TWO_EPOCHS, *TWO_EPOCHS_OF[config], *(["sft=null", "data.sft=[]"] if stage == "grpo" else [])]
    rationales = [f"rationales.file={tmp_path / 'rationales.jsonl'}"]
    for name in ("whole", "killed"):
        argv = runs.flags(config, tmp_path / name, checkpoints(KILLED), pictures, *rationales, *more)
        if stage == "sft" and name == "whole":
            runs.write_rationales(argv, said)
        folder = tmp_path / name / stage
        if name == "killed":
            kill_at_checkpoint(f"train_{stage}", argv, said, folder)
        told = runs.run_stage(f"train_{stage}", argv, said)
        assert ("resuming from" in told) == (name == "killed")
        models[name] = runs.weights(folder / "model")
    assert runs.moved(models["whole"], models["killed"]) == set()
    assert runs.moved(runs.weights(checkpoints(KILLED)), models["whole"])
    table.ran(KILLED, f"{stage.upper()} killed and resumed, {'LoRA' if config == runs.LORA else 'full'}")


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_checkpointed_activations_change_no_loss(architecture, tmp_path, checkpoints, pictures):
    said, losses = tmp_path / "said", {}
    changes = [runs.for_architecture(architecture), *runs.limit_of(architecture), "sft.args.save_strategy=no"]
    changes.append(f"rationales.file={tmp_path / 'rationales.jsonl'}")
    for on in (True, False):
        argv = runs.flags(runs.LORA, tmp_path / str(on), checkpoints(architecture), pictures, *changes)
        argv.append(f"sft.args.gradient_checkpointing={str(on).lower()}")
        if on:
            runs.write_rationales(argv, said)
        runs.run_stage("train_sft", argv, said)
        log = runs.log_of(tmp_path / str(on), "sft")
        losses[on] = [(row["loss"], row["grad_norm"]) for row in log if "loss" in row]
    assert len(losses[True]) == 2
    for with_it, without in zip(losses[True], losses[False], strict=True):
        assert with_it == pytest.approx(without, rel=1e-2), "in half precision"
    table.ran(architecture, "activations checkpointed or not: one loss")


def test_the_tracker_that_the_configurations_name_gets_the_curves(tmp_path, checkpoints, pictures):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    changes = ["sft=null", "data.sft=[]", "grpo.args.report_to=tensorboard"]
    argv = runs.flags(runs.LORA, tmp_path / "run", checkpoints(KILLED), pictures, *changes)
    process = kills.start("train_grpo", argv, tmp_path / "said", TENSORBOARD_LOGGING_DIR=str(tmp_path / "board"))
    process.join(120)
    assert process.exitcode == 0, (tmp_path / "said").read_text()[-3000:]
    board = EventAccumulator(str(tmp_path / "board"))
    board.Reload()
    assert "train/reward" in board.Tags()["scalars"]
