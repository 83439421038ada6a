"""`evaluate_model.py`: it resumes, and its table agrees with the command line."""

import json
from collections import Counter

import pytest
from support import stages

import evaluate_model
from recipe.config import TINY_CONFIG
from recipe.yaml_files import load_recipe
from tatar_rewards.cli import main as tatar_rewards_command

pytestmark = pytest.mark.slow


def test_an_evaluation_that_was_killed_asks_only_about_what_is_missing(run_folder, monkeypatch):
    out = f"out={run_folder}"
    stages.run_in_process(evaluate_model, out)
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
    stages.run_in_process(evaluate_model, out)
    assert len(asked) == 5
    assert Counter(path.read_text().splitlines()) == Counter(whole.splitlines())


def test_the_table_is_what_the_command_line_computes_from_the_file(run_folder, capsys):
    stages.run_in_process(evaluate_model, f"out={run_folder}")
    path = run_folder / "predictions" / "sft" / "rank0.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    said = {row["image_id"]: row["mos"] * 0.8 + len(row["image_id"]) for row in rows}  # an untrained model says nothing
    path.write_text(
        "".join(json.dumps(r | {"completion": f"<answer>{said[r['image_id']]}</answer>"}) + "\n" for r in rows)
    )
    capsys.readouterr()
    stages.run_in_process(evaluate_model, f"out={run_folder}")
    table = capsys.readouterr().out
    assert tatar_rewards_command(["evaluate", str(path), "--json", "--resamples", "0"]) == 0
    for one in json.loads(capsys.readouterr().out)["datasets"]:
        line = next(line for line in table.splitlines() if one["dataset"] in line and "after" in line)
        assert f"{one['figures']['srcc']:.3f}" in line
        assert f"{one['figures']['rmse']:.1f}" in line


def test_validation_pictures_have_files_of_their_own(run_folder, capsys):
    """Settings are chosen by them; the test is not looked at."""
    stages.run_in_process(evaluate_model, f"out={run_folder}")
    table = (run_folder / "table.txt").read_text()
    recipe = load_recipe(TINY_CONFIG, [f"out={run_folder}"])
    validation = [{**json.loads(one.model_dump_json()), "name": f"{one.name}-validation"} for one in recipe.data.sft]
    changed = f"data.validation={json.dumps([{**one, 'limit': 5} for one in validation])}"
    capsys.readouterr()
    stages.run_in_process(evaluate_model, f"out={run_folder}", changed, "--validation")
    assert "tiny-iqa-validation" in capsys.readouterr().out
    assert "tiny-iqa-validation" in (run_folder / "table_validation.txt").read_text()
    assert (run_folder / "table.txt").read_text() == table
    saved = (run_folder / "predictions" / "sft_validation.jsonl").read_text()
    rows = [json.loads(line) for line in saved.splitlines()]
    assert Counter(row["dataset"] for row in rows) == {"tiny-iqa-validation": 5, "tiny-iaa-validation": 5}
    with pytest.raises(SystemExit, match=r"data\.validation has no picture to ask about"):
        stages.run_in_process(evaluate_model, f"out={run_folder}", "data.validation=[]", "--validation")
