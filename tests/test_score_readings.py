"""`score` reads each row as the reward does that grades it, and loses no row, column or alarm."""

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from support.logged_run import HEALTHY, lines_of, score, steps_of, write

import tatar_rewards as tr
from tatar_rewards.cli import main


def perfect(task, mos, low, high, **more):
    said = 100 * (mos - low) / (high - low)
    return {"completion": f"<answer>{said:.6g}</answer>", "task": task, "image_id": f"{task}{mos}", "mos": mos, **more}


@pytest.fixture
def named(monkeypatch):
    """Makes rewards of a module of one's own."""

    def put(*rewards):
        monkeypatch.setitem(sys.modules, "my_readings", SimpleNamespace(rewards=list(rewards)))
        return ["--reward-funcs", "my_readings.rewards"]

    return put


QUALITY, BEAUTY = {"task": "iqa", "mos_scale": (1, 10)}, {"task": "iaa", "mos_scale": (1, 5)}


@pytest.mark.parametrize("order", [1, -1])
def test_each_task_has_the_scale_of_its_reward(tmp_path, capsys, named, order):
    rewards = [tr.GaussianScoreReward(**QUALITY), tr.GaussianScoreReward(**BEAUTY)][::order]
    rows = [perfect("iqa", mos, 1, 10) for mos in (2.0, 6.625, 9.0)] + [perfect("iaa", mos, 1, 5) for mos in (1.5, 4.0)]
    _, found, _ = score(capsys, write(tmp_path / "a.jsonl", rows), *named(*rewards), "--out", tmp_path / "o.jsonl")
    assert found["problems"] == []
    assert [one["mae"] for one in found["tasks"]] == pytest.approx([0, 0], abs=1e-4)
    assert [line["target"] for line in lines_of(tmp_path / "o.jsonl")][-1] == 75


def test_each_reward_may_have_a_column_and_data_sets_of_its_own(tmp_path, capsys, named):
    rewards = [
        tr.GaussianScoreReward(task="iqa", mos_column="quality", mos_scale={"k": (1, 10)}),
        tr.GaussianScoreReward(task="iaa", mos_column="beauty", mos_scale={"a": (1, 5)}),
    ]
    rows = [perfect("iqa", mos, 1, 10, quality=mos, dataset="k") for mos in (2.0, 9.0)]
    rows += [perfect("iaa", mos, 1, 5, beauty=mos, dataset="a") for mos in (1.5, 4.0)]
    for row in rows:
        del row["mos"]
    _, found, _ = score(capsys, write(tmp_path / "a.jsonl", rows), *named(*rewards))
    assert not any("label" in told for told in found["remarks"] + found["problems"])
    assert found["steps"][0]["rewards"] == pytest.approx({"iqa_gaussian_score": 1, "iaa_gaussian_score": 1})
    assert [one["mae"] for one in found["tasks"]] == pytest.approx([0, 0], abs=1e-4)


def test_rows_that_no_reward_grades_may_be_on_any_scale(tmp_path, capsys):
    rows = [perfect("iqa", 3.0, 1, 5), perfect("iqa", 4.0, 1, 5), perfect("speech", 8.0, 1, 10)]
    flags = ["--reward-funcs", "iqa_gaussian_score", "--mos-scale", 1, 5]
    _, found, _ = score(capsys, write(tmp_path / "a.jsonl", rows), *flags)
    assert found["problems"] == []
    assert [one["task"] for one in found["tasks"]] == ["iqa"]
    told = "labelled completions of tasks that no reward grades: 1 of 'speech'; they count in no SRCC"
    assert told in found["remarks"]
    assert not any("no label" in remark for remark in found["remarks"])


def test_a_step_of_another_task_counts_nowhere_and_labels_that_no_reward_reads_count_everywhere(tmp_path, capsys):
    rows = [{**row, "task": "speech" if row["step"] == 3 else row["task"]} for row in steps_of(HEALTHY)]
    path = write(tmp_path / "a.jsonl", rows)
    _, found, _ = score(capsys, path)
    assert [one["task"] for one in found["tasks"]] == ["iaa", "iqa"]
    assert (
        "labelled completions of tasks that no reward grades: 8 of 'speech'; they count in no SRCC" in found["remarks"]
    )
    _, found, _ = score(capsys, path, "--reward-funcs", "answer_format")
    assert [one["task"] for one in found["tasks"]] == ["iaa", "iqa", "speech"]
    assert not any("no reward grades" in remark for remark in found["remarks"])


