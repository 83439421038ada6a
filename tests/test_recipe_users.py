"""The recipe takes users as they come: without SFT, with other templates, one task alone, own rewards, LoRA."""

import json
import shutil
import subprocess
import sys
import time

import pytest
import torch
from support import stages

import evaluate_model
import make_report
import train_grpo
import train_sft
import train_tatar
from recipe.config import TINY_CONFIG
from recipe.files import locked
from recipe.models import load_model, lora_config, refuse_changed_frozen, refuse_trained_frozen
from recipe.predictions import read_predictions
from recipe.stages import run_lock
from recipe.yaml_files import load_recipe

pytestmark = pytest.mark.slow


def recipe_of(folder, *changes):
    return load_recipe(TINY_CONFIG, [*stages.FEW_STEPS, f"out={folder}", *changes])


@pytest.fixture
def untrained(run_folder):
    """A run that has pictures and a model, and no more."""
    shutil.rmtree(run_folder / "sft")
    return run_folder


def test_grpo_starts_from_the_recipes_model_where_there_is_no_sft(untrained):
    changes = [f"out={untrained}", "sft=null", "data.sft=[]"]
    for module in (train_grpo, evaluate_model, make_report):
        stages.run_in_process(module, *changes)
    table = (untrained / "table.txt").read_text()
    assert "after GRPO" in table
    assert "after SFT" not in table
    assert (untrained / "report.html").stat().st_size > 10_000
    names = [stage.name for stage in train_tatar.stages_of(recipe_of(untrained, *changes[1:])) if stage.needed]
    assert names == ["data", "model", "grpo", "evaluate", "report"]


def test_grpo_that_wants_sft_says_how_to_do_without(untrained):
    with pytest.raises(SystemExit, match="run train_sft.py with this config first, or set sft: null"):
        stages.run_in_process(train_grpo, f"out={untrained}")


def test_sft_needs_rationales_and_says_so(tmp_path):
    with pytest.raises(SystemExit, match="sft learns from rationales: give rationales.file and data.sft"):
        recipe_of(tmp_path, "rationales=null", "model.make=null", "data.make=null")


def test_a_template_that_opens_the_thought_is_declared_once(run_folder):
    recipe = recipe_of(run_folder, "think_prefilled=true")
    score = train_grpo.make_rewards(recipe)[1]
    assert score.config.think_prefilled
    stages.run_in_process(evaluate_model, f"out={run_folder}")
    path = run_folder / "predictions" / "sft" / "rank0.jsonl"
    rows = [json.loads(line) | {"completion": "Sharp.</think><answer>40</answer>"} for line in path.open()]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    stages.run_in_process(evaluate_model, f"out={run_folder}", "think_prefilled=true")
    line = next(line for line in (run_folder / "table.txt").read_text().splitlines() if "tiny-iqa  after" in line)
    assert "100.0%" in line


@pytest.mark.parametrize("task", ["iqa", "iaa"])
def test_one_task_alone_trains_from_sft_to_report(run_folder, task):
    k = 0 if task == "iqa" else 1
    one = recipe_of(run_folder).model_dump(mode="json")["data"]
    changes = [f"data.{part}={json.dumps([one[part][k]])}" for part in ("sft", "grpo", "test")]
    shutil.rmtree(run_folder / "sft")
    for module in (train_sft, train_grpo, evaluate_model, make_report):
        stages.run_in_process(module, f"out={run_folder}", *changes)
    assert {line.split()[0] for line in (run_folder / "table.txt").read_text().splitlines()[1:] if "after" in line} == {
        task.upper()
    }


def test_rewards_of_ones_own_are_named_by_dotted_path(run_folder, tmp_path, monkeypatch, capsys):
    (tmp_path / "my_rewards.py").write_text(
        "from tatar_rewards import AnswerFormatReward\n"
        "def brevity(completions, **columns):\n"
        "    return [1.0 / (1 + len(str(c))) for c in completions]\n"
        "rewards = [AnswerFormatReward(), brevity]\n"
    )
    monkeypatch.chdir(tmp_path)
    own = ["grpo.reward_funcs=[my_rewards.rewards]"]
    stages.run_in_process(train_grpo, f"out={run_folder}", *own)
    log = json.loads((run_folder / "grpo" / "log.json").read_text())
    assert any("rewards/brevity/mean" in line for line in log)
    assert "the dataset" not in capsys.readouterr().err
    with pytest.raises(SystemExit, match=r"grpo\.reward_funcs\.0: 'my_rewards.rewards' then, None now"):
        stages.run_in_process(train_grpo, f"out={run_folder}")


