"""A plan checks what training would check: what it says missing is missing, and what it passes starts."""

import json
import shutil
import subprocess
import sys

import pytest
from support import kills, stages

import train_grpo
import train_sft
import train_tatar
from recipe.config import TINY_CONFIG
from recipe.yaml_files import load_recipe, read_yaml

pytestmark = pytest.mark.slow


@pytest.fixture
def untrained(run_folder):
    shutil.rmtree(run_folder / "sft")
    return run_folder


def plan(capsys, folder, *changes):
    """Whether nothing is missing, and what is."""
    argv = ["train_tatar.py", "--plan", "--set", *stages.FEW_STEPS, f"out={folder}", *changes]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", argv)
        with pytest.raises(SystemExit) as end:
            train_tatar.main()
    return end.value.code == 0, capsys.readouterr().out.rpartition("\nmissing")[2]


def without_data_stage(folder):
    """As a user's own data: nothing is made."""
    data = load_recipe(TINY_CONFIG, [*stages.FEW_STEPS, f"out={folder}"]).model_dump(mode="json")["data"]
    return ["data.make=null", "model.make=null", f"data.test={json.dumps(data['test'])}"]


def starts(module, folder, *changes):
    stages.run_in_process(module, f"out={folder}", *changes)


def test_a_plan_that_misses_nothing_starts(untrained, capsys):
    ok, missing = plan(capsys, untrained)
    assert ok, missing
    starts(train_sft, untrained)


def test_a_missing_rationales_file(untrained, capsys):
    own = without_data_stage(untrained)
    (untrained / "rationales.jsonl").unlink()
    ok, missing = plan(capsys, untrained, *own)
    assert not ok
    assert "rationales.jsonl does not exist; run build_rationales.py" in missing
    with pytest.raises(SystemExit, match=r"rationales\.jsonl does not exist"):
        starts(train_sft, untrained, *own)


def test_a_test_set_that_is_trained_on(untrained, capsys):
    leak = f"data.test.0.labels={untrained}/data/iqa_sft.json"
    ok, missing = plan(capsys, untrained, leak)
    assert not ok
    assert "32 test pictures are trained on" in missing
    with pytest.raises(SystemExit, match="32 test pictures are trained on"):
        starts(train_sft, untrained, leak)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("sft.args.learning_rate=fast", "sft.args.learning_rate: must be a number; got 'fast'"),
        (
            "grpo.args.num_generation=4",
            "grpo.args.num_generation: GRPOConfig has no such argument; did you mean",
        ),
        ("grpo.args.num_generations=5", "grpo.args: "),
        ("sft.args.seed=3", "sft.args.seed: the recipe sets it itself; take it out"),
    ],
)
def test_arguments_that_the_trainer_does_not_take(untrained, capsys, change, said):
    ok, missing = plan(capsys, untrained, change)
    assert not ok
    assert said in missing
    module = train_sft if change.startswith("sft") else train_grpo
    with pytest.raises(SystemExit):
        starts(module, untrained, *(["sft=null", "data.sft=[]"] if module is train_grpo else []), change)


def test_mistakes_of_all_kinds_are_named_in_one_plan(untrained, capsys):
    (untrained / "launch.yaml").write_text("distributed_type: [FSDP\n")
    wrong = ['grpo.args.beta="0.1"', "grpo.args.num_generations=0", "sft.args.gradient_accumulation_steps=0"]
    ok, missing = plan(capsys, untrained, *wrong, f"launch.accelerate={untrained}/launch.yaml")
    assert not ok
    for said in (
        "grpo.args.beta: must be a number; got '0.1'; write 0.1",
        "grpo.args.num_generations: must be at least 1; got 0",
        "sft.args.gradient_accumulation_steps: must be at least 1; got 0",
        "launch.yaml: while parsing a flow sequence",
    ):
        assert said in missing
    assert len(missing.strip().splitlines()) == 4, missing
    assert "pydantic" not in missing


def test_a_stage_that_would_take_no_step_is_missing(untrained, capsys):
    ok, missing = plan(capsys, untrained, "sft.args.max_steps=-1", "sft.args.num_train_epochs=0")
    assert not ok
    assert "sft takes no step: num_train_epochs is 0" in missing
    few = ["sft=null", "data.sft=[]", "data.grpo.0.limit=1", "data.grpo.1.limit=1", "grpo.doctor=warn"]
    ok, missing = plan(capsys, untrained, *few)
    assert not ok
    assert "grpo takes no step: 2 pictures fill no batch" in missing


def test_numbers_are_read_as_people_write_them(untrained, capsys):
    assert read_yaml("[1e-5, 3E8, 2.5e-3, -1e+2, 1e5x, e5]") == [1e-5, 3e8, 2.5e-3, -100.0, "1e5x", "e5"]
    assert read_yaml("[no, yes, on, true, False, NO]") == ["no", "yes", "on", True, False, "NO"]
    ok, missing = plan(capsys, untrained, "sft.args.learning_rate=1e-5", "sft.args.save_strategy=no")
    assert ok, missing
    starts(train_sft, untrained, "sft.args.learning_rate=1e-5", "sft.args.save_strategy=no")


