"""`evaluate` and its files: columns of other names, folders, damage, and lines that would say nothing."""

import json

import pytest
from support.prediction_rows import row

from tatar_rewards.cli import main
from tatar_rewards.predictions import read_predictions

ROWS = [row(k, 5.0 * k, 5 * k + k % 3) for k in range(20)]
NAMES = {"completion": "text", "mos": "rating", "task": "kind", "image_id": "picture", "dataset": "set"}


def write(path, rows):
    path.write_text("".join(json.dumps(one) + "\n" for one in rows))
    return str(path)


def renamed(rows):
    return [{NAMES.get(name, name): value for name, value in one.items()} for one in rows]


def evaluate(capsys, *arguments):
    """What is printed, what is said beside it, and the exit code."""
    code = main(["evaluate", *map(str, arguments), "--resamples", "0"])
    said = capsys.readouterr()
    return said.out, said.err, code


# ---------------------------------------------------------------- columns


@pytest.mark.parametrize("kind", ["jsonl", "json", "csv", "parquet"])
def test_columns_may_have_other_names_as_score_has_them(tmp_path, capsys, kind):
    pandas = pytest.importorskip("pandas")
    if kind == "parquet":
        pytest.importorskip("pyarrow")
    rows = [*ROWS[:-1], {**ROWS[-1], "completion": ""}]
    frame, path = pandas.DataFrame(renamed(rows)), tmp_path / f"a.{kind}"
    frame["mos"] = 0.0  # is another number
    {
        "jsonl": lambda: frame.to_json(path, orient="records", lines=True),
        "json": lambda: frame.to_json(path),
        "csv": lambda: frame.to_csv(path, index=False),
        "parquet": lambda: frame.to_parquet(path),
    }[kind]()
    flags = [f"--{field.replace('_', '-')}-column={name}" for field, name in NAMES.items()]
    assert evaluate(capsys, path, *flags) == evaluate(capsys, write(tmp_path / "b.jsonl", rows))


def test_commands_that_read_completions_call_their_columns_alike(capsys):
    helps = {}
    for command in ("evaluate", "score"):
        with pytest.raises(SystemExit):
            main([command, "--help"])
        helps[command] = capsys.readouterr().out
    for option in (
        "--task ",
        "--mos-std-column",
        "--raters-column",
        *(f"--{n.replace('_', '-')}-column" for n in NAMES),
    ):
        assert all(option in text for text in helps.values()), option


def test_commands_that_take_rewards_name_them_alike(capsys):
    for command in ("doctor", "explain", "score"):
        with pytest.raises(SystemExit):
            main([command, "--help"])
        assert "--reward-funcs NAME [NAME ...]" in " ".join(capsys.readouterr().out.split())


def test_a_task_may_be_given_for_rows_that_have_none(tmp_path, capsys):
    without = [{k: v for k, v in one.items() if k != "task"} for one in ROWS]
    printed, _, _ = evaluate(capsys, write(tmp_path / "a.jsonl", without), "--task", "iqa")
    plain, _, _ = evaluate(capsys, write(tmp_path / "b.jsonl", ROWS), "--task", "iaa")  # the column counts
    assert printed == plain
    assert printed.splitlines()[1].startswith("iqa")


def test_raters_may_have_columns_of_other_names(tmp_path, capsys):
    with_raters = [{**one, "mos_std": 12.0, "raters": 9} for one in ROWS]
    other = [{**one, "sd": 12.0, "n": 9} for one in ROWS]
    flags = ["--mos-std-column", "sd", "--raters-column", "n"]
    printed = evaluate(capsys, write(tmp_path / "a.jsonl", other), *flags)
    assert printed == evaluate(capsys, write(tmp_path / "b.jsonl", with_raters))
    assert "another panel" in printed[0]


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--mos-column", "mso"], "FILE, row 0: no column 'mso' (as --mos-column says; did you mean 'mos'?) among ['dataset'"),
        (["--completion-column", "answers"], "FILE, row 0: no column 'answers' (as --completion-column says) among ['dataset', 'task'"),
        (["--mos-std-column", "sd"], "no row has a column 'sd', as --mos-std-column says; known are dataset, task"),
    ],
)  # fmt: skip
def test_a_column_that_no_row_has_is_refused(tmp_path, capsys, flags, message):
    path = write(tmp_path / "a.jsonl", ROWS)
    printed, said, code = evaluate(capsys, path, *flags)
    assert (printed, code) == ("", 2)
    assert message.replace("FILE", path) in said


