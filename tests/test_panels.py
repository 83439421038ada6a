"""What a constant guess and another panel of raters reach, and what can be no deviation of raters."""

import json
import math

import numpy as np
import pytest
from scipy import stats
from support.prediction_rows import evaluated, row

from tatar_rewards import ScoreScale
from tatar_rewards.evaluation import evaluate_predictions
from tatar_rewards.evaluation.figures import another_panel


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


def test_the_ceiling_is_what_a_second_panel_reaches():
    """Twelve raters judge 300 pictures, and another twelve do; the evaluation knows the first panel alone."""
    rng, error = np.random.default_rng(0), 27 / 12**0.5
    truth = rng.uniform(15, 85, 300)
    first, *others = (np.clip(truth + rng.normal(0, error, 300), 0, 100) for _ in range(60))
    rows = [{**row(k, mos, 50), "mos_std": 27, "raters": 12} for k, mos in enumerate(first.tolist())]
    ceiling = evaluated(rows).ceiling
    assert ceiling.srcc == pytest.approx(np.mean([stats.spearmanr(other, first)[0] for other in others]), abs=0.02)
    assert ceiling.rmse == pytest.approx(np.mean([np.sqrt(np.mean((o - first) ** 2)) for o in others]), rel=0.05)


def test_the_ceiling_depends_on_the_errors_alone():
    rows = rated(mos_std=0.8, raters=16)  # an error of 0.2 on 1-5, 5 points
    one = evaluated(rows, mos_scale=(1, 5))
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
        ({"mos_std": 2.1, "raters": 30}, "mos_std is 2.1, .* more than 2.04; give it on the scale of the MOS"),
        ({"mos_std": 2.9}, "mos_std is 2.9, but ratings on 1 to 5 cannot deviate by .* more than 2.11"),
        ({"mos_std": -0.1, "raters": 30}, "mos_std is -0.1, .* less than 0"),
        ({"mos_std": math.inf}, "mos_std: must be a finite number"),
        ({"mos_error": 2.1}, "mos_error is 2.1, .* more than 2;"),
        ({"mos_error": 1.0, "raters": 10}, "mos_error is 1, .* by 10 raters .* more than 0.667"),
        ({"raters": 0}, "raters is 0, no number of raters; give a whole number of at least 1"),
        ({"raters": 2.5}, "raters is 2.5, no number"),
        ({"raters": math.inf}, "raters: must be a finite number"),
        ({"raters": "many"}, "raters: must be a number"),
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
        {"mos_error": std / raters**0.5, "raters": raters},
    ):
        evaluated([{**row(1, 3, 50), **more}], mos_scale=(1, 5))