def test_a_pipe_beside_a_file_is_read_to_its_end(tmp_path):
    first, second = (write(tmp_path / name, steps_of(HEALTHY)[k : k + 8]) for name, k in (("a.jsonl", 0), ("b", 8)))
    reader, writer = os.pipe()
    os.write(writer, Path(second).read_bytes())
    os.close(writer)
    command = [sys.executable, "-m", "tatar_rewards", "score", first, f"/dev/fd/{reader}", "--json"]
    run = subprocess.run(command, capture_output=True, text=True, check=False, pass_fds=[reader])
    os.close(reader)
    assert '"completions": 16' in run.stdout, run.stderr


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_column_that_is_logged_late_is_written(tmp_path, capsys, monkeypatch, kind):
    pandas = pytest.importorskip("pandas")
    if kind == "parquet":
        pytest.importorskip("pyarrow")

    def pays(completions, log_extra, trainer_state, **columns):
        if trainer_state.global_step == 2:
            log_extra("late", ["x"] * len(completions))
        return [0.5] * len(completions)

    monkeypatch.setitem(sys.modules, "my_late", SimpleNamespace(pays=pays))
    out = tmp_path / f"out.{kind}"
    score(capsys, write(tmp_path / "a.jsonl", steps_of(HEALTHY)), "--reward-funcs", "my_late.pays", "--out", out)
    table = pandas.read_csv(out) if kind == "csv" else pandas.read_parquet(out)
    assert table["late"].notna().tolist() == [False] * 8 + [True] * 8 + [False] * 8
    assert table["completion"].notna().all()


def test_an_alarm_is_raised_again_after_it_has_come_back(tmp_path, capsys):
    rows = steps_of([["<answer>5"] * 4 + [40, 45, 88, 93] if step % 2 else HEALTHY[0] for step in range(1, 6)])
    path = write(tmp_path / "a.jsonl", rows)
    raised = []
    for rewards in (["answer_format"], ["gaussian_score"]):
        _, found, _ = score(capsys, path, "--reward-funcs", *rewards)
        raised.append([alarm["step"] for alarm in found["alarms"] if alarm["figure"] == "status_unclosed"])
    assert raised == [[1, 3, 5], [1, 3, 5]]


def test_generations_that_do_not_fill_a_step_are_refused(tmp_path, capsys):
    rows = [{k: v for k, v in row.items() if k != "image_id"} for row in steps_of(HEALTHY)]
    flags = ["--num-generations", "3", "--reward-funcs", "gaussian_score"]
    assert main(["score", write(tmp_path / "a.jsonl", rows), *flags]) == 2
    assert "8 completions, no multiple of --num-generations 3" in capsys.readouterr().err


def test_an_empty_task_is_filled_and_an_option_without_effect_is_told(tmp_path, capsys):
    rows = [{**row, "task": None} for row in steps_of(HEALTHY)]
    _, found, _ = score(capsys, write(tmp_path / "a.jsonl", rows), "--task", "iqa")
    assert [one["task"] for one in found["tasks"]] == ["iqa"]
    others = [{**row, "task": "speech"} for row in rows]
    _, found, _ = score(capsys, write(tmp_path / "c.jsonl", others), "--task", "iqa")
    assert any(remark.startswith("--task iqa has no effect") for remark in found["remarks"])


def test_one_answer_to_a_picture_is_no_alarm_of_crps(tmp_path, capsys):
    said = ["no", "no", *range(12, 96, 2)]
    rows = [
        {"completion": f"<answer>{x}</answer>", "image_id": k, "mos": 10.0 + 1.5 * k + 7 * (k % 4)}
        for k, x in enumerate(said)
    ]
    code, found, _ = score(capsys, write(tmp_path / "a.jsonl", rows), "--reward-funcs", "recommended")
    assert (code, found["alarms"]) == (0, [])
    assert any(remark.startswith("crps_score paid for no readable answer") for remark in found["remarks"])


