"""The recipe, stage by stage and end to end, with so few steps that it learns nothing."""

import importlib
import json
import shutil
import subprocess
import time
from collections import Counter

import numpy as np
import psutil
import pytest
import torch
from PIL import Image
from support import stages
from trl import GRPOConfig, SFTConfig

import evaluate_model
import train_grpo
import train_sft
import train_tatar
from recipe.config import TINY, load_recipe
from recipe.models import last_checkpoint, load_model
from recipe.stages import is_finished
from tatar_rewards import parse_answer, tatar_reward_funcs
from tatar_rewards.__main__ import main as tatar_rewards_command
from tiny import model as tiny_model
from tiny import pictures as tiny_pictures
from tiny.model import train_tokenizer

TWO = ("-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes", "2")


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run that has come as far as SFT."""
    out = tmp_path_factory.mktemp("trained") / "run"
    for module in (tiny_pictures, tiny_model, train_sft):
        stages.run_here(module, f"out={out}")
    return out


@pytest.fixture
def run_folder(trained, tmp_path):
    """A copy of that run; pictures stay where they are."""
    shutil.copytree(trained, tmp_path / "run", ignore=shutil.ignore_patterns("data"))
    (tmp_path / "run" / "data").symlink_to(trained / "data")
    return tmp_path / "run"


# ---------------------------------------------------------------- end to end


@pytest.mark.parametrize("processes", [1, 2])
def test_the_recipe_runs_to_its_report(tmp_path, processes):
    changes = [*stages.FEW, f"launch.processes={processes}"]
    run = stages.run("train_tatar.py", "--out", str(tmp_path), "--set", *changes)
    assert run.returncode == 0, run.stderr[-3000:]
    table = (tmp_path / "table.txt").read_text().splitlines()
    lines = [line.split()[:4] for line in table if "after" in line]
    assert lines == [[task, f"tiny-{task.lower()}", "after", s] for task in ("IQA", "IAA") for s in ("SFT", "GRPO")]
    assert table[0] in run.stdout
    page = (tmp_path / "report.html").read_text()
    assert page.count("data:image/png;base64,") > 3
    assert "http" not in page.replace("http-equiv", ""), "the page must hold everything it shows"
    assert "per_device_train_batch_size: 16" in page
    assert (tmp_path / "grpo" / "model" / "model.safetensors").exists()
    ranks = sorted((tmp_path / "predictions" / "grpo").glob("rank*.jsonl"))
    assert [len(path.read_text().splitlines()) for path in ranks] == [12 // processes] * processes


def test_a_stage_that_is_done_is_not_done_again_and_not_taken_for_another(run_folder, capsys):
    before = (run_folder / "sft" / "model" / "model.safetensors").stat().st_mtime_ns
    stages.run_here(train_sft, f"out={run_folder}")
    assert "SFT is done" in capsys.readouterr().out
    assert (run_folder / "sft" / "model" / "model.safetensors").stat().st_mtime_ns == before
    with pytest.raises(SystemExit, match=r"sft\.args\.max_steps: 2 then, 3 now\ntake another out=, or delete"):
        stages.run_here(train_sft, f"out={run_folder}", "sft.args.max_steps=3")


def test_a_stage_that_fails_ends_the_run_with_its_name(tmp_path):
    run = stages.run("train_tatar.py", "--out", str(tmp_path), "--only", "grpo")
    assert run.returncode == 1
    assert "run train_sft.py with this config first" in run.stderr
    assert "grpo ended with code 1" in run.stderr


def test_the_plan_of_the_tiny_run_misses_nothing_and_that_of_the_real_one_says_what(tmp_path):
    tiny = stages.run("train_tatar.py", "--plan", "--out", str(tmp_path / "run"))
    assert tiny.returncode == 0, tiny.stderr
    assert "45 steps; 256 rows a step (256 x 1 accumulated x 1 processes), 64 pictures with 4" in tiny.stdout
    assert "Nothing is missing." in tiny.stdout
    assert not (tmp_path / "run").exists(), "a plan writes nothing"
    for name, floor in (("qwen2_5_vl_7b_8gpu", "18.7 GB"), ("qwen2_5_vl_3b_lora_1gpu", "8.25 GB")):
        real = stages.run("train_tatar.py", "--plan", "--config", str(stages.EXAMPLES / "configs" / f"{name}.yaml"))
        assert real.returncode == 1, real.stderr
        assert f"at least {floor} a process" in real.stdout
        assert "data/KonIQ-10k/train.json, the labels of KonIQ-10k" in real.stdout
        assert "is not on this machine; get it with" in real.stdout
        assert "doctor" not in real.stdout.partition("missing")[2], "its settings are sound"


# ---------------------------------------------------------------- SFT


def test_sft_learns_the_assistants_tokens_and_the_end_of_its_turn_and_nothing_else(run_folder):
    recipe = load_recipe(TINY, [*stages.FEW, f"out={run_folder}"])
    trainer = train_sft.make_trainer(recipe)
    tokenizer = trainer.processing_class.tokenizer
    batch = next(iter(trainer.get_train_dataloader()))
    assert len(batch["labels"]) == 32
    for tokens, labels, mask in zip(batch["input_ids"], batch["labels"], batch["attention_mask"], strict=True):
        learnt = labels != -100
        assert torch.equal(tokens[learnt], labels[learnt])
        text = tokenizer.decode(tokens[learnt])
        assert text.endswith("</answer><|end|>")
        assert parse_answer(text.removesuffix("<|end|>")).ok
        begin = int(learnt.nonzero()[0])
        assert tokenizer.decode(tokens[:begin]).endswith("<|assistant|>")
        end = int(learnt.nonzero()[-1])
        assert learnt[begin : end + 1].all(), "without a gap"
        assert mask[: end + 1].sum() == (tokens[: end + 1] != tokenizer.pad_token_id).sum()
        assert not mask[end + 1 :].any(), "nothing but padding follows"


def test_the_eyes_stay_as_they_were(run_folder):
    recipe = load_recipe(TINY, [*stages.FEW, f"out={run_folder}"])
    before, _ = load_model(recipe.model.path, recipe.model)
    after, _ = load_model(run_folder / "sft" / "model", recipe.model)
    moved = {
        name
        for (name, first), (_, second) in zip(before.named_parameters(), after.named_parameters(), strict=True)
        if not torch.equal(first, second)
    }
    assert moved
    assert not any("vision_tower" in name for name in moved)
    frozen = {name for name, parameter in after.named_parameters() if not parameter.requires_grad}
    assert frozen == {name for name, _ in after.named_parameters() if "vision_tower" in name}


def test_too_few_rationales_stop_sft(run_folder):
    lines = (run_folder / "rationales.jsonl").read_text().splitlines(keepends=True)
    (run_folder / "rationales.jsonl").write_text("".join(lines[:40]))
    shutil.rmtree(run_folder / "sft")
    with pytest.raises(SystemExit, match=r"an accepted rationale for 40 of 64 pictures; run build_rationales\.py"):
        stages.run_here(train_sft, f"out={run_folder}")


def test_a_test_picture_in_training_stops_sft_and_grpo(run_folder):
    shutil.rmtree(run_folder / "sft" / "model")
    leak = f"data.test.0.labels={run_folder}/data/iqa_sft.json"
    recipe = load_recipe(TINY, [*stages.FEW, f"out={run_folder}", leak])
    with pytest.raises(SystemExit, match="32 test pictures are trained on"):
        train_sft.make_trainer(recipe)
    recipe = load_recipe(TINY, [*stages.FEW, f"out={run_folder}", leak.replace("_sft", "_grpo")])
    with pytest.raises(SystemExit, match="32 test pictures are trained on"):
        train_grpo.make_trainer(recipe)


# ---------------------------------------------------------------- GRPO


def test_grpo_that_is_killed_on_two_processes_goes_on_from_its_checkpoint(run_folder):
    changes = [
        *stages.FEW,
        f"out={run_folder}",
        "grpo.args.max_steps=8",
        "grpo.args.save_steps=2",
        "launch.processes=2",
    ]
    command = stages.command("train_grpo.py", "--set", *changes, launcher=TWO)
    first = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=stages.environment())
    give_up = time.monotonic() + 120
    while time.monotonic() < give_up and last_checkpoint(run_folder / "grpo") is None and first.poll() is None:
        time.sleep(0.05)
    for process in [*psutil.Process(first.pid).children(recursive=True), first]:
        process.kill()
    first.wait()
    assert last_checkpoint(run_folder / "grpo") is not None
    assert not (run_folder / "grpo" / "finished.json").exists()

    run = stages.run("train_grpo.py", "--set", *changes, launcher=TWO)
    assert run.returncode == 0, run.stderr[-3000:]
    assert run.stdout.count("resuming from") == 1
    assert "processes             2" in run.stdout, "as the doctor saw them"
    log = json.loads((run_folder / "grpo" / "log.json").read_text())
    assert [line["step"] for line in log if "reward" in line] == list(range(1, 9))
    assert is_finished(load_recipe(TINY, changes), "grpo")


def test_findings_of_the_doctor_stop_the_run_unless_told_otherwise(run_folder, capsys):
    too_short = "grpo.args.max_completion_length=30"
    with pytest.raises(SystemExit, match="the doctor's findings stop the run"):
        stages.run_here(train_grpo, f"out={run_folder}", too_short)
    assert "30 tokens leave no room for the 40 words" in capsys.readouterr().out
    recipe = load_recipe(TINY, [*stages.FEW, f"out={run_folder}", too_short, "grpo.doctor=warn"])
    assert train_grpo.make_trainer(recipe).args.max_completion_length == 30


def test_a_launcher_that_starts_fewer_processes_than_it_was_told_is_found_out(run_folder):
    """`accelerate launch --cpu` starts one, whatever its --num_processes."""
    run = stages.run(
        "train_grpo.py",
        "--set",
        *stages.FEW,
        f"out={run_folder}",
        "launch.processes=2",
        launcher=("-m", "accelerate.commands.launch", "--cpu", "--num_processes", "2"),
    )
    assert run.returncode != 0
    assert "launch.processes is 2, but 1 run" in run.stderr


def test_grpo_without_sft_says_what_to_run_first(tmp_path):
    with pytest.raises(SystemExit, match=r"run train_sft\.py with this config first"):
        stages.run_here(train_grpo, f"out={tmp_path}")


def test_lora_trains_and_is_merged_into_a_whole_model_that_can_be_evaluated(run_folder):
    shutil.rmtree(run_folder / "sft")
    lora = ("model.lora={r: 4, target_modules: [q_proj, v_proj]}", f"out={run_folder}", "sft.args.learning_rate=0.1")
    for module in (train_sft, train_grpo, evaluate_model):
        stages.run_here(module, *lora)
    recipe = load_recipe(TINY, [*stages.FEW, *lora])
    base, _ = load_model(recipe.model.path, recipe.model)
    tuned, _ = load_model(run_folder / "sft" / "model", recipe.model)
    moved = {n for n, p in tuned.named_parameters() if not torch.equal(p, base.get_parameter(n))}
    assert moved
    assert all(name.endswith(("q_proj.weight", "v_proj.weight")) for name in moved)
    assert (run_folder / "predictions" / "grpo.json").exists()


def test_a_tracker_gets_what_report_to_names(run_folder, tmp_path, monkeypatch):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    monkeypatch.setenv("TENSORBOARD_LOGGING_DIR", str(tmp_path / "board"))
    stages.run_here(train_grpo, f"out={run_folder}", "grpo.args.report_to=tensorboard")
    board = EventAccumulator(str(tmp_path / "board"))
    board.Reload()
    tags = board.Tags()["scalars"]
    assert "train/reward" in tags
    assert "train/iaa_thurstone_rank/parse_failure_rate" in tags


# ---------------------------------------------------------------- evaluation


def test_an_evaluation_that_was_killed_asks_only_about_what_is_missing(run_folder, monkeypatch):
    out = f"out={run_folder}"
    stages.run_here(evaluate_model, out)
    path = run_folder / "predictions" / "sft" / "rank0.jsonl"
    whole = path.read_text()
    lines = whole.splitlines(keepends=True)
    path.write_text("".join(lines[:7]) + lines[7][:30])
    asked = []
    generate = evaluate_model.generate

    def spy(model, processor, pictures, *rest):
        asked.extend(picture.image_id for picture in pictures)
        return generate(model, processor, pictures, *rest)

    monkeypatch.setattr(evaluate_model, "generate", spy)
    stages.run_here(evaluate_model, out)
    assert len(asked) == 5
    assert Counter(path.read_text().splitlines()) == Counter(whole.splitlines())


def test_the_table_is_what_the_command_line_computes_from_the_file(run_folder, capsys):
    stages.run_here(evaluate_model, f"out={run_folder}")
    path = run_folder / "predictions" / "sft" / "rank0.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    said = {row["image_id"]: row["mos"] * 0.8 + len(row["image_id"]) for row in rows}  # an untrained model says nothing
    path.write_text(
        "".join(json.dumps(r | {"completion": f"<answer>{said[r['image_id']]}</answer>"}) + "\n" for r in rows)
    )
    capsys.readouterr()
    stages.run_here(evaluate_model, f"out={run_folder}")
    table = capsys.readouterr().out
    assert tatar_rewards_command(["evaluate", str(path), "--json", "--resamples", "0"]) == 0
    for one in json.loads(capsys.readouterr().out)["datasets"]:
        line = next(line for line in table.splitlines() if one["dataset"] in line)
        assert f"{one['figures']['srcc']:.3f}" in line
        assert f"{one['figures']['rmse']:.1f}" in line


# ---------------------------------------------------------------- configurations


@pytest.mark.parametrize("path", sorted((stages.EXAMPLES / "configs").glob("*_*gpu.yaml")), ids=lambda path: path.stem)
def test_real_configurations_differ_from_the_tiny_one_in_nothing_but_fields(path):
    recipe = load_recipe(path)
    assert {spec.task for spec in recipe.data.test} == {"iqa", "iaa"}
    assert len(recipe.data.test) == 8
    assert train_tatar.stages_of(recipe)[-1].program == train_tatar.stages_of(load_recipe(TINY))[-1].program
    assert train_grpo.make_rewards(recipe)[0].__name__ == "answer_format"
    elsewhere = {"output_dir": "unused", "use_cpu": True, "bf16": False, "report_to": "none"}
    SFTConfig(**{**recipe.sft.args, **elsewhere})
    assert GRPOConfig(**{**recipe.grpo.args, **elsewhere, "use_vllm": False}).num_generations in (4, 8)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (["grpo.doctor=never"], "grpo.doctor: Input should be 'stop' or 'warn'; got 'never'"),
        (["data.sft.0.scale=5"], "data.sft.0.scale: "),
        (["grpo.rewards.iqa.tolerance=-1"], "grpo.rewards.iqa.tolerance: Input should be greater than"),
        (["sftt.args.max_steps=3"], "sftt: Extra inputs are not permitted"),
        (["seed"], "--set takes name=value"),
        (["data.sft.9.limit=3"], "--set data.sft.9.limit: the config has no such section"),
        (["seed.deeper=3"], "--set seed.deeper: the config has no such section, or it holds a single value"),
    ],
)
def test_a_wrong_setting_is_named(changes, message):
    with pytest.raises(SystemExit) as told:
        load_recipe(TINY, changes)
    assert message in str(told.value)


def test_rater_deviations_reach_the_rewards_where_asked_for():
    recipe = load_recipe(TINY, ["grpo.rewards.mos_std=true"])
    assert [reward.mos_std_column for reward in train_grpo.make_rewards(recipe)[1:]] == ["mos_std", "mos_std"]


def test_a_config_that_does_not_exist_is_named(tmp_path):
    with pytest.raises(SystemExit, match="does not exist; see examples/configs"):
        load_recipe(tmp_path / "none.yaml")
    (tmp_path / "bad.yaml").write_text("a: [")
    with pytest.raises(SystemExit, match=r"bad\.yaml is no YAML"):
        load_recipe(tmp_path / "bad.yaml")
    (tmp_path / "list.yaml").write_text("- a")
    with pytest.raises(SystemExit, match="must hold a mapping"):
        load_recipe(tmp_path / "list.yaml")


@pytest.mark.parametrize(
    "script",
    [
        "train_tatar",
        "tiny.pictures",
        "tiny.model",
        "build_rationales",
        "train_sft",
        "train_grpo",
        "evaluate_model",
        "make_report",
    ],
)
def test_every_stage_has_help(script, monkeypatch, capsys):
    module = importlib.import_module(script)
    monkeypatch.setattr("sys.argv", [script, "--help"])
    with pytest.raises(SystemExit) as end:
        module.main()
    assert end.value.code == 0
    assert "--config" in capsys.readouterr().out


# ---------------------------------------------------------------- the tiny data


def test_no_photograph_serves_both_training_and_test():
    assert not set(tiny_pictures.TRAIN_PHOTOGRAPHS) & set(tiny_pictures.TEST_PHOTOGRAPHS)


def test_the_tiny_data_are_read_back_as_they_were_made(tmp_path):
    examples = tiny_pictures.make_examples(tiny_pictures.TEST_PHOTOGRAPHS[:1], per_task=5, seed=3)
    tiny_pictures.write_examples(examples, "test", tmp_path)
    read = {picture.image_id: picture for picture in tiny_pictures.written_pictures(tmp_path, "test")}
    assert len(read) == 10
    for example in examples:
        picture = read[f"test-{example.image_id}.png"]
        assert picture.mos == pytest.approx(example.mos, abs=1e-3)
        assert (picture.task, picture.dataset) == (example.task, example.dataset)
        assert np.array_equal(np.asarray(Image.open(picture.path)), np.asarray(example.image))


def test_the_rationales_fit_the_budgets_and_do_not_leak_the_score():
    examples = tiny_pictures.make_examples(tiny_pictures.TEST_PHOTOGRAPHS[:1], per_task=20, seed=3)
    completions = [example.completion() for example in examples]
    for example in examples:
        answer = parse_answer(example.completion())
        assert answer.ok
        assert abs(answer.score - example.mos) <= 0.5
        assert not any(character.isdigit() for character in example.rationale)
    columns = {name: [getattr(e, name) for e in examples] for name in ("mos", "task", "image_id", "dataset")}
    for reward in tatar_reward_funcs(iqa_words=20, iaa_words=40):
        values = [value for value in reward(completions, **columns) if value is not None]
        assert min(values) > 0.9, reward.__name__


def test_a_word_is_about_a_token_so_that_no_answer_is_cut_off():
    completions = [e.completion() for e in tiny_pictures.make_examples(("camera",), per_task=50, seed=3)]
    tokenizer = train_tokenizer(text for text in completions)
    lengths = [len(tokenizer(text).input_ids) for text in completions]
    assert max(lengths) + 1 < load_recipe(TINY).grpo.args["max_completion_length"]
    assert tokenizer.decode(tokenizer(completions[0]).input_ids) == completions[0]


def test_labels_follow_the_damage():
    strengths = dict.fromkeys(tiny_pictures.DISTORTIONS, 0.0)
    clean = tiny_pictures.true_quality(strengths)
    for name in tiny_pictures.DISTORTIONS:
        grades = [tiny_pictures.true_quality({**strengths, name: strength}) for strength in (0.0, 0.3, 0.6, 1.0)]
        assert np.all(np.diff(grades) < -5)
        assert grades[0] == clean


def test_data_are_the_same_for_the_same_seed():
    first, again, other = (tiny_pictures.make_examples(("camera",), per_task=3, seed=seed) for seed in (1, 1, 2))
    assert [e.mos for e in first] == [e.mos for e in again] != [e.mos for e in other]
    assert all(np.array_equal(np.asarray(a.image), np.asarray(b.image)) for a, b in zip(first, again, strict=True))


def test_no_crop_is_flat():
    examples = tiny_pictures.make_examples(("brick", "grass"), per_task=150, seed=2000)
    assert min(np.asarray(example.image).std() for example in examples) >= 1
