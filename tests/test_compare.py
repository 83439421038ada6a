"""What changed from one model to another: by greedy answers and by means of samples."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from scipy import stats
from support.prediction_rows import row

from tatar_rewards import metrics
from tatar_rewards.cli import main
from tatar_rewards.evaluation import compare_predictions

RNG = np.random.default_rng(0)
MOS = RNG.uniform(0, 100, 60).round(1)


def noisy(noise, seed):
    return np.clip(MOS + np.random.default_rng(seed).normal(0, noise, len(MOS)), 0, 100).round(1)


def rows(scores, **more):
    return [
        row(k, mos, None if s is None else s, **more)
        for k, (mos, s) in enumerate(zip(MOS.tolist(), scores, strict=True))
    ]


def test_the_change_is_that_of_scipy_on_the_pictures_that_both_answered():
    before, after = noisy(40, 1).tolist(), noisy(10, 2).tolist()
    before[3] = after[5] = None
    (change,) = compare_predictions(rows(before), rows(after)[::-1]).changes
    kept = [k for k in range(60) if k not in (3, 5)]
    expected = [stats.spearmanr([some[k] for k in kept], MOS[kept]).statistic for some in (before, after)]
    assert (change.before, change.after) == pytest.approx(expected)
    assert (change.asked, change.pictures) == (60, 58)
    low, high = change.interval
    assert 0 < low < change.gain < high


def test_the_interval_is_paired():
    """Two models that differ in little: each one's SRCC is uncertain, their difference is not."""
    before = noisy(40, 1)
    after = before + 0.05 * (MOS - before)
    (change,) = compare_predictions(rows(before), rows(after.round(3))).changes
    alone = metrics.bootstrap_interval(metrics.srcc, before, MOS)
    assert np.ptp(change.interval) < np.ptp(alone) / 3


def test_means_of_samples_are_compared_where_both_have_some():
    before, after = ([one for k in range(4) for one in rows(noisy(n, n + k), sample=k)] for n in (60, 30))
    greedy = rows(noisy(20, 9))
    comparison = compare_predictions(before + greedy, after + greedy, n_resamples=50)
    assert [change.answers for change in comparison.changes] == ["greedy answers", "mean of samples"]
    assert comparison.changes[0].gain == 0
    assert comparison.changes[1].gain > 0
    only = compare_predictions(greedy, after + greedy, n_resamples=0)
    assert [change.answers for change in only.changes] == ["greedy answers"]


def test_what_only_one_model_was_asked_about_is_named():
    other = [{**one, "dataset": "other"} for one in rows(MOS)]
    comparison = compare_predictions(rows(MOS), rows(MOS) + other, n_resamples=0)
    assert (comparison.only_before, comparison.only_after) == ([], ["other"])
    assert str(comparison).endswith("only in the new predictions: other")
    fewer = compare_predictions(rows(MOS)[:40], rows(MOS)[20:], n_resamples=0)
    assert fewer.changes[0].asked == 20
    with pytest.raises(ValueError, match=r"no data set in common: \['mine'\] and \['other'\]"):
        compare_predictions(rows(MOS), other)


def test_two_labels_of_one_picture_are_refused_and_a_missing_one_is_taken_from_the_other():
    relabelled = rows(MOS)
    relabelled[7] = relabelled[7] | {"mos": float(MOS[7]) / 2}
    with pytest.raises(ValueError, match="row 7 of the baseline and row 7 of the new predictions are of one picture"):
        compare_predictions(rows(MOS), relabelled)
    unlabelled = [one | {"mos": None} for one in rows(MOS)]
    (change,) = compare_predictions(rows(noisy(30, 0)), unlabelled, n_resamples=0).changes
    assert change.after == pytest.approx(1)
    bad = rows(MOS)
    bad[2] = bad[2] | {"task": 3}
    with pytest.raises(ValueError, match="baseline, row 2: task"):
        compare_predictions(bad, rows(MOS))


def test_a_change_that_does_not_exist_is_a_dash():
    comparison = compare_predictions(rows(np.full(60, 50.0)), rows(MOS))
    assert math.isnan(comparison.changes[0].gain)
    assert "nan" not in str(comparison)
    assert json.loads(comparison.to_json())["changes"][0]["gain"] is None


def test_the_command_prints_both_tables_and_one_record(tmp_path, capsys):
    for name, scores in (("old", noisy(40, 1)), ("new", noisy(10, 2))):
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(one) + "\n" for one in rows(scores.tolist())))
    old, new = str(tmp_path / "old.jsonl"), str(tmp_path / "new.jsonl")
    assert main(["evaluate", new, "--baseline", old, "--resamples", "100"]) == 0
    told = capsys.readouterr().out
    assert told.index("constant guess") < told.index("change of SRCC")
    assert "greedy answers" in told
    assert main(["evaluate", new, "--baseline", old, "--resamples", "0", "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    (change,) = record["baseline"]["changes"]
    assert change["after"] == record["datasets"][0]["figures"]["srcc"]
    assert change["gain"] == pytest.approx(change["after"] - change["before"])


def test_predictions_are_read_once_so_that_they_may_come_through_a_pipe(tmp_path, monkeypatch, capsys):
    read = []
    monkeypatch.chdir(tmp_path)
    for name in ("new", "old"):
        Path(f"{name}.jsonl").touch()

    def counted(paths, **_):
        read.append(paths)
        return rows(noisy(10, len(read)).tolist())

    monkeypatch.setattr("tatar_rewards.cli.evaluate.read_predictions", counted)
    assert main(["evaluate", "new.jsonl", "--baseline", "old.jsonl", "--resamples", "0"]) == 0
    assert "change of SRCC" in capsys.readouterr().out
    assert len(read) == 2
