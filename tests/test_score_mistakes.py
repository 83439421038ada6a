"""What a newcomer gets wrong with `score`: the task, the scale, the names of columns, the deviations of raters."""

import pytest
from support.logged_run import HEALTHY, TATAR, score, steps_of, write

from tatar_rewards.cli import main

SQUEEZED = "labels in 'mos' lie in the lowest tenth of their declared scale 0 to 100"


def rows_without(*names, **changes):
    return [{k: v for k, v in {**row, **changes}.items() if k not in names} for row in steps_of(HEALTHY)]


def on_five(rows):
    return [{**row, "mos": 1 + row["mos"] / 25} for row in rows]


# ---------------------------------------------------------------- the task


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        (rows_without(task="quality"), "the rewards grade rows of task 'iqa', 'iaa', and the rows are of 'quality'; name"),
        (rows_without("task"), "iqa_gaussian_score and iaa_thurstone_rank were not computed: the files have no column 'task'; name yours with --task-column, or give --task where all rows are of one"),
    ],
    ids=["another task", "no task"],
)  # fmt: skip
def test_labels_that_no_reward_looks_at_are_a_problem(tmp_path, capsys, rows, why):
    path = write(tmp_path / "a.jsonl", rows)
    code, found, _ = score(capsys, path, "--html", tmp_path / "page.html")
    assert code == 1
    assert found["alarms"] == []
    (problem,) = found["problems"]
    assert problem.startswith(f"no reward compares the answers with the labels: {why}")
    assert not any("not computed" in remark for remark in found["remarks"])
    main(["score", path, *TATAR])
    printed = " ".join(capsys.readouterr().out.split())
    assert problem in printed
    assert printed.endswith("1 problem, no alarm.")
    assert "1 problem, no alarm" in (tmp_path / "page.html").read_text()


def test_a_task_that_no_reward_grades_is_refused(tmp_path, capsys):
    path = write(tmp_path / "a.jsonl", rows_without("task"))
    for command in (["score", path], ["explain", "64"]):
        assert main([*command, "--task", "iqq", *TATAR]) == 2
        assert "--task: no reward is of task 'iqq'; did you mean 'iqa'?" in capsys.readouterr().err
    code, found, _ = score(capsys, path, "--task", "quality", "--reward-funcs", "recommended")  # of every task
    assert (code, found["problems"]) == (1 if found["alarms"] else 0, [])


def test_a_reward_that_grades_nothing_beside_another_is_a_remark(tmp_path, capsys):
    code, found, _ = score(capsys, write(tmp_path / "a.jsonl", rows_without("task")), "--task", "iqa")
    assert (code, found["problems"]) == (0, [])
    assert found["remarks"] == ["iaa_thurstone_rank graded nothing: no row is of task 'iaa'; the rows are of 'iqa'"]


def test_without_labels_nothing_is_a_problem(tmp_path, capsys):
    for rows in (rows_without(mos=None, task="quality"), rows_without("mos", "task")):
        _, found, _ = score(capsys, write(tmp_path / "a.jsonl", rows))
        assert found["problems"] == []
    _, found, _ = score(capsys, write(tmp_path / "b.jsonl", rows_without("task")), "--reward-funcs", "answer_format")
    assert found["problems"] == []


# ---------------------------------------------------------------- the scale


@pytest.mark.parametrize(
    ("rows", "flags", "whose"),
    [
        (rows_without("task"), [], "all of 12 "),
        (rows_without(), ["--reward-funcs", "answer_format"], "all of 6 "),
        (rows_without(), [], "all of 6 "),
        (rows_without(), ["--reward-funcs", "recommended"], "all of 6 "),
    ],
    ids=["no task", "no reward with labels", "two rewards", "three rewards"],
)
def test_a_forgotten_scale_is_told_once(tmp_path, capsys, rows, flags, whose):
    path = write(tmp_path / "a.jsonl", on_five(rows))
    _, found, _ = score(capsys, path, *flags)
    (told,) = (problem for problem in found["problems"] if "scale" in problem)
    assert told.startswith(f"{whose}{SQUEEZED}")
    assert "--mos-scale 1 5" in told
    _, found, _ = score(capsys, path, *flags, "--mos-scale", 1, 5)
    assert not any("scale" in one for one in found["remarks"] + found["problems"])


def test_one_data_set_may_have_another_scale_than_all_others(tmp_path, capsys):
    rows = [row for row in steps_of(HEALTHY) if row["step"] == 1]
    turned = [{**row, "dataset": "dmos", "mos": 5 - row["mos"] / 25, "step": 2} for row in rows]
    path = write(tmp_path / "a.jsonl", [*rows, *turned])
    for flags in (
        ["--mos-scale", 0, 100, "--mos-scale-of", "dmos", 1, 5, "--lower-is-better-of", "dmos"],
        ["--mos-scale", 1, 5, "--lower-is-better-of", "dmos", "--mos-scale-of", "mine", 0, 100],
    ):
        code, found, _ = score(capsys, path, *flags)
        assert code == 0
        plain, other = (step["rewards"] for step in found["steps"])
        assert other == pytest.approx(plain)


@pytest.mark.parametrize("flags", [["--mos-scale-of", "mime", 1, 5], ["--lower-is-better-of", "mime"]])
def test_a_scale_of_a_data_set_that_no_row_is_of_is_a_problem(tmp_path, capsys, flags):
    code, found, _ = score(capsys, write(tmp_path / "a.jsonl", steps_of(HEALTHY)), "--mos-scale", 0, 100, *flags)
    assert code == 1
    told = "a scale is declared for the data set 'mime', and no row is of it; did you mean 'mine'?"
    assert found["problems"] == [told]
    path = write(tmp_path / "b.jsonl", steps_of(HEALTHY))
    code, found, _ = score(capsys, path, "--mos-scale-of", "mine", 0, 100, "--mos-scale-of", "mime", 0, 1)
    assert (code, found["problems"]) == (0, [])  # every row has a scale of its own
    assert told in found["remarks"]


