"""`python -m tatar_rewards evaluate` on the command line: scales and their direction, and how it ends."""

import json
import math
import os
import re
import signal
import subprocess
import sys
import time

import pytest
from support import prediction_rows
from test_evaluation import make_rows, write

from tatar_rewards import cli
from tatar_rewards.cli import main

COMMAND = [sys.executable, "-m", "tatar_rewards", "evaluate"]
NO_INTERVALS = ["--resamples", "0", "--json"]


def evaluated(capsys, path, *flags):
    """Each data set's record, and what was said on stderr."""
    assert main(["evaluate", str(path), *NO_INTERVALS, *flags]) in (0, 1)
    said = capsys.readouterr()
    return {one["dataset"]: one for one in json.loads(said.out)["datasets"]}, said.err


def on_scale(low, high, dataset="mine", lower=False):
    """Predictions whose MOS are on a scale; `lower`: where the lowest is best."""
    for row in make_rows(dataset=dataset):
        share = 1 - row["mos"] / 100 if lower else row["mos"] / 100
        yield {**row, "mos": low + share * (high - low)}


# ---------------------------------------------------------------- scales


@pytest.mark.parametrize(
    ("low", "high", "flags"),
    [
        (-1, 1, ["--mos-scale", "-1", "1"]),
        (-1, 1, ["--mos-scale", "-1e0", "+1."]),
        (-0.5, 0.25, ["--mos-scale", "-.5", "25e-2"]),
        (-2, -1, ["--mos-scale", "-2.", "-1"]),
        (-0.001, 1, ["--mos-scale-of", "mine", "-1e-3", "1"]),
    ],
)
def test_ends_of_a_scale_may_be_negative(tmp_path, capsys, low, high, flags):
    records, said = evaluated(capsys, write(tmp_path / "p.jsonl", on_scale(low, high)), *flags)
    plain, _ = evaluated(capsys, write(tmp_path / "plain.jsonl", make_rows()))
    assert records["mine"]["figures"] == pytest.approx(plain["mine"]["figures"])
    assert said == ""


def test_one_data_set_may_have_another_scale_than_all_others(tmp_path, capsys):
    rows = [*on_scale(1, 5, "five"), *on_scale(0, 1, "one"), *on_scale(0, 1, "another")]
    path = write(tmp_path / "p.jsonl", rows)
    records, said = evaluated(capsys, path, "--mos-scale-of", "five", "1", "5", "--mos-scale", "0", "1")
    assert len({json.dumps(one["figures"], default=str)[:20] for one in records.values()}) == 1
    assert [one["mos_scale"]["high"] for one in records.values()] == [5, 1, 1]
    assert said == ""


@pytest.mark.parametrize(
    "flags",
    [
        ["--lower-is-better"],
        ["--lower-is-better-of", "mine", "--lower-is-better-of", "other"],
        ["--lower-is-better", "--mos-scale-of", "other", "0", "100", "--mos-scale", "0", "100"],
        [
            "--lower-is-better-of=mine",
            "--lower-is-better-of=other",
            "--mos-scale-of",
            "other",
            "0",
            "100",
            "--mos-scale",
            "0",
            "100",
        ],
    ],
)
def test_the_lowest_mos_may_be_the_best(tmp_path, capsys, flags):
    rows = [*on_scale(0, 100, "mine", lower=True), *on_scale(0, 100, "other", lower=True)]
    records, said = evaluated(capsys, write(tmp_path / "p.jsonl", rows), *flags)
    plain, _ = evaluated(capsys, write(tmp_path / "plain.jsonl", make_rows()))
    for one in records.values():
        assert one["figures"] == pytest.approx(plain["mine"]["figures"])
        assert one["mos_scale"]["higher_is_better"] is False
    assert said == ""


def test_of_two_data_sets_one_may_be_of_impairment(tmp_path, capsys):
    rows = [*on_scale(0, 9, "dmos", lower=True), *on_scale(0, 100, "mine")]
    path = write(tmp_path / "p.jsonl", rows)
    flags = ["--mos-scale-of", "dmos", "0", "9", "--lower-is-better-of", "dmos", "--mos-scale", "0", "100"]
    records, said = evaluated(capsys, path, *flags)
    assert records["dmos"]["figures"] == pytest.approx(records["mine"]["figures"])
    assert said == ""
    assert main(["evaluate", path, "--resamples", "0", *flags]) == 0
    assert "MOS on 0 to 9 (lower is better)" in capsys.readouterr().out


def test_answers_of_impairment_are_turned_round(tmp_path, capsys):
    rows = [
        {**row, "completion": f"<answer>{100 - float(row['completion'][8:-9]):.2f}</answer>"} for row in make_rows()
    ]
    records, said = evaluated(capsys, write(tmp_path / "p.jsonl", rows), "--answers-lower-is-better")
    plain, _ = evaluated(capsys, write(tmp_path / "plain.jsonl", make_rows()))
    assert records["mine"]["figures"] == pytest.approx(plain["mine"]["figures"])
    _, said = evaluated(capsys, write(tmp_path / "p.jsonl", rows))
    assert "--lower-is-better" in said
    assert "--answers-lower-is-better" in said