def test_labels_the_wrong_way_round_are_a_problem_with_the_right_cure(tmp_path, capsys):
    answers = range(10, 90, 2)
    rows = [{"completion": f"<answer>{x}</answer>", "image_id": x, "mos": 95.0 - x + x % 3} for x in answers]
    path = write(tmp_path / "a.jsonl", rows)
    code, found, _ = score(capsys, path, "--reward-funcs", "gaussian_score")
    assert (code, "on the command line --lower-is-better" in found["problems"][0]) == (1, True)
    path = write(tmp_path / "b.jsonl", [{**row, "mos": 100 - row["mos"]} for row in rows])
    code, found, _ = score(capsys, path, "--reward-funcs", "gaussian_score", "--lower-is-better")
    assert (code, "on the command line without --lower-is-better" in found["problems"][0]) == (1, True)


def test_what_a_reward_prints_is_no_part_of_the_summary(tmp_path, capsys, monkeypatch):
    def chatty(completions, **columns):
        print("hello")
        return [0.5] * len(completions)

    monkeypatch.setitem(sys.modules, "my_chatty", SimpleNamespace(chatty=chatty))
    _, found, said = score(capsys, write(tmp_path / "a.jsonl", steps_of(HEALTHY)), "--reward-funcs", "my_chatty.chatty")
    assert (found["completions"], "hello" in said) == (24, True)


@pytest.mark.parametrize("cell", ["", " ", "n/a", "NULL", "nan"])
def test_what_tables_write_for_nothing_is_no_label(tmp_path, capsys, cell):
    rows = [{**row, "image_id": k, "mos": cell if k < 2 else row["mos"]} for k, row in enumerate(steps_of(HEALTHY))]
    path = write(tmp_path / "a.jsonl", rows)
    _, found, _ = score(capsys, path)
    assert "2 of 24 completions have no label" in found["remarks"]
    main(["evaluate", path, "--resamples", "0"])
    assert "2 of 12 answers of 'mine' have no label" in capsys.readouterr().err


def test_rows_without_a_task_end_no_command(tmp_path, capsys, named):
    by_name = tr.GaussianScoreReward(task="iqa", mos_scale={"k": (1, 10)})
    rewards = [by_name, tr.GaussianScoreReward(**BEAUTY)]
    rows = [perfect("iqa", 2.0, 1, 10, dataset="k"), perfect("iaa", 4.0, 1, 5, dataset="a")]
    rows.append({**perfect("iaa", 3.0, 1, 5, dataset="a"), "task": None, "mos": None})
    for order in (1, -1):
        _, found, _ = score(capsys, write(tmp_path / "a.jsonl", rows), *named(*rewards[::order]))
        assert "1 of 3 completions have no label" in found["remarks"]


def test_the_direction_is_looked_at_by_data_set_and_by_image(tmp_path, capsys):
    rows = [{"completion": f"<answer>{x}</answer>", "image_id": x, "mos": float(x), "dataset": "a"} for x in range(40)]
    rows += [{**row, "mos": 100 - row["mos"], "dataset": "turned"} for row in rows[:20]]
    flags = ["--reward-funcs", "gaussian_score", "--mos-scale", 0, 100]
    code, found, _ = score(capsys, write(tmp_path / "a.jsonl", rows), *flags)
    (told,) = found["problems"]
    assert (code, told.startswith("turned: ")) == (1, True)
    assert "--lower-is-better-of turned" in told
    _, found, _ = score(capsys, tmp_path / "a.jsonl", *flags, "--lower-is-better-of", "turned")
    assert found["problems"] == []
    two = [
        {"completion": f"<answer>{x}</answer>", "image_id": x > 55, "mos": 3.3 - 0.3 * (x > 55)} for x in range(40, 70)
    ]
    _, found, _ = score(
        capsys, write(tmp_path / "b.jsonl", two), "--mos-scale", 1, 5, "--reward-funcs", "answer_format"
    )
    assert found["problems"] == []


def test_what_stands_for_nothing_does_so_in_every_column_of_labels(tmp_path, capsys, named):
    rewards = [tr.GaussianScoreReward(task="iqa"), tr.GaussianScoreReward(task="iaa", mos_column="beauty")]
    rows = [perfect("iqa", 50.0, 0, 100), {**perfect("iaa", 50.0, 0, 100), "mos": None, "beauty": "n/a"}]
    _, found, _ = score(capsys, write(tmp_path / "a.jsonl", rows), *named(*rewards))
    assert "1 of 2 completions have no label" in found["remarks"]
    assert main(["score", write(tmp_path / "b.jsonl", [{**row, "beauty": "-"} for row in rows]), *named(*rewards)]) == 2
    assert "b.jsonl, row 0: beauty must be a finite number" in capsys.readouterr().err
