"""What `score` writes: lines, the page, tables on a terminal and elsewhere."""

import re
import sys
import warnings
from pathlib import Path

import pytest
from support.logged_run import HEALTHY, lines_of, say, score, steps_of, write

from tatar_rewards.cli import main


@pytest.fixture
def pandas():
    pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    return pytest.importorskip("pandas", reason="pandas is not installed")


def test_every_format_holds_the_same_lines(tmp_path, capsys, pandas):
    rows = steps_of([["no", *HEALTHY[0][1:]], *HEALTHY])
    path = write(tmp_path / "a.jsonl", rows)
    pandas.DataFrame(rows).to_csv(tmp_path / "a.csv", index=False)
    pandas.DataFrame(rows).to_parquet(tmp_path / "a.parquet")
    for name in ("a.jsonl", "a.csv", "a.parquet"):
        for kind in ("jsonl", "csv", "parquet"):
            code = main(["score", str(tmp_path / name), "--out", str(tmp_path / f"{name}.{kind}")])
            assert code == main(["score", path])
    said = capsys.readouterr()
    assert "score: wrote" in said.err
    expected = pandas.DataFrame(lines_of(tmp_path / "a.jsonl.jsonl")).astype(object)
    for name in ("a.jsonl", "a.csv", "a.parquet"):
        table = pandas.read_parquet(tmp_path / f"{name}.parquet").astype(object)
        pandas.testing.assert_frame_equal(table, expected, check_dtype=False)
        csv = pandas.read_csv(tmp_path / f"{name}.csv").astype(object)
        pandas.testing.assert_frame_equal(csv, expected, check_dtype=False)


def test_the_page_escapes_what_a_model_says(tmp_path, capsys):
    from support.pages import Page

    rows = steps_of([["<script>alert(1)</script>\x07\u202e", *HEALTHY[0][1:]], *HEALTHY])
    plain = write(
        tmp_path / "plain.jsonl", [{**row, "completion": row["completion"].replace("<script>", "x")} for row in rows]
    )
    bad = write(tmp_path / "a.jsonl", [{**row, "dataset": "<b>"} for row in rows])
    pages = []
    for path in (bad, plain):
        main(["score", path, "--html", str(tmp_path / "page.html")])
        pages.append(Page((tmp_path / "page.html").read_text()))
    assert "<script>alert(1)</script>" in pages[0].text
    assert "\u202e" not in pages[0].text
    assert pages[0].skeleton == pages[1].skeleton
    assert [tag for tag, _ in pages[0].elements].count("svg") == 4
    assert [tag for tag, _ in pages[0].elements].count("article") == 9
    assert not {"script", "link", "img"} & {tag for tag, _ in pages[0].elements}


def test_the_worst_are_of_several_kinds_and_no_text_twice(tmp_path, capsys):
    scores = [[f"<answer>{step}{k}" for k in range(4)] + ["no", "no", 3, 99] for step in range(5)]
    _, found, _ = score(capsys, write(tmp_path / "a.jsonl", steps_of(scores)))
    worst = found["worst"]
    assert len({row["completion"] for row in worst}) == len(worst)
    assert [row["status"] for row in worst].count("unclosed") == 4
    assert [row["status"] for row in worst].count("no_answer") == 1
    assert {row["step"] for row in worst if row["status"] == "unclosed"} == {5}
    assert worst == sorted(worst, key=lambda row: row["total"])
    assert any(row["status"] == "ok" for row in worst)


def test_the_worst_are_not_all_of_one_image(tmp_path, capsys):
    hard = {"image_id": "hard", "dataset": "mine", "task": "iqa", "mos": 90.0}
    others = [{**hard, "image_id": f"{k}", "completion": f"<answer>{60 + k}</answer>"} for k in range(20)]
    for column in ("image_id", "picture"):  # known and unknown
        rows = [{**hard, "completion": f"<answer>{k}</answer>"} for k in range(20)] + others
        rows = [{column if name == "image_id" else name: value for name, value in row.items()} for row in rows]
        _, found, _ = score(capsys, write(tmp_path / "a.jsonl", rows), "--reward-funcs", "gaussian_score")
        of_hard = sum(row["completion"] in {f"<answer>{k}</answer>" for k in range(20)} for row in found["worst"])
        assert (len(found["worst"]), of_hard) == ((10, 2) if column == "image_id" else (10, 10))