def test_a_table_whose_header_lacks_a_named_column_names_the_nearest(tmp_path, capsys):
    (tmp_path / "a.csv").write_text("dataset,task,image_id,mos,completion\nmine,iqa,a,1,x\n")
    _, said, code = evaluate(capsys, tmp_path / "a.csv", "--mos-column", "moss")
    assert code == 2
    assert "a.csv, header: no column 'moss' (as --mos-column says; did you mean 'mos'?) among" in said


# ---------------------------------------------------------------- lines that say something


def test_samples_alone_have_no_line_of_dashes(tmp_path, capsys):
    rows = [{**one, "sample": k} for one in ROWS for k in (0, 1)]
    printed, _, _ = evaluate(capsys, write(tmp_path / "a.jsonl", rows))
    lines = printed.splitlines()
    assert not any(line.split()[-1] == "-" for line in lines)
    assert [line.split()[:2] for line in lines if line.startswith("iqa")] == [["iqa", "mine"], ["iqa", "mean,"]]


def test_answers_of_two_kinds_are_said_not_to_be_compared(tmp_path, capsys):
    samples = write(tmp_path / "samples.jsonl", [{**one, "sample": k} for one in ROWS for k in (0, 1)])
    greedy = write(tmp_path / "greedy.jsonl", ROWS)
    printed, _, _ = evaluate(capsys, samples, "--baseline", greedy)
    *_, title, why = printed.splitlines()
    assert title == "change of SRCC"
    assert why.startswith(
        "mine is not compared: the baseline has greedy answers only, the new predictions sampled answers only; give"
    )
    main(["evaluate", samples, "--baseline", greedy, "--resamples", "0", "--json"])
    assert json.loads(capsys.readouterr().out)["baseline"]["not_compared"]["mine"] in why
    others = write(tmp_path / "others.jsonl", [{**one, "image_id": f"other {k}"} for k, one in enumerate(ROWS)])
    assert "they have no picture in common" in evaluate(capsys, greedy, "--baseline", others)[0]
    unlabelled = write(tmp_path / "unlabelled.jsonl", [{**one, "mos": None} for one in ROWS])
    assert "has a MOS; add the labels" in evaluate(capsys, unlabelled, "--baseline", unlabelled)[0]


def test_one_wrong_scale_is_one_remark(tmp_path, capsys):
    rows = [{**one, "mos": 1 + one["mos"] / 25, "dataset": name} for name in "abc" for one in ROWS]
    path = write(tmp_path / "a.jsonl", rows)
    _, said, _ = evaluate(capsys, path)
    assert said.count("\n") == 1
    assert (
        "all of 20 labels in 'a' lie in the lowest tenth of their declared scale 0 to 100 (and so of 'b', 'c')" in said
    )
    assert "--mos-scale 1 5" in said
    assert evaluate(capsys, path, "--mos-scale", 1, 5)[1] == ""


# ---------------------------------------------------------------- files


def test_an_error_names_its_file(tmp_path, capsys):
    bad = write(tmp_path / "bad.jsonl", [{**ROWS[0], "mos": float("inf")}, *ROWS[1:]])
    good, empty = write(tmp_path / "good.jsonl", ROWS), write(tmp_path / "empty.jsonl", [])
    told = "row 0: mos: must be a finite number, or nothing where it is not known; got inf"
    assert f"evaluate: {bad}: {told}" in evaluate(capsys, bad)[1]
    assert f"evaluate: {bad}: baseline, {told}" in evaluate(capsys, good, "--baseline", bad)[1]
    assert f"(row 20 is row 0 of {bad})" in evaluate(capsys, good, bad)[1]
    assert f"{empty}: there are no rows to evaluate" in evaluate(capsys, empty)[1]
    other = write(tmp_path / "other.jsonl", [ROWS[1], {**ROWS[0], "mos": 99.0}])
    assert f"(row 1 of {other}, row 0 of {good})" in evaluate(capsys, good, "--baseline", other)[1]


