"""What users get wrong: each mistake is named, costs nothing, and leaves nothing behind that stands in the way."""

import gzip
import json
import resource
import shutil

import pytest
from support import stages
from support.chat_server import ChatServer
from support.rationale_runs import build, write_config, write_pictures

import evaluate_model
import train_grpo
import train_sft
from recipe.checkpoints import find_fault
from recipe.config import TINY_CONFIG, RationaleSettings
from recipe.models import load_model
from recipe.secrets import redact
from recipe.stages import fingerprint_of_model, is_finished, start_stage
from recipe.yaml_files import load_recipe
from tiny import model as tiny_model
from tiny import pictures as tiny_pictures

pytestmark = pytest.mark.slow


def recipe_of(folder, *changes):
    return load_recipe(TINY_CONFIG, [*stages.FEW_STEPS, f"out={folder}", *changes])


@pytest.mark.parametrize(
    "mistake", ["model.frozen=[vision_towr]", "sft.args.learning_rat=1", "sft.args.per_device_train_batch_size=many"]
)
def test_a_start_that_fails_leaves_no_record(run_folder, mistake):
    shutil.rmtree(run_folder / "sft")
    with pytest.raises(SystemExit):
        stages.run_in_process(train_sft, f"out={run_folder}", mistake)
    stages.run_in_process(train_sft, f"out={run_folder}")
    assert is_finished(recipe_of(run_folder), "sft")


def test_grpo_on_fewer_pictures_than_a_batch_is_not_finished(run_folder):
    few = ["sft=null", "data.sft=[]", "data.grpo.0.limit=1", "data.grpo.1.limit=1", "grpo.doctor=warn"]
    with pytest.raises(SystemExit, match="grpo took no step: there are fewer pictures than a batch holds"):
        stages.run_in_process(train_grpo, f"out={run_folder}", *few)
    assert not (run_folder / "grpo" / "finished.json").exists()


@pytest.mark.parametrize(
    "change",
    [
        "seed=-1",
        "evaluation.batch_size=0",
        "evaluation.resamples=-1",
        "rationales.concurrency=0",
        "rationales.attempts=0",
        "data.sft.0.limit=-1",
        "data.sft.0.scale=[100, 0]",
        "data.test.1={name: tiny-iqa, task: iqa, labels: l.json, images: i, scale: [0, 1]}",
        "model.path={out}/x",
    ],
)
def test_values_out_of_their_range_are_named(tmp_path, change):
    with pytest.raises(SystemExit) as end:
        recipe_of(tmp_path, change)
    assert change.partition("=")[0].rpartition(".")[0].split(".")[0] in str(end.value)


def test_a_test_set_without_pictures_is_refused(run_folder):
    with pytest.raises(SystemExit, match="data.test has no picture to ask about"):
        stages.run_in_process(evaluate_model, f"out={run_folder}", "data.test=[]")


def test_a_run_may_be_moved_from_a_folder_of_any_name(run_folder):
    named = shutil.copytree(run_folder, run_folder.with_name("r\u00fcn"), symlinks=True)
    shutil.rmtree(named / "sft")
    start_stage(recipe_of(named), "sft", examples="x")
    moved = shutil.move(named, run_folder.with_name("moved"))
    start_stage(recipe_of(moved), "sft", examples="x")
    start_stage(recipe_of(f"{moved}/."), "sft", examples="x")
    start_stage(recipe_of(moved, f"model.path={moved}/model/"), "sft", examples="x")


def test_a_fingerprint_sees_what_a_model_is_asked_through(run_folder):
    model = run_folder / "model"
    before = fingerprint_of_model(model)
    template = model / "chat_template.jinja"
    template.write_text(template.read_text() + " ")
    assert fingerprint_of_model(model) != before


def test_the_order_of_labels_changes_the_result_and_is_refused(run_folder):
    own = shutil.copytree((run_folder / "data").resolve(), run_folder / "own")
    mine = [f"data.sft.0.labels={own}/iqa_sft.json"]
    stages.run_in_process(train_sft, f"out={run_folder}", *mine)
    rows = json.loads((own / "iqa_sft.json").read_text())
    (own / "iqa_sft.json").write_text(json.dumps(rows[::-1]))
    with pytest.raises(SystemExit, match=r"fingerprints\.examples"):
        stages.run_in_process(train_sft, f"out={run_folder}", *mine)


def test_a_checkpoint_without_weights_or_schedule_is_passed_over(tmp_path):
    for name in ("trainer_state.json", "optimizer.pt", "scheduler.pt", "model.safetensors"):
        (tmp_path / name).write_text("{}")
    (tmp_path / "model.safetensors").unlink()
    assert find_fault(tmp_path) == "*model* is missing"
    (tmp_path / "model.safetensors").write_text("")
    (tmp_path / "scheduler.pt").unlink()
    assert find_fault(tmp_path) == "scheduler.pt is missing"


@pytest.mark.parametrize(("module", "change"), [(tiny_pictures, "rationales.file"), (tiny_model, "model.path")])
def test_the_tiny_stages_write_over_nothing_that_is_not_theirs(run_folder, module, change):
    own = run_folder.with_name("own")
    own.write_text("mine")
    other = f"out={run_folder.with_name('other')}"
    with pytest.raises(SystemExit, match="exists, and this stage would write its own"):
        stages.run_in_process(module, other, f"{change}={own}")
    assert own.read_text() == "mine"


def test_another_run_starts_from_the_tiny_model_as_from_any_folder(run_folder):
    recipe = recipe_of(run_folder, "model.make=null", f"model.path={run_folder}/model")
    assert load_model(recipe.model.path, recipe.model)[0].num_parameters() > 0


# ---------------------------------------------------------------- servers


def cut_short(handler, body):
    handler.send_response(200)
    handler.send_header("Content-Length", "500")
    handler.end_headers()
    handler.wfile.write(b'{"choices": [')
    handler.close_connection = True
    return True


def badly_packed(handler, body):
    handler.reply(200, gzip.compress(b"x" * 9999)[:20], **{"Content-Encoding": "gzip"})
    return True


def too_deep(handler, body):
    handler.reply(200, b"[" * 200_000)
    return True


def endless_error(handler, body):
    handler.send_response(500)
    handler.end_headers()
    for _ in range(100):
        handler.wfile.write(b"x" * 1_000_000)
    return True


@pytest.mark.parametrize("respond", [cut_short, badly_packed, too_deep, endless_error])
def test_whatever_a_body_is_the_run_ends_in_words(tmp_path, respond):
    folder = write_pictures(tmp_path / "data")
    with ChatServer(respond=respond) as server:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        run = build(write_config(tmp_path, folder, server.url, endpoint={"retries": 1}), "--limit", "2")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 150_000, "kilobytes"
    assert run.returncode == 1
    assert "2 pictures are not settled; start again to go on" in run.stderr


def test_usage_beyond_all_bounds_counts_as_none(tmp_path):
    folder = write_pictures(tmp_path / "data")
    with ChatServer(shape=lambda reply: reply | {"usage": {"prompt_tokens": 10**400}}) as server:
        config = write_config(tmp_path, folder, server.url)
        assert build(config).returncode == build(config).returncode == 0


def test_a_key_is_redacted_before_a_message_is_cut(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret")
    endpoint = {"base_url": "http://me:p@ssw0rd@host/v1?api_key=hunter2secret", "model": "m"}
    settings = RationaleSettings(file="r.jsonl", iqa=endpoint)
    said = redact(f"{endpoint['base_url']} and sk-very-secret", settings)
    assert said == "http://***@host/v1?api_key=*** and ***"
