"""The whole recipe on each architecture, from the configurations for GPUs: every stage, and what it may not change."""

import re

import pytest
from architectures import runs, table
from architectures.models import ARCHITECTURES
from support import kills

pytestmark = pytest.mark.slow
STAGES = {"SFT": "train_sft", "GRPO": "train_grpo", "evaluation": "evaluate_model", "report": "make_report"}
REFERENCE_FAILS = {  # TRL hands an input of the processor to a function that does not take it, where beta is not 0
    "llava_onevision": "unexpected keyword argument 'batch_num_images'"
}


def run_recipe(architecture, config, out, said, checkpoint, pictures, *changes):
    """Every stage, each of which must end well."""
    changes = [runs.for_architecture(architecture), *runs.limit_of(architecture), *changes]
    argv = runs.flags(config, out, checkpoint, pictures, *changes)
    kind = "LoRA" if config == runs.LORA else "full"
    _, server = runs.write_rationales(argv, said)
    assert len(server.requests) == 16, "a text and a verdict for each of the eight pictures of SFT"
    table.ran(architecture, "rationales")
    plan = runs.run_stage("train_tatar", ["--plan", *argv], said)
    assert "Nothing is missing." in plan
    table.ran(architecture, "plan")
    for stage, script in STAGES.items():
        runs.run_stage(script, argv, said)
        table.ran(architecture, f"{stage}, {kind}")


def check_weights(architecture, before, after, stage):
    changed = runs.moved(before, after)
    tower = {name for name in before if runs.in_tower(name, architecture)}
    assert len(tower) > 20, "the frozen part is a whole vision tower"
    assert not changed & tower, f"{stage} changed the frozen tower"
    assert changed, f"{stage} changed nothing"


@pytest.mark.parametrize("config", [runs.LORA, runs.FULL], ids=["lora", "full"])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_every_stage_runs_and_the_vision_tower_stays_as_it_was(architecture, config, tmp_path, checkpoints, pictures):
    start, out, said = checkpoints(architecture), tmp_path / "run", tmp_path / "said"
    without_reference = ["grpo.args.beta=0"] if config == runs.FULL and architecture in REFERENCE_FAILS else []
    run_recipe(architecture, config, out, said, start, pictures, *without_reference)
    models = {"start": runs.weights(start)}
    for stage in ("sft", "grpo"):
        models[stage] = runs.weights(out / stage / "model")
        assert all(0 < loss < 20 for loss in runs.losses(out, "sft"))
    check_weights(architecture, models["start"], models["sft"], "SFT")
    check_weights(architecture, models["sft"], models["grpo"], "GRPO")
    assert any(row.get("reward_std", 0) > 0 for row in runs.log_of(out, "grpo")), "rewards differ, so there is a slope"
    text = (out / "table.txt").read_text()
    assert "nan" not in text
    assert [text.count(name) for name in ("after SFT", "after GRPO")] == [8, 8], "every test set, before and after"
    assert (out / "report.html").stat().st_size > 10_000


@pytest.mark.parametrize("architecture", REFERENCE_FAILS)
def test_what_trl_cannot_do_with_a_reference_model_is_still_so(architecture, tmp_path, checkpoints, pictures):
    """When this fails, TRL has mended it: then take the architecture out of the table."""
    argv = runs.flags(runs.FULL, tmp_path / "run", checkpoints(architecture), pictures, "sft=null", "data.sft=[]")
    argv += [runs.for_architecture(architecture), *runs.limit_of(architecture)]
    with pytest.raises(AssertionError, match=REFERENCE_FAILS[architecture]):
        runs.run_stage("train_grpo", argv, tmp_path / "said")
    table.ran(
        architecture,
        "GRPO, full",
        f"run with beta: 0; with a reference model TRL fails: {REFERENCE_FAILS[architecture]}",
    )


@pytest.mark.parametrize("architecture", [name for name in ARCHITECTURES if runs.limit_of(name)])
def test_a_limit_of_pixels_that_the_processor_would_pass_over_is_refused(architecture, checkpoints, pictures, tmp_path):
    argv = runs.flags(runs.LORA, tmp_path / "run", checkpoints(architecture), pictures)
    argv.append(runs.for_architecture(architecture))
    with pytest.raises(
        AssertionError, match="model.max_pixels: the .* has no limit of pixels; set model.max_pixels: null"
    ):
        runs.run_stage("train_tatar", ["--plan", *argv], tmp_path / "said")


@pytest.mark.parametrize("architecture", [name for name in ARCHITECTURES if not runs.limit_of(name)])
def test_the_plan_tells_what_a_photograph_costs_under_the_limit_of_pixels(
    architecture, checkpoints, pictures, tmp_path
):
    side = {"qwen2_5_vl": 28, "qwen3_vl": 32}[architecture]  # of the square of pixels that becomes a token
    costs = []
    for limit in (786432, 200704):
        argv = runs.flags(runs.LORA, tmp_path / "run", checkpoints(architecture), pictures, f"model.max_pixels={limit}")
        said = run_plan(argv, tmp_path / f"said{limit}")
        costs.append(int(re.search(r"4000 x 3000 pixels takes ([\d,]+) tokens", said)[1].replace(",", "")))
        assert 0.9 * limit / side**2 < costs[-1] <= limit / side**2 + 2, "two marks stand around the picture"
    assert costs[0] > 3 * costs[1]


def run_plan(argv, said):
    """The plan, whatever it misses."""
    kills.run("train_tatar", ["--plan", *argv], said)
    return said.read_text()
