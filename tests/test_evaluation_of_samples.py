"""Several sampled answers to a picture: one of them, their mean, how far they lie apart, and how rows hold them."""

import csv
import json
import math
import re
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from support.prediction_rows import evaluated, row

from tatar_rewards import metrics
from tatar_rewards.cli import main
from tatar_rewards.evaluation import evaluate_predictions

POINTS = st.integers(0, 1000).map(lambda tenths: tenths / 10)
PICTURES = st.lists(st.tuples(POINTS, st.lists(st.none() | POINTS, min_size=1, max_size=5)), min_size=1, max_size=8)


def sample_rows(pictures):
    """Rows of sampled answers, sample by sample, so that those of a picture do not stand together."""
    rows = [
        row(k, mos, said, sample=number)
        for k, (mos, answers) in enumerate(pictures)
        for number, said in enumerate(answers)
    ]
    return sorted(rows, key=lambda one: one["sample"])


def slow_crps(pictures):
    """The fair score by its formula."""
    each = []
    for mos, answers in pictures:
        x = [answer for answer in answers if answer is not None]
        if x:
            apart = [abs(a - b) for a, b in combinations(x, 2)]
            each.append(np.mean([abs(a - mos) for a in x]) - sum(apart) / max(1, len(x) * (len(x) - 1)))
    return np.mean(each) if each else math.nan


def slow_spread(pictures):
    known = [[answer for answer in answers if answer is not None] for _, answers in pictures]
    several = [np.std(x, ddof=1) for x in known if len(x) > 1]
    return np.mean(several) if several else math.nan


def srcc(x, y):
    known = [(a, b) for a, b in zip(x, y, strict=True) if a is not None and not math.isnan(a)]
    if len({a for a, _ in known}) < 2 or len({b for _, b in known}) < 2:
        return math.nan
    return stats.spearmanr(*zip(*known, strict=True)).statistic


@given(PICTURES)
def test_samples_have_the_figures_of_the_formulas(pictures):
    sampled = evaluated(sample_rows(pictures)).samples
    mos = [label for label, _ in pictures]
    means = [np.mean([a for a in said if a is not None] or [math.nan]) for _, said in pictures]
    fewest = min(len(said) for _, said in pictures)
    ones = [srcc([said[k] for _, said in pictures], mos) for k in range(fewest)]
    every = [answer for _, said in pictures for answer in said]
    np.testing.assert_allclose(sampled.mean.srcc, srcc(means, mos), atol=1e-9)
    np.testing.assert_allclose(sampled.one.srcc, np.mean(ones), atol=1e-9)
    np.testing.assert_allclose(sampled.crps, slow_crps(pictures), atol=1e-9)
    np.testing.assert_allclose(sampled.spread, slow_spread(pictures), atol=1e-9)
    assert sampled.coverage == np.mean([answer is not None for answer in every])
    assert (sampled.fewest, sampled.most) == (fewest, max(len(said) for _, said in pictures))
    assert sampled.failures == ({} if None not in every else {"no_answer": every.count(None)})


@given(PICTURES)
def test_one_sample_a_picture_is_a_greedy_answer(pictures):
    firsts = [(mos, said[:1]) for mos, said in pictures]
    sampled = evaluated(sample_rows(firsts)).samples
    greedy = evaluated([row(k, mos, said[0]) for k, (mos, said) in enumerate(firsts)])
    np.testing.assert_array_equal(sampled.mean, greedy.figures)
    np.testing.assert_array_equal(sampled.one, greedy.figures)
    np.testing.assert_allclose(sampled.crps, greedy.figures.mae, atol=1e-9)
    assert math.isnan(sampled.spread)


def test_the_mean_of_noisy_samples_agrees_better_than_one_of_them():
    rng = np.random.default_rng(0)
    pictures = [(mos, np.clip(mos + rng.normal(0, 25, 8), 0, 100).round(1)) for mos in rng.uniform(0, 100, 300)]
    sampled = evaluated(sample_rows(pictures), n_resamples=50).samples
    assert sampled.mean.srcc > sampled.one.srcc + 0.1
    assert sampled.srcc_interval.low < sampled.mean.srcc < sampled.srcc_interval.high


