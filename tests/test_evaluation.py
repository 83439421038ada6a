"""`python -m tatar_rewards evaluate`: a predictions file from any model, and scipy's own numbers."""

import json
import math

import numpy as np
import pytest
from scipy import stats

from tatar_rewards import ScoreScale
from tatar_rewards.cli import main
from tatar_rewards.evaluation import evaluate_predictions


def make_rows(n=40, dataset="mine", task="iqa", seed=0):
    rng = np.random.default_rng(seed)
    mos = rng.integers(0, 20, n) * 5.0  # with ties
    said = np.clip(np.round(mos + rng.normal(0, 15, n), 2), 0, 100)
    return [
        {"dataset": dataset, "task": task, "image_id": f"{k}.jpg", "mos": g, "completion": f"<answer>{q}</answer>"}
        for k, (g, q) in enumerate(zip(mos.tolist(), said.tolist(), strict=True))
    ]


def write(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


def test_a_file_gives_the_numbers_of_scipy_to_the_last_digit(tmp_path, capsys):
    rows = make_rows()
    rows[3]["completion"] = "No idea."
    assert main(["evaluate", write(tmp_path / "p.jsonl", rows), "--json"]) == 0
    (told,) = json.loads(capsys.readouterr().out)["datasets"]
    kept = [row for row in rows if row is not rows[3]]
    g = np.array([row["mos"] for row in kept])
    q = np.array([float(row["completion"][8:-9]) for row in kept])
    assert told["figures"] == {
        "srcc": float(stats.spearmanr(q, g).statistic),
        "plcc": float(stats.pearsonr(q, g).statistic),
        "krcc": float(stats.kendalltau(q, g).statistic),
        "rmse": float(np.sqrt(np.mean((q - g) ** 2))),
        "mae": float(np.mean(np.abs(q - g))),
    }
    expected = stats.bootstrap(
        (q, g),
        lambda x, y: stats.spearmanr(x, y).statistic,
        paired=True,
        vectorized=False,
        n_resamples=1000,
        method="percentile",
        rng=np.random.default_rng(0),
    ).confidence_interval
    assert told["srcc_interval"] == {"low": float(expected.low), "high": float(expected.high)}
    assert told["resamples"] == {"drawn": 1000, "without_srcc": 0, "without_plcc": 0}
    assert told["failures"] == {"no_answer": 1}
    assert told["coverage"] == 39 / 40


def test_a_failure_is_taken_at_its_worst_in_the_second_line():
    rows = make_rows()
    for row in rows[:10]:
        row["completion"] = "No idea."
    evaluation = evaluate_predictions(rows, n_resamples=0)
    one = evaluation.datasets[0]
    g = np.array([row["mos"] for row in rows])
    q = np.array(
        [float(row["completion"][8:-9]) if row not in rows[:10] else (100 if row["mos"] < 50 else 0) for row in rows]
    )
    assert one.pessimistic.srcc == float(stats.spearmanr(q, g).statistic)
    assert one.pessimistic.rmse == float(np.sqrt(np.mean((q - g) ** 2)))
    assert one.pessimistic.srcc < one.figures.srcc
    assert "at worst" in str(evaluation)
    assert "10 no_answer" in str(evaluation)


def test_scales_change_points_and_never_the_order():
    rows = make_rows()
    five = [{**row, "mos": 1 + row["mos"] / 25} for row in rows]
    of_points, of_five = (
        evaluate_predictions(some, mos_scale=scale, n_resamples=0).datasets[0].figures
        for some, scale in ((rows, ScoreScale(0, 100)), (five, ScoreScale(1, 5)))
    )
    np.testing.assert_allclose(of_points, of_five, rtol=1e-12)


def test_labels_of_another_scale_than_the_declared_one_are_noticed(tmp_path, capsys):
    rows = [{**row, "mos": 1 + row["mos"] / 25} for row in make_rows()]
    path = write(tmp_path / "p.jsonl", rows)
    assert main(["evaluate", path, "--resamples", "0"]) == 1
    assert (
        "all of 40 labels in 'mine' lie in the lowest tenth of their declared scale 0 to 100; declare the scale"
        in capsys.readouterr().err
    )
    assert main(["evaluate", path, "--resamples", "0", "--mos-scale", "1", "5"]) == 0
    assert capsys.readouterr().err == ""


def test_each_data_set_has_its_line_and_each_task_its_mean(tmp_path, capsys):
    rows = make_rows() + make_rows(dataset="other", seed=1) + make_rows(dataset="third", task="iaa", seed=2)
    path = write(tmp_path / "p.jsonl", rows)
    scales = [part for name in ("mine", "other", "third") for part in ("--mos-scale-of", name, "0", "100")]
    assert main(["evaluate", path, *scales, "--resamples", "0", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [one["dataset"] for one in told["datasets"]] == ["mine", "other", "third"]
    both = [one["figures"]["srcc"] for one in told["datasets"][:2]]
    assert told["task_means"]["iqa"]["srcc"] == pytest.approx(np.mean(both), abs=1e-15)
    assert told["datasets"][0]["srcc_interval"] == {"low": None, "high": None}


def test_foreign_models_are_read_leniently_only_where_asked(tmp_path, capsys):
    rows = [{**row, "completion": f"Score: {row['completion'][8:-9]}/100"} for row in make_rows()]
    path = write(tmp_path / "p.jsonl", rows)
    main(["evaluate", path, "--json", "--resamples", "0"])
    strict = json.loads(capsys.readouterr().out)["datasets"][0]
    main(["evaluate", path, "--json", "--resamples", "0", "--lenient"])
    lenient = json.loads(capsys.readouterr().out)["datasets"][0]
    assert (strict["coverage"], lenient["coverage"]) == (0.0, 1.0)
    assert strict["figures"]["srcc"] is None
    assert strict["failures"] == {"no_answer": 40}


def test_unlabelled_rows_are_counted_and_nothing_else():
    rows = make_rows()
    rows[0]["mos"] = rows[1]["mos"] = None
    rows[0]["completion"] = "No idea."
    one = evaluate_predictions(rows, n_resamples=0).datasets[0]
    assert (one.rows, one.unlabelled, one.coverage, one.failures) == (40, 2, 1.0, {})
    assert not math.isnan(one.figures.srcc)


@pytest.mark.parametrize(
    ("lines", "flags", "message"),
    [
        (["{"], [], "line 1 is no JSON"),
        (["3"], [], "line 1 must hold a JSON object; got '3'"),
        (
            [json.dumps(make_rows()[0]), '{"dataset": "x"}'],
            [],
            "row 1: no columns 'task' (name yours with --task-column",
        ),
        (
            [json.dumps(one) for one in [make_rows()[0]] * 2 + [{**make_rows()[1], "sample": 0}]],
            [],
            "rows 0 and 1 are both of image_id '0.jpg' of 'mine'; keep one",
        ),
        ([json.dumps({**make_rows()[0], "mos": 101})], [], r"mos of mine[0] is 101, off its declared scale 0 to 100"),
        (
            [json.dumps(make_rows()[0])],
            ["--mos-scale-of", "yours", "0", "1"],
            "no scale for 'mine', only for ['yours']",
        ),
        ([], [], "there are no rows to evaluate"),
    ],
)
def test_a_bad_file_is_told_by_line_or_row_with_the_cure(tmp_path, capsys, lines, flags, message):
    path = tmp_path / "p.jsonl"
    path.write_text("\n".join(lines))
    assert main(["evaluate", str(path), *flags]) == 2
    assert message in capsys.readouterr().err


# ---------------------------------------------------------------- plain numbers


def numbers(values, **more):
    return [
        {"dataset": "mine", "task": "iqa", "image_id": k, "mos": 10.0 * k, "prediction": value, **more}
        for k, value in enumerate(values)
    ]


def test_plain_numbers_are_on_the_scale_of_answers_or_on_none():
    on_five = evaluate_predictions(numbers([1, 2, 3, 5]), answer_scale=(1, 5), n_resamples=0).datasets[0]
    as_text = [{**row, "completion": f"<answer>{row.pop('prediction')}</answer>"} for row in numbers([1, 2, 3, 5])]
    assert on_five == evaluate_predictions(as_text, answer_scale=(1, 5), n_resamples=0).datasets[0]
    free = evaluate_predictions(numbers([-3.5, 0, 1e6, 2e6]), unbounded=True, n_resamples=0, logistic=True)
    figures = free.datasets[0].figures
    assert (figures.srcc, figures.krcc) == pytest.approx((1, 1))
    assert math.isnan(figures.rmse)
    assert math.isnan(figures.mae)
    assert "nan" not in str(free)
    with pytest.raises(ValueError, match=r"row 0: prediction is -3.5, off the scale of answers 0 to 100; declare it"):
        evaluate_predictions(numbers([-3.5, 0]))
    with pytest.raises(ValueError, match="row 1: prediction is 'high', no finite number"):
        evaluate_predictions(numbers([1, "high"]))


def test_a_missing_number_is_an_answer_that_was_not_given():
    one = evaluate_predictions(numbers([10, None, float("nan"), 40, 20]), n_resamples=0).datasets[0]
    assert one.failures == {"missing": 2}
    assert one.coverage == 0.6
    sampled = [row for k in range(3) for row in numbers([10 + k, 20, 30], sample=k)]
    assert evaluate_predictions(sampled, n_resamples=0).datasets[0].samples.fewest == 3


def test_a_csv_of_numbers_needs_no_completion(tmp_path, capsys):
    path = tmp_path / "p.csv"
    path.write_text("dataset,task,image_id,mos,prediction\n" + "".join(f"mine,iqa,{k},{k},{-k}\n" for k in range(9)))
    assert main(["evaluate", str(path), "--unbounded", "--json", "--resamples", "0"]) == 1
    (told,) = json.loads(capsys.readouterr().out)["datasets"]
    assert told["figures"]["srcc"] == pytest.approx(-1)
    assert told["figures"]["rmse"] is None