@pytest.mark.parametrize("field", ["mos", "mos_std", "raters", "mos_error", "prediction", "sample", "image_id"])
def test_an_infinite_number_is_told_with_its_row(tmp_path, capsys, field):
    rows = [{**one, "completion": None, "prediction": 5} for one in ROWS[:4]]
    rows[3][field] = float("inf")
    _, said, code = evaluate(capsys, write(tmp_path / "a.jsonl", rows), "--unbounded")
    assert code == 2
    assert f"a.jsonl: row 3: {field}" in said


@pytest.mark.parametrize("command", ["evaluate", "score"])
def test_a_path_that_is_no_file_is_told_with_its_name(tmp_path, capsys, command):
    (tmp_path / "folder.jsonl").mkdir()
    for name, message in (("folder.jsonl", "holds no completions_*.parquet"), ("nowhere.jsonl", "must be a file or a")):
        assert main([command, str(tmp_path / name)]) == 2
        said = capsys.readouterr().err
        assert message in said
        assert name in said
        assert "Errno" not in said


@pytest.mark.parametrize(
    "arguments",
    [["doctor", "FOLDER"], ["explain", "--file", "FOLDER"], ["score", "FILE", "--out", "FOLDER"], ["score", "FILE", "--html", "FOLDER"]],
)  # fmt: skip
def test_a_folder_in_the_place_of_a_file_is_told_without_a_number_of_an_error(tmp_path, capsys, arguments):
    (tmp_path / "folder.jsonl").mkdir()
    paths = {"FOLDER": str(tmp_path / "folder.jsonl"), "FILE": write(tmp_path / "a.jsonl", ROWS)}
    assert main([paths.get(argument, argument) for argument in arguments]) == 2
    said = capsys.readouterr().err
    assert paths["FOLDER"] in said
    assert "Errno" not in said


def test_a_folder_of_completions_tables_is_read(tmp_path, capsys):
    pytest.importorskip("pyarrow")
    frame = pytest.importorskip("pandas").DataFrame(ROWS)
    (tmp_path / "completions").mkdir()
    for step, part in ((5, frame[:10]), (10, frame[10:])):
        part.to_parquet(tmp_path / "completions" / f"completions_{step:05d}.parquet")
    assert evaluate(capsys, tmp_path) == evaluate(capsys, write(tmp_path / "a.jsonl", ROWS))


@pytest.mark.parametrize("command", ["evaluate", "score"])
def test_a_damaged_parquet_file_is_told_with_its_name(tmp_path, capsys, command):
    pytest.importorskip("pyarrow")
    path = tmp_path / "a.parquet"
    pytest.importorskip("pandas").DataFrame(ROWS).to_parquet(path)
    whole = path.read_bytes()
    for damaged in (
        whole[: len(whole) // 2],
        whole[:60] + bytes(len(whole[60:400])) + whole[400:],
        whole[:-400] + bytes(392) + whole[-8:],
    ):
        path.write_bytes(damaged)
        assert main([command, str(path)]) == 2
        said = capsys.readouterr().err
        assert f"{path} is no Parquet file that can be read" in said
        assert said.count("\n") == 1


@pytest.mark.parametrize("command", ["evaluate", "score"])
def test_two_columns_of_one_name_in_a_parquet_file_are_refused(tmp_path, capsys, command):
    pyarrow, path = pytest.importorskip("pyarrow"), tmp_path / "a.parquet"
    table = pyarrow.Table.from_pylist(ROWS)
    twice = pyarrow.Table.from_arrays([*table.columns, table["mos"]], names=[*table.column_names, "mos"])
    pytest.importorskip("pyarrow.parquet").write_table(twice, path)
    assert main([command, str(path)]) == 2
    assert f"{path}: 2 columns are called 'mos'; keep one of them" in capsys.readouterr().err


def test_rows_are_read_from_python_by_columns_of_other_names(tmp_path):
    path = write(tmp_path / "a.jsonl", renamed(ROWS))
    assert [{name: one[name] for name in ROWS[0]} for one in read_predictions([path], columns=NAMES)] == ROWS
    ragged = write(tmp_path / "b.jsonl", [{**ROWS[0], "mos_std": 3.0}, {**ROWS[1], "sd": 4.0}])
    first, second = read_predictions([ragged], columns={"mos_std": "sd"})
    assert "mos_std" not in first
    assert second["mos_std"] == 4.0
    with pytest.raises(ValueError, match=r"row 0: no column 'kin' \(as --task-column says, .* did you mean 'kind'"):
        list(read_predictions([path], columns={**NAMES, "task": "kin"}))