def test_broken_pictures_are_missing_unless_they_are_dropped(untrained, capsys):
    own = without_data_stage(untrained)
    shutil.copytree((untrained / "data").resolve(), untrained / "mine")
    first = json.loads((untrained / "mine" / "iqa_sft.json").read_text())[0]["image"]
    (untrained / "mine" / "images" / first).write_bytes(b"broken")
    mine = [f"data.sft.0.labels={untrained}/mine/iqa_sft.json", f"data.sft.0.images={untrained}/mine/images"]
    ok, missing = plan(capsys, untrained, *own, *mine)
    assert not ok
    assert "1 of 32 pictures cannot be used" in missing
    with pytest.raises(SystemExit, match="1 of 32 pictures cannot be used"):
        starts(train_sft, untrained, *own, *mine)
    ok, missing = plan(capsys, untrained, *own, *mine, "data.sft.0.on_broken=drop")
    assert ok, missing
    starts(train_sft, untrained, *own, *mine, "data.sft.0.on_broken=drop")


def test_labels_on_another_scale(untrained, capsys):
    squeezed = "data.sft.1.scale=[0, 200]"
    ok, missing = plan(capsys, untrained, squeezed)
    assert not ok
    assert "tiny-iaa: all of 32 labels in 'gt_score' lie in the lowest tenth" in missing
    with pytest.raises(SystemExit, match="labels that look wrong"):
        starts(train_sft, untrained, squeezed)
    ok, missing = plan(capsys, untrained, squeezed, "grpo.doctor=warn")
    assert ok, missing
    starts(train_sft, untrained, squeezed, "grpo.doctor=warn")


def test_a_stage_of_other_settings_is_missing_too(run_folder, capsys):
    ok, missing = plan(capsys, run_folder, "sft.args.max_steps=3")
    assert not ok
    assert "sft.args.max_steps: 2 then, 3 now" in missing


@pytest.mark.parametrize(
    "change",
    [
        "model.frozen=[typo]",
        "model.lora={target_modules: [typo]}",
        "sft.args.report_to=wandb",
        "sft.args.optim=adamw_bnb_8bit",
        "sft.args.packing=true",
        "sft.args.eval_strategy=steps",
        "grpo.args.use_vllm=true",
        "grpo.reward_funcs=[nope.nope]",
    ],
)
def test_what_a_trainer_refuses_is_missing(untrained, capsys, change):
    ok, missing = plan(capsys, untrained, change)
    assert not ok
    assert missing.strip()


def test_a_plan_of_a_trained_run_writes_nothing_and_sees_other_labels(run_folder, capsys):
    own = without_data_stage(run_folder)
    shutil.copytree((run_folder / "data").resolve(), run_folder / "own")
    mine = [*own, f"data.sft.0.labels={run_folder}/own/iqa_sft.json"]
    before = sorted(run_folder.rglob("*"))
    ok, missing = plan(capsys, run_folder, *mine)
    assert ok, missing
    labels = json.loads((run_folder / "own" / "iqa_sft.json").read_text())
    labels[0]["gt_score"] = 99.5
    (run_folder / "own" / "iqa_sft.json").write_text(json.dumps(labels))
    ok, missing = plan(capsys, run_folder, *mine)
    assert not ok
    assert "fingerprints.examples" in missing
    assert sorted(run_folder.rglob("*")) == before


def test_arguments_are_judged_for_as_many_processes_as_are_launched(untrained, capsys):
    many = ["launch.processes=2", "grpo.args.per_device_train_batch_size=6", "grpo.args.num_generations=4"]
    _, missing = plan(capsys, untrained, *many, "grpo.doctor=warn")
    assert "divisible" not in missing
    _, missing = plan(capsys, untrained, *many[1:], "grpo.doctor=warn")
    assert "divisible" in missing


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("launch.accelerate=missing.yaml", "missing.yaml, the configuration of accelerate"),
        ("data.test=[]", "data.test has no picture to ask about"),
    ],
)
def test_what_is_not_there_is_missing(untrained, capsys, change, said):
    ok, missing = plan(capsys, untrained, change)
    assert not ok
    assert said in missing


def test_a_reader_of_a_plan_that_goes_away_ends_it_silently(tmp_path):
    command = [sys.executable, stages.EXAMPLES / "train_tatar.py", "--plan", "--set", f"out={tmp_path}"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    process.stdout.close()
    assert "Error" not in process.stderr.read()
    assert process.wait() == 141


def test_the_tiny_model_without_its_pictures_is_refused_in_words(tmp_path):
    said = tmp_path / "said"
    assert kills.run("tiny.model", ["--out", tmp_path / "run", "--set", "data.make=null"], said) == 1
    assert "give data.make and rationales.file too" in said.read_text()


def test_a_part_without_a_picture_is_missing(tmp_path, capsys):
    for part in ("sft", "grpo"):
        ok, missing = plan(capsys, tmp_path / "run", f"data.make.{part}=0")
        assert (ok, f"{part} has no picture to train on; see data.{part}" in missing) == (False, True)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("sft.args.dataloader_num_workers=-1", "sft.args.dataloader_num_workers: must be at least 0; got -1"),
        ("sft.args.use_liger_kernel=true", "needs liger_kernel, which is not installed"),
        ("sft.args.lr_scheduler_kwargs={foo: 1}", "sft: TypeError"),
        ('model.frozen=[""]', "leaves no weight to train"),
        ("out=/dev/null", "/dev/null is no folder"),
    ],
)
def test_what_would_end_a_stage_before_its_first_step_is_missing(run_folder, capsys, change, told):
    shutil.rmtree(run_folder / "sft")
    ok, missing = plan(capsys, run_folder, change)
    assert (ok, told in missing) == (False, True), missing
