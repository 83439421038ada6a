"""Many rows in bounded memory, resamples without a figure, and the direction of a scale."""

import json
import math
import subprocess
import sys

import numpy as np
import pytest
from support.prediction_rows import evaluated, row

from tatar_rewards import ScoreScale, metrics
from tatar_rewards.cli import main
from tatar_rewards.evaluation import evaluate_predictions

# ---------------------------------------------------------------- memory

MEASURED = """
import re, sys
from tatar_rewards.cli import main
code = main(["evaluate", *sys.argv[1:]])
status = open("/proc/self/status").read()  # ru_maxrss would count what the parent had at the fork
print(code, int(re.search(r"VmHWM:\\s+(\\d+) kB", status)[1]) // 1024, file=sys.stderr)
"""


@pytest.mark.slow  # a file of 200 megabytes
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the peak of memory is read from /proc")
def test_memory_does_not_grow_with_what_completions_say(tmp_path):
    think = "<think>" + "Sharp in the middle, soft at the edges. " * 50 + "</think>"
    with (tmp_path / "p.jsonl").open("w") as file:
        for k in range(100_000):
            one = row(f"{k}.jpg", k % 100, (k * 7) % 101)
            file.write(json.dumps({**one, "completion": think + one["completion"]}) + "\n")
    command = [sys.executable, "-c", MEASURED, str(tmp_path / "p.jsonl"), "--resamples", "3"]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    code, megabytes = run.stderr.split()
    assert code == "0", run.stderr
    assert int(megabytes) < 400
    assert " 100000 " in run.stdout


def test_an_iterator_is_as_good_as_a_list():
    rows = [row(k, k, (k * 7) % 101) for k in range(60)]
    assert evaluate_predictions(iter(rows)) == evaluate_predictions(rows)


def test_a_data_set_of_which_nothing_is_known_has_dashes_for_figures():
    for rows in ([row(k, None, k) for k in range(9)], [row(k, k, None) for k in range(9)]):
        printed = str(evaluate_predictions(rows))
        assert "nan" not in printed
        assert "-" in printed.splitlines()[1]


def test_one_and_the_text_one_are_two_pictures_and_one_twice_is_told():
    assert evaluated([row(1, 1, 1), row("1", 2, 2)]).rows == 2
    with pytest.raises(ValueError, match="rows 1 and 3 are both of image_id 'a' of 'mine'"):
        evaluated([*(row(k, 1, 1) for k in ("b", "a", "c", "a")), row("b", 1, 1, sample=0)])


# ---------------------------------------------------------------- resamples


def test_resamples_without_a_figure_are_counted_and_printed():
    """A policy that nearly always says the same: some resamples miss the one other answer."""
    rows = [row(k, 10 * k, 80 if k > 6 else 50) for k in range(10)]
    columns = [np.array([80.0 if k > 6 else 50.0 for k in range(10)]), 10.0 * np.arange(10)]
    drawn = np.random.default_rng(0).integers(0, 10, (1000, 10))
    constant = sum(len(set(columns[0][places])) == 1 for places in drawn)
    one = evaluated(rows, n_resamples=1000)
    assert 0 < constant < 100
    assert (one.srcc_interval.left_out, one.srcc_interval.n_resamples) == (constant, 1000)
    low, high = one.srcc_interval
    assert -1 <= low <= one.figures.srcc <= high <= 1
    printed = str(evaluate_predictions(rows))
    assert f"{constant} of 1000 resamples had no SRCC" in printed
    record = json.loads(evaluate_predictions(rows).to_json())["datasets"][0]
    assert record["resamples"] == {"drawn": 1000, "without_srcc": constant, "without_plcc": constant}


def test_where_more_than_one_in_ten_has_no_figure_there_are_no_bounds():
    rows = [row(k, 10 * k, 80 if k == 9 else 50) for k in range(10)]
    one = evaluated(rows, n_resamples=200)
    assert one.srcc_interval.left_out > 20
    assert all(map(math.isnan, one.srcc_interval))
    line = str(evaluate_predictions(rows, n_resamples=200)).splitlines()[1]
    assert " to " not in line
    assert f"{one.figures.srcc:.3f}" in line


def test_an_interval_is_a_pair_of_bounds():
    interval = metrics.Interval(0.1, 0.2, left_out=3, n_resamples=9)
    low, high = interval
    assert (low, high, interval.low, interval.high) == (0.1, 0.2, 0.1, 0.2)
    assert metrics.Interval(0.1, 0.2).left_out == 0


@pytest.mark.parametrize("n_resamples", [-1, True])
def test_a_number_of_resamples_that_is_none_is_refused(n_resamples):
    with pytest.raises(ValueError, match="n_resamples must be at least 1; got .*; 0 leaves the intervals out"):
        evaluate_predictions([row(1, 1, 1)], n_resamples=n_resamples)


# ---------------------------------------------------------------- the direction of a scale


def test_a_strongly_negative_srcc_is_told_with_the_option(recwarn):
    rows = [row(k, 14 + 8 * k, 86 - 8 * k) for k in range(10)]
    with pytest.warns(
        UserWarning,
        match=r"SRCC of 'mine' is -1.000 over 10 pictures: .* scale 0 to 100.*higher_is_better=False.*--lower-is-better",
    ):
        evaluated(rows)
    with pytest.warns(
        UserWarning,
        match=r"scale 0 to 100 \(lower is better\), .* a MOS of 0 is the worst picture, declare mos_scale with higher_is_better=True",
    ):
        evaluated(
            [row(k, 14 + 8 * k, 14 + 8 * k) for k in range(10)], mos_scale=ScoreScale(0, 100, higher_is_better=False)
        )
    recwarn.clear()
    evaluated(rows, mos_scale=ScoreScale(0, 100, higher_is_better=False))
    evaluated(rows, answer_scale=ScoreScale(0, 100, higher_is_better=False))
    evaluated([*rows[:9], row(9, 86, None)])
    evaluated([row(k, 14 + 8 * k, 50) for k in range(10)])
    assert not recwarn.list


def test_the_direction_of_a_scale_stands_in_the_table():
    rows = [row(k, 3 + k, 90 - k) for k in range(10)]
    assert "MOS on 0 to 100 (lower is better)" in str(
        evaluate_predictions(rows, n_resamples=0, mos_scale=ScoreScale(0, 100, higher_is_better=False))
    )


def test_scales_by_data_set_may_leave_others_to_a_default():
    rows = [row(k, k % 5 + 1, 9 * k) for k in range(10)] + [{**row(k, 9 * k, 9 * k), "dataset": "b"} for k in range(10)]
    a, b = evaluate_predictions(rows, mos_scale={"mine": (1, 5)}, other_mos_scale=(0, 90), n_resamples=0).datasets
    assert (a.mos_scale, b.mos_scale) == (ScoreScale(1, 5), ScoreScale(0, 90))
    with pytest.raises(ValueError, match="no scale for 'b', only for \\['mine'\\]"):
        evaluate_predictions(rows, mos_scale={"mine": (1, 5)})


def test_names_that_move_the_cursor_are_printed_as_question_marks(capsys, tmp_path):
    name = "a\n\x1b[2J\ud800"
    rows = [{**row(f"{name}{k}", k, 9 * k), "dataset": name, "task": "quality"} for k in range(9)]
    (tmp_path / "p.jsonl").write_text("".join(json.dumps(one) + "\n" for one in rows))
    assert main(["evaluate", str(tmp_path / "p.jsonl"), "--resamples", "0"]) == 1
    printed = capsys.readouterr().out
    assert "quality a??[2J? " in printed