def test_samples_change_nothing_about_greedy_answers():
    greedy = [row(k, 10 * k, 9 * k) for k in range(10)]
    rows = sample_rows([(10 * k, [k, None]) for k in range(10)])
    alone, beside = evaluated(greedy), evaluated(rows + greedy)
    assert beside._replace(samples=None) == alone
    assert beside.samples.failures == {"no_answer": 10}
    assert alone.failures == beside.failures == {}


def test_a_row_may_hold_all_samples_of_a_picture():
    in_rows = sample_rows([(10 * k, [9 * k, 8 * k, None]) for k in range(10)])
    in_lists = [
        {**row(k, 10 * k, 0), "completions": [f"<answer>{9 * k}</answer>", f"<answer>{8 * k}</answer>", "none"]}
        for k in range(10)
    ]
    for one in in_lists:
        del one["completion"]
    np.testing.assert_equal(evaluated(in_lists)._asdict(), evaluated(in_rows)._asdict())
    with_greedy = [{**one, "completion": f"<answer>{k}</answer>"} for k, one in enumerate(in_lists)]
    assert evaluated(with_greedy).figures.srcc == pytest.approx(1)
    messages = [
        {**one, "completions": [[{"role": "assistant", "content": c}] for c in one["completions"]]} for one in in_lists
    ]
    np.testing.assert_equal(evaluated(messages)._asdict(), evaluated(in_rows)._asdict())


def test_an_unlabelled_picture_counts_in_no_figure():
    rows = sample_rows([(10 * k, [9 * k, 8 * k]) for k in range(10)])
    more = [row("unlabelled", None, 5, sample=0), row("unlabelled", None, None, sample=1)]
    assert evaluated(rows + more).samples == evaluated(rows).samples
    assert evaluated(more).samples is None