# ---------------------------------------------------------------- frozen


def test_lora_keeps_off_what_is_frozen(run_folder):
    changes = ["model.lora={r: 4, lora_alpha: 8}", "sft.args.save_strategy=no"]
    shutil.rmtree(run_folder / "sft")
    recipe = recipe_of(run_folder, *changes)
    trainer = train_sft.make_trainer(recipe, train_sft.read_examples(recipe))
    trained = [name for name, weight in trainer.model.named_parameters() if weight.requires_grad]
    assert trained
    assert not [name for name in trained if "vision_tower" in name]
    refuse_trained_frozen(trainer.model, ["vision_tower"])
    with pytest.raises(SystemExit, match=r"model.frozen \['language_model'\]: \d+ weights of it would be trained"):
        refuse_trained_frozen(trainer.model, ["language_model"])
    assert lora_config(recipe_of(run_folder, *changes, "model.frozen=[]").model).exclude_modules is None
    stages.run_in_process(train_sft, f"out={run_folder}", *changes)


def test_a_frozen_weight_that_training_changed_is_found(run_folder):
    recipe = recipe_of(run_folder)
    start, result = recipe.model.path, run_folder / "sft" / "model"
    refuse_changed_frozen(start, result, recipe.model)
    model, _ = load_model(result, recipe.model)
    with torch.no_grad():
        next(w for name, w in model.named_parameters() if "vision_tower" in name).view(-1)[0] += 1e-3
    model.save_pretrained(result)
    with pytest.raises(SystemExit, match=r"training changed 1 weights, the first .*vision_tower"):
        refuse_changed_frozen(start, result, recipe.model)


# ---------------------------------------------------------------- one lock a run


def test_two_stages_in_one_folder_do_not_run_at_once(run_folder):
    with run_lock(recipe_of(run_folder)), pytest.raises(SystemExit, match="another process is at work here"):
        stages.run_in_process(evaluate_model, f"out={run_folder}")
    stages.run_in_process(evaluate_model, f"out={run_folder}")


def test_a_killed_process_leaves_no_lock(tmp_path):
    code = (
        "import sys, time\nfrom pathlib import Path\nfrom recipe.files import locked\n"
        "with locked(Path(sys.argv[1])):\n    print('held', flush=True)\n    time.sleep(60)\n"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", code, tmp_path / "run.lock"], stdout=subprocess.PIPE, cwd=stages.EXAMPLES
    )
    holder.stdout.readline()
    with pytest.raises(SystemExit, match="another process"), locked(tmp_path / "run.lock"):
        pass
    holder.kill()
    holder.wait()
    time.sleep(0.1)
    with locked(tmp_path / "run.lock"):
        pass


# ---------------------------------------------------------------- predictions take the labels of today


def test_labels_may_be_mended_without_asking_again(run_folder, monkeypatch):
    stages.run_in_process(evaluate_model, f"out={run_folder}")
    shutil.copytree(run_folder / "data", run_folder / "own", symlinks=False)
    labels = json.loads((run_folder / "own" / "iqa_test.json").read_text())
    for k, row in enumerate(labels):
        row["gt_score"] = 10.0 * k + 1
    (run_folder / "own" / "iqa_test.json").write_text(json.dumps(labels))
    monkeypatch.setattr(evaluate_model, "generate", None)
    change = f"data.test.0.labels={run_folder}/own/iqa_test.json"
    stages.run_in_process(evaluate_model, f"out={run_folder}", change)
    recipe = recipe_of(run_folder, change)
    pictures = evaluate_model.load_pictures(recipe.data.test, run_folder / "pictures.jsonl")
    rows = read_predictions(recipe, "sft", pictures)
    assert {row["mos"] for row in rows if row["task"] == "iqa"} == {1.0, 11.0, 21.0, 31.0, 41.0, 51.0}
    assert [json.loads(line) for line in (run_folder / "predictions" / "sft.jsonl").open()] == rows


def test_more_test_pictures_are_asked_about_and_the_others_are_not(run_folder):
    stages.run_in_process(evaluate_model, f"out={run_folder}", "data.test.0.limit=2")
    path = run_folder / "predictions" / "sft" / "rank0.jsonl"
    first = path.read_text()
    stages.run_in_process(evaluate_model, f"out={run_folder}")
    assert path.read_text().startswith(first)
    assert len(path.read_text().splitlines()) == 12
