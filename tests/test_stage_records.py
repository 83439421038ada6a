"""A stage knows what it was begun with: what matters is compared at every start, and what does not is left alone."""

import json
import math
import re
import shutil

import numpy as np
import pytest
from support import stages

import evaluate_model
import train_grpo
import train_sft
from recipe.changes import srcc_change
from recipe.config import TINY_CONFIG, PictureSet
from recipe.files import open_append_only, read_append_only_jsonl
from recipe.labels import Picture, read_pictures
from recipe.pictures import count_per_task, mix_tasks, refuse_overlap
from recipe.predictions import read_answers
from recipe.stages import fingerprint_of_model, is_finished, start_stage
from recipe.yaml_files import load_recipe
from tatar_rewards import metrics

pytestmark = pytest.mark.slow


def recipe_of(folder, *changes):
    return load_recipe(TINY_CONFIG, [*stages.FEW_STEPS, f"out={folder}", *changes])


# ---------------------------------------------------------------- stages


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ("sft.args.learning_rate=0.001", r"sft\.args\.learning_rate: 0\.003 then, 0\.001 now"),
        ("model.path=elsewhere", r"model\.path: '{out}/model' then, 'elsewhere' now"),
        ("prompts.iqa=Is it sharp?", r"prompts\.iqa"),
        ("data.sft.0.limit=8", r"fingerprints\.examples: '\w+' then, '\w+' now"),
        ("seed=1", "seed: 0 then, 1 now"),
    ],
)
def test_a_stage_that_was_killed_is_not_taken_up_with_other_settings(run_folder, change, named):
    (run_folder / "sft" / "finished.json").unlink()
    shutil.rmtree(run_folder / "sft" / "model")
    with pytest.raises(SystemExit, match=named):
        stages.run_in_process(train_sft, f"out={run_folder}", change)


@pytest.mark.parametrize("change", ["evaluation.batch_size=7", "evaluation.resamples=3", "grpo.args.beta=0.1"])
def test_what_does_not_matter_to_a_stage_is_not_refused(run_folder, change):
    assert is_finished(recipe_of(run_folder, change), "sft")
    assert is_finished(load_recipe(TINY_CONFIG, [*stages.FEW_STEPS, f"out={run_folder}/"]), "sft"), "a slash"
    moved = shutil.move(run_folder, run_folder.with_name("moved"))
    assert is_finished(recipe_of(moved), "sft")


def test_grpo_over_an_sft_of_other_settings_is_refused(run_folder):
    with pytest.raises(SystemExit, match=r"sft was made with other settings:\n  sft\.args\.max_steps: 2 then, 3 now"):
        stages.run_in_process(train_grpo, f"out={run_folder}", "sft.args.max_steps=3")


def test_grpo_that_began_on_another_model_is_refused(run_folder):
    recipe = recipe_of(run_folder)
    model = run_folder / "sft" / "model"
    start_stage(recipe, "grpo", model=fingerprint_of_model(model))
    start_stage(recipe, "grpo", model=fingerprint_of_model(model))
    weights = run_folder / "sft" / "model" / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    with pytest.raises(SystemExit, match=r"fingerprints\.model: '\w+' then, '\w+' now"):
        start_stage(recipe, "grpo", model=fingerprint_of_model(model))


def test_a_fingerprint_sees_names_sizes_and_ends(tmp_path):
    (tmp_path / "model.safetensors").write_bytes(b"a" * 3_000_000)
    first = fingerprint_of_model(tmp_path)
    assert fingerprint_of_model(shutil.copytree(tmp_path, tmp_path.parent / "copy")) == first
    (tmp_path / "model.safetensors").write_bytes(b"a" * 2_999_999 + b"b")
    assert fingerprint_of_model(tmp_path) != first


# ---------------------------------------------------------------- predictions


@pytest.fixture
def evaluated(run_folder):
    stages.run_in_process(evaluate_model, f"out={run_folder}")
    return run_folder


@pytest.mark.parametrize(
    "change",
    ["prompts.iqa=Is it sharp?", "evaluation.max_new_tokens=5", "model.dtype=bfloat16"],
)
def test_predictions_of_other_settings_are_refused(evaluated, change):
    with pytest.raises(SystemExit, match="was made with other settings"):
        stages.run_in_process(evaluate_model, f"out={evaluated}", change)


def test_predictions_belong_to_their_model(evaluated):
    shutil.rmtree(evaluated / "sft")
    stages.run_in_process(train_sft, f"out={evaluated}", "sft.args.learning_rate=0.01")
    with pytest.raises(SystemExit, match=r"predictions/sft was made with other settings:\n  fingerprints"):
        stages.run_in_process(evaluate_model, f"out={evaluated}", "sft.args.learning_rate=0.01")
    shutil.rmtree(evaluated / "predictions")
    stages.run_in_process(evaluate_model, f"out={evaluated}", "sft.args.learning_rate=0.01")
    assert len(read_answers(recipe_of(evaluated), "sft")) == 12


