"""`explain`: the reward that a trainer would get, and steps that lead to it."""

import json
import math

import pytest
from support.reward_calls import EVERY_REWARD

import tatar_rewards as tr
from tatar_rewards.cli import main
from tatar_rewards.explain import Opponent, explain_reward

TATAR = ["--reward-funcs", "tatar"]
GOOD = "<think>Soft light over calm water.</think><answer>64</answer>"
OPPONENTS = [Opponent(20, [30, 10], "a.jpg"), Opponent(90, [70])]


def value_of(explanation, what):
    return next(step.value for step in explanation.steps if step.what == what)


@pytest.mark.parametrize("reward", EVERY_REWARD, ids=lambda reward: reward.__name__)
@pytest.mark.parametrize("text", [GOOD, "No idea.", "<answer>64</answer>"])
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_the_reward_is_the_one_that_a_trainer_would_get(reward, text):
    explained = explain_reward(
        reward, text, mos=70, others=[50, 60], opponents=OPPONENTS, completion_ids=range(len(text.split()))
    )
    said = [text, *(f"<answer>{score}</answer>" for score in (50, 60, 30, 10, 70))]
    columns = {"mos": [70, 70, 70, 20, 20, 90], "image_id": [0, 0, 0, 1, 1, 2], "task": [reward.config.task] * 6}
    ids = [list(range(len(one.split()))) for one in said]
    assert explained.reward == pytest.approx(reward.fresh()(said, **columns, completion_ids=ids)[0])
    assert str(explained).startswith(f"{reward.__name__}: {explained.reward:.4g}")
    assert "nan" not in str(explained)
    json.loads(explained.to_json())


@pytest.mark.parametrize("settings", [{}, {"widening": 0, "tolerance": 20}, {"gain": 1.5, "widening": 2}])
def test_the_steps_of_the_bell_multiply_to_the_reward(settings):
    explained = explain_reward(tr.GaussianScoreReward(**settings), GOOD, mos=82)
    width, bell = value_of(explained, "width"), value_of(explained, "bell")
    assert bell == pytest.approx(math.exp(-(18**2) / (2 * width**2)))
    assert explained.reward == pytest.approx(min(1, settings.get("gain", 1) * bell))


@pytest.mark.parametrize("loss", ["margin", "fidelity", "order"])
def test_what_opponents_would_pay_alone_has_their_mean_together(loss):
    reward = tr.ThurstoneRankReward(loss=loss)
    explained = explain_reward(reward, GOOD, mos=70, opponents=OPPONENTS)
    alone = [value_of(explained, name) for name in ("a.jpg", "opponent 2")]
    assert value_of(explained, "together") == explained.reward == pytest.approx(sum(alone) / 2)


def test_budget_and_weight_are_told_apart():
    gate = tr.LengthConfig(shortest=8, margin=6)
    reward = tr.GaussianScoreReward(length_gate=gate, weight=0.5)
    explained = explain_reward(reward, GOOD, mos=64)
    assert value_of(explained, "budget") == pytest.approx((1 + math.cos(math.pi / 2)) / 2)
    assert explained.reward == pytest.approx(0.25)
    assert "5 words of at least 8" in str(explained)
    repeated = explain_reward(reward, "<think>" + "very calm water here " * 5 + "</think><answer>64</answer>", mos=64)
    assert "20 words, 4 of them new" in str(repeated)


def test_an_explanation_leaves_the_reward_as_it_was():
    reward = tr.ThurstoneRankReward(task="iaa")
    reward(["<answer>3</answer>"], mos=[3.0], image_id=["x"], task=["iaa"])
    state = reward.state_dict()
    explain_reward(reward, GOOD, mos=70, opponents=OPPONENTS)
    assert reward.state_dict() == state


def test_what_is_missing_is_said():
    ranking = tr.ThurstoneRankReward()
    assert "none: a ranking compares with other images" in str(explain_reward(ranking, GOOD, mos=70))
    assert explain_reward(ranking, GOOD, mos=70).reward is None
    for mos in (None, math.nan):
        assert "none: without a label" in str(explain_reward(tr.GaussianScoreReward(), GOOD, mos=mos))
    assert "lenient" not in str(explain_reward(tr.GaussianScoreReward(), "64", mos=70))
    assert "no other answer" in str(explain_reward(tr.CrpsScoreReward(), GOOD, mos=70))
    prefilled = explain_reward(tr.AnswerFormatReward(), "Sharp.</think><answer>64</answer>")
    assert "set think_prefilled=True" in str(prefilled)


# ---------------------------------------------------------------- the command


def test_the_command_explains_the_recipe_on_the_scale_of_the_labels(capsys):
    assert main(["explain", GOOD, "--mos", "3.5", "--mos-scale", "1", "5", "--task", "iqa", *TATAR]) == 0
    told = capsys.readouterr().out
    assert "iqa_gaussian_score: 0.98" in told
    assert "iaa" not in told
    assert "3.5 on 1 to 5 (62.5 points)" in told
    assert main(["explain", GOOD, "--mos", "36", "--task", "iqa", *TATAR, "--answers-lower-is-better"]) == 0
    assert "64 on 0 to 100 (lower is better) (36 points)" in capsys.readouterr().out


def test_the_command_takes_presets_opponents_and_files(tmp_path, capsys, monkeypatch):
    path = tmp_path / "answer.txt"
    path.write_text(GOOD)
    asked = ["--mos", "70", "--reward-funcs", "tatar_rewards.presets.mr_iqa", "--opponent", "20", "30", "10", "--json"]
    assert main(["explain", "--file", str(path), *asked]) == 0
    formatted, ranked = json.loads(capsys.readouterr().out)
    assert formatted["reward"] == 1
    assert ranked["reward"] == pytest.approx(math.exp(-(((64 - 20) - (70 - 20)) ** 2) / (2 * 25**2)))
    monkeypatch.setattr("sys.stdin", path.open())
    assert main(["explain", "-", *asked]) == 0
    assert json.loads(capsys.readouterr().out)[1] == ranked


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "give the completion, or - to read it from the standard input, or --file"),
        (["--reward-funcs", "tatar", GOOD], "or --file; it stands before --reward-funcs, which takes all that follows"),
        ([GOOD, "--mos", "7", "--opponent", "5"], "--opponent 5 needs the answers to that image too"),
        ([GOOD, "--mos", "700"], "mos[0] is 700, off its declared scale 0 to 100"),
        ([GOOD, "--other", "50", "nan"], "each answer of others (--other) must be a number on 0 to 100; got nan; mend"),
        ([GOOD, "--other", "9", "--answer-scale", "1", "5"], "must be a number on 1 to 5; got 9; mend it, or declare"),
        ([GOOD, "--opponent", "nan", "3"], "the MOS of opponent 1 (--opponent) must be a number on 0 to 100; got nan"),
        (
            [GOOD, "--opponent", "3", "150"],
            "each answer of opponent 1 (--opponent) must be a number on 0 to 100; got 150",
        ),
        ([GOOD, *TATAR, "--task", "speech"], "no reward is of task 'speech'"),
        ([GOOD, "--reward-funcs", "math.sqrt"], "explain knows the rewards of this package"),
        ([GOOD, "--reward-funcs", "nowhere.at_all"], "No module named 'nowhere'"),
    ],
)
def test_a_wrong_command_is_one_line(arguments, message, capsys):
    assert main(["explain", *arguments]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
