"""`evaluate` reads the answers of a GRPO run as `score` does: no data set, several answers to a picture."""

import json

import pytest
from support.prediction_rows import row

from tatar_rewards.cli import main
from tatar_rewards.evaluation import evaluate_predictions

SAID = [(k, 5.0 * k, 5 * k + (3 * k + 7 * j) % 11) for j in range(4) for k in range(12)]
NUMBERED = [row(k, mos, said, sample=n // 12) for n, (k, mos, said) in enumerate(SAID)]
ROWS = [row(k, mos, said) for k, mos, said in SAID]


def bare(rows, *without):
    return [{name: value for name, value in one.items() if name not in without} for one in rows]


def write(path, rows):
    path.write_text("".join(json.dumps(one) + "\n" for one in rows))
    return path


def evaluate(capsys, *arguments):
    code = main(["evaluate", *map(str, arguments), "--resamples", "0"])
    said = capsys.readouterr()
    return said.out, said.err, code


# ---------------------------------------------------------------- without a data set


def test_evaluate_reads_the_file_that_score_reads(tmp_path, capsys):
    rows = [{**one, "rating": one["mos"]} for one in bare(ROWS, "dataset", "task")]
    path = write(tmp_path / "ans.jsonl", bare(rows, "mos"))
    flags = ["--mos-column", "rating", "--task", "iqa"]
    main(["score", str(path), *flags, "--json"])
    assert json.loads(capsys.readouterr().out)["problems"] == []
    printed, said, code = evaluate(capsys, path, *flags)
    assert (said, code) == ("", 0)
    assert printed.splitlines()[1].split() == ["iqa", "unnamed", "12"]


def test_rows_without_a_data_set_are_one_whatever_their_files(tmp_path, capsys):
    one, other = bare(ROWS[:12], "dataset"), [{**one, "dataset": None} for one in ROWS[:12]]
    parts = [write(tmp_path / "a.jsonl", one[:6]), write(tmp_path / "b.jsonl", other[6:])]
    whole = write(tmp_path / "whole.jsonl", one)
    printed, said, code = evaluate(capsys, *parts, "--baseline", whole)
    assert (said, code) == ("", 0)
    assert printed.splitlines()[-1].split() == ["iqa", "unnamed", "greedy", "answers", "12", *["0.979"] * 2, "+0.000"]
    assert evaluate_predictions(one) == evaluate_predictions(other)


# ---------------------------------------------------------------- several answers to a picture


def test_answers_without_numbers_are_samples_in_their_order():
    numbered = evaluate_predictions(NUMBERED, n_resamples=0)
    assert evaluate_predictions(ROWS, n_resamples=0).to_json() == numbered.to_json()
    by_picture = sorted(ROWS, key=lambda one: one["image_id"])
    printed = str(evaluate_predictions(by_picture, n_resamples=0))
    assert printed == str(numbered)
    assert [line.split("  ")[3].strip() for line in printed.splitlines()[2:4]] == [
        "one of 4 samples",
        "mean of samples",
    ]


def test_unreadable_samples_without_numbers_are_counted():
    unread = [{**one, "completion": "none"} if n in (3, 20) else one for n, one in enumerate(ROWS)]
    (one,) = evaluate_predictions(unread, n_resamples=0).datasets
    assert (one.samples.failures, one.failures, one.rows) == ({"no_answer": 2}, {}, 0)
    assert one.samples.coverage == 46 / 48


def test_a_data_set_whose_pictures_do_not_repeat_has_single_answers():
    others = [{**one, "dataset": "other"} for one in ROWS[:12]]
    several, single = evaluate_predictions([*ROWS, *others], n_resamples=0).datasets
    assert (several.samples.per_picture, single.samples, single.rows) == ("4", None, 12)


def test_pictures_with_unequally_many_answers_are_told():
    with pytest.warns(UserWarning, match="'mine' have 3 to 4 answers, .*; rows 0 and 12 are both of image_id 0 of"):
        evaluate_predictions(ROWS[:-1], n_resamples=0)


@pytest.mark.parametrize(
    "more",
    [
        row("x", 1, 1, sample=0),
        row("x", 1, 1, completions=["<answer>1</answer>"]),
        row("x", 1, 1, sample=0, task="iaa"),
    ],
)
def test_where_some_rows_have_numbers_the_others_must(more):
    with pytest.raises(ValueError, match="rows 0 and 12 are both of image_id 0 of 'mine'; keep one prediction"):
        evaluate_predictions([*ROWS, more], n_resamples=0)


def test_answers_without_numbers_have_one_label_too():
    with pytest.raises(ValueError, match="rows 0 and 12 give image_id 0 of 'mine' the MOS 0 and 9"):
        evaluate_predictions([*ROWS[:12], {**ROWS[12], "mos": 9.0}], n_resamples=0)


# ---------------------------------------------------------------- what is missing


def test_all_missing_columns_are_named_with_their_options(tmp_path, capsys):
    rows = [{"picture": "a", "rating": 1.0, "text": "x", "taks": "iqa"}]
    path = write(tmp_path / "a.jsonl", rows)
    printed, said, code = evaluate(capsys, path, "--mos-column", "ratings", "--dataset-column", "set")
    assert (printed, code) == ("", 2)
    assert said == (
        f"evaluate: {path}, row 0: no columns 'task' (name yours with --task-column, or give --task; did you mean "
        f"'taks'?), 'image_id' (name yours with --image-id-column), 'ratings' (as --mos-column says; did you mean "
        f"'rating'?), 'completion' (name yours with --completion-column), 'set' (as --dataset-column says) among "
        f"['picture', 'rating', 'text', 'taks']\n"
    )


def test_all_missing_fields_of_a_row_are_named():
    with pytest.raises(
        ValueError, match=r"row 0: no 'task', 'mos' among \['image_id', 'completion'\]; every row needs"
    ):
        evaluate_predictions(bare(ROWS, "task", "mos", "dataset"))


# ---------------------------------------------------------------- --task


def test_a_task_may_have_any_name_and_is_told_where_no_row_takes_it(tmp_path, capsys):
    without = write(tmp_path / "a.jsonl", bare(ROWS, "task"))
    printed, said, _ = evaluate(capsys, without, "--task", "quality")
    assert said == ""
    assert printed.splitlines()[1].startswith("quality mine")
    path = write(tmp_path / "b.jsonl", ROWS)
    assert evaluate(capsys, path, "--task", "iqa")[1] == ""
    _, said, code = evaluate(capsys, path, "--task", "quality", "--baseline", path)
    assert said == (
        "evaluate: --task quality has no effect: every row has a task of its own, such as 'iqa'; leave it out\n"
    )
    assert code == 0