# ---------------------------------------------------------------- the columns


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--step-column", "stpe"], "no row has a column 'stpe', as --step-column says; did you mean 'step'?"),
        (["--mos-column", "mso"], "no row has a column 'mso', as --mos-column says; did you mean 'mos'?"),
        (["--task-column", "tasks"], "no row has a column 'tasks', as --task-column says; did you mean 'task'?"),
        (["--image-id-column", "x"], "no row has a column 'x', as --image-id-column says; known are step, task,"),
        (["--mos-std-column", "sd", "--raters", "9"], "no row has a column 'sd', as --mos-std-column says; known are"),
        (["--completion-column", "complet"], "row 0: no column 'complet'; name yours with --completion-column; did you mean 'completion'?"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("kind", ["jsonl", "csv"])
def test_a_column_that_no_row_has_is_refused(tmp_path, capsys, kind, flags, message):
    path = tmp_path / f"a.{kind}"
    if kind == "jsonl":
        write(path, steps_of(HEALTHY))
    else:
        pytest.importorskip("pandas").DataFrame(steps_of(HEALTHY)).to_csv(path, index=False)
        message = message.removeprefix("row 0: ")
    assert main(["score", str(path), *flags]) == 2
    said = capsys.readouterr()
    assert message in said.err
    assert (said.out, said.err.count("\n")) == ("", 1)


def test_a_named_column_may_begin_in_a_later_row(tmp_path, capsys):
    first, *others = steps_of(HEALTHY)
    rows = [{k: v for k, v in first.items() if k != "mos"}, *others]
    code, found, _ = score(capsys, write(tmp_path / "a.jsonl", rows), "--mos-column", "mos")
    assert code == 0
    assert "1 of 24 completions have no label" in found["remarks"]


def test_what_the_log_says_of_the_task_counts_before_the_option(tmp_path, capsys):
    logged = '{"image": "x", "task": "%s", "status": "ok", "score": 50.0, "target": 50.0}'
    rows = [{"completion": "64", "iqa_gaussian_score/row": logged % task} for task in ("iqa", "iqa", "iaa")]
    _, found, _ = score(capsys, write(tmp_path / "a.jsonl", rows), "--task", "iqa")
    assert [one["task"] for one in found["tasks"]] == ["iaa", "iqa"]


# ---------------------------------------------------------------- deviations of raters


def test_rewards_take_deviations_of_raters(tmp_path, capsys):
    rows = [{**row, "sd": 15.0, "n": 9} for row in steps_of(HEALTHY)]
    path = write(tmp_path / "a.jsonl", rows)
    _, plain, _ = score(capsys, path)
    _, with_number, _ = score(capsys, path, "--mos-std-column", "sd", "--raters", 9)
    _, with_column, _ = score(capsys, path, "--mos-std-column", "sd", "--raters-column", "n")
    _, of_mean, _ = score(capsys, path, "--mos-std-column", "sd", "--mos-std-of", "mean", "--raters", 9)
    assert with_number["steps"] == with_column["steps"]
    earned = [one["steps"][0]["rewards"]["iqa_gaussian_score"] for one in (plain, with_number, of_mean)]
    assert earned == sorted(set(earned))  # the wider the error of the MOS, the more
    halved = [{**row, "sd": 7.5} for row in rows]
    flags = ["--mos-std-column", "sd", "--raters", 9, "--mos-std-scale", 0, 50]
    _, on_half, _ = score(capsys, write(tmp_path / "b.jsonl", halved), *flags)
    assert on_half["steps"] == with_number["steps"]
    _, found, _ = score(capsys, path, "--mos-std-column", "sd", "--reward-funcs", "recommended")  # need no --raters
    assert found["steps"][0]["rewards"]["thurstone_rank"] is not None


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ([*TATAR, "--mos-std-column", "mos"], "iqa_gaussian_score: this reward needs the standard error of each MOS, but by mos_std_of='ratings' 'mos' holds something else. Give the number of ratings of an image with raters= or raters_column= (--raters, --raters-column), which"),
        (["--raters", "9"], "raters= says something of deviations; name their column with mos_std_column= (--mos-std-column)"),
        (["--mos-std-column", "mos", "--reward-funcs", "q_insight"], "--mos-std-column: none of the rewards takes deviations of raters; leave it out, or name others"),
        (["--mos-std-column", "mos", "--mos-std-scale", "5", "1"], "--mos-std-scale must have two finite numbers LOW < HIGH; got 5 1"),
    ],
)  # fmt: skip
def test_what_deviations_lack_is_told(tmp_path, capsys, flags, message):
    assert main(["score", write(tmp_path / "a.jsonl", steps_of(HEALTHY)), *flags]) == 2
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1


def test_a_reward_whose_deviations_the_files_lack_names_the_option(tmp_path, capsys, monkeypatch):
    (tmp_path / "my_std.py").write_text(
        "from tatar_rewards import GaussianScoreReward\nmine = [GaussianScoreReward(mos_std_column='sd', raters=9)]\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    _, found, _ = score(capsys, write(tmp_path / "a.jsonl", steps_of(HEALTHY)), "--reward-funcs", "my_std.mine")
    assert "the files have no column 'sd'; name yours with --mos-std-column" in found["problems"][0]
