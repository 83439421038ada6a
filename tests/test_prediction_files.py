"""Files of predictions: JSONL, JSON, CSV and Parquet give the same rows, one by one, and errors that name their place."""

import csv
import io
import json
import sys
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tatar_rewards.cli import main
from tatar_rewards.evaluation import evaluate_predictions
from tatar_rewards.predictions import json_files, parse_jsonl, read_predictions

MESSAGES = [{"role": "assistant", "content": "<think>Soft.</think><answer>64</answer>"}]
ROWS = [
    {"dataset": "mine", "task": "iqa", "image_id": "a.png", "mos": 30.5, "completion": "<answer>20</answer>"},
    {"dataset": "mine", "task": "iqa", "image_id": "b, c.png", "mos": None, "completion": 'Say "64",\u2028or\r\nnot.'},
    {"dataset": "mine", "task": "iqa", "image_id": "d\u00e9.png", "mos": 60.0, "completion": MESSAGES},
]


def write_csv(path, rows, **how):
    text = io.StringIO(newline="")
    writer = csv.writer(text, **how)
    writer.writerow(rows[0])
    for row in rows:
        completion = row["completion"] if isinstance(row["completion"], str) else json.dumps(row["completion"])
        writer.writerow([*list(row.values())[:-1], completion])
    path.write_bytes(text.getvalue().encode())


def write_parquet(path, rows):
    table = pytest.importorskip("pyarrow").Table.from_pylist(rows)
    pytest.importorskip("pyarrow.parquet").write_table(table, path)


WRITERS = {
    "p.jsonl": lambda path, rows: path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)),
    "p.JSONL": lambda path, rows: path.write_bytes("\r\n".join(json.dumps(row) for row in rows).encode("utf-8-sig")),
    "list.json": lambda path, rows: path.write_text(json.dumps(rows, indent=1, ensure_ascii=False)),
    "marked.json": lambda path, rows: path.write_bytes(json.dumps(rows).encode("utf-8-sig")),
    "columns.json": lambda path, rows: path.write_text(json.dumps({k: [row[k] for row in rows] for k in rows[0]})),
    "pandas.json": lambda path, rows: path.write_text(
        json.dumps({k: {str(number): row[k] for number, row in enumerate(rows)} for k in rows[0]})
    ),
    "p.csv": write_csv,
    "quoted.csv": lambda path, rows: write_csv(path, rows, quoting=csv.QUOTE_ALL),
}


@pytest.mark.parametrize("name", WRITERS)
def test_every_format_gives_the_same_rows(tmp_path, name):
    WRITERS[name](tmp_path / name, ROWS)
    read = list(read_predictions([tmp_path / name]))
    if name.endswith("csv"):
        read = [{**row, "mos": row["mos"] and float(row["mos"])} for row in read]
    assert read == ROWS


def test_columns_without_a_name_are_passed_over(tmp_path):
    content = ",dataset,task,image_id,mos,completion,,\r\n7,mine,iqa,a,1,x,,\r\n\r\n"
    (tmp_path / "p.csv").write_text(content, newline="")
    (row,) = read_predictions(str(tmp_path / "p.csv"))
    assert [row[name] for name in ("dataset", "task", "image_id", "mos", "completion")] == [
        "mine",
        "iqa",
        "a",
        "1",
        "x",
    ]


def test_parquet_gives_the_same_rows_of_texts_and_of_messages(tmp_path):
    for number, kind in enumerate((str, list)):
        rows = [row for row in ROWS if isinstance(row["completion"], kind)]
        write_parquet(tmp_path / f"{number}.parquet", [{**row, "picture": b"\xff"} for row in rows])
        assert list(read_predictions([tmp_path / f"{number}.parquet"])) == rows


def test_a_cell_is_read_as_messages_only_where_it_holds_messages(tmp_path):
    for completion in ("[64]", "[", "[1, 2", '["a"]', "[]", "[{}]", "", " <answer>64</answer>", "[" * 100_000):
        write_csv(tmp_path / "p.csv", [{**ROWS[0], "completion": completion}])
        (row,) = read_predictions([tmp_path / "p.csv"])
        assert row["completion"] == completion


def test_a_completion_may_be_longer_than_the_csv_module_likes(tmp_path):
    before, limit = csv.field_size_limit(1000), 1000
    write_csv(tmp_path / "p.csv", [{**ROWS[0], "completion": "x" * 200_000}])
    (row,) = read_predictions([tmp_path / "p.csv"])
    assert len(row["completion"]) == 200_000
    assert csv.field_size_limit(before) == limit