def test_a_name_that_no_row_has_is_told(tmp_path, capsys):
    path = write(tmp_path / "p.jsonl", make_rows())
    _, said = evaluated(
        capsys, path, "--lower-is-better-of", "mime", "--mos-scale-of", "yours", "1", "5", "--mos-scale", "0", "100"
    )
    assert (
        "evaluate: a scale is declared for the data sets 'yours', 'mime', and no row is of them; the rows are of mine\n"
    ) in said
    _, said = evaluated(capsys, path, "--lower-is-better-of", "mime")
    assert "for the data set 'mime', and no row is of it; did you mean 'mine'?" in said


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--mos-scale", "5", "1"], "evaluate: --mos-scale must have two finite numbers LOW < HIGH; got 5 1"),
        (["--mos-scale", "one", "5"], "argument --mos-scale: invalid float value: 'one'; python -m tatar_rewards evaluate --help"),
        (["--mos-scale", "1"], "argument --mos-scale: expected 2 arguments"),
        (["--mos-scale-of", "mine", "one", "5"], "--mos-scale-of mine must have two finite numbers LOW < HIGH; got one 5"),
        (["--mos-scale-of", "mine", "5", "1"], "--mos-scale-of mine must have two finite numbers LOW < HIGH; got 5 1"),
        (["--mos-scale-of", "mine", "1", "5"] * 2, "--mos-scale-of mine is given twice"),
        (["--mos-scale-of", "x", "1", "5", "--lower-is-better-of", "mine"], "--lower-is-better-of mine: no scale is given for that data set; give --mos-scale-of mine LOW HIGH, or --mos-scale LOW HIGH for all others; known are x"),
        (["--answer-scale", "0", "inf"], "--answer-scale must have two finite numbers LOW < HIGH; got 0 inf"),
        (["--resamples", "-1"], "n_resamples must be at least 1; got -1; 0 leaves the intervals out"),
        (["--misspelt"], "unrecognized arguments: --misspelt"),
    ],
)  # fmt: skip
def test_a_wrong_command_is_told_on_one_line(tmp_path, capsys, flags, message):
    assert main(["evaluate", write(tmp_path / "p.jsonl", make_rows()), *flags]) == 2
    said = capsys.readouterr()
    assert message in said.err
    assert said.err.count("\n") == 1
    assert said.out == ""


@pytest.mark.parametrize("arguments", [[], ["evaluate"], ["train"], ["evaluate", "nowhere.jsonl"], ["evaluate", "."]])
def test_a_command_that_is_none_is_told_on_one_line(capsys, arguments):
    assert main(arguments) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "Traceback" not in said


# ---------------------------------------------------------------- how it ends


def test_an_interrupt_ends_it_without_a_traceback(tmp_path, capsys, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(cli.evaluate, "evaluate_columns", interrupted)
    assert main(["evaluate", write(tmp_path / "p.jsonl", make_rows())]) == 130
    assert capsys.readouterr().err == ""


def test_a_lack_of_memory_is_told_on_one_line(tmp_path, capsys, monkeypatch):
    def too_large(*_, **__):
        raise MemoryError

    monkeypatch.setattr(cli.evaluate, "evaluate_columns", too_large)
    assert main(["evaluate", write(tmp_path / "p.jsonl", make_rows())]) == 2
    assert capsys.readouterr().err == "evaluate: the memory does not suffice; give a part of the input\n"


@pytest.mark.slow  # a process
def test_ctrl_c_ends_the_process_with_130(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    process = subprocess.Popen([*COMMAND, str(tmp_path / "pipe")], stderr=subprocess.PIPE, text=True)
    with (tmp_path / "pipe").open("w") as pipe:  # opens when the command has opened it for reading
        pipe.write(json.dumps(make_rows()[0]) + "\n")
        pipe.flush()
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert (process.returncode, said) == (130, "")


@pytest.mark.slow  # a process
def test_a_reader_that_goes_away_ends_it_silently(tmp_path):
    path = write(tmp_path / "p.jsonl", [row for k in range(300) for row in make_rows(n=3, dataset=f"set {k}" * 50)])
    process = subprocess.Popen([*COMMAND, path, "--resamples", "0"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdout.close()
    assert process.stderr.read() == b""
    assert process.wait() == 141
    shell = f"{sys.executable} -m tatar_rewards evaluate {path} --resamples 0 | head -1"
    run = subprocess.run(shell, shell=True, capture_output=True, text=True, check=False)
    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout.startswith("task data set")


@pytest.mark.slow  # a process
def test_names_that_the_terminal_cannot_show_are_replaced_and_figures_are_not_lost(tmp_path):
    path = write(tmp_path / "p.jsonl", [{**row, "dataset": "caf\u00e9 \u732b"} for row in make_rows()])
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    run = subprocess.run([*COMMAND, path, "--resamples", "0"], capture_output=True, env=environment, check=False)
    assert (run.returncode, run.stderr) == (0, b"")
    assert b"caf? ?" in run.stdout
    assert b"0.9" in run.stdout


def test_the_logistic_fit_stands_beside_the_raw_figures(tmp_path, capsys):
    rows = [prediction_rows.row(k, 100 / (1 + math.exp(-(k - 30) / 5)), k) for k in range(60)]
    path = tmp_path / "p.jsonl"
    path.write_text("".join(json.dumps(one) + "\n" for one in rows))
    assert main(["evaluate", str(path), "--logistic", "--json", "--resamples", "0"]) == 0
    (told,) = json.loads(capsys.readouterr().out)["datasets"]
    assert told["fitted"]["plcc"] > 0.9999 > told["figures"]["plcc"]
    main(["evaluate", str(path), "--logistic", "--resamples", "0"])
    assert re.search(r"logistic fit +1\.000 +0\.0", capsys.readouterr().out)
    main(["evaluate", str(path), "--resamples", "0"])
    assert "logistic" not in capsys.readouterr().out
