"""A million rows in bounded memory, resamples without a figure, and what a constant guess and another panel reach."""

import json
import math
import subprocess
import sys

import numpy as np
import pytest
from scipy import stats

from tatar_rewards import ScoreScale, metrics
from tatar_rewards.cli import main
from tatar_rewards.evaluation import evaluate_predictions
from tatar_rewards.evaluation.figures import another_panel


def row(k, mos, said, **more):
    completion = "none" if said is None else f"<answer>{said}</answer>"
    return {"dataset": "mine", "task": "iqa", "image_id": k, "mos": mos, "completion": completion, **more}


def evaluated(rows, **how):
    (one,) = evaluate_predictions(rows, **{"n_resamples": 0, **how}).datasets
    return one


# ---------------------------------------------------------------- memory

MEASURED = """
import resource, sys
from tatar_rewards.cli import main
code = main(["evaluate", *sys.argv[1:]])
print(code, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024, file=sys.stderr)
"""


@pytest.mark.slow  # a file of 200 megabytes
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


def test_one_and_the_text_one_are_two_pictures_and_one_twice_is_told():
    assert evaluated([row(1, 1, 1), row("1", 2, 2)]).rows == 2
    with pytest.raises(ValueError, match="rows 1 and 3 are both of image_id 'a' of 'mine'"):
        evaluated([row(k, 1, 1) for k in ("b", "a", "c", "a")])


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
    with pytest.raises(ValueError, match="n_resamples must be at least 0"):
        evaluate_predictions([row(1, 1, 1)], n_resamples=n_resamples)


# ---------------------------------------------------------------- floor and ceiling


def rated(n=400, **more):
    rng = np.random.default_rng(1)
    mos = np.round(rng.uniform(1, 5, n), 2)
    return [row(k, float(g), round(25 * (float(g) - 1)), **more) for k, g in enumerate(mos)]


def test_the_floor_is_the_mean_mos_and_has_no_correlation():
    rows = [row(k, mos, 50) for k, mos in enumerate((10, 20, 60, None))] + [row(9, 90, None)]
    one = evaluated(rows)
    assert one.floor.rmse == pytest.approx(np.std([10, 20, 60, 90]))
    assert one.floor.mae == pytest.approx(np.mean(np.abs(np.array([10, 20, 60, 90]) - 45)))
    assert all(map(math.isnan, one.floor[:3]))
    assert all(map(math.isnan, evaluated([row(1, None, 5)]).floor))


def test_the_ceiling_is_what_panels_with_the_same_error_reach():
    rows = rated(mos_std=0.8, raters=16)  # an error of 0.2 on 1-5, 5 points
    one = evaluated(rows, mos_scale=(1, 5))
    mos = (np.array([row["mos"] for row in rows]) - 1) * 25
    panels = [np.clip(mos + np.random.default_rng(k).normal(0, 5, len(mos)), 0, 100) for k in range(50)]
    assert one.ceiling.srcc == pytest.approx(np.mean([stats.spearmanr(panel, mos)[0] for panel in panels]), abs=0.002)
    assert one.ceiling.rmse == pytest.approx(
        np.mean([np.sqrt(np.mean((panel - mos) ** 2)) for panel in panels]), rel=0.02
    )
    assert one.ceiling == evaluated(rows, mos_scale=(1, 5)).ceiling, "the draws are seeded"
    assert one.ceiling == evaluated(rated(mos_error=0.2), mos_scale=(1, 5)).ceiling
    impaired = ScoreScale(1, 5, higher_is_better=False)
    lower = evaluated([{**one, "completion": "none"} for one in rows], mos_scale=impaired)
    assert lower.ceiling.rmse == pytest.approx(one.ceiling.rmse, rel=0.02)
    assert evaluated(rated(mos_error=0.0), mos_scale=(1, 5)).ceiling[:4] == pytest.approx((1, 1, 1, 0))


def test_the_ceiling_needs_the_error_of_every_labelled_picture():
    rows = rated(mos_std=0.8, raters=16)
    for missing in ({"mos_std": None}, {"raters": math.nan}, {"raters": None}, {"mos_std": 0.0, "raters": 1}):
        assert evaluated([*rows, {**rows[0], "image_id": "x", **missing}], mos_scale=(1, 5)).ceiling is None
    unlabelled = {**rows[0], "image_id": "x", "mos": None, "raters": None}
    assert evaluated([*rows, unlabelled], mos_scale=(1, 5)).ceiling is not None
    assert another_panel(np.array([]), np.array([])) is None


