"""The figures that betray a hack, and the callback that says so."""

import math
import warnings
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from support import ranked_run

import tatar_rewards as tr
from tatar_rewards import hacks
from tatar_rewards.adapters.trl import HackDetector

THOUGHT = "<think>sharp and clean, no noise at all</think>"


def figures_of(reward, answers, mos, **columns):
    logged = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        reward(answers, mos=mos, log_metric=logged.__setitem__, **columns)
    return {name.removeprefix(f"{reward.__name__}/"): value for name, value in logged.items()}


# ---------------------------------------------------------------- figures


def test_an_honest_policy_and_a_constant_one_look_different():
    mos = [float(k) for k in range(10, 90, 2)]
    honest = figures_of(tr.GaussianScoreReward(), [f"<answer>{m + 1}</answer>" for m in mos], mos)
    guessed = figures_of(tr.GaussianScoreReward(), ["<answer>50</answer>"] * len(mos), mos)
    assert (honest["constant_share"], honest["spread_ratio"]) == (1 / len(mos), pytest.approx(1))
    assert honest["calibration_slope"] == pytest.approx(1)
    assert (guessed["constant_share"], guessed["spread_ratio"], guessed["calibration_slope"]) == (1.0, 0.0, 0.0)


def test_the_slope_and_the_spread_ratio_are_those_of_the_answers():
    mos = [10.0, 30.0, 50.0, 70.0, 90.0]
    shrunk = figures_of(tr.GaussianScoreReward(), [f"<answer>{50 + (m - 50) / 4}</answer>" for m in mos], mos)
    assert (shrunk["spread_ratio"], shrunk["calibration_slope"]) == (pytest.approx(0.25), pytest.approx(0.25))
    mirrored = figures_of(tr.GaussianScoreReward(), [f"<answer>{100 - m}</answer>" for m in mos], mos)
    assert (mirrored["spread_ratio"], mirrored["calibration_slope"]) == (pytest.approx(1), pytest.approx(-1))


def test_flat_groups_are_those_whose_completions_all_earn_the_same():
    answers = [f"<answer>{score}</answer>" for score in (50, 50, 50, 60, 20, 20, 70)]
    columns = {"image_id": ["a", "a", "b", "b", "c", "c", "d"], "mos": [40.0, 40.0, 60.0, 60.0, 30.0, 30.0, 70.0]}
    assert figures_of(tr.GaussianScoreReward(), answers, **columns)["flat_group_share"] == pytest.approx(2 / 3)
    assert figures_of(tr.ThurstoneRankReward(), answers, **columns)["flat_group_share"] == pytest.approx(2 / 3)
    assert math.isnan(figures_of(tr.GaussianScoreReward(), answers, columns["mos"])["flat_group_share"])
    two_sets = figures_of(tr.GaussianScoreReward(), answers[1:3], [60.0] * 2, image_id=[1, 1], dataset=["a", "b"])
    assert math.isnan(two_sets["flat_group_share"])


def test_saturation_is_at_one_end():
    mos = [50.0] * 4
    reward = tr.ThresholdScoreReward(tolerance=5)
    assert figures_of(reward, ["<answer>50</answer>"] * 3 + ["x"], mos)["saturated_share"] == 0.75
    assert figures_of(tr.ThresholdScoreReward(), ["x"] * 4, mos)["saturated_share"] == 1.0
    assert figures_of(tr.GaussianScoreReward(), ["<answer>60</answer>"] * 4, mos)["saturated_share"] == 0.0


def test_the_word_budget_is_watched():
    reward = tr.GaussianScoreReward(length_gate=tr.LengthConfig(longest=5))
    answers = [f"{THOUGHT}<answer>50</answer>", "<think>too dark</think><answer>40</answer>", "x"]
    figures = figures_of(reward, answers, [50.0, 60.0, 70.0])
    assert (figures["mean_words"], figures["off_budget_share"]) == (4.5, 0.5)
    assert "mean_words" not in figures_of(tr.GaussianScoreReward(), answers, [50.0, 60.0, 70.0])
    length = figures_of(tr.LengthReward(longest=5, margin=1), answers, None)
    assert (length["mean_words"], length["off_budget_share"]) == (4.5, 0.5)


def test_the_status_histogram_is_of_the_tasks_own_rows():
    answers = ["<answer>50</answer>", "<answer>1</answer><answer>2</answer>", "x", "y"]
    figures = figures_of(tr.AnswerFormatReward(task="iqa"), answers, None, task=["iqa", "iqa", "iqa", "iaa"])
    shares = {name: share for name, share in figures.items() if name.startswith("status_")}
    assert len(shares) == len(tr.AnswerStatus)
    assert {name: share for name, share in shares.items() if share} == {
        "status_ok": pytest.approx(1 / 3),
        "status_several_answers": pytest.approx(1 / 3),
        "status_no_answer": pytest.approx(1 / 3),
    }