def test_many_steps_are_printed_in_twenty_lines(tmp_path, capsys):
    path = write(tmp_path / "a.jsonl", steps_of(HEALTHY * 15))
    main(["score", path])
    head, *lines = capsys.readouterr().out.partition("\n\n")[0].splitlines()
    assert head.split()[:2] == ["step", "completions"]
    assert [line.split()[:2] for line in (lines[0], lines[-1])] == [["1-3", "24"], ["43-45", "24"]]
    assert len(lines) == 15


class Terminal:
    def __init__(self, stream):
        self.stream = stream

    def isatty(self):
        return True

    def __getattr__(self, name):
        return getattr(self.stream, name)


def test_steps_that_are_shown_as_one_are_weighed_by_their_completions(tmp_path, capsys):
    rows = [row for row in steps_of(["no"] * 8 if step % 2 else HEALTHY[0] for step in range(40))]
    short = [row for k, row in enumerate(rows) if row["step"] % 2 or k % 8 < 2]  # of the unreadable steps two rows
    main(["score", write(tmp_path / "a.jsonl", short)])
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split()[:3] == ["1-2", "10", "20.0%"]
    assert lines[20].split()[:3] == ["39-40", "10", "20.0%"]


def test_the_example_of_the_documentation_prints_what_is_shown(tmp_path, capsys, monkeypatch):
    page = (Path(__file__).parents[1] / "docs" / "post_mortem.md").read_text()
    code, command, shown = re.search(
        r"```python\n(.*?)```\n\n```bash\n(.*?)```\n\n```text\n(.*?)```", page, re.DOTALL
    ).groups()
    monkeypatch.chdir(tmp_path)
    exec(code, {})
    assert main(command.split()[1:]) == 1
    assert capsys.readouterr().out == shown


@pytest.mark.parametrize("command", ["score", "evaluate", "explain", "doctor"])
def test_a_terminal_has_tables_of_rich_and_without_it_plain_ones(tmp_path, capsys, monkeypatch, command):
    pytest.importorskip("rich", reason="rich is not installed")
    path = write(
        tmp_path / "a.jsonl", [{**row, "dataset": "a\x1b[31mb"} for row in steps_of([["no", *HEALTHY[0][1:]]])[::2]]
    )
    arguments = {
        "score": [path],
        "evaluate": [path, "--resamples", "0"],
        "explain": [say(50), "--mos", "40"],
        "doctor": ["--world-size", "1"],
    }[command]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        main([command, *arguments])
        plain = capsys.readouterr().out
        monkeypatch.setenv("TERM", "xterm")
        monkeypatch.setenv("COLUMNS", "200")
        monkeypatch.setattr("sys.stdout", Terminal(sys.stdout))
        main([command, *arguments])
        rich = capsys.readouterr().out
        monkeypatch.setitem(sys.modules, "rich.console", None)
        main([command, *arguments])
    assert capsys.readouterr().out == plain
    assert "\u2500\u2500\u2500" in rich or command in ("explain", "doctor")  # a table without heads
    assert rich != plain
    assert "\x1b[31mb" not in rich


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--out", "a.jsonl"], "--out 'a.jsonl' is a file with completions; give it another name"),
        (["--html", "./a.jsonl"], "--html 'a.jsonl' is a file with completions"),
        (["--out", "o.jsonl", "--html", "o.jsonl"], "--out and --html are both 'o.jsonl'"),
    ],
)
def test_no_file_with_completions_is_written_over(tmp_path, capsys, monkeypatch, flags, message):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "a.jsonl", steps_of(HEALTHY))
    before = (tmp_path / "a.jsonl").read_text()
    assert main(["score", "a.jsonl", *flags]) == 2
    assert message in capsys.readouterr().err
    assert (tmp_path / "a.jsonl").read_text() == before
    assert [path.name for path in tmp_path.iterdir()] == ["a.jsonl"]


def test_a_command_that_fails_leaves_what_stood_there(tmp_path, capsys):
    kept = tmp_path / "kept.csv"
    kept.write_text("mine")
    rows = steps_of(HEALTHY)
    path = write(tmp_path / "a.jsonl", [*rows, {**rows[0], "mos": 10**400}])
    assert main(["score", path, "--out", str(kept)]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert kept.read_text() == "mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.jsonl", "kept.csv"]
