"""The stages of the recipe, one after the other, with so few steps that they learn nothing."""

import importlib

import pytest
from support import stages

import train_sft

pytestmark = pytest.mark.slow


def test_the_recipe_runs_to_its_report_on_two_processes(tmp_path):
    changes = [*stages.FEW_STEPS, "launch.processes=2"]
    run = stages.run_script("train_tatar.py", "--out", str(tmp_path), "--set", *changes)
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
    assert [len(path.read_text().splitlines()) for path in ranks] == [6, 6]


def test_a_stage_that_is_done_is_not_done_again_and_not_taken_for_another(run_folder, capsys):
    before = (run_folder / "sft" / "model" / "model.safetensors").stat().st_mtime_ns
    stages.run_in_process(train_sft, f"out={run_folder}")
    assert "SFT is done" in capsys.readouterr().out
    assert (run_folder / "sft" / "model" / "model.safetensors").stat().st_mtime_ns == before
    with pytest.raises(SystemExit, match=r"sft\.args\.max_steps: 2 then, 3 now\ntake another out=, or delete"):
        stages.run_in_process(train_sft, f"out={run_folder}", "sft.args.max_steps=3")


def test_stages_start_from_any_folder_and_import_nothing_from_it(tmp_path):
    for name in ("recipe", "tiny"):
        (tmp_path / f"{name}.py").write_text("raise RuntimeError('imported from the current folder')")
    run = stages.run_script(
        "train_tatar.py", "--out", "run", "--only", "data", "--set", *stages.FEW_STEPS, cwd=tmp_path
    )
    assert run.returncode == 0, run.stderr
    assert (tmp_path / "run" / "data" / "finished.json").exists()


def test_a_stage_that_fails_ends_the_run_with_its_name(tmp_path):
    run = stages.run_script("train_tatar.py", "--out", str(tmp_path), "--only", "grpo")
    assert run.returncode == 1
    assert "run train_sft.py with this config first" in run.stderr
    assert "grpo ended with code 1" in run.stderr


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