@given(
    st.lists(st.tuples(st.text(max_size=5) | st.integers(0, 100).map(str), st.floats(0, 100)), max_size=12),
    st.booleans(),
)
def test_the_same_figures_are_logged_at_every_call_and_none_is_infinite(rows, gated):
    reward = tr.GaussianScoreReward(length_gate=tr.LengthConfig(longest=5) if gated else None)
    first = figures_of(reward, ["<answer>50</answer>"], [50.0])
    figures = figures_of(reward, [f"<answer>{text}</answer>" for text, _ in rows], [mos for _, mos in rows])
    assert figures.keys() == first.keys()
    assert not np.isinf(list(figures.values())).any()
    for name, value in figures.items():
        assert name in ("mae", "srcc", "calibration_slope", "spread_ratio", "mean_words") or not value > 1


# ---------------------------------------------------------------- the callback

ALARMING = {
    "constant_share": (0.6, 0.4),
    "spread_ratio": (0.3, 1.1),
    "flat_group_share": (0.9, 0.5),
    "saturated_share": (0.99, 0.2),
    "off_budget_share": (0.7, 0.1),
    **{f"status_{status}": (0.3, 0.1) for status in tr.AnswerStatus if status != "ok"},
}


def log(detector, step, logs):
    state = SimpleNamespace(global_step=step, is_world_process_zero=True)
    control = SimpleNamespace(should_training_stop=False)
    detector.on_log(None, state, control, logs=logs)
    return control.should_training_stop


@pytest.mark.parametrize("figure", ALARMING)
def test_each_figure_has_its_alarm_in_plain_words_with_a_cure(figure):
    bad, good = ALARMING[figure]
    detector = HackDetector()
    log(detector, 1, {f"a/b/{figure}": good, figure: bad, "loss": 0.1})
    assert detector.alarms == []
    with pytest.warns(UserWarning, match=r"^step 7, a/b: .*\. [A-Z].*"):
        log(detector, 7, {f"a/b/{figure}": bad})
    (found,) = detector.alarms
    assert found[:4] == (7, "a/b", figure, bad)


def test_exaggeration_is_an_alarm_too_and_ok_is_none():
    with pytest.warns(UserWarning, match="2.50 times as far as the MOS: the policy exaggerates"):
        log(HackDetector(), 1, {"a/spread_ratio": 2.5})
    detector = HackDetector()
    log(detector, 1, {"a/status_ok": 1.0, "a/spread_ratio": math.nan, "a/constant_share": math.nan, "a/x": "0.9"})
    assert detector.alarms == []
    assert set(hacks.FAILURES) == set(tr.AnswerStatus) - {"ok"}
    assert {*hacks.SHARES, "status_share"} == {name for name in tr.HackThresholds.model_fields if "ratio" not in name}


def test_it_warns_once_until_the_figure_has_come_back():
    detector = HackDetector()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for step, share in enumerate([0.9, 0.9, 0.9, 0.1, 0.9]):
            log(detector, step, {"a/constant_share": share})
            log(detector, step, {"eval_loss": 1.0})
    assert [found.step for found in detector.alarms] == [0, 4]


def test_it_stops_the_run_only_when_asked_and_only_after_alarms_in_a_row():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        detector = HackDetector(stop_after=3)
        shares = [0.9, 0.9, 0.1, 0.9, 0.9, 0.9]
        stopped = [log(detector, step, {"a/constant_share": share}) for step, share in enumerate(shares)]
        assert stopped == [False] * 5 + [True]
        assert not any(log(HackDetector(), step, {"a/constant_share": 0.9}) for step in range(9))


def test_thresholds_can_be_moved():
    detector = HackDetector(tr.HackThresholds(constant_share=0.95, smallest_spread_ratio=0.0))
    log(detector, 1, {"a/constant_share": 0.9, "a/spread_ratio": 0.1})
    assert detector.alarms == []
    with pytest.raises(ValidationError, match="constant_share"):
        tr.HackThresholds(constant_share=1.5)
    with pytest.raises(ValidationError, match="largest_spread_ratio must be at least smallest_spread_ratio; got 0.1"):
        tr.HackThresholds(largest_spread_ratio=0.1)
    with pytest.raises(ValueError, match="stop_after must be None or at least 1; got 0"):
        HackDetector(stop_after=0)


def test_a_real_run_whose_policy_guesses_a_constant_is_told_and_stopped(tmp_path):
    """The loose reward pays for the answer 52 whatever the picture; ours only watches."""

    def loose(completions, **columns):
        return [float("52" in completion) for completion in completions]

    watching, detector = tr.GaussianScoreReward(), HackDetector(stop_after=2)
    trainer, _ = ranked_run.make_trainer(
        tmp_path,
        [loose, watching],
        callbacks=[detector],
        per_device_train_batch_size=32,
        max_steps=60,
        reward_weights=[1.0, 0.0],
        save_strategy="no",
    )
    trainer.args.learning_rate = 0.02
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trainer.train()
    assert "constant_share" in {found.figure for found in detector.alarms}
    assert trainer.state.global_step < 60
    history = [line["gaussian_score/constant_share"] for line in trainer.state.log_history if "reward" in line]
    assert history[0] < 0.3 < history[-1]
