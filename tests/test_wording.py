"""Errors in plain words: none of pydantic's own on the command line, and the name that was probably meant."""

import pytest
from pydantic import BaseModel, Field, ValidationError
from support.logged_run import HEALTHY, steps_of, write
from support.their_words import THEIRS

import tatar_rewards as tr
from tatar_rewards.cli import main
from tatar_rewards.wording import did_you_mean, in_words

OWN_MODULE = """
import tatar_rewards as tr
def late(): return tr.tatar_reward_funcs(mos_std_column="sd")
def fails(completions, **columns): return tr.GaussianScoreReward(weight=-1)(completions, **columns)
"""


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: tr.ScoreScale(5, 1), "a ScoreScale needs finite low < high, and higher_is_better=False where the lowest is the best; got low=5, high=1"),
        (lambda: tr.GaussianScoreReward(mos_scale=(5, 1)), "mos_scale: a ScoreScale needs finite low < high, and higher_is_better=False where the lowest is the best; got low=5, high=1; got (5, 1)"),
        (lambda: tr.GaussianScoreReward(weight=-1), "weight: must be at least 0; got -1"),
        (lambda: tr.GaussianScoreReward(task=1), "task: must be a text; got 1"),
        (lambda: tr.WinRateReward(memory_size=1.5), "memory_size: must be a whole number; got 1.5"),
        (lambda: tr.GaussianScoreReward(tolerance=-1), "tolerance must lie in [0.001, 1000000]; got -1.0"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_setting_is_told_without_the_library(make, message):
    with pytest.raises(ValidationError) as caught:
        make()
    assert in_words(caught.value).startswith(message)
    assert not THEIRS.search(in_words(caught.value))


def test_a_missing_field_is_not_told_with_all_the_others():
    class Both(BaseModel):
        low: float
        high: float = Field(le=1)

    with pytest.raises(ValidationError) as caught:
        Both(high=3)
    assert in_words(caught.value) == "low: it is missing; high: must be at most 1; got 3"


@pytest.mark.parametrize(
    "arguments",
    [
        ["score", "FILE", "--mos-scale", "5", "1"],
        ["score", "FILE", "--answer-scale", "nan", "1"],
        ["score", "FILE", "--mos-std-column", "mos"],
        ["score", "FILE", "--raters", "0", "--mos-std-column", "mos"],
        ["score", "FILE", "--reward-funcs", "my_words.late"],
        ["score", "FILE", "--reward-funcs", "my_words.fails"],
        ["score", "FILE", "--reward-funcs", "my_broken_words.rewards"],
        ["explain", "64", "--mos-scale", "5", "1"],
        ["evaluate", "FILE", "--mos-column", "completion"],
        ["evaluate", "FILE", "--mos-scale", "5", "1"],
    ],
)
def test_no_command_shows_words_of_pydantic(tmp_path, capsys, monkeypatch, arguments):
    (tmp_path / "my_words.py").write_text(OWN_MODULE)
    (tmp_path / "my_broken_words.py").write_text(f"{OWN_MODULE}\nrewards = late()\n")
    monkeypatch.syspath_prepend(tmp_path)
    path = write(tmp_path / "a.jsonl", steps_of(HEALTHY))
    assert main([path if argument == "FILE" else argument for argument in arguments]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert not THEIRS.search(said), said


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("recomended", "'recommended'"),
        ("tatar_rewards.presets.recomended", "'tatar_rewards.presets.recommended'"),
        ("tatar_rewards.preset.recommended", "'tatar_rewards.presets.recommended'"),
        ("my_names.min", "'my_names.mine'"),
    ],
)
@pytest.mark.parametrize("command", ["score", "explain"])
def test_a_misspelt_reward_is_told_with_the_one_that_was_meant(tmp_path, capsys, monkeypatch, command, name, meant):
    (tmp_path / "my_names.py").write_text("mine = []\n")
    monkeypatch.syspath_prepend(tmp_path)
    first = write(tmp_path / "a.jsonl", steps_of(HEALTHY)) if command == "score" else "64"
    assert main([command, first, "--reward-funcs", name]) == 2
    assert f"did you mean {meant}?" in capsys.readouterr().err


def test_names_that_begin_with_what_was_written_come_before_one_that_is_like_it():
    optimizers = ["grokadamw", "adamw_torch", "adamw_torch_fused", "adamw_8bit", "adamw_apex"]
    said = "did you mean 'adamw_torch', 'adamw_torch_fused' or 'adamw_8bit'?"
    assert did_you_mean("adamw", optimizers) == said
    assert did_you_mean("adamw_8bt", optimizers) == "did you mean 'adamw_8bit'?"


def test_where_no_name_is_like_it_all_are_listed():
    assert did_you_mean("zzz", ["mos", "task"]) == "known are mos, task"