def test_two_sets_of_one_name_keep_their_answers_apart(run_folder):
    same = ["data.test.0.name=both", "data.test.1.name=both"]
    same += [f"data.test.1.labels={run_folder}/data/iqa_test.json", "data.test.1.scale=[0, 100]"]
    stages.run_in_process(evaluate_model, f"out={run_folder}", *same)
    answers = read_answers(recipe_of(run_folder, *same), "sft")
    assert len(answers) == 12
    assert {key.split("/")[0] for key, _ in answers} == {"iqa", "iaa"}


# ---------------------------------------------------------------- pictures and labels


def picture(task, number, dataset="d"):
    return Picture(None, f"{number}.png", dataset, task, 50.0, None, f"{task}{number}")


def test_quality_alone_and_aesthetics_alone_are_trained_on_whatever_the_share():
    for task, other in (("iqa", "iaa"), ("iaa", "iqa")):
        assert count_per_task({task: 7, other: 0}, 0.5) == {task: 7, other: 0}
        assert len(mix_tasks([picture(task, k) for k in range(7)], 0.5, seed=0)) == 7


def test_a_picture_of_two_tasks_has_two_keys_and_is_one_picture_to_the_overlap():
    quality, beauty = picture("iqa", 1), picture("iaa", 1)
    assert quality.key != beauty.key
    with pytest.raises(SystemExit, match="1 test pictures are trained on"):
        refuse_overlap([quality], [beauty])


@pytest.mark.parametrize(
    ("label", "message"),
    [
        (math.nan, r"gt_score of row 1 is nan, no label \(1 such rows\)"),
        (None, "row 1: gt_score is empty"),
        ("", "row 1: gt_score is empty"),
    ],
)
def test_a_label_that_is_none_is_refused_with_its_row(tmp_path, label, message):
    labels = [{"image": "a.png", "gt_score": 50.0}, {"image": "b.png", "gt_score": label}]
    (tmp_path / "labels.json").write_text(json.dumps(labels))
    spec = PictureSet(name="s", task="iqa", labels=tmp_path / "labels.json", images=tmp_path, scale=(0, 100))
    with pytest.raises(SystemExit, match=message):
        read_pictures(spec)


# ---------------------------------------------------------------- figures


def answers(scores, mos=None):
    rows = enumerate(zip(scores, mos or range(10, 10 + 10 * len(scores), 10), strict=True))
    return [{"image_id": f"{k}", "mos": m, "completion": f"<answer>{score}</answer>"} for k, (score, m) in rows]


def test_the_change_of_srcc_is_over_the_pictures_that_both_answered():
    first = answers([10, 20, 30, 40, 50, "none"])
    second = answers([10, 20, 30, 40, 50, 1])
    assert srcc_change(first, second, 0).gain == 0.0
    assert srcc_change(second, first, 0).gain == 0.0
    assert srcc_change(first, second[::-1], 0).gain == 0.0, "whatever the order of the rows"
    assert str(srcc_change(first, second, 0)) == "+0.000, 5 pictures"
    assert str(srcc_change(first, answers(["none"] * 6), 9)) == "not known, 0 pictures"


def test_the_interval_of_a_change_leaves_out_what_has_none_and_says_so():
    first = answers([10 + k for k in range(12)])
    second = answers([80 if k > 8 else 50 for k in range(12)])
    said = str(srcc_change(first, second, 200))
    left_out = srcc_change(first, second, 200).interval.left_out
    assert 0 < left_out <= 20
    assert re.fullmatch(
        rf"[+-]\d\.\d{{3}} \([+-]\d\.\d{{3}} to [+-]\d\.\d{{3}}\), 12 pictures, {left_out} resamples had none",
        said,
    )


def test_a_constant_resample_does_not_take_the_interval_away():
    predictions, mos = np.array([50.0, 60, 50, 60, 50, 60]), np.arange(6.0)  # three resamples in a hundred are constant
    low, high = metrics.bootstrap_interval(metrics.srcc, predictions, mos, n_resamples=500)
    assert -1 <= low < metrics.srcc(predictions, mos) < high <= 1
    assert all(map(math.isnan, metrics.bootstrap_interval(metrics.srcc, [1.0, 2.0], [1.0, 2.0])))


# ---------------------------------------------------------------- files that grow


def test_a_ledger_that_a_kill_cut_off_is_truncated_and_never_written_again(tmp_path, monkeypatch):
    path = tmp_path / "ledger.jsonl"
    path.write_bytes(b'{"a": 1}\n{"a": "x\xe2\x80\xa8y"}\n{"a": 3')
    monkeypatch.setattr("pathlib.Path.write_bytes", None)
    monkeypatch.setattr("pathlib.Path.write_text", None)
    inode = path.stat().st_ino
    assert read_append_only_jsonl(path) == [{"a": 1}, {"a": "x\u2028y"}]
    assert path.stat().st_size == 31, "another process may be writing the rest of the line"
    open_append_only(path).close()
    assert path.read_bytes() == b'{"a": 1}\n{"a": "x\xe2\x80\xa8y"}\n'
    assert path.stat().st_ino == inode