# ---------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (
            [row("a", 1, 1, sample=0), row("b", 1, 1, sample=0), row("a", 1, 1, sample=0)],
            "rows 0 and 2 are both sample 0 of one picture of 'mine'; number its sampled answers 0, 1, 2",
        ),
        (
            [row("a", 1, 1), row("a", 1, 1), row("b", 1, 1, sample=0)],
            "rows 0 and 1 are both of image_id 'a' of 'mine'; keep one prediction a picture, or number sampled ones",
        ),
        (
            [row("a", 1, 1, sample=0), row("a", 2, 1, sample=1)],
            "rows 0 and 1 give image_id 'a' of 'mine' the MOS 1 and 2; give every row of a picture its one label",
        ),
        ([row("a", 1, 1, sample=-1)], "row 0: sample: number the sampled answers to a picture 0, 1, 2"),
        ([row("a", 1, 1, sample="x")], "row 0: sample: number the sampled answers to a picture 0, 1, 2"),
        ([row("a", 1, 1, sample=1.5)], "row 0: sample: number the sampled answers to a picture 0, 1, 2"),
        ([row("a", 1, 1, completions="5")], "row 0: completions: must be a list of completions"),
    ],
)
def test_what_is_refused_is_told_with_its_rows(rows, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        evaluate_predictions(rows)


def test_a_completion_that_can_be_none_is_refused_among_samples_too():
    with pytest.raises(TypeError, match="row 0: completion"):
        evaluate_predictions([row("a", 1, 1, completions=["<answer>1</answer>", 7])])


# ---------------------------------------------------------------- files and the table


def test_files_of_every_kind_hold_samples(tmp_path, capsys):
    rows = sample_rows([(10 * k, [9 * k, 8 * k, None]) for k in range(10)]) + [row(k, 10 * k, k) for k in range(10)]
    (tmp_path / "p.jsonl").write_text("".join(json.dumps(one) + "\n" for one in rows))
    (tmp_path / "p.json").write_text(json.dumps(rows))
    with (tmp_path / "p.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, [*rows[0]])
        writer.writeheader()
        writer.writerows(rows)
    (tmp_path / "lists.csv").write_text(
        "dataset,task,image_id,mos,completions\n"
        + "".join(
            f'mine,iqa,{k},{10 * k},"[""<answer>{9 * k}</answer>"", ""<answer>{8 * k}</answer>"", ""none""]"\n'
            for k in range(10)
        )
    )
    told = {}
    for name in ("p.jsonl", "p.json", "p.csv", "lists.csv"):
        assert main(["evaluate", str(tmp_path / name), "--json", "--resamples", "0"]) in (0, 1), name
        told[name] = json.loads(capsys.readouterr().out)
    assert told["p.jsonl"] == told["p.json"] == told["p.csv"]
    assert told["lists.csv"]["datasets"][0]["samples"] == told["p.csv"]["datasets"][0]["samples"]
    assert told["p.csv"]["datasets"][0]["samples"]["fewest"] == 3
    assert told["p.csv"]["sample_means"]["iqa"] == told["p.csv"]["datasets"][0]["samples"]["mean"]


def test_parquet_holds_samples_in_lists(tmp_path, capsys):
    pyarrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    rows = [{**row(k, 10.0 * k, k), "completions": [f"<answer>{9 * k}</answer>", "none"]} for k in range(10)]
    parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / "p.parquet")
    assert main(["evaluate", str(tmp_path / "p.parquet"), "--json", "--resamples", "0"]) == 1
    assert json.loads(capsys.readouterr().out)["datasets"][0]["samples"]["failures"] == {"no_answer": 10}


def test_the_table_has_a_line_for_one_sample_and_one_for_their_mean():
    rows = sample_rows([(10 * k, [9 * k, 100 - 5 * k, None]) for k in range(10)])
    table = str(evaluate_predictions([*rows, *(row(k, 10 * k, k) for k in range(10))], n_resamples=20)).splitlines()
    assert [line[:26].split("  ")[-1].strip() or line for line in table[1:5]]
    assert "one of 3 samples" in table[2]
    assert table[2].endswith("66.7%")
    assert "mean of samples" in table[3]
    assert " to " in table[3]
    assert "samples of a picture: standard deviation" in "\n".join(table)
    assert "samples not read: 10 no_answer" in "\n".join(table)
    assert table[-1].startswith("iqa  mean, of samples")
    alone = str(evaluate_predictions(rows, n_resamples=0)).splitlines()
    assert alone[1].split() == ["iqa", "mine", "10"]
    assert "nan" not in "\n".join(alone)


# ---------------------------------------------------------------- the metrics


@given(PICTURES, st.floats(0.1, 10))
def test_crps_scales_and_favours_the_truth(pictures, factor):
    answers = [(k, a, mos) for k, (mos, said) in enumerate(pictures) for a in said if a is not None]
    if not answers:
        return
    keys, x, y = (np.array(column) for column in zip(*answers, strict=True))
    score = metrics.crps(x, y, keys)
    np.testing.assert_allclose(metrics.crps(factor * x, factor * y, keys), factor * score, atol=1e-6)
    np.testing.assert_allclose(metrics.crps(x, y, keys.astype(str)), score, atol=1e-9)
    assert metrics.crps(y, y, keys) == pytest.approx(0, abs=1e-9)


def test_forecast_figures_of_nothing_and_of_unequal_columns():
    assert math.isnan(metrics.crps([], [], []))
    assert math.isnan(metrics.spread_within([math.nan], [1.0], ["a"]))
    with pytest.raises(ValueError, match="equally long"):
        metrics.crps([1.0, 2.0], [1.0], ["a", "b"])
    with pytest.raises(ValueError, match="pictures must hold a key for each prediction"):
        metrics.crps([1.0, 2.0], [1.0, 2.0], ["a"])
    with pytest.raises(TypeError, match="predictions must hold numbers"):
        metrics.crps(["x"], [1.0], ["a"])
