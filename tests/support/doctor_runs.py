"""The doctor as a command, in an empty folder with sound data."""

import pytest

from support.labelled_rows import json_lines
from tatar_rewards.cli import main


@pytest.fixture
def doctor(tmp_path, monkeypatch, capsys):
    """Runs the command in an empty folder; gives its exit code, its report and its complaint."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "train.jsonl").write_text(json_lines())

    def run(*arguments, yaml=None):
        if yaml is not None:
            (tmp_path / "run.yaml").write_text(yaml)
            arguments = ("run.yaml", *arguments)
        capsys.readouterr()  # what the test itself has said
        code = main(["doctor", *map(str, arguments)])
        out, err = capsys.readouterr()
        if code == 2:
            assert out == ""
            assert err.startswith("doctor: ")
            assert err.count("\n") == 1, "one line"
        else:
            assert err == ""
        return code, out, err

    return run
