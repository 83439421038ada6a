"""`score` on the log of a run: its rewards, its alarms, and what differs from it."""

import math
import re
import sys
from types import SimpleNamespace

import pytest
from support.logged_run import HEALTHY, say, score, steps_of, train_on, write

import tatar_rewards as tr
from tatar_rewards.cli import main
from tatar_rewards.presets import recommended_reward_funcs


@pytest.fixture
def pandas():
    pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    return pytest.importorskip("pandas", reason="pandas is not installed")


def save(pandas, tables, folder):
    folder.mkdir(parents=True)
    for step, table in tables.items():
        pandas.DataFrame(table).to_parquet(folder / f"completions_{step:05d}.parquet")
    return folder


@pytest.mark.parametrize("messages", [False, True], ids=["texts", "messages"])
def test_the_log_of_a_run_gives_its_rewards_and_its_alarms(tmp_path, capsys, pandas, messages):
    scores = [HEALTHY[0], [50] * 8, [50] * 6 + ["no", "no"], ["<answer>5"] * 8]
    tables, alarms = train_on(steps_of(scores), messages=messages)
    save(pandas, tables, tmp_path / "run" / "completions")
    code, found, _ = score(capsys, tmp_path / "run")
    assert alarms
    assert code == 1
    assert [tuple(alarm.values()) for alarm in found["alarms"]] == [
        pytest.approx(alarm) for alarm in map(tuple, alarms)
    ]
    assert (
        "every reward is that of the log: answer_format (32), iqa_gaussian_score (32), iaa_thurstone_rank (32)"
        in found["remarks"]
    )
    assert [step["step"] for step in found["steps"]] == [1, 2, 3, 4]
    _, of_file, _ = score(capsys, write(tmp_path / "run.jsonl", steps_of(scores)))
    assert found["steps"] == of_file["steps"]
    assert found["tasks"] == of_file["tasks"]


def of_the_run():
    scale = {"mos_scale": (0, 1000)}
    fades = tr.scheduled(tr.GaussianScoreReward(task="iqa", **scale), start=1, end=0)
    return [fades, tr.ThurstoneRankReward(task="iaa", **scale)]


def test_rewards_of_a_run_may_be_on_another_scale_and_change_over_its_steps(tmp_path, capsys, pandas, monkeypatch):
    rows = [{**row, "mos": 10 * row["mos"]} for row in steps_of(HEALTHY)]
    folder = save(pandas, train_on(rows, of_the_run())[0], tmp_path / "completions")
    monkeypatch.setitem(sys.modules, "my_run", SimpleNamespace(rewards=of_the_run()))
    _, found, _ = score(capsys, folder, "--reward-funcs", "my_run.rewards", "--max-steps", 100, "--mos-scale", 1, 5)
    assert "every reward is that of the log: iqa_gaussian_score (24), iaa_thurstone_rank (24)" in found["remarks"]
    assert any("the scale of the MOS that is given is not used" in remark for remark in found["remarks"])
    assert main(["score", str(folder), "--reward-funcs", "my_run.rewards"]) == 2
    assert "trainer_state.max_steps is None" in capsys.readouterr().err


def test_what_differs_from_the_log_is_told(tmp_path, capsys, pandas):
    tables, _ = train_on(steps_of(HEALTHY))
    tables[2]["iqa_gaussian_score"][1] += 0.25
    tables[2]["iaa_thurstone_rank"][6] = math.nan
    tables[3]["completion"][0] = say(5)
    _, found, _ = score(capsys, save(pandas, tables, tmp_path / "completions"))
    assert found["compared_with_log"]["iqa_gaussian_score"]["differ"] == 2
    told = " ".join(found["remarks"])
    assert (
        "1 of 24 answers were read otherwise in the run, for example step 3, row 0: 12 points in the log, 5 points here"
        in told
    )
    assert re.search(r"iaa_thurstone_rank: 1 of 24 rewards differ from the log.*row 6: none in the log", told)
    assert "every reward is that of the log: answer_format (24)" in told


def test_rewards_of_the_run_that_are_not_named_are_told(tmp_path, capsys, pandas):
    folder = save(pandas, train_on(steps_of(HEALTHY), recommended_reward_funcs())[0], tmp_path / "completions")
    _, found, _ = score(capsys, folder)
    assert any(
        "not computed: crps_score, thurstone_rank, win_rate; name those" in remark for remark in found["remarks"]
    )
    _, found, _ = score(capsys, folder, "--reward-funcs", "recommended")
    assert not any("name those" in remark for remark in found["remarks"])


def test_a_generation_that_is_logged_twice_counts_once(tmp_path, capsys, pandas):
    tables, _ = train_on(steps_of(HEALTHY))
    again = {
        2 * step + twice: {**table, "step": [2 * step + twice] * 8}
        for step, table in tables.items()
        for twice in (0, 1)
    }
    _, found, _ = score(capsys, save(pandas, again, tmp_path / "completions"))
    assert [step["step"] for step in found["steps"]] == [2, 4, 6]
    assert any(remark.startswith("3 steps hold the completions of the step before them") for remark in found["remarks"])


def test_files_are_read_in_the_order_of_their_steps(tmp_path, capsys, pandas):
    tables, _ = train_on(steps_of(HEALTHY))
    for step, table in tables.items():
        table["step"] = [step + 99_997] * 8
    folder = save(pandas, {step + 99_997: table for step, table in tables.items()}, tmp_path / "completions")
    files = sorted(folder.iterdir())
    assert "100000" in files[0].name
    for paths in ([folder], files):
        _, found, _ = score(capsys, *paths)
        assert [step["step"] for step in found["steps"]] == [99_998, 99_999, 100_000]


def test_without_labels_there_are_statuses_and_constant_answers(tmp_path, capsys):
    rows = [{"step": step, "completion": say(50), "image_id": k // 2} for step in (1, 2) for k in range(8)]
    rows[9]["completion"] = "<answer>5"
    code, found, _ = score(capsys, write(tmp_path / "a.jsonl", rows))
    assert code == 1
    assert found["statuses"] == {"ok": 15, "unclosed": 1}
    assert found["steps"][1]["constant"] == 1.0
    assert found["steps"][1]["repeated"] == 7 / 8
    assert found["steps"][1]["srcc"] == {}
    assert [(alarm["reward"], alarm["figure"]) for alarm in found["alarms"]] == [("answers", "constant_share")]
    told = " ".join(found["remarks"])
    assert (
        "iqa_gaussian_score and iaa_thurstone_rank were not computed: the files have no column 'task' and no 'mos'"
        in told
    )
    assert "no completion has a label" in told