@given(
    st.lists(
        st.dictionaries(st.text(max_size=3), st.one_of(st.text(), st.floats(), st.lists(st.integers()))), max_size=5
    ),
    st.integers(1, 9),
    st.booleans(),
)
def test_a_json_list_is_read_in_pieces_as_json_reads_it_whole(rows, chunk, ascii):
    text = json.dumps(rows, ensure_ascii=ascii)
    reader = json_files._ListReader(text[:chunk], io.StringIO(text[chunk:]), Path("p.json"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_files, "_CHUNK", chunk)
        assert repr(list(reader.values())) == repr(json.loads(text))


def test_rows_are_read_while_they_are_asked_for(tmp_path):
    """What is wrong with a later row does not show before, so nothing later has been read."""
    for name in ("p.jsonl", "list.json", "p.csv"):
        WRITERS[name](tmp_path / name, ROWS[:1] * 40_000)  # more than is read at once
        with (tmp_path / name).open("ab") as file:
            file.write(b"\xff")
        rows = read_predictions([tmp_path / name])
        assert len(list(islice(rows, 9))) == 9
        with pytest.raises(ValueError, match="is not in UTF-8"):
            list(rows)


# ---------------------------------------------------------------- what is wrong, and where

LINE = json.dumps(ROWS[0]).encode()
HEADER = b"dataset,task,image_id,mos,completion"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("p.jsonl", LINE + b'\n{"a": "caf\xe9"}', "p.jsonl, line 2 is not in UTF-8 (invalid continuation byte, 0xE9 at byte {place} of"),
        ("p.jsonl", LINE.replace(b"a.png", "\u732b".encode()) + b"\n\xe9", "line 2 is not in UTF-8 (unexpected end of data, 0xE9 at byte {place} of"),
        ("two\nlines.xlsx", b"", "two lines.xlsx has a suffix"),
        ("p.jsonl", b"\xef\xbb\xbf\xe9", "0xE9 at byte 3 of the file); save the file in UTF-8, for example with: iconv -f LATIN1"),
        ("p.jsonl", "{}".encode("utf-16"), "line 1 is not in UTF-8 (invalid start byte, 0xFF at byte 0 of the file); save the file in UTF-8, for example with: iconv -f UTF-16"),
        ("p.csv", HEADER + b"\nmine,iqa,\xe9,1,x", "p.csv, line 2 is not in UTF-8 (invalid continuation byte, 0xE9 at byte {place} of"),
        ("p.json", b"[\n" + LINE + b',\n{"a": "\xe9"}]', "p.json, line 3 is not in UTF-8 (invalid continuation byte, 0xE9 at byte {place} of"),
        ("p.jsonl", LINE + b"\n\n" + LINE[:-1], "line 3 is no JSON (Expecting ',' delimiter); write one object a line"),
        ("p.jsonl", b'{"mos": ' + b"9" * 5000 + b"}", "line 1 is no JSON (Exceeds the limit"),
        ("p.jsonl", b"[" * 100_000, "line 1 is no JSON"),
        ("p.json", b"[" + LINE + b"," + LINE[:-1], "row 1 is no JSON (Expecting ',' delimiter: '')"),
        ("p.json", b"[" + LINE + b" " + LINE + b"]", "after row 0: expected a comma or the end of the list; got '{'"),
        ("p.json", b"[" + LINE + b",{'a': 1}]", "row 1 is no JSON (Expecting property name enclosed in double quotes: "),
        ("p.json", b"[" + LINE + b",]", "row 1 is no JSON (Expecting value: ']')"),
        ("p.json", b"[" + LINE + b",7]", "row 1 must be a JSON object; got '7'"),
        ("p.json", b"[" + LINE + b"] []", "something follows the list"),
        ("p.json", b"[" * 100_000, "row 0 is no JSON that can be read"),
        ("p.json", LINE + b"\n" + LINE, "is no JSON (Extra data: line 2 column 1 (char 106)); name it .jsonl if it holds one object a line"),
        ("p.json", LINE, "column 'dataset' must be a list, or an object by row; got 'mine'; put a single row in a list"),
        ("p.json", b'{"a": {"0": 1}, "b": {"1": 1}}', "columns 'a' and 'b' must have the same rows"),
        ("p.json", b"7", "must hold a list of objects, or an object of columns; got '7'"),
        ("p.csv", HEADER + b"\na,b,c,1,x\na,b,c,1,x,y", "p.csv, row 1 (line 3): more cells than columns, 6 and 5; quote cells that hold commas"),
        ("p.csv", HEADER + b"\na,b", "row 0 (line 2): fewer cells than columns, 2 and 5"),
        ("p.csv", b"a,b,c,1,x\n", "p.csv, header: no columns 'task' (name yours with --task-column, or give --task), 'image_id' (name yours with --image-id-column), 'mos' (name"),
        ("p.csv", HEADER.replace(b",", b";") + b"\n", "p.csv, header: the cells are separated by ';' and not by commas: 'dataset;task;image_id;mos;completion'; save the file with commas"),
        ("p.csv", HEADER + b",mos\n", "header: 2 columns are called 'mos'; keep one of them"),
        ("p.csv", HEADER + b'\na,b,c,1,"x\na,b,c,1,x', "row 0 (line 3) is no CSV (unexpected end of data); quote cells that hold commas, quotes"),
        ("p.csv", HEADER + b'\na,b,c,1,"x"y\n', "row 0 (line 2) is no CSV (',' expected after '\"'); quote"),
        ("p.csv", b"", "there are no rows to evaluate"),
        ("p.csv", HEADER, "there are no rows to evaluate"),
        ("p.json", b" \n", "there are no rows to evaluate"),
        ("p.json", b"[ ]", "there are no rows to evaluate"),
        ("p.csv", HEADER + b"\nmine,iqa,a,good,x", "row 0: mos: must be a number; got 'good'; every row needs"),
        ("p.csv", HEADER + b"\nmine,iqa,,1,x", "row 0: image_id: a name is a text of at least one character; got None"),
        ("p.xlsx", b"", "p.xlsx has a suffix that says nothing of what it holds; name it one of .jsonl, .json, .csv, .parquet"),
        ("p.parquet", b"PAR1 and nothing else", "p.parquet is no Parquet file that can be read"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_file_is_told_with_its_place(tmp_path, capsys, name, content, message):
    if name.endswith("parquet"):
        pytest.importorskip("pyarrow")
    (tmp_path / name).write_bytes(content)
    assert main(["evaluate", str(tmp_path / name)]) == 2
    said = capsys.readouterr().err
    assert message.replace("{place}", str(content.find(b"\xe9"))) in said
    assert said.count("\n") == 1


def test_columns_that_a_parquet_file_lacks_are_named(tmp_path):
    write_parquet(tmp_path / "p.parquet", [{"dataset": "mine", "score": 3.0}])
    with pytest.raises(ValueError, match=r"no columns 'task' \(.*, 'completion' \(.*\) among \['dataset', 'score'\]"):
        list(read_predictions([tmp_path / "p.parquet"]))


def test_the_extra_for_parquet_is_named_where_it_is_not_installed(tmp_path, capsys, monkeypatch):
    (tmp_path / "p.parquet").touch()
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    assert main(["evaluate", str(tmp_path / "p.parquet")]) == 2
    assert "Parquet is read by pyarrow, which is not installed; pip install pyarrow" in capsys.readouterr().err


def test_a_row_is_named_by_its_file_where_there_are_several(tmp_path, capsys):
    paths = [tmp_path / f"rank{rank}.jsonl" for rank in range(3)]
    for rank, path in enumerate(paths):
        WRITERS["p.jsonl"](path, [{**ROWS[0], "image_id": f"{rank} {k}", "sample": 0} for k in range(3)])
    with paths[2].open("a") as file:
        file.write(json.dumps({**ROWS[0], "image_id": "0 1", "sample": 0}))
    assert main(["evaluate", *map(str, paths)]) == 2
    assert f"(row 1 is row 1 of {paths[0]}, row 9 is row 3 of {paths[2]})" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("completion", 7, "completion is 7, no completion"),
        ("completion", float("nan"), "completion is nan, no completion"),
        ("completion", b"x", "no completion; give a string or a list of messages"),
        ("mos", True, "mos: True is no number; got True"),
        ("mos", "-", "mos: must be a number"),
        ("mos", 10**400, "mos: must be a number"),
        ("mos", float("inf"), "mos: must be a finite number, or nothing where it is not known; got inf"),
        ("image_id", 3.5, "image_id: a name is a text of at least one character; got 3.5"),
        ("image_id", False, "image_id: a name is a text of at least one character; got False"),
        ("image_id", float("nan"), "image_id: a name is a text"),
        ("image_id", float("inf"), "image_id: a name is a text"),
        ("dataset", "", "dataset: a name is a text of at least one character; got ''"),
        ("task", None, "task: a name is a text of at least one character; got None"),
    ],
)
def test_a_field_that_holds_something_else_is_told_with_row_and_value(field, value, message):
    with pytest.raises(ValueError, match=f"row 1: .*{message}"):
        evaluate_predictions([{**ROWS[0], "image_id": "other"}, {**ROWS[0], "dataset": "mine", field: value}][::1])


def test_what_is_no_row_is_refused():
    with pytest.raises(TypeError, match=r"row 0 must be a mapping with task, .* got 'dataset'; of a DataFrame give df"):
        evaluate_predictions(["dataset", "task"])


def test_one_function_reads_jsonl_in_the_package_and_in_the_recipe():
    assert parse_jsonl(b'\xef\xbb\xbf{"a": "\xe2\x80\xa8"}\r\n\n[2]', Path("x")) == {1: {"a": "\u2028"}, 3: [2]}
