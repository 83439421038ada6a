"""Deviations mean what raters do: the target of a ranking is how often simulated raters prefer, the bell of a score
reward is as wide as their mean is uncertain.
"""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tatar_rewards as tr

N_RATERS = 400_000
NOISE = {
    "logistic": lambda rng, std: rng.logistic(0, std * math.sqrt(3) / math.pi, N_RATERS),
    "normal": lambda rng, std: rng.normal(0, std, N_RATERS),
}


def target_preference(function, gap, stds, temperature, link):
    """P(first over second) that the ranking aims at: fidelity pays sqrt(p) where the answer is as sure as it can be."""
    targets, answers = np.array([50 + gap / 2, 50 - gap / 2]), np.array([100.0, 0.0])
    settings = {"temperature": temperature, "link": link, "loss": "fidelity"}
    earned = function(answers, targets, np.array([1, 2]), target_stds=stds, **settings)[0]
    spread = math.hypot(temperature, *(stds if stds is not None else ()))
    z = 100 / spread
    c = 1 / (1 + math.exp(-z * math.pi / math.sqrt(3))) if link == "logistic" else math.erfc(-z / math.sqrt(2)) / 2
    p = np.linspace(0.5, 1, 100_001)
    return p[np.argmin(np.abs(np.sqrt(p * c) + np.sqrt((1 - p) * (1 - c)) - earned) + (p < earned**2 - 0.02))]


@pytest.mark.parametrize("function", [tr.thurstone_rank_reward, tr.pairwise_rank_reward])
@pytest.mark.parametrize("stds", [None, (12.0, 5.0), (0.5, 20.0)])
@pytest.mark.parametrize(
    ("link", "noise", "error"),
    [("logistic", "logistic", 0.005), ("normal", "normal", 0.005), ("logistic", "normal", 0.025)],
)
def test_the_target_is_how_often_raters_prefer(function, stds, link, noise, error):
    rng, temperature = np.random.default_rng(0), 10.0
    spread = math.hypot(temperature, *(stds or ()))
    for gap in (1.0, 4.0, 9.0, 17.0, 30.0):
        preferred = np.mean(gap + NOISE[noise](rng, spread) > 0)
        target = target_preference(function, gap, None if stds is None else np.array(stds), temperature, link)
        assert target == pytest.approx(preferred, abs=error)


def test_two_single_raters_with_their_own_spreads():
    """The smallest case: worth 10 points apart, ratings that deviate by 9 and by 11 points, and nothing else."""
    rng = np.random.default_rng(1)
    preferred = np.mean(rng.normal(60, 9, N_RATERS) > rng.normal(50, 11, N_RATERS))
    target = target_preference(tr.thurstone_rank_reward, 10, np.array([9.0, 11.0]), 1e-3, "logistic")
    assert target == pytest.approx(preferred, abs=0.025)


@pytest.mark.parametrize("dispersion", ["matched", "observer"])
def test_the_answers_are_compared_on_the_same_scale_as_the_labels(dispersion):
    mos, images = np.array([30.0, 55.0, 80.0]), np.arange(3)
    for stds in (None, np.array([5.0, 20.0, 9.0])):
        rewards = tr.thurstone_rank_reward(mos, mos, images, target_stds=stds, dispersion=dispersion)
        np.testing.assert_allclose(rewards, 1, atol=1e-12)


@given(st.floats(0, 49), st.integers(2, 400), st.floats(0, 100), st.floats(0, 100))
def test_a_score_reward_widens_by_the_error_of_the_mean_and_a_ranking_by_the_spread(std, n, said, mos):
    answers, mos_of_both = [f"<answer>{said:.3f}</answer>", "<answer>20</answer>"], [mos, 40.0]
    spread = {"mos": mos_of_both, "sd": [std, 3.0], "image_id": ["a", "b"]}
    error = spread | {"sd": [std / math.sqrt(n), 3.0 / math.sqrt(n)]}
    for kind in (tr.GaussianScoreReward, tr.ThurstoneRankReward, tr.PairwiseRankReward):
        of_spread = kind(mos_std_column="sd", raters=n)(answers, **spread)
        of_column = kind(mos_std_column="sd", raters_column="n")(answers, **spread, n=[n, n])
        of_error = kind(mos_std_column="sd", mos_std_of="mean", raters=n)(answers, **error)
        assert of_spread == of_column == pytest.approx(of_error, abs=1e-9)
    bell = tr.GaussianScoreReward(mos_std_column="sd", raters=n)(answers, **spread)
    predictions = np.array([float(f"{said:.3f}"), 20.0])
    stds = np.array(error["sd"])
    assert bell == pytest.approx(
        tr.gaussian_score_reward(predictions, np.array(mos_of_both), target_stds=stds), abs=1e-9
    )