def test_floor_and_ceiling_are_printed_and_in_the_json():
    evaluation = evaluate_predictions(rated(mos_std=0.8, raters=16), mos_scale=(1, 5), n_resamples=0)
    one = evaluation.datasets[0]
    lines = {line.split("  ")[3 if line.startswith(" ") else 1].strip(): line for line in str(evaluation).splitlines()}
    assert f"{one.floor.rmse:.1f}" in next(line for line in str(evaluation).splitlines() if "constant guess" in line)
    assert f"{one.ceiling.srcc:.3f}" in next(
        line for line in str(evaluation).splitlines() if "another panel" in line
    ), lines
    record = json.loads(evaluation.to_json())["datasets"][0]
    assert record["floor"] == {"srcc": None, "plcc": None, "krcc": None, "rmse": one.floor.rmse, "mae": one.floor.mae}
    assert record["ceiling"]["srcc"] == one.ceiling.srcc
    assert record["mos_scale"] == {"low": 1.0, "high": 5.0, "higher_is_better": True}
    without = json.loads(evaluate_predictions(rated(), mos_scale=(1, 5), n_resamples=0).to_json())["datasets"][0]
    assert without["ceiling"] is None


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"mos_std": 18.2, "raters": 20}, "mos_std is 18.2, but ratings on 1 to 5 by 20 raters cannot deviate by .* more than 2.05"),
        ({"mos_std": 2.1, "raters": 30}, "mos_std is 2.1, .* more than 2.03; give it on the scale of the MOS"),
        ({"mos_std": 2.9}, "mos_std is 2.9, but ratings on 1 to 5 cannot deviate by .* more than 2.83"),
        ({"mos_std": -0.1, "raters": 30}, "mos_std is -0.1, .* less than 0"),
        ({"mos_std": math.inf}, "mos_std is inf"),
        ({"mos_error": 2.1}, "mos_error is 2.1, .* more than 2;"),
        ({"mos_error": 1.0, "raters": 10}, "mos_error is 1, .* by 10 raters .* more than 0.667"),
        ({"raters": 0}, "raters is 0, no number of raters; give a whole number of at least 1"),
        ({"raters": 2.5}, "raters is 2.5, no number"),
        ({"raters": math.inf}, "raters is inf"),
        ({"raters": "many"}, "raters: Input should be a valid number"),
    ],
)  # fmt: skip
def test_what_can_be_no_deviation_is_told_with_row_value_and_cure(more, message):
    rows = rated(9)
    with pytest.raises(ValueError, match=f"row 4: {message}"):
        evaluated([*rows[:4], {**rows[4], **more}], mos_scale=(1, 5))


@pytest.mark.parametrize("panel", [[1, 5], [1, 5, 5], [1, 1, 5, 5], [1, 1, 5, 5, 5], [1] * 20 + [5] * 20])
def test_the_widest_deviation_that_ratings_can_have_is_taken(panel):
    std, raters = np.std(panel, ddof=1), len(panel)
    for more in (
        {"mos_std": std, "raters": raters},
        {"mos_std": std},
        {"mos_error": std / raters**0.5, "raters": raters},
    ):
        evaluated([{**row(1, 3, 50), **more}], mos_scale=(1, 5))


# ---------------------------------------------------------------- the direction of a scale


def test_a_strongly_negative_srcc_is_told_with_the_option(recwarn):
    rows = [row(k, 3 + k, 90 - k) for k in range(10)]
    with pytest.warns(
        UserWarning,
        match=r"SRCC of 'mine' is -1.000 over 10 pictures: .* scale 0 to 100.*higher_is_better=False.*--lower-is-better",
    ):
        evaluated(rows)
    with pytest.warns(
        UserWarning,
        match=r"scale 0 to 100 \(lower is better\), .* a MOS of 0 is the worst there, declare mos_scale with higher_is_better=True",
    ):
        evaluated([row(k, 3 + k, k) for k in range(10)], mos_scale=ScoreScale(0, 100, higher_is_better=False))
    recwarn.clear()
    evaluated(rows, mos_scale=ScoreScale(0, 100, higher_is_better=False))
    evaluated(rows, answer_scale=ScoreScale(0, 100, higher_is_better=False))
    evaluated(rows[:9])
    evaluated([row(k, 3 + k, 50) for k in range(10)])
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
    assert main(["evaluate", str(tmp_path / "p.jsonl"), "--resamples", "0"]) == 0
    printed = capsys.readouterr().out
    assert "quality a??[2J? " in printed