def test_real_deviations_do_not_flatten_the_bell():
    """Two public studies: ratings deviate by 26 to 29 points; 12 of them leave the mean uncertain by 8."""
    rng = np.random.default_rng(0)
    mos = rng.uniform(10, 90, 500)

    def mean_reward(answers):
        texts = [f"<answer>{answer:.2f}</answer>" for answer in np.clip(answers, 0, 100)]
        return np.mean(tr.GaussianScoreReward(mos_std_column="sd", raters=12)(texts, mos=mos.tolist(), sd=[27.5] * 500))

    assert mean_reward(mos + rng.normal(0, 12, 500)) < 0.75
    assert mean_reward(np.full(500, 50.0)) < 0.5
    assert mean_reward(100 - mos) < 0.4


def test_deviations_on_another_scale_are_refused_and_can_be_declared():
    columns = {"mos": [2.0, 4.0], "sd": [15.5, 20.0]}
    answers = ["<answer>25</answer>", "<answer>40</answer>"]
    with pytest.raises(
        ValueError, match=r"sd\[0\] is 15.5, but ratings on a scale of 1 to 5 cannot deviate .* mos_std_scale="
    ):
        tr.GaussianScoreReward(mos_scale=(1, 5), mos_std_column="sd", raters=15)(answers, **columns)
    declared = tr.GaussianScoreReward(mos_scale=(1, 5), mos_std_column="sd", mos_std_scale=(0, 100), raters=15)
    assert declared(answers, **columns)[1] < 0.5


def test_a_missing_deviation_is_never_taken_for_certainty():
    reward = tr.GaussianScoreReward(mos_std_column="sd", raters=16)
    answers = ["<answer>40</answer>"] * 4
    columns = {"mos": [60.0] * 4, "image_id": list("abcd"), "dataset": ["x", "x", "x", "y"]}
    earned = reward(answers, **columns, sd=[32.0, 24.0, None, math.nan])
    assert earned[0] > earned[2] > earned[1]
    assert earned[2] == earned[3] == reward(answers, **columns, sd=[28.0] * 4)[0]
    alone = reward(answers[:1], mos=[60.0], sd=[None])  # in a call of its own: what the last call knew
    assert alone == earned[2:3]
    resumed = tr.GaussianScoreReward(mos_std_column="sd", raters=16)
    resumed.load_state_dict(reward.state_dict())
    assert resumed(answers[:1], mos=[60.0], sd=[None]) == alone


def test_the_doctor_tells_what_another_panel_would_earn():
    """The human ceiling, beside the labels themselves and a constant guess; unknown where nothing tells the error."""
    rng = np.random.default_rng(0)
    mos = rng.uniform(10, 90, 48)
    rows = [
        {"prompt": "Rate it from 0 to 100 in <answer>", "mos": m, "task": "iqa", "image_id": k, "sd": 27.0, "n": 12}
        for k, m in enumerate(mos.tolist())
    ]
    known = tr.GaussianScoreReward(task="iqa", mos_std_column="sd", raters_column="n")
    fact = tr.check_setup([known], {}, rows).facts["iqa_gaussian_score pays"]
    error = 27 / math.sqrt(12)
    stds, earned = np.full(48, error), []
    for _ in range(2000):  # the truth, and two panels of twelve
        truth = rng.uniform(10, 90, 48)
        first, second = (np.clip(truth + rng.normal(0, error, 48), 0, 100) for _ in range(2))
        earned.append(tr.gaussian_score_reward(second, first, target_stds=stds).mean())
    ceiling = np.mean(earned)
    said = float(fact.rpartition("guess, ")[2].partition(" for another panel of raters")[0])
    assert said == pytest.approx(ceiling, abs=0.03)
    unknown = tr.check_setup([tr.GaussianScoreReward(task="iqa")], {}, rows).facts["iqa_gaussian_score pays"]
    assert unknown.startswith("1.00 for the labels themselves")
    assert "panel" not in unknown
